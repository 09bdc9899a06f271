"""What a model of clips has to beat, each `fill(x, visible) -> filled`.

`x` is `[n, time, height, width, channels]` in [-1, 1], `visible` bool, broadcast against `x`,
True = known. What is hidden in `x` is never looked at, and what is known comes back bit for bit.
"""

import numpy as np

from coopkeras.images.baselines import biharmonic


def linear_in_time(x, visible):
    """Fill each pixel with what it was before and is after, interpolated linearly in time.

        x(t) = x(a) + (t - a) / (b - a) (x(b) - x(a))       a, b the nearest times it is known

    At the ends it stays what it is at the nearest known time. A pixel that is never known is
    filled from its neighbours, frame by frame (`images.baselines.biharmonic`).

    Args:
        x: clips, `[n, time, height, width, channels]` in [-1, 1].
        visible: bool, broadcast against `x`; a pixel is known if all its channels are.

    Returns:
        filled: shaped like `x`, in [-1, 1].

    Example:
        >>> fade = np.linspace(-1, 1, 5).reshape(1, 5, 1, 1, 1)
        >>> visible = np.array([1, 0, 0, 1, 1], bool).reshape(1, 5, 1, 1, 1)
        >>> linear_in_time(fade * visible, visible).ravel().tolist()
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    x, known = _known(x, visible)
    filled, found = _interpolated(x, known)
    return _keep(x, known, _each_frame(filled, found))


def biharmonic_each_frame(x, visible):
    """Fill each frame by itself with the smoothest surface that meets its known pixels.

    A frame of which nothing is known is interpolated in time between its filled neighbours.

    Args:
        x: clips, `[n, time, height, width, channels]` in [-1, 1].
        visible: bool, broadcast against `x`; a pixel is known if all its channels are.

    Returns:
        filled: shaped like `x`, in [-1, 1].

    Example:
        >>> x = np.full([1, 3, 4, 4, 1], 0.25)
        >>> visible = np.ones([1, 3, 4, 4, 1], bool)
        >>> visible[:, 1] = visible[:, 2, 1:3, 1:3] = False
        >>> bool(np.allclose(biharmonic_each_frame(np.where(visible, x, 9), visible), x))
        True
    """
    x, known = _known(x, visible)
    filled = _each_frame(x, known)
    seen = np.broadcast_to(known.any((2, 3), keepdims=True), known.shape)
    filled, _ = _interpolated(filled, seen)
    return _keep(x, known, filled)


BASELINES = {"linear in time": linear_in_time, "biharmonic, each frame": biharmonic_each_frame}


def _known(x, visible):
    """Return x with zeros where it is hidden, and which pixels are known `[n, t, h, w]`."""
    x = np.asarray(x)
    known = np.broadcast_to(np.asarray(visible, bool), x.shape).all(-1)
    return np.where(known[..., None], x, 0).astype(x.dtype), known


def _interpolated(x, known):
    """Return x interpolated in time, and where that was possible `[n, t, h, w]`."""
    length = x.shape[1]
    times = np.arange(length).reshape(1, -1, 1, 1)
    before = np.maximum.accumulate(np.where(known, times, -1), axis=1)
    after = np.where(known, times, length)[:, ::-1]
    after = np.minimum.accumulate(after, axis=1)[:, ::-1]
    first = np.where(before >= 0, before, after) % length
    last = np.where(after < length, after, before) % length
    share = (times - first) / np.maximum(last - first, 1)
    one, other = (np.take_along_axis(x, at[..., None], axis=1) for at in (first, last))
    found = (before >= 0) | (after < length)
    return np.where(found[..., None], one + share[..., None] * (other - one), 0), found


def _each_frame(x, known):
    flat = x.reshape(-1, *x.shape[2:])
    return biharmonic(flat, known.reshape(*flat.shape[:-1], 1)).reshape(x.shape)


def _keep(x, known, filled):
    return np.where(known[..., None], x, filled).astype(x.dtype)
