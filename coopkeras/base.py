"""What the three models share as Keras objects: batches, metrics, compiling, saving."""

import abc
import inspect
from typing import ClassVar, final

import keras
import numpy as np
import tensorflow as tf

from coopkeras import precision, seeds

PROPOSED = 5.0  # root mean square at most of what a generator makes of data in [-1, 1]
ALIKE = 1e-2  # deviation of proposals at least, as a share of that of the data


class Model(keras.Model, abc.ABC):
    """A model that counts its updates, reports running means and is saved as it was made.

    A subclass keeps each argument of its constructor as an attribute of the same name.

    Args:
        seed: int; every random number of the model is derived from it.
        **kwargs: as for `keras.Model`.

    Attributes:
        MEANS: names of the running means that learning reports.
        updates: number of updates so far, an int32 weight.
        means: dict of the running means by name.
        attempt: int, how often learning has gone back; each goes on with other random numbers.
        derived: dict of weights: what is derived from the data, by name (see `adapt`).
    """

    MEANS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, seed, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.seed = seed
        self.updates = self.add_weight(shape=(), dtype="int32", trainable=False, name="updates")
        self.means = {name: keras.metrics.Mean(name=name) for name in self.MEANS}
        self.attempt = 0
        self._rows = tf.Variable(0, trainable=False, dtype=tf.int32, name="rows")
        self.derived = {}
        self.built = True

    @property
    @abc.abstractmethod
    def x_shape(self):
        """Return the shape of one x."""

    @property
    @abc.abstractmethod
    def optimizers(self):
        """Return the optimizers of a compiled model, a dict by the arguments of `compile`."""

    @property
    def trainable_parts(self):
        """Return the variables that the optimizer moves."""
        return self.network.trainable_variables

    @property
    def measured_weights(self):
        """Return what is measured of the data and not learned: copies take it as it is."""
        return []

    @final
    def next_seed(self):
        """Return the seed of this update, and count the update."""
        seed = seeds.fold(seeds.as_seed(self.seed), self.updates)
        if self.attempt:
            seed = seeds.fold(seed, self.attempt)
        self.updates.assign_add(1)
        return seed

    def adapt(self, x, where=True, visible=None):
        """Derive from examples the arguments that are None; `fit` does so at its first batch.

        Args:
            x: `[batch, ...]`.
            where: bool; False changes nothing. A tensor does for a traced function.
            visible: weight of each value, broadcast against x; by default all are known.

        Example:
            >>> network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
            >>> generator = ck.Generator(network)
            >>> generator.adapt(tf.constant([[1.0, 9.0], [7.0, 3.0]]))
            >>> float(generator.value("noise_sigma"))  # a third of the deviation
            1.0
        """
        if not self.derived:
            return
        for name, value in self.derive(x, visible).items():
            weight = self.derived[name]
            weight.assign(tf.where(where, value, weight))

    def derive(self, x, visible):
        """Return what is derived from examples `[batch, ...]`: scalars, a dict by name."""
        del x, visible
        return {}

    @final
    def derive_later(self, **values):
        """Make a weight for what will be derived, with its value until then."""
        for name, value in values.items():
            self.derived[name] = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(value),
                trainable=False,
                dtype="float32",
                aggregation="mean",  # so that all replicas agree
                name=name,
            )
            setattr(self, f"derived_{name}", self.derived[name])  # tf.train.Checkpoint finds it

    @final
    def value(self, name):
        """Return an argument: the number that was given, or the weight derived from the data."""
        return self.derived[name] if name in self.derived else getattr(self, name)

    @final
    def make_test_function(self, force=False):
        """Make what `evaluate` runs, with the rows counted from 0 again."""
        self._rows.assign(0)
        return super().make_test_function(force)

    @final
    def make_predict_function(self, force=False):
        """Make what `predict` runs, with the rows counted from 0 again."""
        self._rows.assign(0)
        return super().make_predict_function(force)

    @final
    def row_numbers(self, batch):
        """Return the numbers of a batch's rows in this `predict` or `evaluate`, int32 `[batch]`."""
        count = tf.shape(examples(batch))[0]
        first = self._rows.assign_add(count) - count
        return first + tf.range(count)

    @property
    def limits(self):
        """Return the largest values of running means that can be, of data in [-1, 1], by name."""
        return {}

    def vital_signs(self, batch):
        """Return what shows whether the model is sound, `[(name, value, least, most)]`.

        Args:
            batch: a few examples, as for learning.
        """
        del batch
        return []

    @final
    def report(self, **values):
        """Update the running means of these names and return them."""
        for name, value in values.items():
            self.means[name].update_state(value)
        return {name: mean.result() for name, mean in self.means.items() if name in values}

    @property
    @final
    def metrics(self):
        """Return the running means of learning."""
        return list(self.means.values())

    @final
    def get_config(self):
        """Return the arguments that make this model again."""
        names = ("name", *_arguments(type(self)))
        return keras.saving.serialize_keras_object({name: getattr(self, name) for name in names})

    @classmethod
    @final
    def from_config(cls, config):
        """Make the model that `get_config` described."""
        return cls(**keras.saving.deserialize_keras_object(config))

    @final
    def get_compile_config(self):
        """Return the optimizers' configs; nothing before `compile`."""
        return keras.saving.serialize_keras_object(self.optimizers) if self.compiled else {}

    @final
    def compile_from_config(self, config):
        """Compile as `get_compile_config` described."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def _arguments(cls):
    """Return the names of the arguments of a constructor, without `self` and `**kwargs`."""
    parameters = inspect.signature(cls).parameters.values()
    return [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]


def examples(batch):
    """Return x of a batch, `[batch, ...]` float32: the batch itself or its entry "x"."""
    if isinstance(batch, (tuple, list)):
        batch = batch[0]
    if isinstance(batch, dict):
        if "x" not in batch:
            raise ValueError(f'A batch should have an entry "x"; it has {sorted(batch)}.')
        batch = batch["x"]
    return tf.cast(batch, tf.float32)


def label(batch):
    """Return the entry "label" of a batch, int `[batch]`, or None."""
    batch = batch[0] if isinstance(batch, (tuple, list)) else batch
    return batch.get("label") if isinstance(batch, dict) else None


def known(batch, x):
    """Return 1 where a batch says that x is "known", else 0, `[batch, ..., 1]`; 1 by default."""
    if isinstance(batch, dict) and "known" in batch:
        return tf.cast(batch["known"], tf.float32)
    return tf.ones_like(x[..., :1])


def deviation(x, visible=None):
    """Return the standard deviation of values about the mean example, a positive scalar.

    Args:
        x: `[batch, ...]`; of a single example, or of equal ones, it is about the mean value.
        visible: weight of each value, 0 where it is not known, broadcast against x.

    Example:
        >>> float(deviation(tf.constant([[1.0, 9.0], [3.0, 7.0]])))
        1.0
    """
    weight = tf.ones_like(x) if visible is None else visible * tf.ones_like(x)

    def variance(axis):
        total = tf.reduce_sum(weight, axis)
        mean = tf.math.divide_no_nan(tf.reduce_sum(weight * x, axis), total)
        return tf.reduce_sum(weight * (x - mean) ** 2) / tf.reduce_sum(weight)

    within, whole = variance(0), variance(None)
    within = tf.where(within > 1e-6 * whole, within, whole)
    return tf.sqrt(tf.where(within > 0, within, 1.0))


def distance(a, b):
    """Return the root mean squared difference, a scalar."""
    return tf.sqrt(tf.reduce_mean((a - b) ** 2))


def inputs_of(network):
    """Return the input of a Keras model: a tensor, or a dict of tensors by name."""
    given = network.inputs if isinstance(network, keras.Sequential) else network.input
    return given[0] if isinstance(given, (list, tuple)) else given


def outputs_of(network):
    """Return the output of a Keras model: a tensor, or a dict of tensors by name."""
    made = network.outputs if isinstance(network, keras.Sequential) else network.output
    return made[0] if isinstance(made, (list, tuple)) else made


def repeat(times, update):
    """Call `update(number)` so often; return its last result, a scalar.

    The graph does not grow with `times`, but under a strategy, whose optimizers allow no loop.
    """
    if tf.distribute.has_strategy():
        return [update(number) for number in range(times)][-1]
    _, last = tf.while_loop(
        lambda number, _: number < times,
        lambda number, _: (number + 1, update(number)),
        (0, 0.0),
    )
    return last


def growing(decay, updates):
    """Return the decay of a running mean, smaller over its first updates."""
    updates = tf.cast(updates, tf.float32)
    return tf.minimum(decay, (1 + updates) / (10 + updates))


def signs_of_proposals(proposed, x):
    """Return the vital signs of proposals, as `Model.vital_signs` does.

    Args:
        proposed: `[batch, ...]`.
        x: `[batch, ...]`, data.
    """
    widest = max(1.0, float(tf.reduce_max(tf.abs(x))))
    return [
        ("the size of proposals", distance(proposed, 0.0), 0.0, PROPOSED * widest),
        ("how much proposals differ", *_difference(proposed, x), np.inf),
    ]


def _difference(proposed, x):
    """Return the deviation of proposals about their mean, and the least that is sound."""
    made, real = (float(tf.reduce_mean(tf.math.reduce_std(a, axis=0))) for a in (proposed, x))
    return made, ALIKE * real


def check_positive(**values):
    """Raise ValueError naming the first value that is neither None nor above 0."""
    for name, value in values.items():
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` should be greater than 0; received {value}.")


def compile_model(model, optimizer, jit_compile, kwargs):
    """Compile with an optimizer built at once, so that loading restores its state."""
    jit_compile = precision.use_xla(jit_compile)
    keras.Model.compile(
        model, optimizer=keras.optimizers.get(optimizer), jit_compile=jit_compile, **kwargs
    )
    model.optimizer.build(model.trainable_parts)


def optimizers(model):
    """Return the optimizers of a model and of the models that it has as attributes."""
    found = [getattr(part, "optimizer", None) for part in (model, *model.layers)]
    return [one for one in found if one is not None]


def state(model):
    """Return every variable that learning needs to go on.

    These are weights, counters, chains, latents and the optimizers' own.

    Args:
        model: a built and compiled Keras model, or one that has such models as attributes.

    Returns:
        variables: list, in an order that depends on the model's construction alone.
    """
    metrics = {id(v) for metric in model.metrics for v in metric.variables}
    variables = [v for v in model.variables if id(v) not in metrics]
    for part in (model, *model.layers):
        optimizer, latents = getattr(part, "optimizer", None), getattr(part, "latents", None)
        variables += optimizer.variables if optimizer is not None else []
        variables += [latents] if latents is not None else []
    return variables


def copy(model):
    """Return a copy that has learned the same, is not trained and keeps no training state."""
    changes = {"start": "data", "num_examples": None, "encoder": None}
    config = model.get_config()
    config |= {name: value for name, value in changes.items() if name in config}
    if config.get("inference") == "encoder":
        config["inference"] = "langevin"
    twin = type(model).from_config(config)
    for weights in ("learned_weights", "measured_weights"):
        for weight, value in zip(getattr(twin, weights), getattr(model, weights), strict=True):
            weight.assign(value)
    for name, weight in twin.derived.items():
        weight.assign(model.derived[name])
    twin.trainable = False
    return twin


def in_batches(function, at_once, *arrays):
    """Apply a function to the rows of arrays, a batch at a time.

    Args:
        function: takes as many arrays, returns a sequence of arrays of as many rows.
        at_once: rows of a batch.
        *arrays: of equally many rows.

    Returns:
        results: list of arrays, the batches' results joined.

    Example:
        >>> halves = lambda x: (x[:, :1], x[:, 1:])
        >>> [part.shape for part in in_batches(halves, 2, np.ones([5, 3]))]
        [(5, 1), (5, 2)]
    """
    starts = range(0, len(arrays[0]), at_once)
    parts = [function(*(array[start : start + at_once] for array in arrays)) for start in starts]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def concrete(function, **inputs):
    """Return a concrete function that keeps what the function refers to.

    A graph holds its variables weakly: those of a model that only the function knows would go.

    Args:
        function: a `tf.function`.
        **inputs: tf.TensorSpec by name, where it has no input signature.

    Example:
        >>> concrete(tf.function(lambda x: 2 * x), x=tf.TensorSpec([], tf.float32))(
        ...     tf.constant(2.0)
        ... ).numpy()
        4.0
    """
    made = function.get_concrete_function(**inputs)
    made.made_from = function
    return made
