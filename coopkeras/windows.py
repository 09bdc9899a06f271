"""From a model of one size to data of any size: windows on sounds, images and clips.

To fill a hole, windows are placed on it; where none sees all of it, they go from its border
inwards. To enlarge or to revise, windows overlap all over the data and are faded into each other.
Arrays are `[*lengths, channels]` with one, two or three sides.
"""

import functools
import itertools

import numpy as np
from scipy import ndimage

AT_ONCE = 32  # windows in one call of a model, at most
RIM = 6  # a hole fits into a window if a 6th of the window's side is left on each of its sides
KNOWN = 0.5  # of a window: as much as a round asks for
NEARLY = 0.75  # of what the best-known window of a hole knows, where none knows so much
TRUSTED = 0.5  # weight of the windows of a round that lets a value stay


def fill(recover, x, visible, sides):
    """Fill the holes of an array.

        filled = sum_k weight_k window_k / sum_k weight_k       over the windows of a round

    A hole that fits into a window with a known rim is filled by one window around it. A larger one
    is filled in rounds: of the half-overlapping windows on it, those that know most are recovered;
    what lies well inside them stays, and the next round sees it as known. Data shorter than a
    window are mirrored.

    Args:
        recover: function `(x [n, *sides, c], visible bool [n, *sides, 1], numbers [n]) -> filled
            [n, *sides, c]`; every window has its own number, counted through all rounds.
        x: float32 `[*lengths, c]`; hidden values are never looked at.
        visible: bool `[*lengths, 1]`, True = known.
        sides: sides of a window, one for each of `lengths`.

    Returns:
        filled: float32 `[*lengths, c]`; known values bit for bit.

    Example:
        >>> flat = lambda x, visible, numbers: np.where(visible, x, 0.0)
        >>> visible = np.arange(9)[:, None] != 4
        >>> fill(flat, np.ones([9, 1]), visible, (8,)).ravel().tolist()
        [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """
    filled = np.where(visible, x, 0).astype(np.float32)
    if np.all(visible):
        return filled
    box = around(visible, sides)
    lengths = filled[box].shape[:-1]
    short = [(0, max(0, side - length)) for side, length in zip(sides, lengths, strict=True)]
    padded = [np.pad(a[box], [*short, (0, 0)], mode="symmetric") for a in (filled, visible)]
    _fill_in_rounds(recover, *padded, sides)
    inner = tuple(slice(length) for length in lengths)
    filled[box] = np.where(visible[box], filled[box], padded[0][inner])
    return filled


def around(visible, sides):
    """Return slices around what is hidden, with room for a window on each side.

    Args:
        visible: bool `[*lengths, 1]`, somewhere False.
        sides: sides of a window.

    Returns:
        box: tuple of slices, one for each of `lengths`.

    Example:
        >>> around(np.arange(100)[:, None] != 50, (8,))
        (slice(42, 59, None),)
    """
    box = []
    for axis, side in enumerate(sides):
        others = tuple(a for a in range(visible.ndim) if a != axis)
        places = np.flatnonzero(~visible.all(others))
        box.append(slice(max(0, int(places[0]) - side), int(places[-1]) + 1 + side))
    return tuple(box)


def overlapped(function, x, size, border, factor=1):
    """Apply a function to overlapping windows, and fade its results into each other.

    Args:
        function: `(windows [n, *size, c], numbers [n]) -> [n, *(factor * size), d]`; every window
            has its own number. One call gets the windows along the last side.
        x: float `[*lengths, c]`.
        size: all sides of a window.
        border: how far windows reach into each other, twice; less than half of `size`. What the
            function makes of the outer half of a border is not used.
        factor: int, how many times longer each side of the result is.

    Returns:
        y: float32 `[*(factor * lengths), d]`.

    Example:
        >>> double = lambda x, numbers: 2 * x
        >>> overlapped(double, np.ones([10, 1]), size=4, border=1).ravel().tolist()
        [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """
    lengths, stride = x.shape[:-1], size - 2 * border
    sides = [size] * len(lengths)
    counts = [-(-length // stride) for length in lengths]
    extra = [(border, n * stride + border - side) for n, side in zip(counts, lengths, strict=True)]
    padded = np.pad(x, [*extra, (0, 0)], mode="symmetric").astype(np.float32)
    weight = _product([_faded(factor * size, factor * border)] * len(sides))
    mean = _Mean([factor * side for side in padded.shape[:-1]])
    for row in np.ndindex(*counts[:-1]):
        starts = [stride * np.array([*row, last]) for last in range(counts[-1])]
        numbers = np.ravel_multi_index([*row, 0], counts) + np.arange(counts[-1])
        windows = np.stack([padded[_place(start, sides)] for start in starts])
        made = np.asarray(function(windows, numbers), np.float32)
        for start, window in zip(starts, made, strict=True):
            mean.add(_place(factor * start, [factor * size] * len(sides)), window, weight)
    return mean.at(_place([factor * border] * len(sides), [factor * side for side in lengths]))


def join(pieces, length):
    """Lay pieces end to end, half of each faded into the next.

    Args:
        pieces: `[n, time, ...]`, used in their order, again from the first when they run out.
        length: time of the result.

    Returns:
        joined: float32 `[length, ...]`.

    Example:
        >>> join(np.ones([2, 4, 3]), 11).shape
        (11, 3)
    """
    time = pieces.shape[1]
    stride = max(1, time // 2)
    count = -(-length // stride) + 1
    mean = _Mean([count * stride + time])
    weight = _tent(time).reshape(-1, *[1] * (pieces.ndim - 2))
    for number in range(count):
        mean.add(_place([number * stride], [time]), pieces[number % len(pieces)], weight)
    return mean.at(_place([stride], [length]))  # where two pieces overlap


class _Mean:
    """The weighted mean of windows laid over each other; the memory comes with the first."""

    def __init__(self, lengths):
        self.lengths, self.total, self.weights = lengths, None, None

    def add(self, place, window, weight):
        if self.total is None:
            rest = np.shape(window)[len(self.lengths) :]
            self.total = np.zeros([*self.lengths, *rest], np.float32)
            self.weights = np.zeros([*self.lengths, *[1] * len(rest)], np.float32)
        self.total[place] += weight * window
        self.weights[place] += weight

    def at(self, place):
        return self.total[place] / self.weights[place]


class _Hole:
    """A connected hidden region, or small ones that one window sees, and the windows on it."""

    def __init__(self, mask, low, lengths, sides):
        self.mask, self.low, self.sides = mask, low, sides
        self.box = _place(low, mask.shape)
        self.grid = [_starts(*one) for one in zip(low, mask.shape, lengths, sides, strict=True)]

    def windows(self, known):
        """Return where windows of this round start: those that know most of the array."""
        starts = [start for start in itertools.product(*self.grid) if self._own(start).any()]
        shares = np.array([known[_place(start, self.sides)].mean() for start in starts])
        least = min(KNOWN, NEARLY * shares.max())
        return [start for start, share in zip(starts, shares, strict=True) if share >= least]

    def weight(self, start):
        """Return a window's weights, `[*sides, 1]`: in the hole; least where another sees more."""
        profiles = []
        for at, starts, side in zip(start, self.grid, self.sides, strict=True):
            profile = _tent(side)
            if at == starts[0]:
                profile[: side // 2] = 1
            if at == starts[-1]:
                profile[side // 2 :] = 1
            profiles.append(profile)
        return _product(profiles) * self._own(start)[..., None]

    def close(self, x, known, mean):
        """Write what lies well inside the windows so far; return the mask of the rest.

        What lies less well inside is faded into what later rounds make of it:

            a value + (1 - a) later,  a = weight / enough        weights from now on: a / (1 - a)
        """
        total, weights = mean.total[self.box], mean.weights[self.box]
        enough = min(TRUSTED, weights[self.mask].max())
        done = self.mask & (weights[..., 0] >= enough)
        x[self.box][done] = total[done] / weights[done]
        known[self.box][done] = True
        rest = self.mask & ~done
        scale = 1 / (enough - weights[rest])
        total[rest] *= scale
        weights[rest] *= scale
        return rest

    def _own(self, start):
        """Return what of a window is this hole's, bool `[*sides]`."""
        own = np.zeros(self.sides, bool)
        lows = np.maximum(start, self.low)
        highs = np.minimum(np.add(start, self.sides), np.add(self.low, self.mask.shape))
        shared = np.maximum(highs - lows, 0)
        own[_place(lows - start, shared)] = self.mask[_place(lows - self.low, shared)]
        return own


def _fill_in_rounds(recover, x, known, sides):
    """Fill x `[*lengths, c]`, none shorter than a window, and make all of it known, in place."""
    lengths, mean, number = x.shape[:-1], _Mean(x.shape[:-1]), 0
    holes = _holes(~known[..., 0], np.zeros(len(sides), int), lengths, sides)
    while holes:
        windows = [(hole, start) for hole in holes for start in hole.windows(known)]
        for first in range(0, len(windows), AT_ONCE):
            batch = windows[first : first + AT_ONCE]
            places = [_place(start, sides) for _, start in batch]
            cut = [np.stack([array[place] for place in places]) for array in (x, known)]
            made = np.asarray(recover(*cut, number + np.arange(len(batch))), np.float32)
            number += len(batch)
            for (hole, start), place, window in zip(batch, places, made, strict=True):
                mean.add(place, window, hole.weight(start))
        rests = [(hole.close(x, known, mean), hole.low) for hole in holes]
        holes = [hole for rest in rests for hole in _holes(*rest, lengths, sides)]


def _holes(hidden, low, lengths, sides):
    """Return the holes of `hidden`, a box at `low`; small ones that fit into a window are one."""
    labels, count = ndimage.label(hidden, np.ones([3] * hidden.ndim))
    found = [[(s.start, s.stop) for s in box] for box in ndimage.find_objects(labels)]
    boxes = np.reshape(found, [count, len(sides), 2]).astype(int) + low[:, None]
    numbers = np.argsort(boxes[:, 0, 0], kind="stable")
    boxes, holes = boxes[numbers], []
    while len(boxes):
        start = _clipped(boxes[0, :, 0] - _rim(sides), lengths, sides)
        near = boxes[: np.searchsorted(boxes[:, 0, 0], start[0] + sides[0])]
        seen = np.flatnonzero(_sees(start, near[..., 0], near[..., 1], lengths, sides).all(1))
        together = np.union1d(0, seen)
        lows = boxes[together, :, 0].min(0)
        box = _place(lows - low, boxes[together, :, 1].max(0) - lows)
        mask = np.isin(labels[box], numbers[together] + 1)
        holes.append(_Hole(mask, lows, lengths, sides))
        boxes, numbers = (np.delete(array, together, 0) for array in (boxes, numbers))
    return holes


def _starts(low, extent, length, side):
    """Return where windows start on one side of a hole: one, if it sees both its ends."""
    middle = _clipped(low + (extent - side) // 2, length, side)
    if _sees(middle, low, low + extent, length, side):
        return [int(middle)]
    half = side // 2
    count = -(-extent // max(1, half)) + 1
    starts = np.rint(np.linspace(low - half, low + extent - side + half, count))
    return np.unique(_clipped(starts, length, side)).astype(int).tolist()


def _sees(start, low, high, length, side):
    """Say where a window sees a hole from `low` to `high`, with a rim or up to the data's end."""
    before, after = np.maximum(0, low - _rim(side)), np.minimum(length, high + _rim(side))
    return (start <= before) & (start + np.asarray(side) >= after)


def _rim(side):
    return -(-np.asarray(side) // RIM)


def _clipped(start, length, side):
    return np.clip(start, 0, np.subtract(length, side))


def _product(profiles):
    """Return the product of weights along each side, `[*sides, 1]`."""
    return functools.reduce(np.multiply.outer, profiles)[..., None]


def _faded(size, border):
    """Return a window's weights: none at its rim, and with its neighbour's 1 in all."""
    if not border:
        return np.ones(size, np.float32)
    places = (np.arange(size) + 0.5) / (2 * border)
    rising = np.clip(2 * places - 0.5, 0, 1)
    return np.minimum(rising, rising[::-1]).astype(np.float32)


def _tent(side):
    """Return a window's weights: 1 in its middle, falling to its rim."""
    places = np.arange(side) + 0.5
    return (2 * np.minimum(places, side - places) / side).astype(np.float32)


def _place(start, sides):
    return tuple(slice(int(at), int(at + side)) for at, side in zip(start, sides, strict=True))
