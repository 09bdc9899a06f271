"""Boxes around what is hidden: what the rest costs to look at is saved."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

RIM = 4  # values around what is hidden that belong to a box


class Focus(NamedTuple):
    """Examples cut to boxes around what is hidden.

    Attributes:
        cut: function `[batch, ..., d] -> [batch, ..., d]`, of examples or anything shaped alike.
        paste: function that undoes `cut`, with zeros outside of the box.
        observation: A on the boxes.
        sides: of a box, an int32 tensor.
        fits: whether a box holds all that is hidden of each example, bool `[batch]`.
    """

    cut: Callable
    paste: Callable
    observation: Any
    sides: tf.Tensor
    fits: tf.Tensor


class Boxes:
    """Boxes around what is hidden of examples, all as large.

    Args:
        visible: bool `[batch, ..., 1]`.
        sides: of the boxes, an int32 tensor, 0 for all of a side; None is as large as the batch
            needs.

    Attributes:
        sides: of a box, an int32 tensor.
        fits: whether a box holds all that is hidden of each example, bool `[batch]`.

    Example:
        >>> visible = tf.reshape([True] * 9 + [False] + [True] * 10, [1, 20, 1])
        >>> boxes = Boxes(visible)
        >>> boxes.cut(tf.reshape(tf.range(20), [1, 20, 1])).numpy().ravel().tolist()
        [5, 6, 7, 8, 9, 10, 11, 12, 13]
    """

    def __init__(self, visible, sides=None):
        lengths = tf.shape(visible)[1:-1]
        extents = [_extent(visible, axis) for axis in range(1, len(visible.shape) - 1)]
        needed = tf.stack([tf.reduce_max(after - first) + 2 * RIM for first, after in extents])
        sides = needed if sides is None else tf.where(sides > 0, sides, lengths)
        self.sides = tf.minimum(sides, lengths)
        self._sides, self._lengths = (
            tf.unstack(one, len(extents)) for one in (self.sides, lengths)
        )
        each = list(zip(extents, self._sides, self._lengths, strict=True))
        self._starts = [_start(*extent, side, length) for extent, side, length in each]
        held = [
            (first >= start) & (after <= start + side)
            for ((first, after), side, _), start in zip(each, self._starts, strict=True)
        ]
        self.fits = tf.reduce_all(held, axis=0)

    def cut(self, x):
        """Return the boxes of x `[batch, ..., d]`."""
        for axis, (start, side) in enumerate(zip(self._starts, self._sides, strict=True), 1):
            x = tf.gather(x, start[:, None] + tf.range(side), axis=axis, batch_dims=1)
        return x

    def paste(self, x):
        """Undo `cut`, with zeros outside of the box."""
        each = zip(self._starts, self._sides, self._lengths, strict=True)
        for axis, (start, side, length) in enumerate(each, 1):
            places = tf.range(length) - start[:, None]
            inside = (places >= 0) & (places < side)
            x = tf.gather(x, tf.clip_by_value(places, 0, side - 1), axis=axis, batch_dims=1)
            shape = [-1 if at in (0, axis) else 1 for at in range(len(x.shape))]
            shape[axis] = length
            x = tf.where(tf.reshape(inside, shape), x, 0.0)
        return x


def _extent(visible, axis):
    """Return where what is hidden begins and ends along an axis, int32 `[batch]` each."""
    length = tf.shape(visible)[axis]
    others = [other for other in range(1, len(visible.shape)) if other != axis]
    hidden = tf.logical_not(tf.reduce_all(visible, axis=others))
    first = tf.argmax(hidden, axis=1, output_type=tf.int32)
    return first, length - tf.argmax(hidden[:, ::-1], axis=1, output_type=tf.int32)


def _start(first, after, side, length):
    """Return where a box begins in whose middle is what is hidden, as far as it can be."""
    return tf.clip_by_value((first + after - side) // 2, 0, length - side)
