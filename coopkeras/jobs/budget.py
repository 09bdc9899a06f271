"""A budget of training time: `minutes` becomes `updates`, measured on this machine.

    updates = (60 minutes - start - save) / (update + save / log_every)

This is the length that the run has from then on, wherever it is resumed: schedules of learning
rates depend on it. What is measured is a model of its own, which is thrown away.
"""

import contextlib
import dataclasses
import math
import tempfile
import time
from typing import NamedTuple

import keras
import numpy as np

from coopkeras import base
from coopkeras.errors import UserError
from coopkeras.jobs.guard import PROBED, Guard, Runaway
from coopkeras.jobs.workdir import Workdir, writing

MEASURED = 7  # updates whose median counts, after the first one


class Costs(NamedTuple):
    """What parts of a training cost.

    Attributes:
        start: seconds of all that is done once: building, tracing, the first of everything.
        update: seconds of one update.
        save: seconds of one checkpoint, with the look at the state before it.

    Example:
        >>> Costs(start=20.0, update=0.7, save=0.5).update
        0.7
    """

    start: float
    update: float
    save: float


def resolve(task, make, examples, workdir, verbose=1):
    """Return the task with the number of updates that its `minutes` come to.

    Args:
        task: a `Task`; one without `minutes` is returned as it is.
        make: function that builds the model of the task.
        examples: a `data.Examples` to learn from.
        workdir: the `Workdir` of the run; the number that one with a checkpoint has stays.
        verbose: 0 does not say the number.

    Raises:
        UserError: if the time is not enough for one update.
    """
    config = task.config
    if not config.minutes:
        return task
    if workdir.checkpoints():
        return _lasting(task, workdir.config()["config"]["updates"])
    costs = measure(config, make, examples, workdir.path)
    updates = affordable(costs, config.minutes, config.log_every)
    if verbose:
        unit = "minute" if config.minutes == 1 else "minutes"
        told = f"{config.minutes:g} {unit}: {updates} updates of about {costs.update:.2g} s"
        print(told, flush=True)
    return _lasting(task, updates)


def affordable(costs, minutes, log_every):
    """Return how many updates a time is enough for.

    Args:
        costs: `Costs`.
        minutes: of training.
        log_every: updates between two checkpoints; one is written at the end.

    Raises:
        UserError: if there is no time for one.

    Example:
        >>> affordable(Costs(start=20.0, update=0.5, save=5.0), minutes=10, log_every=50)
        958
    """
    each = costs.update + costs.save / log_every
    updates = int((60 * minutes - costs.start - costs.save) / each)
    if updates < 1:
        least = math.ceil((costs.start + costs.save + each) / 0.6) / 100
        raise UserError(
            f"minutes={minutes:g} is too short: the start takes about {costs.start:.2g} s and an "
            f"update {costs.update:.2g} s. Give at least --set=minutes={least:g}."
        )
    return updates


def measure(config, make, examples, folder):
    """Return the `Costs` of a training on this machine.

    Args:
        config: a `TaskConfig`.
        make: function that builds the model.
        examples: a `data.Examples` to learn from.
        folder: an existing one of the disk that checkpoints are written to.
    """
    began = time.perf_counter()
    model = make()
    built = time.perf_counter() - began
    first, update = _updates(model, config, examples)
    start = built + first - update
    warming = getattr(model, "warmup_updates", 0)
    if warming:  # the updates after it cost more
        model.updates.assign(warming)
        share = min(1.0, warming / config.updates)
        update = share * update + (1 - share) * _updates(model, config, examples)[1]
    traced, save = _save(model, config, examples, folder)
    return Costs(max(0.0, start + traced), update, save)


def _lasting(task, updates):
    return type(task)(dataclasses.replace(task.config, updates=updates))


def _updates(model, config, examples):
    """Return the seconds of the first of some updates, and the median of the others."""
    clock, began = _Clock(), time.perf_counter()
    model.fit(
        examples.batches(config.batch_size, seed=config.seed),
        steps_per_epoch=1 + MEASURED,
        verbose=0,
        shuffle=False,
        callbacks=[clock],
    )
    first, *others = np.diff([began, *clock.ends])
    return float(first), float(np.median(others))


def _save(model, config, examples, folder):
    """Return the seconds that a first checkpoint takes more than another, and those of another."""
    probe = next(iter(examples.batches(PROBED, seed=config.seed, steps=1)))
    guard, looks = Guard(model, probe), [time.perf_counter()]
    for _ in range(2):
        with contextlib.suppress(Runaway):  # it has not learned: nothing is wrong with it
            guard.check()
        looks.append(time.perf_counter())
    with writing(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".measured") as aside:
        Workdir(aside).save_checkpoint(1, base.state(model))
        saved = time.perf_counter() - looks[-1]
    first, again = np.diff(looks)
    return float(first - again), float(again + saved)


class _Clock(keras.callbacks.Callback):
    """Note when each update is done."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        """Wait for the processor, as the guard does, and note the time."""
        for value in (logs or {}).values():
            float(value)
        self.ends.append(time.perf_counter())
