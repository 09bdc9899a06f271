"""Holes: which pixels of an image are hidden, drawn from a seed in TensorFlow operations.

Every function draws for one image and returns `visible`, bool `[height, width, 1]`: True is
known, False is to be filled.
"""

import tensorflow as tf

from coopkeras.errors import UserError
from coopkeras.seeds import ALGORITHM, fold, uniform

_DABS = 16  # touches of the brush in one stroke
_NEVER = 2**31 - 1
_EXPECTED = (
    "square:12, square:8-20, blocks:0.5, strokes:0.3 (pixels, or a share; a range is drawn "
    "from for each image) or mixed"
)


def square(seed, shape, size):
    """Hide one square of `size` by `size` pixels, anywhere wholly inside the image.

    Args:
        seed: int32 `[2]`.
        shape: (height, width, ...), pixels.
        size: int or int32 scalar, pixels.

    Returns:
        visible: bool `[height, width, 1]`.

    Raises:
        UserError: if the square is larger than the image.

    Example:
        >>> int(tf.reduce_sum(tf.cast(~square(ck.seeds.as_seed(0), (8, 8), 3), tf.int32)))
        9
    """
    height, width = shape[:2]
    if not tf.is_tensor(size) and not 1 <= size <= min(height, width):
        raise UserError(
            f"`square` should have a size of 1 to {min(height, width)} pixels in an image of "
            f"{height} x {width}; received {size}."
        )
    places = tf.cast([height - size + 1, width - size + 1], tf.float32)
    top, left = tf.unstack(tf.cast(tf.floor(uniform(seed, [2]) * places), tf.int32))
    rows, columns = tf.range(height)[:, None, None], tf.range(width)[None, :, None]
    inside_rows = (rows >= top) & (rows < top + size)
    return ~(inside_rows & (columns >= left) & (columns < left + size))


def blocks(seed, shape, coverage, block=3):
    """Hide random `block` by `block` squares of a randomly placed lattice.

    Args:
        seed: int32 `[2]`.
        shape: (height, width, ...), pixels.
        coverage: share of the image to hide, in [0, 1]; met to half a block.
        block: int, pixels.

    Returns:
        visible: bool `[height, width, 1]`.

    Raises:
        UserError: if the coverage is no share.

    Example:
        >>> hidden = ~blocks(ck.seeds.as_seed(0), (30, 30), 0.5)
        >>> bool(abs(tf.reduce_mean(tf.cast(hidden, tf.float32)) - 0.5) < 0.01)
        True
    """
    _check_share("blocks", coverage)
    height, width = shape[:2]
    shift = tf.cast(tf.floor(uniform(fold(seed, 0), [2]) * block), tf.int32)
    row_block = (tf.range(height) + shift[0]) // block
    column_block = (tf.range(width) + shift[1]) // block
    high, wide = (height - 1) // block + 2, (width - 1) // block + 2
    row_sizes = tf.math.bincount(row_block, minlength=high, maxlength=high, dtype=tf.float32)
    column_sizes = tf.math.bincount(column_block, minlength=wide, maxlength=wide, dtype=tf.float32)
    areas = tf.reshape(row_sizes[:, None] * column_sizes, [-1])
    order = tf.argsort(uniform(fold(seed, 1), [high * wide]), stable=True)
    ordered = tf.gather(areas, order)
    hidden = tf.cumsum(ordered) - ordered / 2 <= coverage * height * width
    hidden = tf.reshape(tf.gather(hidden, tf.argsort(order)), [high, wide])
    hidden = tf.gather(tf.gather(hidden, row_block), column_block, axis=1)
    return ~hidden[..., None]


def strokes(seed, shape, coverage):
    """Hide free-form strokes of a round brush that wanders, until enough is covered.

    A stroke is a random walk of a slowly turning direction; its thickness is drawn between 6
    and 16 % of the image's shorter side.

    Args:
        seed: int32 `[2]`.
        shape: (height, width, ...), pixels.
        coverage: share of the image to hide, in [0, 1); met to one touch of the brush.

    Returns:
        visible: bool `[height, width, 1]`.

    Raises:
        UserError: if the coverage is no share, or more than 0.95.

    Example:
        >>> hidden = ~strokes(ck.seeds.as_seed(0), (64, 64), 0.3)
        >>> bool(0.3 <= tf.reduce_mean(tf.cast(hidden, tf.float32)) < 0.33)
        True
    """
    _check_share("strokes", coverage, highest=0.95)
    height, width = shape[:2]
    target = tf.cast(tf.math.ceil(coverage * height * width), tf.int32)

    def unfinished(_, painted):
        return tf.math.count_nonzero(painted < _NEVER, dtype=tf.int32) < target

    def paint(number, painted):
        touched = _stroke(fold(seed, number), height, width)
        time = number * _DABS + tf.range(_DABS)[:, None, None]
        time = tf.reduce_min(tf.where(touched, time, _NEVER), axis=0)
        return number + 1, tf.minimum(painted, time)

    start = tf.zeros([], tf.int32), tf.fill([height, width], _NEVER)
    painted = tf.while_loop(unfinished, paint, start)[1]
    last = tf.sort(tf.reshape(painted, [-1]))[tf.maximum(target, 1) - 1]
    return ~((painted <= last) & (target > 0))[..., None]


def parse(text):
    """Turn a description of holes into the function that draws them.

    Args:
        text: "square:12" (pixels) | "blocks:0.5" | "strokes:0.3" (shares); a range such as
            "square:8-20" is drawn from for each image | "mixed": one of the three, with a
            square of a quarter to a half of the side, or 0.1 to 0.4 of the image; several with
            commas: each image draws one of them.

    Returns:
        draw: (seed int32 `[2]`, shape) -> visible, bool `[height, width, 1]`.

    Raises:
        UserError: if the description is not understood.

    Example:
        >>> parse("square:2-4")(ck.seeds.as_seed(0), (8, 8, 3)).shape.as_list()
        [8, 8, 1]
    """
    return mixture([_parse_one(part.strip()) for part in text.split(",")])


def mixture(draws):
    """Return the function that draws by one of several, chosen by the seed.

    Args:
        draws: list of functions (seed int32 `[2]`, shape) -> visible.
    """
    if len(draws) == 1:
        return draws[0]

    def draw(seed, shape):
        branches = [lambda one=one: one(fold(seed, 1), shape) for one in draws]
        return tf.switch_case(whole_number(fold(seed, 0), len(draws)), branches)

    return draw


def draw(text, row_seeds, shape, parse=parse):
    """Draw a hole for each example of a batch.

    Args:
        text: as for `parse`.
        row_seeds: int32 `[batch, 2]`.
        shape: of one example.
        parse: function of a text, of another medium.

    Returns:
        visible: bool `[batch, *shape[:-1], 1]`, True = known.

    Example:
        >>> draw("square:3", [[0, 1], [0, 2]], (8, 8, 1)).shape.as_list()
        [2, 8, 8, 1]
    """
    one = parse(text)
    row_seeds = tf.convert_to_tensor(row_seeds, tf.int32)
    return tf.map_fn(lambda seed: one(seed, shape), row_seeds, fn_output_signature=tf.bool)


def whole_number(seed, count):
    """Draw a whole number from 0 to count - 1, int32."""
    share = uniform(seed, [])
    return tf.minimum(tf.cast(tf.floor(share * tf.cast(count, tf.float32)), tf.int32), count - 1)


def _parse_one(text):
    if text == "mixed":
        return _mixed
    kind, _, amount = text.partition(":")
    numbers = amount.split("-")
    try:
        number = int if kind == "square" else float
        low, high = number(numbers[0]), number(numbers[-1])
    except ValueError:
        kind = None
    if kind not in _KINDS or len(numbers) > 2 or not 0 < low <= high:
        raise UserError(f"`holes` should be {_EXPECTED}; received {text!r}.")
    if kind != "square":
        _check_share(kind, high, highest=1.0 if kind == "blocks" else 0.95)
    return lambda seed, shape: _between(kind, seed, shape, low, high)


_KINDS = {"square": square, "blocks": blocks, "strokes": strokes}


def _between(kind, seed, shape, low, high):
    """Draw holes of a kind, their amount between low and high (whole pixels for a square)."""
    if low == high:
        return _KINDS[kind](seed, shape, low)
    share = uniform(fold(seed, 0), [])
    if kind == "square":
        _KINDS[kind](seed, shape, high)  # the largest must fit
        amount = low + tf.cast(tf.floor(share * (high - low + 1)), tf.int32)
    else:
        amount = low + share * (high - low)
    return _KINDS[kind](fold(seed, 1), shape, amount)


def _mixed(seed, shape):
    side = min(shape[:2])
    draws = [
        lambda: _between("square", seed, shape, side // 4, side // 2),
        lambda: _between("blocks", seed, shape, 0.1, 0.4),
        lambda: _between("strokes", seed, shape, 0.1, 0.4),
    ]
    kind = tf.cast(tf.floor(uniform(fold(seed, 2), []) * len(draws)), tf.int32)
    return tf.switch_case(kind, draws)


def _stroke(seed, height, width):
    """Return which pixels each touch of one stroke covers, bool `[_DABS, height, width]`."""
    first = uniform(fold(seed, 0), [4])
    radius = min(height, width) * (0.03 + 0.05 * first[0])
    turns = tf.random.stateless_normal([_DABS], fold(seed, 1), stddev=0.4, alg=ALGORITHM)
    direction = 6.2832 * first[1] + tf.cumsum(turns)
    rows = first[2] * height + tf.cumsum(radius * tf.sin(direction))
    columns = first[3] * width + tf.cumsum(radius * tf.cos(direction))
    down = tf.range(height, dtype=tf.float32)[:, None] - rows[:, None, None]
    across = tf.range(width, dtype=tf.float32) - columns[:, None, None]
    return down**2 + across**2 <= tf.maximum(radius, 1.0) ** 2


def _check_share(kind, coverage, highest=1.0):
    if not tf.is_tensor(coverage) and not 0 <= coverage <= highest:
        raise UserError(
            f"`{kind}` should hide a share between 0 and {highest:g}; received {coverage}."
        )
