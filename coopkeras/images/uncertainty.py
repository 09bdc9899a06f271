"""How much draws of an image differ at each pixel, as an image beside the result."""

import itertools
import pathlib

import numpy as np

from coopkeras.images import files

DRAWS = 8


def of_draws(draws):
    """Return the standard deviation of draws at each pixel, as a grey image.

        deviation = sqrt(mean over channels of sum_k (x_k - mean)^2 / (n - 1))

    White is 1 in units of x, half of the range, and more; where all draws agree it is black.

    Args:
        draws: iterable of 2 or more images alike, uint8 or uint16 `[height, width, 1 to 4]`;
            their alpha does not count.

    Returns:
        image: uint8 `[height, width, 1]`.

    Example:
        >>> of_draws(np.full([1, 1, 3], level, np.uint8) for level in (100, 100, 120)).ravel()
        array([23], dtype=uint8)
    """
    draws = map(_colour, draws)
    first, count = next(draws), 1
    total = squares = np.zeros_like(first)
    for x in draws:
        difference = x - first  # exactly 0 where all agree
        total, squares, count = total + difference, squares + difference**2, count + 1
    variance = (squares - total**2 / count) / (count - 1)
    deviation = np.sqrt(np.maximum(0, variance.mean(axis=-1, keepdims=True)))
    return np.rint(255 * np.minimum(1, deviation)).astype(np.uint8)


def path_beside(path):
    """Return where the image goes: a name beside the result that no file has yet.

    Args:
        path: of the result.

    Example:
        >>> path_beside("no_such_folder/out.jpg").name
        'out_uncertainty.png'
    """
    path = pathlib.Path(path)
    ends = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.stem}_uncertainty{end}.png") for end in ends)
    return next(name for name in names if not name.exists())


def _colour(pixels):
    alpha = pixels.shape[-1] in (2, 4)
    return files.to_float(pixels[..., :-1] if alpha else pixels)
