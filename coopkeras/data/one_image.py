"""Patches of one image of which a part is not known: those that know enough, and what they know."""

import numpy as np
import tensorflow as tf
from scipy import ndimage

from coopkeras.data import stores
from coopkeras.data.examples import Examples, Split
from coopkeras.errors import UserError

LEAST_KNOWN = 0.5  # share of a patch to learn from
ENOUGH = 1000  # patches that know all of themselves
MOST = 100_000  # patches to learn from: a training of minutes sees some thousand
LEAST_JUDGED = 2  # patches


def split(x, known, size, held_out=0.0):
    """Cut an image of which a part is not known into patches.

    Every patch has an entry "known", bool `[size, size, 1]`. Where a value is not known a patch
    has the nearest known one: what an image holds there is not looked at. Patches to learn from
    know all of themselves, or half where there are fewer than 1000 such; those to judge by all. Of
    more than 100,000 to learn from, the nearest to what is not known are taken.

    Args:
        x: float `[height, width, c]` in [-1, 1].
        known: bool `[height, width, 1]`.
        size: side of a patch, pixels, at most the image's shorter side.
        held_out: share of the width, on the right, that is kept apart for judging; 0 is none.

    Returns:
        split: a `Split`; `held_out` may have no examples.

    Raises:
        UserError: if a patch does not fit, or nothing is left to learn from.

    Example:
        >>> known = np.arange(40)[:, None, None] * np.ones([1, 40, 1]) < 30
        >>> train, held_out = split(np.zeros([40, 40, 1]), known, 16)
        >>> len(train), len(held_out), train.gather([0])["known"].shape.as_list()
        (575, 0, [1, 16, 16, 1])
    """
    height, width = known.shape[:2]
    border = round(width * (1 - held_out))
    if size > min(height, border):
        part = f"the left {border} of {width} columns" if held_out else f"the {width} columns"
        raise UserError(
            f"`size` should be at most {min(height, border)}, to cut patches from the {height} "
            f"rows and {part} of this image; received {size}."
        )
    shares = _shares(known[..., 0], size)
    left = np.arange(shares.shape[1]) + size <= border
    right = np.arange(shares.shape[1]) >= border
    train = np.argwhere((shares == 1) & left)
    if len(train) < ENOUGH:
        train = np.argwhere((shares >= LEAST_KNOWN) & left)
    if not len(train):
        raise UserError(
            f"No patch of {size}x{size} pixels of this image is known by half, which leaves "
            f"nothing to learn from; use a smaller --set=size=, or a smaller mask."
        )
    train = _nearest(train, known[..., 0], size)
    whole = _patches(x, known, size)
    judged = np.argwhere((shares == 1) & right)
    judged = judged if len(judged) >= LEAST_JUDGED else judged[:0]
    return Split(Examples(whole(train)), Examples(whole(judged)))


def _shares(known, size):
    """Return which share of each patch is known, `[height - size + 1, width - size + 1]`."""
    sums = np.pad(known.astype(np.int64).cumsum(0).cumsum(1), [(1, 0), (1, 0)])
    inside = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return inside / size**2


def _nearest(corners, known, size):
    """Return the corners of the patches whose middles are nearest to what is not known, at most."""
    if len(corners) <= MOST or known.all():
        return corners
    distances = ndimage.distance_transform_edt(known)[tuple((corners + size // 2).T)]
    return corners[np.sort(np.argsort(distances, kind="stable")[:MOST])]


def _patches(x, known, size):
    """Return a function that makes the `Store` of the patches at corners `[n, 2]`."""
    nearest = ndimage.distance_transform_edt(
        ~known[..., 0], return_distances=False, return_indices=True
    )
    x = x[tuple(nearest)].astype(np.float32)
    with tf.device("CPU:0"):
        x, known = tf.constant(x), tf.constant(known)
    steps = tf.stack(tf.meshgrid(*[tf.range(size, dtype=tf.int64)] * 2, indexing="ij"), axis=-1)

    def make(corners):
        with tf.device("CPU:0"):
            corners = tf.constant(corners, tf.int64)

        def fetch(indices):
            places = tf.gather(corners, indices)[:, None, None] + steps
            return {"x": tf.gather_nd(x, places), "known": tf.gather_nd(known, places)}

        return stores.Store(len(corners), (size, size, x.shape[-1]), fetch)

    return make
