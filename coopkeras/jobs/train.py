"""Training: fit(task, workdir) learns, resumes where it stopped, and stops in good order."""

import contextlib
import functools
import signal
import time

import keras
from absl import logging

from coopkeras import base, precision
from coopkeras.errors import Interrupted, UserError
from coopkeras.jobs import budget
from coopkeras.jobs.guard import (
    PROBED,
    ROLLBACKS,
    SLOWER,
    Guard,
    Runaway,
    advice,
    data_seed,
    slow_down,
)
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import DataSpec

LOOKED_AT = 64  # examples whose mean and deviation are those of all
LEAST_DEVIATION = 1 / 255  # half a level of 8 bits: less can't be told from none


def fit(task, workdir, verbose=1):
    """Train a task's model in a workdir, from its last checkpoint if there is one.

    Run again after any stop, a kill included, it ends with the same weights as an unbroken run,
    bit for bit on one processor: the state holds networks, optimizers, averages, chains,
    latents and the number of updates, and the data are a pure function of that number. Where
    learning runs away it goes back to the last checkpoint, as `jobs.guard` says, and so does the
    run that is resumed. A task with `minutes` learns for the number of updates that
    `jobs.budget` measures at the first start; it is in config.json.

    Args:
        task: a `Task`.
        workdir: path of the run's folder.
        verbose: 1 shows a progress bar, 2 a line an epoch, 0 nothing.

    Returns:
        model, split, seconds: the trained model, the task's data, and how long the training
        itself took, all its sessions together.

    Raises:
        UserError: for a workdir of another run, `minutes` that are too few, or if learning runs
            away again and again.
        Interrupted: after saving, if it was asked to stop.
    """
    workdir = Workdir(workdir)
    with workdir.claim(task):
        split = _datasets(task)
        spec = describe(split.train)
        make = functools.partial(build, task, spec)
        task = budget.resolve(task, make, split.train, workdir, verbose)
        workdir.remember(task, spec)
        with _signals() as asked:
            model, history = _learned(task, spec, split.train, workdir, asked, verbose)
    return model, split, history[-1]["seconds"]


def restore(task, workdir):
    """Return the model of a workdir's last checkpoint; the data are not opened.

    Raises:
        UserError: if there is no checkpoint yet, or its weights are ruined.
    """
    workdir = Workdir(workdir)
    spec = workdir.spec()
    if not workdir.checkpoints():
        raise UserError(f"{workdir.path} has no checkpoint yet; train first.")
    model = build(task, spec)
    guard = Guard(model)
    step = workdir.restore(base.state(model))
    guard.accept(workdir.path)
    if step < task.config.updates:
        logging.warning("This model has learned for %d of %d updates.", step, task.config.updates)
    return model


def build(task, spec):
    """Return a task's model, at its precision and seed.

    Args:
        task: a `Task`.
        spec: the `DataSpec` of the examples to learn from.
    """
    precision.set_precision(task.config.precision)
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


def _learned(task, spec, examples, workdir, asked, verbose):
    """Learn to the end, going back where learning runs away; return the model and its history."""
    config = task.config
    probe = next(iter(examples.batches(PROBED, seed=config.seed, steps=1)))
    rollbacks = None
    while True:
        model = build(task, spec)
        if not workdir.checkpoints():
            task.prepare(model, examples)
        guard = Guard(model, probe)
        step, saved = workdir.resume(base.state(model))
        guard.accept(workdir.path)
        if step and verbose and rollbacks is None:
            print(f"resumed at update {step} of {config.updates}", flush=True)
        rollbacks = saved if rollbacks is None else rollbacks
        slow_down(model, rollbacks, saved)
        watch = _Watch(model, guard, workdir, step, rollbacks, config.log_every, asked)
        try:
            seed = data_seed(config.seed, rollbacks)
            _learn(model, config, examples, seed, step, [watch, _board(workdir)], verbose)
            return model, watch.history
        except Runaway as fault:
            seen = f"update {watch.step}: {fault}"
            rollbacks = _roll_back(workdir, config, rollbacks, seen, verbose)


def _roll_back(workdir, config, rollbacks, fault, verbose):
    """Go back to the last checkpoint of a whole epoch; return how often that has happened."""
    if rollbacks == ROLLBACKS:
        saved = workdir.checkpoints()
        kept = f"the last good checkpoint is {saved[-1][1]}" if saved else "nothing was saved yet"
        raise UserError(
            f"Learning ran away at {fault}, after {rollbacks} roll-backs to a smaller learning "
            f"rate; {kept}. {advice(config)} (--set=) in another --workdir."
        )
    step, rollbacks = workdir.go_back(config.log_every), rollbacks + 1
    if verbose:
        end_of_bar = "\n" if verbose == 1 else ""
        print(
            f"{end_of_bar}learning ran away at {fault}; back to update {step}, with other random "
            f"numbers and {SLOWER**rollbacks:g} of the learning rate (roll-back {rollbacks} of "
            f"{ROLLBACKS})",
            flush=True,
        )
    return rollbacks


def _learn(model, config, examples, seed, step, callbacks, verbose):
    """Run Keras' fit from `step` to the end; an epoch is `log_every` updates, at whole multiples.

    Keras' epochs are equally long: what is left of a broken one, and a shorter last one, are
    calls of their own.
    """
    while step < config.updates:
        epoch, done = divmod(step, config.log_every)
        epochs = 1 if done else max(1, (config.updates - step) // config.log_every)
        steps = min(config.log_every - done, config.updates - step)
        model.fit(
            examples.batches(config.batch_size, seed=seed, first_step=step),
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
    """Guard every update; log and checkpoint at every epoch's end, and when asked to stop."""

    def __init__(self, model, guard, workdir, step, rollbacks, log_every, asked):
        super().__init__()
        self.variables, self.guard, self.workdir = base.state(model), guard, workdir
        self.step, self.asked = step, asked
        self.how = {"rollbacks": rollbacks, "epoch": log_every}
        self.history = workdir.metrics(up_to=step)
        self.spent = self.history[-1]["seconds"] if self.history else 0.0
        self.began = time.monotonic()
        workdir.write_metrics(self.history)

    def on_train_batch_end(self, batch, logs=None):
        """Count the update and look at it; save and stop if asked to."""
        self.step += 1
        self.guard.watch(self.step, logs, batch)
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
        """Save what has passed the guard: of an update's log, and the state that it left."""
        self.guard.check()
        seconds = round(self.spent + time.monotonic() - self.began, 1)
        line = {"step": self.step, "seconds": seconds}
        self.history.append(line | {name: float(value) for name, value in logs.items()})
        self.workdir.write_metrics(self.history)
        self.workdir.save_checkpoint(self.step, self.variables, **self.how)  # last: all counts now


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
