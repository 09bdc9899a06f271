"""The descriptor as a representation: binary activations, local modes, classifiers.

With ReLU f is piecewise linear, f(x) = a + <x, B> inside the cell of one activation pattern, and
p is there a Gaussian N(s^2 B, s^2 I) cut to the cell: an energy minimum inside a cell is an
auto-encoding fixed point x = s^2 B(x).
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from coopkeras.langevin import gradient


class Mode(NamedTuple):
    """A local mode of a descriptor: where descent without noise ended.

    Attributes:
        x: `[batch, ...]`.
        energy: `[batch]`.
        residual: root mean square of `x - reconstruct(x)`, `[batch]`.
        on_boundary: bool `[batch]`: a small move towards the reconstruction changes the
            activations, so the mode lies on a kink between two cells.
    """

    x: tf.Tensor
    energy: tf.Tensor
    residual: tf.Tensor
    on_boundary: tf.Tensor


def find_mode(descriptor, x, steps):
    """Descend `descriptor.energy` from `x`, halving a row's step where its energy would rise."""
    x, energy = _descend(descriptor, x, tf.convert_to_tensor(steps, tf.int32))
    error = descriptor.reconstruct(x) - x
    residual = tf.sqrt(_mean(error**2))
    moved = activations(descriptor.network, x + 1e-2 * error)
    flips = [
        tf.reduce_any(_flat(a) != _flat(b), axis=1)
        for a, b in zip(activations(descriptor.network, x), moved, strict=True)
    ]
    on_boundary = tf.reduce_any(tf.stack(flips), axis=0) if flips else tf.zeros_like(energy) > 0
    return Mode(x, energy, residual, on_boundary)


@tf.function
def _descend(descriptor, x, steps):
    """Steepest descent with Armijo backtracking, a step length for each row."""

    def step(number, x, energy, length):
        slope = gradient(descriptor.energy, x)
        moved = x - _expand(length, x) * slope
        new_energy = descriptor.energy(moved)
        better = new_energy <= energy - 1e-4 * length * tf.reduce_sum(_flat(slope**2), axis=1)
        x = tf.where(_expand(better, x), moved, x)
        energy = tf.where(better, new_energy, energy)
        return number + 1, x, energy, tf.where(better, length * 2.0, length * 0.5)

    length = tf.fill(tf.shape(x)[:1], float(descriptor.reference) ** 2)
    start = (0, x, descriptor.energy(x), length)
    _, x, energy, _ = tf.while_loop(lambda number, *_: number < steps, step, start)
    return x, energy


def activations(network, x):
    """Return whether each unit of each ReLU layer is on, a list of bool tensors, bottom first."""
    outputs = [layer.output for layer in network.layers if _is_relu(layer)]
    if not outputs:
        return []
    values = keras.Model(network.inputs[0], outputs)(x)
    return [tf.cast(y, tf.float32) > 0 for y in (values if len(outputs) > 1 else [values])]


def class_score(classifier, class_index):
    """Return the model `x -> score of one class` of a classifier, sharing its features."""
    last = classifier.layers[-1]
    if (
        isinstance(last, keras.layers.Softmax)
        or _activation(last) == "softmax"
        and not hasattr(last, "kernel")
    ):
        last = classifier.layers[-2]
    if not isinstance(last, keras.layers.Dense) or _activation(last) not in ("linear", "softmax"):
        raise ValueError(
            "`classifier` should end in Dense class scores, with or without softmax; "
            f"its last layer is {last.name!r} ({type(last).__name__})."
        )
    if not 0 <= class_index < last.units:
        raise ValueError(
            f"`class_index` should be between 0 and {last.units - 1}; received {class_index}."
        )
    score = keras.layers.Dense(1, use_bias=last.use_bias, dtype="float32", name="class_score")
    model = keras.Model(classifier.inputs, score(last.input))
    score.set_weights([w[..., class_index : class_index + 1] for w in last.get_weights()])
    return model


def _activation(layer):
    return getattr(getattr(layer, "activation", None), "__name__", None)


def _is_relu(layer):
    return isinstance(layer, keras.layers.ReLU) or _activation(layer) == "relu"


def _flat(x):
    return tf.reshape(x, [tf.shape(x)[0], -1])


def _mean(x):
    return tf.reduce_mean(_flat(x), axis=1)


def _expand(row, x):
    return tf.reshape(row, tf.concat([tf.shape(row), tf.ones([tf.rank(x) - 1], tf.int32)], 0))
