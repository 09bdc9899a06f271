"""Textures of any size: drawn larger than asked and cut, since what is at a border is none."""

import numpy as np

from coopkeras import seeds
from coopkeras.recipes import sampling

MARGIN = 32  # pixels on each side that are cut off


def larger(task, model, size):
    """Return the model of textures that are `size` by `size` without their margin."""
    side = size + 2 * MARGIN
    return sampling.at_shape(task, model, (side, side, model.x_shape[-1]))


def inner(x):
    """Return textures `[n, height, width, c]` without their margin; None of None."""
    return None if x is None else x[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def draw(task, model, size, count, seed):
    """Yield `count` textures, `[size, size, channels]` in [-1, 1].

    Args:
        task: the `Task` that built the model.
        model: its model of patches.
        size: side of a texture, pixels.
        count: number of textures.
        seed: an int or int32 `[2]`.
    """
    model = larger(task, model, size)
    for number in range(count):
        own = seeds.fold(seeds.as_seed(seed), number)
        x = sampling.sample(task.config, model, own, count=1)[1]
        yield np.clip(inner(x)[0], -1, 1)
