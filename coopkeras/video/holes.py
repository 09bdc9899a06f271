"""Gaps: what is hidden of a clip, drawn from a seed in TensorFlow operations.

Every function draws for one clip and returns `visible`, bool `[time, height, width, 1]`: True is
known, False is to be filled. Holes of images (`images.holes`) stay where they are in time.
"""

import re

import tensorflow as tf

from coopkeras import images
from coopkeras.errors import UserError
from coopkeras.seeds import ALGORITHM, as_seed, fold

_EXPECTED = (
    "frames:4 (missing frames), moving:12 (a moving square, pixels), box:12x6 (a square, pixels x "
    "frames), a hole of images that stays (square:12, blocks:0.5, strokes:0.3, mixed), or "
    "several of these with commas"
)


def frames(seed, shape, count):
    """Hide `count` frames one after another, neither the first nor the last.

    Args:
        seed: int32 `[2]`.
        shape: (time, height, width, ...).
        count: int, frames, at most time - 2.

    Returns:
        visible: bool `[time, height, width, 1]`.

    Raises:
        UserError: if too many frames would be hidden.

    Example:
        >>> visible = frames(as_seed(0), (8, 4, 4, 1), 3)
        >>> int(tf.reduce_sum(tf.cast(~visible, tf.int32))) == 3 * 4 * 4
        True
    """
    time, height, width = shape[:3]
    _check("frames", count, time - 2, f"frames in a clip of {time}")
    start = 1 + images.holes.whole_number(seed, time - count - 1)
    hidden = _within(tf.range(time), start, count)
    return tf.tile(~hidden[:, None, None, None], [1, height, width, 1])


def moving(seed, shape, size):
    """Hide a square that moves straight on from one place to another.

    Args:
        seed: int32 `[2]`.
        shape: (time, height, width, ...).
        size: int, pixels.

    Returns:
        visible: bool `[time, height, width, 1]`.

    Raises:
        UserError: if the square is larger than a frame.

    Example:
        >>> visible = moving(as_seed(0), (8, 16, 16, 1), 5)
        >>> tf.reduce_sum(tf.cast(~visible, tf.int32), [1, 2, 3]).numpy().tolist()
        [25, 25, 25, 25, 25, 25, 25, 25]
    """
    time, height, width = shape[:3]
    _check("moving", size, min(height, width), f"pixels in frames of {height} x {width}")
    share = tf.linspace(0.0, 1.0, time)[:, None]
    places = tf.cast([height - size + 1, width - size + 1], tf.float32)
    ends = tf.random.stateless_uniform([2, 2], seed, alg=ALGORITHM) * places
    corners = tf.cast(tf.floor(ends[0] + share * (ends[1] - ends[0])), tf.int32)
    return ~_squares(corners, size, height, width)


def box(seed, shape, size, count):
    """Hide one square during some frames: a box in space and time.

    Args:
        seed: int32 `[2]`.
        shape: (time, height, width, ...).
        size: int, pixels.
        count: int, frames.

    Returns:
        visible: bool `[time, height, width, 1]`.

    Raises:
        UserError: if the box is larger than the clip.

    Example:
        >>> visible = box(as_seed(0), (8, 16, 16, 1), 5, 3)
        >>> int(tf.reduce_sum(tf.cast(~visible, tf.int32)))
        75
    """
    time, height, width = shape[:3]
    _check("box", size, min(height, width), f"pixels in frames of {height} x {width}")
    _check("box", count, time, f"frames in a clip of {time}")
    corner = [
        images.holes.whole_number(fold(seed, 0), height - size + 1),
        images.holes.whole_number(fold(seed, 1), width - size + 1),
    ]
    square = _squares(tf.stack(corner)[None], size, height, width)
    during = _within(
        tf.range(time), images.holes.whole_number(fold(seed, 2), time - count + 1), count
    )
    return ~(square & during[:, None, None, None])


def parse(text):
    """Turn a description of gaps into the function that draws them.

    Args:
        text: "frames:4" | "moving:12" | "box:12x6" | what `images.holes.parse` takes; several
            with commas: each clip draws one of them.

    Returns:
        draw: (seed int32 `[2]`, shape) -> visible, bool `[time, height, width, 1]`.

    Raises:
        UserError: if the description is not understood.

    Example:
        >>> parse("frames:2,square:3")(as_seed(0), (8, 8, 8, 3)).shape.as_list()
        [8, 8, 8, 1]
    """
    return images.holes.mixture([_parse_one(part.strip()) for part in text.split(",")])


def draw(text, row_seeds, shape):
    """Draw a hole for each clip of a batch.

    Args:
        text: as for `parse`.
        row_seeds: int32 `[batch, 2]`.
        shape: of one clip.

    Returns:
        visible: bool `[batch, *shape[:-1], 1]`, True = known.
    """
    return images.holes.draw(text, row_seeds, shape, parse)


def _parse_one(text):
    kind, _, amount = text.partition(":")
    if kind in ("frames", "moving", "box"):
        numbers = re.fullmatch(r"(\d+)x(\d+)" if kind == "box" else r"(\d+)", amount)
        if not numbers:
            raise UserError(f"`holes` should be {_EXPECTED}; received {text!r}.")
        function = {"frames": frames, "moving": moving, "box": box}[kind]
        numbers = [int(number) for number in numbers.groups()]
        return lambda seed, shape: function(as_seed(seed), shape, *numbers)
    try:
        still = images.holes.parse(text)
    except UserError as error:
        raise UserError(f"`holes` should be {_EXPECTED}; received {text!r}.") from error
    return lambda seed, shape: _held(still(as_seed(seed), shape[1:]), shape)


def _held(visible, shape):
    """Keep an image's hole through time; its sides are told, which drawing may lose."""
    visible = tf.ensure_shape(visible, [*shape[1:3], 1])
    return tf.tile(visible[None], [shape[0], 1, 1, 1])


def _squares(corners, size, height, width):
    """Return where squares are, bool `[time or 1, height, width, 1]`, from corners `[.., 2]`."""
    rows = _within(tf.range(height)[None], corners[:, :1], size)
    columns = _within(tf.range(width)[None], corners[:, 1:], size)
    return (rows[:, :, None] & columns[:, None, :])[..., None]


def _within(places, start, count):
    return (places >= start) & (places < start + count)


def _check(kind, amount, most, what):
    if not 1 <= amount <= most:
        raise UserError(f"`{kind}` should be 1 to {most} {what}; received {amount}.")
