"""From a model of one length to a sound of any length.

To make sound, windows overlap and are faded into each other; to fill gaps, windows are placed
around them one after the other, each seeing what the ones before it have filled.
"""

import numpy as np


def overlapped(function, x, size, border, factor=1):
    """Apply a function to overlapping windows, and fade its results into each other.

    Args:
        function: `(windows [n, size, c], numbers [n]) -> [n, factor * size, d]`; every window has
            its own number.
        x: `[time, c]`, a sound or a map of z.
        size: length of a window.
        border: how far windows reach into each other, twice; less than half of `size`. What the
            function makes of the outer half of a border is not used.
        factor: int, how many times longer the result is.

    Returns:
        y: float32 `[factor * time, d]`.

    Example:
        >>> double = lambda x, numbers: 2 * x
        >>> overlapped(double, np.ones([10, 1]), size=4, border=1).ravel().tolist()
        [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """
    stride = size - 2 * border
    count = -(-len(x) // stride)
    after = count * stride + border - len(x)
    padded = np.pad(x, [(border, after), (0, 0)], mode="symmetric").astype(np.float32)
    starts = stride * np.arange(count)
    windows = np.stack([padded[start : start + size] for start in starts])
    made = np.asarray(function(windows, np.arange(count)), np.float32)
    total = np.zeros([factor * len(padded), made.shape[-1]], np.float32)
    weights = np.zeros([len(total), 1], np.float32)
    weight = _faded(factor * size, factor * border)
    for start, window in zip(factor * starts, made, strict=True):
        total[start : start + factor * size] += weight * window
        weights[start : start + factor * size] += weight
    inner = slice(factor * border, factor * (border + len(x)))
    return total[inner] / weights[inner]


def fill(recover, x, visible, size):
    """Fill the gaps of a sound window by window, from left to right.

    A window begins a quarter of its length before a gap; what lies in its last quarter is left to
    the next one. So a gap of up to half a window is filled at once, seen from both sides.

    Args:
        recover: function `(x [1, size, c], visible bool [1, size, 1], numbers [1]) -> filled
            [1, size, c]`; every window has its own number.
        x: float `[time, c]`; what is not visible is never looked at.
        visible: bool `[time, 1]`, True = known.
        size: length of a window.

    Returns:
        filled: float32 `[time, c]`; known samples bit for bit.

    Example:
        >>> flat = lambda x, visible, numbers: np.where(visible, x, 0.0)
        >>> visible = np.arange(9)[:, None] != 4
        >>> fill(flat, np.ones([9, 1]), visible, 8).ravel().tolist()
        [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """
    time, missing = len(x), max(0, size - len(x))
    extra = [(0, missing), (0, 0)]
    filled = np.pad(np.where(visible, x, 0), extra, mode="symmetric").astype(np.float32)
    known = np.pad(visible, extra, mode="symmetric")
    number = 0
    while not known.all():
        first = int(np.argmin(known[:, 0]))
        start = min(max(0, first - size // 4), len(filled) - size)
        window = slice(start, start + size)
        made = np.asarray(recover(filled[None, window], known[None, window], np.array([number])))[0]
        stop = len(filled) if start + size == len(filled) else start + size - size // 4
        done = slice(start, stop)
        filled[done] = np.where(known[done], filled[done], made[: stop - start])
        known[done] = True
        number += 1
    return np.where(visible, x, filled[:time]).astype(np.float32)


def gaps(visible):
    """Return the stretches that are not visible, in order: pairs (start, stop).

    Args:
        visible: bool `[time, 1]`.

    Example:
        >>> gaps(np.array([[True], [False], [False], [True], [False]]))
        [(1, 3), (4, 5)]
    """
    hidden = np.concatenate([[False], ~visible[:, 0], [False]]).astype(np.int8)
    borders = np.flatnonzero(np.diff(hidden))
    return list(zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True))


def _faded(size, border):
    """Return a window's weights: none at its rim, and with its neighbour's 1 in all."""
    if not border:
        return np.ones([size, 1], np.float32)
    places = (np.arange(size) + 0.5) / (2 * border)
    rising = np.clip(2 * places - 0.5, 0, 1)
    return np.minimum(rising, rising[::-1]).astype(np.float32)[:, None]
