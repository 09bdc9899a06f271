"""Training: fit(task, workdir) learns, resumes where it stopped, and stops in good order."""

import contextlib
import signal
import time

import keras
import numpy as np
from absl import logging

from coopkeras import base
from coopkeras.errors import Interrupted, UserError
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import DataSpec

LOOKED_AT = 64  # examples whose mean and deviation are those of all
LEAST_DEVIATION = 1 / 255  # half a level of 8 bits: less can't be told from none


def fit(task, workdir, verbose=1):
    """Train a task's model in a workdir, from its last checkpoint if there is one.

    Run again after any stop, a kill included, it ends with the same weights as an unbroken run,
    bit for bit on one processor: the state holds networks, optimizers, averages, chains,
    latents and the number of updates, and the data are a pure function of that number.

    Args:
        task: a `Task`.
        workdir: path of the run's folder.
        verbose: 1 shows a progress bar, 2 a line an epoch, 0 nothing.

    Returns:
        model, split, seconds: the trained model, the task's data, and how long the training
        itself took, all its sessions together.

    Raises:
        UserError: for a workdir of another run, or if learning diverges.
        Interrupted: after saving, if it was asked to stop.
    """
    workdir = Workdir(workdir)
    with workdir.claim(task):
        split = _datasets(task)
        spec = describe(split.train)
        workdir.remember(task, spec)
        model = build(task, spec)
        step = workdir.restore(base.state(model))
        if step and verbose:
            print(f"resumed at update {step} of {task.config.updates}", flush=True)
        history = workdir.metrics(up_to=step)
        workdir.write_metrics(history)
        with _signals() as asked:
            watch = _Watch(model, workdir, history, step, asked)
            _learn(model, task.config, split.train, step, [watch, _board(workdir)], verbose)
    return model, split, history[-1]["seconds"]


def restore(task, workdir):
    """Return the model of a workdir's last checkpoint; the data are not opened.

    Raises:
        UserError: if there is no checkpoint yet.
    """
    workdir = Workdir(workdir)
    spec = workdir.spec()
    if not workdir.checkpoints():
        raise UserError(f"{workdir.path} has no checkpoint yet; train first.")
    model = build(task, spec)
    step = workdir.restore(base.state(model))
    if step < task.config.updates:
        logging.warning("This model has learned for %d of %d updates.", step, task.config.updates)
    return model


def build(task, spec):
    """Return a task's model, at its precision and seed.

    Args:
        task: a `Task`.
        spec: the `DataSpec` of the examples to learn from.
    """
    base.set_precision(task.config.precision)
    keras.utils.set_random_seed(task.config.seed)
    return task.build(spec)


def describe(examples):
    """Return the `DataSpec` of examples; mean and deviation are those of at most 64 of them.

    The deviation is from the mean example, by channel, averaged: what all examples share, the
    scene of a clip, does not count.

    Args:
        examples: a `data.Examples`.
    """
    x = examples.take(LOOKED_AT, seed=0).array() if len(examples) > LOOKED_AT else examples.array()
    mean = x.mean(axis=0)
    spread = float((x - mean).std(axis=tuple(range(x.ndim - 1))).mean())
    shape, deviation = tuple(examples.shape), max(LEAST_DEVIATION, spread)
    return DataSpec(shape, len(examples), tuple(examples.names), deviation, mean)


def _datasets(task):
    keras.utils.set_random_seed(task.config.seed)
    return task.datasets()


def _learn(model, config, examples, step, callbacks, verbose):
    """Run Keras' fit from `step` to the end; an epoch is `log_every` updates, at whole multiples.

    Keras' epochs are equally long: what is left of a broken one, and a shorter last one, are
    calls of their own.
    """
    while step < config.updates:
        epoch, done = divmod(step, config.log_every)
        epochs = 1 if done else max(1, (config.updates - step) // config.log_every)
        steps = min(config.log_every - done, config.updates - step)
        model.fit(
            examples.batches(config.batch_size, seed=config.seed, first_step=step),
            steps_per_epoch=steps,
            initial_epoch=epoch,
            epochs=epoch + epochs,
            verbose=verbose,
            shuffle=False,  # examples come in their own order
            callbacks=callbacks,
        )
        step += epochs * steps


def _board(workdir):
    return keras.callbacks.TensorBoard(workdir.path / "tensorboard", write_graph=False)


class _Watch(keras.callbacks.Callback):
    """Log and checkpoint at every epoch's end; stop on a signal or a number that is not finite."""

    def __init__(self, model, workdir, history, step, asked):
        super().__init__()
        self.variables, self.workdir, self.history = base.state(model), workdir, history
        self.step, self.asked = step, asked
        self.spent, self.began = (history[-1]["seconds"] if history else 0.0), time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Count the update; save and stop if asked to."""
        self.step += 1
        if not all(np.isfinite(value) for value in logs.values()):
            self._stop_diverged(logs)
        if self.asked:
            self._save(logs)
            raise Interrupted(
                f"Stopped after {self.step} updates and saved; the same command goes on.",
                self.asked[0],
            )

    def on_epoch_end(self, epoch, logs=None):
        """Save."""
        self._save(logs)

    def _save(self, logs):
        seconds = round(self.spent + time.monotonic() - self.began, 1)
        line = {"step": self.step, "seconds": seconds}
        self.history.append(line | {name: float(value) for name, value in logs.items()})
        self.workdir.write_metrics(self.history)
        self.workdir.save_checkpoint(self.step, self.variables)  # last: it makes the rest count

    def _stop_diverged(self, logs):
        bad = ", ".join(f"{name}={value}" for name, value in logs.items() if not np.isfinite(value))
        saved = self.workdir.checkpoints()
        kept = f"the last good checkpoint is {saved[-1][1]}" if saved else "nothing was saved yet"
        raise UserError(
            f"Learning diverged at update {self.step} ({bad}); {kept}. Use a smaller step size or "
            f"learning rate (--set=) in another --workdir."
        )


@contextlib.contextmanager
def _signals():
    """Within it Ctrl-C and SIGTERM are noted, to be obeyed after the update; twice: at once."""
    asked = []

    def note(number, _):
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
