"""From a model of short, small clips to a clip of any length and size.

To fill, windows overlap in time and space and are faded into each other, those that know most
first; each round sees what the rounds before it have filled. To synthesise for longer than the
model's own clips, pieces are laid end to end and faded.
"""

import numpy as np

LARGEST_SHARE = 0.5  # of a window that may be hidden while a better-known window can be had
AT_ONCE = 32  # windows


def fill(recover, x, visible, sides):
    """Fill what is hidden of a clip, window by window.

        filled = sum_k weight_k window_k / sum_k weight_k       over the windows of a round

    Args:
        recover: function `(x [n, *sides, c], visible bool [n, *sides, 1]) -> filled`.
        x: float32 `[time, height, width, c]` in [-1, 1].
        visible: bool `[time, height, width, 1]`, True = known.
        sides: (frames, height, width) of a window.

    Returns:
        filled: float32 `[time, height, width, c]`; what is known bit for bit.

    Example:
        >>> flat = lambda x, visible: np.where(visible, x, 0.5)
        >>> visible = np.arange(20).reshape(20, 1, 1, 1) != 7
        >>> x = np.ones([20, 9, 9, 1], np.float32)
        >>> fill(flat, x, visible & (x > 0), (16, 16, 16))[7].max()
        0.5
    """
    lengths = x.shape[:3]
    extra = [(0, max(0, side - length)) for side, length in zip(sides, lengths, strict=True)]
    known = np.pad(visible, [*extra, (0, 0)], mode="symmetric")
    result = np.pad(np.where(visible, x, 0), [*extra, (0, 0)], mode="symmetric")
    result = result.astype(np.float32)
    while not known.all():
        total, weights = _round(recover, result, known, sides)
        new = (weights > 0) & ~known
        result = np.where(new, total / np.maximum(weights, 1e-9), result)
        known |= new
    inner = tuple(slice(length) for length in lengths)
    return np.where(visible, x, result[inner])


def join(pieces, length):
    """Lay clips end to end, half of each faded into the next.

    Args:
        pieces: `[n, time, ...]`, used in their order, again from the first when they run out.
        length: frames of the result.

    Returns:
        clip: float32 `[length, ...]`.

    Example:
        >>> join(np.ones([2, 4, 3]), 11).shape
        (11, 3)
    """
    time = pieces.shape[1]
    stride = max(1, time // 2)
    count = -(-length // stride) + 1
    total = np.zeros([count * stride + time, *pieces.shape[2:]], np.float32)
    weights = np.zeros(len(total), np.float32)
    profile = _profile(time)
    tall = profile.reshape(-1, *[1] * (pieces.ndim - 2))
    for number in range(count):
        place = slice(number * stride, number * stride + time)
        total[place] += tall * pieces[number % len(pieces)]
        weights[place] += profile
    inner = slice(stride, stride + length)  # where two pieces overlap
    return total[inner] / weights[inner].reshape(-1, *[1] * (pieces.ndim - 2))


def _round(recover, x, known, sides):
    """Fill the best-known windows; return weighted sums, and weights, of all places."""
    total, weights = np.zeros_like(x), np.zeros(known.shape, np.float32)
    weight = _weight(sides)
    corners = _best_known(known[..., 0], sides)
    for start in range(0, len(corners), AT_ONCE):
        places = [_place(corner, sides) for corner in corners[start : start + AT_ONCE]]
        windows = (np.stack([array[place] for place in places]) for array in (x, known))
        for place, window in zip(places, np.asarray(recover(*windows)), strict=True):
            total[place] += weight * window
            weights[place] += weight
    return total, weights


def _best_known(known, sides):
    """Return corners of half-overlapping windows with something hidden, the best known of them."""
    grid = [_starts(length, side) for length, side in zip(known.shape, sides, strict=True)]
    hidden = ~known
    for axis, (starts, side) in enumerate(zip(grid, sides, strict=True)):
        table = np.insert(hidden.cumsum(axis), 0, 0, axis=axis)
        hidden = table.take(starts + side, axis) - table.take(starts, axis)
    limit = max(LARGEST_SHARE * np.prod(sides), hidden[hidden > 0].min())
    chosen = np.argwhere((hidden > 0) & (hidden <= limit))
    return [tuple(starts[i] for starts, i in zip(grid, at, strict=True)) for at in chosen]


def _starts(length, side):
    return np.unique([*range(0, length - side + 1, max(1, side // 2)), length - side])


def _place(corner, sides):
    return tuple(slice(at, at + side) for at, side in zip(corner, sides, strict=True))


def _weight(sides):
    """Return the weight of each place of a window, least at its rim, `[*sides, 1]`."""
    weight = np.ones([1, 1, 1], np.float32)
    for axis, side in enumerate(sides):
        weight = weight * np.expand_dims(_profile(side), [a for a in range(3) if a != axis])
    return weight[..., None]


def _profile(side):
    places = np.arange(side) + 0.5
    return (np.minimum(places, side - places) / side).astype(np.float32)
