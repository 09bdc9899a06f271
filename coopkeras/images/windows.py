"""From a model of one size to a picture of any size and aspect.

To fill a hole, a model of patches works on windows at the picture's own scale, the best-known
ones first, each seeing what the ones before it have filled; a model of whole pictures works on
one square around the hole, brought to the model's size and back. To enlarge, windows overlap and
are blended.
"""

import numpy as np

from coopkeras.images.files import resize

LARGEST_SHARE = 0.4  # of a window that may be hidden while a better-known window can be had
LARGEST_BORDER = 8  # pixels of a low-resolution window that its neighbours see as well


def fill_patches(recover, picture, visible, size):
    """Fill the hole of a picture window by window, from its border inwards.

    Args:
        recover: function `(x [n, size, size, c], visible bool [n, size, size, 1]) -> filled`.
        picture: float32 `[height, width, c]` in [-1, 1].
        visible: bool `[height, width, 1]`, True = known.
        size: side of a window, pixels.

    Returns:
        filled: float32 `[height, width, c]`; known pixels bit for bit.

    Example:
        >>> flat = lambda x, visible: np.where(visible, x, 0.0)
        >>> fill_patches(flat, np.ones([20, 20, 1]), np.zeros([20, 20, 1], bool), 16).max()
        0.0
    """
    height, width = picture.shape[:2]
    extra = [(0, max(0, size - height)), (0, max(0, size - width)), (0, 0)]
    x = np.pad(np.where(visible, picture, 0), extra, mode="symmetric").astype(np.float32)
    known = np.pad(visible, extra, mode="symmetric")
    while not known.all():
        corners = _best_known(known[..., 0], size)
        filled = recover(_cut(x, corners, size), _cut(known, corners, size))
        for (top, left), window in zip(corners, np.asarray(filled), strict=True):
            place = slice(top, top + size), slice(left, left + size)
            x[place] = np.where(known[place], x[place], window)
            known[place] = True
    return np.where(visible, picture, x[:height, :width])


def fill_whole(recover, picture, visible, size):
    """Fill the hole of a picture through one square window around it, resized to the model.

    Args:
        recover: as for `fill_patches`.
        picture: float32 `[height, width, c]` in [-1, 1].
        visible: bool `[height, width, 1]`.
        size: side of the model's pictures.

    Returns:
        filled: float32 `[height, width, c]`; known pixels bit for bit.

    Example:
        >>> flat = lambda x, visible: np.where(visible, x, 0.0)
        >>> fill_whole(flat, np.ones([40, 30, 1]), np.ones([40, 30, 1], bool), 16).min()
        1.0
    """
    top, left, side = _square_around(~visible[..., 0])
    height, width = picture.shape[:2]
    extra = [(0, max(0, side - height)), (0, max(0, side - width)), (0, 0)]
    place = slice(top, top + side), slice(left, left + side)
    x = np.pad(picture, extra, mode="symmetric")[place]
    known = np.pad(visible, extra, mode="symmetric")[place]
    small, share = resize(x * known, size, size), resize(known.astype(np.float32), size, size)
    small = small / np.maximum(share, 1e-3)  # the mean of what is known, nothing of the hole
    seen = share > 0.5
    filled = np.asarray(recover(np.where(seen, small, 0)[None], seen[None]))[0]
    filled = resize(filled, side, side)
    result = np.array(picture)
    part = result[place]
    result[place] = np.where(visible[place], part, filled[: part.shape[0], : part.shape[1]])
    return result


def enlarge_patches(enlarge, picture, size, factor):
    """Enlarge a picture window by window; neighbours overlap, and one is faded into the other.

    Args:
        enlarge: function `(x [n, size / factor, size / factor, c], numbers [n]) -> [n, size,
            size, c]`; every window has its own number.
        picture: float32 `[height, width, c]`.
        size: side of a window of the result, pixels, 4 * factor or more.
        factor: int, how many times larger the result is.

    Returns:
        enlarged: float32 `[factor * height, factor * width, c]`.

    Example:
        >>> repeat = lambda x, numbers: x.repeat(2, axis=1).repeat(2, axis=2)
        >>> enlarge_patches(repeat, np.ones([5, 9, 1]), 16, 2).shape
        (10, 18, 1)
    """
    small = size // factor
    border = min(small // 4, LARGEST_BORDER)
    stride = small - 2 * border
    height, width, channels = picture.shape
    down, across = -(-height // stride), -(-width // stride)
    extra = [(border, n * stride + border - side) for n, side in ((down, height), (across, width))]
    padded = np.pad(picture, [*extra, (0, 0)], mode="symmetric").astype(np.float32)
    total = np.zeros([factor * padded.shape[0], factor * padded.shape[1], channels], np.float32)
    weights = np.zeros_like(total[..., :1])
    weight = _faded(size, factor * border)
    for row in range(down):
        corners = [(row * stride, column * stride) for column in range(across)]
        numbers = row * across + np.arange(across)
        windows = np.asarray(enlarge(_cut(padded, corners, small), numbers))
        for (top, left), window in zip(corners, windows, strict=True):
            place = tuple(slice(factor * at, factor * at + size) for at in (top, left))
            total[place] += weight * window
            weights[place] += weight
    inner = tuple(slice(factor * border, factor * (border + side)) for side in (height, width))
    return total[inner] / weights[inner]


def _faded(size, border):
    """Return a window's weights: none at its rim, and with its neighbour's 1 in all."""
    places = (np.arange(size) + 0.5) / (2 * border)
    rising = np.clip(2 * places - 0.5, 0, 1)
    profile = np.minimum(rising, rising[::-1]).astype(np.float32)
    return (profile[:, None] * profile)[..., None]


def _best_known(known, size):
    """Return corners of windows that do not overlap: the best known of those with a hole."""
    stride = max(1, size // 4)
    tops = _places(known.shape[0], size, stride)
    lefts = _places(known.shape[1], size, stride)
    hidden = _hidden_counts(known, tops, lefts, size)
    order = np.argsort(np.where(hidden > 0, hidden, np.inf), axis=None, kind="stable")
    limit = max(LARGEST_SHARE * size**2, hidden.flat[order[0]])
    chosen = []
    for place in order:
        row, column = np.unravel_index(place, hidden.shape)
        if not 0 < hidden[row, column] <= limit:
            break
        corner = tops[row], lefts[column]
        if all(max(abs(corner[0] - a), abs(corner[1] - b)) >= size for a, b in chosen):
            chosen.append(corner)
    return chosen


def _places(length, size, stride):
    return sorted({*range(0, length - size + 1, stride), length - size})


def _hidden_counts(known, tops, lefts, size):
    """Count the hidden pixels of every window, by a summed area table."""
    table = np.pad(np.cumsum(np.cumsum(~known, axis=0), axis=1), [(1, 0), (1, 0)])
    tops, lefts = np.array(tops)[:, None], np.array(lefts)[None]
    return (
        table[tops + size, lefts + size]
        - table[tops, lefts + size]
        - table[tops + size, lefts]
        + table[tops, lefts]
    ).astype(float)


def _square_around(hidden):
    """Return top, left, side of the square to look at: the middle one, if it holds the hole."""
    height, width = hidden.shape
    rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
    side = min(height, width)
    if rows.size and max(np.ptp(rows), np.ptp(columns)) >= side:
        return 0, 0, max(height, width)
    top = _start(height, side, rows)
    return top, _start(width, side, columns), side


def _start(length, side, places):
    """Return where a stretch of `side` begins: the middle, moved no further than `places` ask."""
    middle = (length - side) // 2
    if not places.size:
        return middle
    return int(np.clip(middle, max(0, places.max() + 1 - side), min(length - side, places.min())))


def _cut(array, corners, size):
    return np.stack([array[top : top + size, left : left + size] for top, left in corners])
