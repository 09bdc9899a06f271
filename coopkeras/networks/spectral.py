"""Spectral fill: an image goes on as a Gaussian whose spectrum is that of the image itself.

    x = level + f + noise,   f ~ N(0, S) by frequency,   noise of variance NOISE / w(p)
    f = S W (W S W + NOISE)^-1 W (x - level),   W = sqrt(w)
    S <- smooth |fft(window f)|^2

w falls with the distance from the hole, and is 0 in it. The two lines take turns: what the hole is
filled with tells the spectrum, and the spectrum what the hole is filled with.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

ROUNDS = 3  # of filling; the first knows no more than that images are smooth
GRADIENTS = 15  # conjugate ones of a round, which starts where the one before ended
NOISE = 0.05  # of the variance of f, next to the hole
DECAY = 0.6  # of w, for each value further from the hole
WINDOW = 0.9  # the same for what tells the spectrum
REACH = 16.0  # values over which what is alike remains so
SMOOTH = 0.03  # share of the spectrum that is the smooth one, (1 + 64 frequency)^-3
FAR = 24  # values from a hole: what is further off counts like these
RING = 3  # values around a hole that are filled too, to see how much is missed
EXPECTED = 1.3  # times as much is missed in the hole
LEAST_MISS = 0.002  # in units of x: the rounding to 8 bits
TINY = 1e-20


@keras.saving.register_keras_serializable("coopkeras")
class SpectralFill(layers.Layer):
    """Fills what is hidden by a Gaussian of the example's own spectrum, or leaves a fill as it is.

    How well it fills what is known, of a ring around the hole that it does not look at, tells how
    much it misses in the hole: examples whose errors differ by a factor of ten are told apart.

        scale = 1.3 sqrt(mean (fill - seen)^2 within 3 values of the hole)

    Takes seen `[batch, height, width, c]`, 0 where it is not visible, visible `[batch, height,
    width, 1]`, what a model of all examples has made of these, or 0, so that only the rest goes
    on, another fill and its scale `[batch, 1, 1, 1]`. The last two are what is returned until `use`
    has been called.

    Example:
        >>> fill = SpectralFill()
        >>> wave = np.cos(np.arange(24) * np.pi / 4)[None, None, :, None]
        >>> wave = np.tile(wave, [1, 24, 1, 1]).astype("float32")
        >>> visible = np.ones([1, 24, 24, 1], "float32")
        >>> visible[:, 9:15, 9:15] = 0
        >>> given = [wave * visible, visible, 0 * wave, 0 * wave, np.ones([1, 1, 1, 1], "float32")]
        >>> fill.build([one.shape for one in given])
        >>> fill.use()
        >>> filled, scale = fill(given)
        >>> bool(abs(filled.numpy() - wave)[:, 9:15, 9:15].max() < 0.1)
        True

    Source:
        Dempster, Laird and Rubin, 1977 (the two lines in turn); Galerne and Leclaire, "Texture
        inpainting using efficient Gaussian conditional simulation", 2017.
    """

    def __init__(self, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)

    def build(self, input_shape):
        del input_shape
        self.used = self.add_weight(shape=(), initializer="zeros", trainable=False, name="used")

    def use(self):
        """Fill by spectra from now on."""
        self.used.assign(1.0)

    @tf.function
    def fill(self, seen, visible, made):
        """Return the fill, whether it is used or not, and the error on a ring."""
        rest, missed = extrapolate(visible * (seen - made), visible)
        return tf.clip_by_value(made + rest, -1.0, 1.0), missed

    def call(self, inputs):
        seen, visible, made, other, scale = inputs

        def by_spectrum():
            filled, missed = self.fill(seen, visible, made)
            return filled, tf.where(missed < 0, scale, EXPECTED * missed)

        return tf.cond(tf.convert_to_tensor(self.used) > 0, by_spectrum, lambda: (other, scale))

    def compute_output_shape(self, input_shape):
        return input_shape[3:]


def extrapolate(x, visible):
    """Return how images go on in their holes, and how much that misses around these.

    Args:
        x: `[batch, height, width, c]`; what is hidden is not looked at.
        visible: share of each place that is known, `[batch, height, width, 1]`.

    Returns:
        made: like x; not quite x where it is known.
        missed: `[batch, 1, 1, 1]`, the error on a ring around the hole, filled without it;
            -1 where nothing else is known.
    """
    shape = x.shape[1:3]
    size = [side + side // 3 + -(side + side // 3) % 4 for side in shape]  # longer: it wraps round
    known = tf.cast(visible > 0, tf.float32)
    distance = _distance(known)
    weight = known * DECAY**distance
    total = tf.reduce_sum(weight, axis=(1, 2), keepdims=True)
    level = tf.reduce_sum(weight * x, axis=(1, 2), keepdims=True) / tf.maximum(total, TINY)
    window, beyond = WINDOW**distance, tf.cast(distance > RING, tf.float32)
    x, known, weight, window, beyond = (
        _padded(one, size) for one in (known * (x - level), known, weight, window, beyond)
    )
    spectrum = _smooth_spectrum(size)
    made, start = _conditional_mean(spectrum, weight, x, tf.zeros_like(x), size)
    for _ in range(ROUNDS - 1):
        spectrum = _spectrum(window * (known * x + (1 - known) * made), size)
        made, start = _conditional_mean(spectrum, weight, x, start, size)
    without, _ = _conditional_mean(spectrum, weight * beyond, x, start, size)
    missed = _missed(without - x, known * (1 - beyond), known * beyond)
    made = tf.transpose(made, [0, 2, 3, 1])[:, : shape[0], : shape[1]]
    return level + made, missed


def _distance(known):
    """Return the distance from the hole, 1 next to it and 0 in it, along the longer axis."""
    near, distance = 1 - known, tf.zeros_like(known)
    for _ in range(FAR):
        distance += 1 - near
        near = tf.nn.max_pool2d(near, 3, 1, "SAME")
    return distance


def _missed(error, ring, rest):
    """Return the root mean square of an error on the ring, -1 where there is no rest."""
    count, others = (tf.reduce_sum(one, axis=(1, 2, 3)) for one in (ring, rest))
    mean = tf.reduce_sum(ring * tf.reduce_mean(error**2, axis=1, keepdims=True), axis=(1, 2, 3))
    missed = tf.sqrt(mean / tf.maximum(count, 1.0) + LEAST_MISS**2)
    return tf.where((count > 0) & (others > 0), missed, -1.0)[:, None, None, None]


def _conditional_mean(spectrum, weight, x, start, size):
    """Return E(f | x), and a, the start of the next, `[batch, c, *size]`.

    a = (W S W + NOISE)^-1 W x,   f = S W a     by conjugate gradients
    """
    root = tf.sqrt(weight)

    def spread(a):
        return _filtered(spectrum, root * a, size)

    def times(a):
        return root * spread(a) + NOISE * a

    def step(number, a, rest, way, square):
        moved = times(way)
        length = square / tf.maximum(_inner(way, moved), TINY)
        a, rest = a + length * way, rest - length * moved
        now = _inner(rest, rest)
        return number + 1, a, rest, rest + now / tf.maximum(square, TINY) * way, now

    rest = root * x - times(start)
    state = 0, start, rest, rest, _inner(rest, rest)
    a = tf.while_loop(lambda number, *_: number < GRADIENTS, step, state)[1]
    return spread(a), a


def _smooth_spectrum(size):
    """Return the spectrum of what is smooth, of mean 1, `[1, 1, *half]`."""
    speed = np.hypot(*np.meshgrid(*map(_periods, size), indexing="ij"))
    spectrum = 1 / (1 + 64 * speed) ** 3
    return tf.constant((spectrum / spectrum.mean())[None, None, :, : size[1] // 2 + 1], tf.float32)


def _spectrum(x, size):
    """Return the smoothed spectrum of x, all channels alike, of mean 1, `[batch, 1, *half]`."""
    power = tf.reduce_sum(tf.abs(tf.signal.rfft2d(x)) ** 2, axis=1, keepdims=True)
    covariance = tf.signal.irfft2d(tf.complex(power, 0.0), size)
    variance = tf.maximum(covariance[:, :, :1, :1], TINY)
    taper = tf.constant(np.multiply.outer(*map(_taper, size)), tf.float32)
    spectrum = tf.maximum(tf.math.real(tf.signal.rfft2d(taper * covariance / variance)), 0.0)
    return (1 - SMOOTH) * spectrum + SMOOTH * _smooth_spectrum(size)


def _taper(n):
    """Return 1 at lag 0, less beyond `REACH`, for n values that wrap round."""
    lags = np.arange(n) - n * np.arange(-2, 3)[:, None]
    taper = np.exp(-((lags / REACH) ** 2) / 2).sum(axis=0)
    return taper / taper[0]


def _periods(n):
    """Return the frequencies of n values, in periods for each value, without their sign."""
    return np.abs(np.fft.fftfreq(n))


def _filtered(spectrum, x, size):
    return tf.signal.irfft2d(tf.complex(spectrum, 0.0) * tf.signal.rfft2d(x), size)


def _padded(x, size):
    """Return images as `[batch, c, *size]`, with zeros after them."""
    margins = [[0, n - side] for n, side in zip(size, x.shape[1:3], strict=True)]
    return tf.pad(tf.transpose(x, [0, 3, 1, 2]), [[0, 0], [0, 0], *margins])


def _inner(x, y):
    return tf.reduce_sum(x * y, axis=(1, 2, 3), keepdims=True)
