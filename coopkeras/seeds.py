"""Stateless randomness: a seed is a value, never a state.

A seed is an int32 tensor `[2]`, one for a whole batch, or `[batch, 2]`, one a row; a row's
numbers are then the same alone or in any batch. The algorithm is always philox: TensorFlow's
default differs between XLA and plain graphs.
"""

import tensorflow as tf

ALGORITHM = "philox"


def as_seed(seed):
    """Turn an integer into a seed; leave a seed as it is.

    Args:
        seed: an int, or an int tensor `[2]` or `[batch, 2]`.

    Returns:
        seed: int32 `[2]` or `[batch, 2]`.

    Raises:
        ValueError: if the shape is none of these.

    Example:
        >>> as_seed(7).numpy().tolist()
        [0, 7]
    """
    seed = tf.cast(seed, tf.int32)
    if seed.shape.rank == 0:
        return tf.stack([tf.zeros_like(seed), seed])
    if seed.shape.rank in (1, 2) and seed.shape[-1] == 2:
        return seed
    raise ValueError(
        f"`seed` should be an integer or have shape [2] or [batch, 2]; received shape {seed.shape}."
    )


def fold(seed, data):
    """Derive a new seed from a seed and integers (a step, an epoch, an example's index).

    Args:
        seed: int32 `[2]` or `[batch, 2]`.
        data: an integer, or integers `[batch]`: one new seed a row.

    Returns:
        seed: int32 `[2]`, or `[batch, 2]` if either argument has a batch.

    Example:
        >>> fold(as_seed(0), [1, 2]).shape.as_list()
        [2, 2]
    """
    seed, data = as_seed(seed), tf.cast(data, tf.int32)
    if seed.shape.rank == 1 and data.shape.rank == 0:
        return _fold_one(seed, data)
    rows = tf.shape(data)[0] if data.shape.rank == 1 else tf.shape(seed)[0]
    seed = tf.broadcast_to(seed, [rows, 2])
    data = tf.broadcast_to(data, [rows])
    return tf.map_fn(lambda row: _fold_one(*row), (seed, data), fn_output_signature=tf.int32)


def split(seed, count):
    """Return `count` independent seeds made from one.

    Example:
        >>> len(split(as_seed(0), 3))
        3
    """
    return [fold(seed, number) for number in range(count)]


def normal(seed, shape):
    """Draw standard normal noise, float32 of `shape`; with row seeds each row by itself.

    Args:
        seed: int32 `[2]` or `[batch, 2]`.
        shape: int tensor or list; its first entry is the batch.

    Returns:
        noise: float32 of `shape`.

    Example:
        >>> normal(as_seed(0), [3, 2]).shape.as_list()
        [3, 2]
    """
    return _drawn(tf.random.stateless_normal, seed, shape)


def uniform(seed, shape):
    """Draw numbers in [0, 1), float32 of `shape`; with row seeds each row by itself.

    Args:
        seed: int32 `[2]` or `[batch, 2]`.
        shape: int tensor or list; its first entry is the batch.

    Returns:
        numbers: float32 of `shape`.

    Example:
        >>> uniform(as_seed(0), [3, 2]).shape.as_list()
        [3, 2]
    """
    return _drawn(tf.random.stateless_uniform, seed, shape)


def _drawn(draw, seed, shape):
    seed = as_seed(seed)
    if seed.shape.rank == 1:
        return draw(shape, seed, alg=ALGORITHM)
    return tf.map_fn(
        lambda row: draw(shape[1:], row, alg=ALGORITHM), seed, fn_output_signature=tf.float32
    )


def _fold_one(seed, data):
    return tf.random.experimental.stateless_fold_in(seed, data, alg=ALGORITHM)
