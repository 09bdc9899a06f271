"""The guard of learning: notices what runs away, so that learning goes back to what was good.

    each update      the numbers of the log: finite, and no larger than data in [-1, 1] allow
    every 5          the largest weight
    a checkpoint     all of the state, and the model's vital signs on a few examples

A checkpoint is written of a checked state alone. After a roll-back, and there are 3 at most,
learning goes on with other random numbers and a quarter of the learning rate.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from coopkeras import base, rates, seeds
from coopkeras.errors import UserError

ROLLBACKS = 3
SLOWER = 0.25  # learning rate after a roll-back
EVERY = 5  # updates between two looks at the weights
LARGEST = 1e3  # of a trained weight, in units of the largest of its variable at first, or of 1
PROBED = 8  # examples


class Runaway(Exception):
    """Learning has run away; the message says what was seen."""


class Sign(NamedTuple):
    """What is looked at, and the range in which it is all right.

    Attributes:
        name: words for it.
        value: a number.
        least: of the range.
        most: of the range.

    Example:
        >>> Sign("movement", float("nan"), 0, 3).fault()
        'movement is nan'
        >>> Sign("movement", 7.0, 0, 3).fault()
        'movement is 7, more than 3'
    """

    name: str
    value: float
    least: float = 0.0
    most: float = np.inf

    def fault(self):
        """Return what is wrong, None if nothing is."""
        value = float(self.value)
        if not np.isfinite(value):
            return f"{self.name} is {value}"
        if value > self.most:
            return f"{self.name} is {value:.3g}, more than {self.most:.3g}"
        return f"{self.name} is {value:.3g}" if value < self.least else None


class Guard:
    """Looks after one model while it learns.

    Args:
        model: as it was built: the sizes of its weights are what later ones are held to.
        batch: a few examples, for the limits and vital signs of a `base.Model`; None knows none.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> guard = Guard(model)
        >>> guard.watch(1, {"loss": 0.5})
        >>> guard.watch(2, {"loss": float("inf")})
        Traceback (most recent call last):
        coopkeras.jobs.guard.Runaway: loss is inf
    """

    def __init__(self, model, batch=None):
        self.model, self.limits, self.batch, self.means = model, {}, None, {}
        self.trained = [v for v in model.trainable_variables if _is_number(v)]
        self._sizes = tf.function(lambda: _largest(self.trained))
        self.most = LARGEST * np.maximum(1.0, self._sizes())
        if batch is not None and isinstance(model, base.Model):
            widest = max(1.0, float(tf.reduce_max(tf.abs(base.examples(batch)))))
            self.limits = {name: most * widest for name, most in model.limits.items()}
            self.batch = batch

    def watch(self, step, logs, number=0):
        """Look at the log of an update, and now and then at the weights.

        Args:
            step: number of the update.
            logs: the running means of this epoch, by name.
            number: of the update in its epoch, from 0.

        Raises:
            Runaway: if something is wrong.
        """
        before, self.means = self.means, {name: float(value) for name, value in logs.items()}
        for name, mean in self.means.items():
            value = (number + 1) * mean - number * before.get(name, mean)  # of this update alone
            _hold(Sign(name, value, -np.inf, self.limits.get(name, np.inf)))
        if step % EVERY == 0:
            self._weigh()

    def check(self):
        """Look at all there is: only then can the state be trusted.

        Raises:
            Runaway: if something is wrong.
        """
        self._weigh()
        _hold(*_sizes(base.state(self.model)))
        if self.batch is not None:
            _hold(*(Sign(*sign) for sign in self.model.vital_signs(self.batch)))

    def accept(self, path):
        """Refuse weights, as they were restored, that are not finite or have exploded.

        Args:
            path: where they came from.

        Raises:
            UserError: if they are such.
        """
        try:
            self._weigh()
            _hold(*_sizes(self.model.variables))
        except Runaway as fault:
            raise UserError(
                f"The last checkpoint of {path} is ruined ({fault}): delete it to use the one "
                f"before, or train again in another --workdir."
            ) from None

    def _weigh(self):
        sizes = zip(self.trained, np.asarray(self._sizes()), self.most, strict=True)
        _hold(*(Sign(_name(v), size, most=most) for v, size, most in sizes))


def slow_down(model, rollbacks, saved=0):
    """Let a model that was just built or restored learn slower, by other random numbers.

    Args:
        model: a compiled Keras model that was not trained in this process.
        rollbacks: how often learning has gone back.
        saved: how often it had when the state was saved that the model was restored from.
    """
    for part in (model, *model.layers):
        if isinstance(part, base.Model):
            part.attempt = rollbacks
    for optimizer in base.optimizers(model):
        rates.scale_learning_rate(optimizer, SLOWER**rollbacks, SLOWER ** (rollbacks - saved))


def data_seed(seed, rollbacks):
    """Return the seed of the order of the data: another one after each roll-back.

    Example:
        >>> data_seed(7, 0)
        7
    """
    return seeds.fold(seeds.as_seed(seed), rollbacks) if rollbacks else seed


def advice(config):
    """Return which settings of a `TaskConfig` to lower, as text: what makes a step too long.

    Example:
        >>> from coopkeras.task import TaskConfig
        >>> advice(TaskConfig())
        'Use a smaller learning rate'
    """
    unread = config.unread()
    steps = [
        f"{field.name}={getattr(config, field.name):g}"
        for field in dataclasses.fields(config)
        if field.name.endswith(("learning_rate", "step_size")) and field.name not in unread
    ]
    return f"Lower one of {', '.join(steps)}" if steps else "Use a smaller learning rate"


def _hold(*signs):
    """Raise for the first sign that is out of its range."""
    for fault in filter(None, (sign.fault() for sign in signs)):
        raise Runaway(fault)


def _sizes(variables):
    """Yield a `Sign` of each variable, whose value need only be finite."""
    for variable in filter(_is_number, variables):
        yield Sign(_name(variable), np.max(np.abs(np.asarray(variable))))


def _largest(variables):
    """Return the largest absolute value of each variable, inf where one is not finite."""
    sizes = [tf.cast(tf.abs(tf.convert_to_tensor(v)), tf.float32) for v in variables]
    finite = [tf.where(tf.math.is_finite(size), size, np.inf) for size in sizes]
    return tf.stack([tf.reduce_max(size) for size in finite]) if sizes else tf.zeros([0])


def _is_number(variable):
    return tf.as_dtype(variable.dtype).is_floating and 0 not in variable.shape


def _name(variable):
    return f"the largest of {getattr(variable, 'path', variable.name)}"
