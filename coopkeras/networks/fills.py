"""Fills of what is hidden, in closed form: where a network that recovers starts from."""

import functools
import math

import keras
import numpy as np
from keras import layers, ops

GRADIENTS = 40  # conjugate ones: more make no difference to a fill
TINY = 1e-20
LEAST_SPREAD = 0.02  # in units of x: the grain of what is flat
SMOOTHINGS = 4  # of each scale
SCALES = 6  # each half as fine; what is hidden even from the last is level


@keras.saving.register_keras_serializable("coopkeras")
class SmoothFill(layers.Layer):
    """Fills what is hidden smoothly, and puts examples on one scale.

        standard = (filled - level) / spread

    Takes the pair seen `[batch, ..., c]`, 0 where it is not visible, and visible `[batch, ..., 1]`,
    the share that is known of each place. Returns three tensors: filled, standard, and spread
    `[batch, 1, ..., 1]`. Level and spread are the mean and standard deviation of what is known of
    an example; 0 and 1 where nothing is.

    Example:
        >>> seen = keras.ops.reshape([1.0, 0.0, 0.5, 0.5], [1, 4, 1])
        >>> visible = keras.ops.reshape([1.0, 0.0, 1.0, 1.0], [1, 4, 1])
        >>> filled, _, spread = SmoothFill()([seen, visible])
        >>> keras.ops.reshape(filled, [4]).numpy().round(2).tolist()
        [1.0, 0.75, 0.5, 0.5]
    """

    def call(self, inputs):
        seen, visible = inputs
        axes = tuple(range(1, len(seen.shape)))
        level, spread = moments(seen, visible, axes)
        spread = ops.where(ops.any(visible > 0, axis=axes, keepdims=True), spread, 1.0)
        filled = smooth(seen, ops.cast(visible > 0, seen.dtype), level)
        return filled, (filled - level) / spread, spread

    def compute_output_shape(self, input_shape):
        shape = input_shape[0]
        return shape, shape, (shape[0], *[1] * (len(shape) - 1))


def moments(x, weight, axis):
    """Return weighted mean and standard deviation over axes, the latter `LEAST_SPREAD` or more.

    Args:
        x: `[batch, ..., c]`.
        weight: broadcast against x, 0 or more.
        axis: the axis, or a tuple of them; they stay, of length 1.

    Returns:
        mean, spread: float, like x but for the axes.

    Example:
        >>> x = keras.ops.reshape([1.0, 3.0, 9.0], [1, 3, 1])
        >>> weight = keras.ops.reshape([1.0, 1.0, 0.0], [1, 3, 1])
        >>> [float(one.numpy().squeeze().round(2)) for one in moments(x, weight, axis=1)]
        [2.0, 1.0]
    """
    weight = weight * ops.ones_like(x)
    total = ops.sum(weight, axis=axis, keepdims=True)
    total = ops.where(total > 0, total, 1.0)
    mean = ops.sum(weight * x, axis=axis, keepdims=True) / total
    variance = ops.sum(weight * (x - mean) ** 2, axis=axis, keepdims=True) / total
    return mean, ops.sqrt(variance + LEAST_SPREAD**2)


def smooth(x, known, level=0.0, scales=SCALES):
    """Fill what is not known: coarse scales first, then smoothed at each.

    Args:
        x: `[batch, ..., c]`, of 1, 2 or 3 sides of any length.
        known: 1 or 0, `[batch, ..., 1]`, or one for each value.
        level: what is far from all that is known.
        scales: of which each is half as fine as the one before.

    Returns:
        filled: like x; known values as they are.

    Example:
        >>> x = keras.ops.reshape([4.0, 0.0, 0.0, 4.0], [1, 4, 1])
        >>> keras.ops.reshape(smooth(x, keras.ops.cast(x > 0, "float32")), [4]).numpy().tolist()
        [4.0, 4.0, 4.0, 4.0]
    """
    if not scales:
        return ops.where(known > 0, x, level)
    share = ops.average_pool(known, 2, 2, "same")
    coarse = ops.average_pool(x * known, 2, 2, "same") / ops.maximum(share, 1e-3)
    coarse = smooth(coarse, ops.cast(share > 0, x.dtype), level, scales - 1)
    x = ops.where(known > 0, x, _doubled(coarse, ops.shape(x)))
    for _ in range(SMOOTHINGS):
        x = ops.where(known > 0, x, ops.average_pool(x, 3, 1, "same"))
    return x


def _doubled(x, shape):
    """Repeat every value twice along each side, and cut what is too long."""
    for axis in range(1, len(shape) - 1):
        x = ops.repeat(x, 2, axis=axis)
    return x[(slice(None), *(slice(0, side) for side in shape[1:-1]))]


@keras.saving.register_keras_serializable("coopkeras")
class GaussianFill(layers.Layer):
    """Fills what is hidden with the conditional mean of a Gaussian, or leaves a fill as it is.

        x = m + W z + s e,   made = m + W (W_v' W_v + r s^2 I)^-1 W_v' (x_v - m_v)

    v are the values that are known; W are principal components. Takes the triple seen
    `[batch, *sides, c]`, 0 where it is not visible, visible `[batch, *sides, 1]`, and another
    fill. Returns two tensors: filled, known values as they are, and made, which is not quite x
    where it is known. Until `fit` has been called they are the other fill, and 0.

    Args:
        components: number of principal components, at most.
        dtype: of the weights.
        **kwargs: as for any layer.

    Example:
        >>> fill, row = GaussianFill(components=1), keras.ops.array
        >>> triple = [row([[[0.4], [0.0]]]), row([[[1.0], [0.0]]]), row([[[0.4], [0.9]]])]
        >>> [round(float(value), 2) for value in fill(triple)[0].numpy().ravel()]
        [0.4, 0.9]
        >>> fill.fit(np.zeros([2, 1]), np.array([[1.0], [0.5]]), ridge=1e-6)
        >>> [round(float(value), 2) for value in fill(triple)[0].numpy().ravel()]
        [0.4, 0.2]

    Source:
        Tipping and Bishop, Probabilistic principal component analysis, 1999, equations 7 to 10.
    """

    def __init__(self, components=200, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.components = components

    def build(self, input_shape):
        values = math.prod(input_shape[0][1:])
        weight = functools.partial(self.add_weight, initializer="zeros", trainable=False)
        self.mean = weight(shape=(values,), name="mean")
        self.axes = weight(shape=(values, self.components), name="axes")
        self.ridge = weight(shape=(), name="ridge")  # 0 until it is fitted

    def fit(self, mean, axes, ridge):
        """Fill by a Gaussian from now on.

        Args:
            mean: m, of the shape of an example.
            axes: W, `[values, k]`, k no more than `components`.
            ridge: r s^2, above 0.
        """
        axes = np.reshape(axes, [self.mean.shape[0], -1]).astype("float32")
        self.mean.assign(np.reshape(mean, -1))
        self.axes.assign(np.pad(axes, [(0, 0), (0, self.components - axes.shape[1])]))
        self.ridge.assign(ridge)

    def forget(self):
        """Leave the other fill as it is again."""
        self.ridge.assign(0.0)

    def call(self, inputs):
        seen, visible, other = inputs
        ridge = ops.convert_to_tensor(self.ridge)
        return ops.cond(
            ridge > 0,
            lambda: self._filled(seen, visible, ridge),
            lambda: (other, ops.zeros_like(other)),
        )

    def _filled(self, seen, visible, ridge):
        flat = (-1, self.mean.shape[0])
        x, known = ops.reshape(seen, flat), ops.cast(visible > 0, seen.dtype)
        known = ops.reshape(known * ops.ones_like(seen), flat)
        scale = 1 / ops.sqrt(ops.sum(self.axes**2, axis=0) + ridge)  # z is solved for in units

        def out(z):
            return ops.matmul(scale * z, ops.transpose(self.axes))

        def back(x):
            return scale * ops.matmul(known * x, self.axes)

        z = _solve(lambda z: back(out(z)) + ridge * scale**2 * z, back(x - self.mean))
        made = self.mean + out(z)
        filled = ops.where(known > 0, x, made)
        return ops.reshape(filled, ops.shape(seen)), ops.reshape(made, ops.shape(seen))

    def compute_output_shape(self, input_shape):
        return input_shape[2], input_shape[2]

    def get_config(self):
        return super().get_config() | {"components": self.components}


def _solve(times, y):
    """Return x with `times(x) = y`, by conjugate gradients for each row."""

    def step(_, state):
        x, rest, way, square = state
        moved = times(way)
        length = square / ops.maximum(_dot(way, moved), TINY)
        x, rest = x + length * way, rest - length * moved
        now = _dot(rest, rest)
        return x, rest, rest + now / ops.maximum(square, TINY) * way, now

    return ops.fori_loop(0, GRADIENTS, step, (ops.zeros_like(y), y, y, _dot(y, y)))[0]


def _dot(x, y):
    return ops.sum(x * y, axis=1, keepdims=True)
