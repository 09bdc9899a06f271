"""What a model of sound has to beat: noise with the clip's spectrum, and linear prediction."""

import numpy as np
from scipy import signal

from coopkeras.audio.files import gaps

ORDER = 256  # coefficients of linear prediction
CONTEXT = 2048  # samples before and after a gap that it is fitted to


def spectrum_noise(x, length, seed=0):
    """Return Gaussian noise with the spectrum of a clip, and nothing else of it.

        y = m + sum_k (x_k - m) w_{n - k} / sqrt(time),  w ~ N(0, I)

    Its power spectrum, across channels too, is that of the clip; its envelopes are those of noise.

    Args:
        x: float `[time, channels]`.
        length: samples of the result.
        seed: an integer.

    Returns:
        y: float64 `[length, channels]`.

    Example:
        >>> spectrum_noise(np.ones([10, 2]), 25).shape
        (25, 2)

    Source:
        Galerne, Gousseau, Morel, Random phase textures: theory and synthesis, 2011.
    """
    x = np.asarray(x, np.float64)
    mean = x.mean(axis=0)
    noise = np.random.default_rng(seed).normal(size=[length + len(x) - 1, 1])
    return mean + signal.oaconvolve(noise, (x - mean) / np.sqrt(len(x)), "valid", axes=0)


def linear_prediction(x, visible, order=ORDER, context=CONTEXT):
    """Fill each gap with what linear prediction makes of both its sides, faded into each other.

        forwards    x_n = - sum_k a_k x_{n - k}      a fitted by Burg's method before the gap
        backwards   the same, after the gap, in reversed time

    Args:
        x: float `[time, channels]`; what is not visible is never looked at.
        visible: bool `[time, 1]`, True = known.
        order: number of coefficients; a third of the known samples beside a gap, if these are few.
        context: samples beside a gap that are looked at.

    Returns:
        filled: float64 `[time, channels]`; known samples bit for bit.

    Example:
        >>> n = np.arange(400)
        >>> x, visible = np.sin(0.3 * n)[:, None], (np.abs(n - 200) > 10)[:, None]
        >>> bool(np.allclose(linear_prediction(x, visible, order=8), x, atol=0.02))
        True

    Source:
        Kauppinen and Roth, Audio signal extrapolation: theory and applications, 2002.
    """
    filled = np.where(visible, np.asarray(x, np.float64), 0)
    stretches = gaps(visible)
    limits = [*(start for start, _ in stretches[1:]), len(filled)]  # known as far as these
    for (start, stop), limit in zip(stretches, limits, strict=True):
        before = filled[max(0, start - context) : start]
        after = filled[stop : min(limit, stop + context)]
        filled[start:stop] = _between(before, after, stop - start, order)
    return filled


def burg(x, order):
    """Return the coefficients of the autoregressive model of a signal, by Burg's method.

        x_n = - sum_{k = 1 .. order} a_k x_{n - k} + e_n

    Args:
        x: float `[time]`.
        order: int, less than `time`.

    Returns:
        a: float64 `[order + 1]`, a_0 = 1. The prediction never grows: no pole is outside
            the unit circle.

    Example:
        >>> e = np.random.default_rng(0).normal(size=20000)
        >>> burg(signal.lfilter([1], [1, -0.9], e), 1).round(1).tolist()
        [1.0, -0.9]

    Source:
        Burg, A new analysis technique for time series data, 1968.
    """
    forward = backward = np.asarray(x, np.float64)
    nothing, a = 1e-20 * (forward @ forward), np.ones(1)
    for _ in range(order):
        forward, backward = forward[1:], backward[:-1]
        energy = forward @ forward + backward @ backward
        if energy <= nothing:  # is left to predict
            return np.pad(a, (0, order + 1 - len(a)))
        reflection = -2 * (forward @ backward) / energy
        extended = np.append(a, 0)
        a = extended + reflection * extended[::-1]
        forward, backward = forward + reflection * backward, backward + reflection * forward
    return a


def extrapolate(x, length, order):
    """Go on with a signal by linear prediction.

    Args:
        x: float `[time]`; of fewer than 4 samples nothing is made but silence.
        length: samples to make.
        order: number of coefficients, at most a third of `time`.

    Returns:
        y: float64 `[length]`.

    Example:
        >>> extrapolate(np.array([1.0, -1.0, 1.0, -1.0]), 3, order=1).tolist()
        [1.0, -1.0, 1.0]
    """
    order = min(order, len(x) // 3)
    if order < 1:
        return np.zeros(length)
    a = burg(x, order)
    state = signal.lfiltic([1.0], a, x[::-1][:order])
    return signal.lfilter([1.0], a, np.zeros(length), zi=state)[0]


def _between(before, after, length, order):
    """Return what lies between two stretches `[time, channels]`, either of which may be empty."""
    forwards = [extrapolate(channel, length, order) for channel in before.T]
    backwards = [extrapolate(channel[::-1], length, order)[::-1] for channel in after.T]
    forwards, backwards = np.transpose(forwards), np.transpose(backwards)
    if not len(before):
        return backwards
    if not len(after):
        return forwards
    fade = np.cos(np.pi / 2 * (np.arange(length) + 0.5) / length)[:, None] ** 2
    return fade * forwards + (1 - fade) * backwards
