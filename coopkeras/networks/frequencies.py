"""Frequency-selective extrapolation: images go on by the waves that explain what is around a hole.

    g(p) = sum_k 2 Re(c_k e^(i u_k p)),   r = w (x - g),   R = fft(r),  W = fft(w)

    u = argmax |R(u)|^2 prior(u),   c = STEP R(u) / W(0),   R(.) -= c W(. - u) + c* W(. + u)

w falls with the distance from the hole, and is 0 in it; one wave is added at a time.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

DECAY = 0.7  # of the weight of what is known, for each value further from the hole
RINGS = 24  # values from a hole that have a weight
STEP = 0.5  # share of a wave's best coefficient that is taken: waves overlap
CANDIDATES = 256  # waves to choose from: the largest
LEAST = 1e-6
NEAR = 6  # values from a hole where what waves miss is measured
EXPECTED = 4.0  # times as much may be missed in the hole
LEAST_MISS = 0.002  # in units of x: the rounding to 8 bits


@keras.saving.register_keras_serializable("coopkeras")
class FrequencyFill(layers.Layer):
    """Says images by waves that go on through a hole, or leaves a fill as it is.

    What the waves miss of what is known, near the hole, tells how much they miss in it: examples
    of photographs whose errors differ by a factor of ten are told apart.

        scale = 4 sqrt(mean (by_waves - seen)^2 within 6 values of the hole)

    Takes seen `[batch, height, width, c]`, 0 where it is not visible, visible `[batch, height,
    width, 1]`, another fill and its scale `[batch, 1, 1, 1]`; these two are what is returned until
    `use` has been called.

    Args:
        waves: number of waves that are added.
        **kwargs: as for any layer.

    Example:
        >>> fill = FrequencyFill()
        >>> wave = np.cos(np.arange(24) * np.pi / 4)[None, None, :, None]
        >>> wave = np.tile(wave, [1, 24, 1, 1]).astype("float32")
        >>> visible = np.ones([1, 24, 24, 1], "float32")
        >>> visible[:, 9:15, 9:15] = 0
        >>> given = [wave * visible, visible, 0 * wave, np.ones([1, 1, 1, 1], "float32")]
        >>> fill.build([one.shape for one in given])
        >>> fill.use()
        >>> by_waves, scale = fill(given)
        >>> bool(abs(by_waves.numpy() - wave)[:, 9:15, 9:15].max() < scale < 0.1)
        True

    Source:
        Seiler and Kaup, "Complex-valued frequency selective extrapolation for fast image and video
        signal extrapolation", 2010; Genser et al., 2018 (the prior).
    """

    def __init__(self, waves=60, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.waves = waves

    def build(self, input_shape):
        del input_shape
        self.used = self.add_weight(shape=(), initializer="zeros", trainable=False, name="used")

    def use(self):
        """Fill by waves from now on."""
        self.used.assign(1.0)

    @tf.function
    def fill(self, seen, visible):
        """Return what `extrapolate` makes of what is seen, whether it is used or not."""
        return extrapolate(seen, visible, self.waves)

    def call(self, inputs):
        seen, visible, other, scale = inputs

        def by_waves():
            made = extrapolate(seen, visible, self.waves)
            return made, _scale(made - seen, visible, scale)

        return tf.cond(tf.convert_to_tensor(self.used) > 0, by_waves, lambda: (other, scale))

    def compute_output_shape(self, input_shape):
        return input_shape[2:]

    def get_config(self):
        return super().get_config() | {"waves": self.waves}


def extrapolate(x, visible, waves):
    """Return the waves that explain images around their holes.

    Args:
        x: `[batch, height, width, c]`; what is hidden is not looked at.
        visible: share of each place that is known, `[batch, height, width, 1]`.
        waves: number of waves that are added.

    Returns:
        made: like x, in [-1, 1]; not quite x where it is known, and far from it far from holes.
    """
    known = tf.cast(visible > 0, tf.float32)
    weight = _weights(known)
    total = tf.maximum(tf.reduce_sum(weight, axis=(1, 2), keepdims=True), LEAST)
    level = tf.reduce_sum(weight * x, axis=(1, 2), keepdims=True) / total
    size = [side + side // 3 for side in x.shape[1:3]]  # longer: waves wrap round
    c, places = _chosen(weight * (x - level), weight, waves, size)
    made = level + _sum_of_waves(c, places, size, x.shape[1:3])
    return tf.clip_by_value(made, -1.0, 1.0)


def _weights(known):
    """Return w: DECAY to the power of the distance from the hole, along the longer axis."""
    near, weight = 1 - known, tf.zeros_like(known)
    for ring in range(RINGS):
        grown = tf.nn.max_pool2d(near, 3, 1, "SAME")
        weight += DECAY**ring * (grown - near)
        near = grown
    return weight


def _scale(missed, visible, other):
    """Return the scale of what is missed near holes, or the other where nothing is known there."""
    known = tf.cast(visible > 0, tf.float32)
    near = known * tf.nn.max_pool2d(1 - known, 2 * NEAR + 1, 1, "SAME")
    count = tf.reduce_sum(near, axis=(1, 2, 3), keepdims=True)
    squares = tf.reduce_mean(near * missed**2, axis=3, keepdims=True)
    mean = tf.reduce_sum(squares, axis=(1, 2, 3), keepdims=True) / tf.maximum(count, 1.0)
    return tf.where(count > 0, EXPECTED * tf.sqrt(mean + LEAST_MISS**2), other)


def _chosen(r, weight, waves, size):
    """Choose waves one by one, of those that there is most of in r.

    Returns:
        c: complex64 `[batch, waves, channels]`.
        places: u, the numbers of periods along `size`, int32 `[batch, waves, 2]`.
    """
    height, width = size
    spectrum = _transform(weight, size)[..., 0]
    total = tf.complex(tf.maximum(tf.math.real(spectrum[:, :1, 0]), LEAST), 0.0)
    table = tf.reshape(spectrum, [-1, height * width])
    residual, prior, places = _candidates(_transform(r, size), size)

    def at(places):
        """Return W there, complex64 `[batch, ...]`."""
        places = tf.math.floormod(places, size)
        return tf.gather(table, places[..., 0] * width + places[..., 1], batch_dims=1)

    alone = tf.reduce_all(tf.equal(tf.math.floormod(2 * places, size), 0), axis=-1)
    share = tf.cast(tf.where(alone, STEP / 2, STEP), tf.complex64)  # its own conjugate

    def add(number, residual, c, chosen):
        power = prior * tf.reduce_sum(tf.math.real(residual * tf.math.conj(residual)), axis=-1)
        best = tf.argmax(power, axis=1, output_type=tf.int32)[:, None]
        place, one = (tf.gather(of, best, batch_dims=1) for of in (places, residual))
        one *= (tf.gather(share, best, batch_dims=1) / total)[..., None]
        residual -= one * at(places - place)[..., None]
        residual -= tf.math.conj(one) * at(places + place)[..., None]
        return number + 1, residual, c.write(number, one[:, 0]), chosen.write(number, place[:, 0])

    arrays = [tf.TensorArray(dtype, waves) for dtype in (tf.complex64, tf.int32)]
    *_, c, chosen = tf.while_loop(lambda number, *_: number < waves, add, (0, residual, *arrays))
    return tf.transpose(c.stack(), [1, 0, 2]), tf.transpose(chosen.stack(), [1, 0, 2])


def _transform(x, size):
    """Return the spectrum of images with zeros around, complex64 `[batch, *size, c]`."""
    x = tf.transpose(x, [0, 3, 1, 2])
    margins = [[0, n - side] for n, side in zip(size, x.shape[2:], strict=True)]
    x = tf.pad(x, [[0, 0], [0, 0], *margins])
    return tf.transpose(tf.signal.fft2d(tf.complex(x, 0.0)), [0, 2, 3, 1])


def _candidates(spectrum, size):
    """Return the largest values of half a spectrum `[batch, n, c]`, their prior and places."""
    half = size[1] // 2 + 1
    periods = np.stack(np.meshgrid(*map(np.arange, (size[0], half)), indexing="ij"), axis=-1)
    periods = periods.reshape(-1, 2)
    speed = np.minimum(periods, size - periods) / (np.array(size) / 2)
    prior = (1 - np.hypot(*speed.T) / np.sqrt(2)) ** 2
    prior[0] /= 2
    prior = tf.constant(prior, tf.float32)
    values = tf.reshape(spectrum[:, :, :half], [-1, len(periods), spectrum.shape[-1]])
    power = prior * tf.reduce_sum(tf.math.real(values * tf.math.conj(values)), axis=-1)
    _, best = tf.math.top_k(power, min(CANDIDATES, len(periods)))
    values = tf.gather(values, best, batch_dims=1)
    return values, tf.gather(prior, best), tf.gather(tf.constant(periods, tf.int32), best)


def _sum_of_waves(c, places, size, shape):
    """Return the sum of 2 Re(c e^(i u p)), `[batch, height, width, c]`."""
    angles = [
        2 * np.pi / n * tf.cast(places[..., axis, None] * tf.range(side), tf.float32)
        for axis, (n, side) in enumerate(zip(size, shape, strict=True))
    ]
    down, along = (tf.complex(tf.cos(angle), tf.sin(angle)) for angle in angles)
    down = tf.einsum("bkc,bkh->bhck", c, down)
    return 2 * tf.math.real(tf.einsum("bhck,bkw->bhwc", down, along))
