"""A user's own image: read, filled or enlarged at the model's scale, and given back.

Known pixels keep their bytes; alpha and the number of channels stay as they were.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from absl import logging

from coopkeras import windows
from coopkeras.errors import UserError
from coopkeras.images import files
from coopkeras.observation import Downsample

STRIP = 64  # rows of an image that are rounded at a time
LARGEST_BORDER = 8  # pixels of a low-resolution window that its neighbours see as well


class DamagedImage:
    """An image with a hole.

    Args:
        pixels: uint8 or uint16 `[height, width, 1 to 4]`.
        visible: bool `[height, width, 1]`, True = known.
    """

    def __init__(self, pixels, visible):
        self.pixels, self.visible = pixels, visible

    def recovered(self, recover, shape, whole):
        """Return the image with its hole filled, of the type and channels that it had.

        Args:
            recover: function `(x [n, *shape], numbers [n], visible=bool [n, *shape[:-1], 1]) ->
                filled`; every window has its own number.
            shape: shape of one example of the model.
            whole: the model learned whole images: one window, resized; else patches at the
                image's own scale.

        Returns:
            filled: like `pixels`; known pixels bit for bit.

        Example:
            >>> flat = lambda x, numbers, visible: np.where(visible, x, 0.0)
            >>> visible = np.arange(20)[:, None, None] * np.ones([1, 20, 1]) < 9
            >>> image = DamagedImage(np.zeros([20, 20, 1], np.uint8), visible)
            >>> int(image.recovered(flat, (16, 16, 1), whole=False).max())
            128
        """
        *sides, channels = shape
        colour, alpha = _split_alpha(self.pixels)
        x = files.to_float(colour)
        fill = fill_whole if whole else windows.fill

        def some(x, visible, numbers):
            return recover(x, numbers, visible=visible)

        planes = [fill(some, plane, self.visible, sides) for plane in to_planes(x, channels)]
        filled = files.to_integers(from_planes(planes, x.shape[-1]), self.pixels.dtype)
        filled = np.where(self.visible, colour, filled)
        if alpha is not None:
            alpha = np.where(self.visible, alpha, np.iinfo(alpha.dtype).max).astype(alpha.dtype)
            filled = np.concatenate([filled, alpha], axis=-1)
        return filled


class SeenImage(NamedTuple):
    """All of an image, and what is seen of it on the same grid or on a coarser one.

    Attributes:
        pixels: uint8 or uint16 `[height, width, 1 to 4]`, as the file holds it.
        seen: float32 `[height, width, c]`.
        finish: function `(x, seen) -> x`, which makes a recovered image agree with what is seen.
    """

    pixels: np.ndarray
    seen: np.ndarray
    finish: Callable

    def recovered(self, recover, shape, whole):
        """Return the recovered image, of the type of the file and with its alpha.

        Args:
            recover: function `(seen [n, height, width, c], numbers [n]) -> x [n, *shape]`; every
                window has its own number.
            shape: shape of one example of the model.
            whole: the model learned whole images, resized: so is this one; else windows are at the
                image's own scale.

        Example:
            >>> image = SeenImage(np.zeros([9, 20, 2], np.uint8), np.zeros([9, 20, 1]), np.add)
            >>> image.recovered(lambda seen, numbers: seen, (16, 16, 1), whole=False).shape
            (9, 20, 2)
        """
        height, width = self.seen.shape[:2]
        scale = shape[0] / min(height, width) if whole else 1
        small = files.resize(self.seen, round(scale * height), round(scale * width))
        x = windows.overlapped(recover, np.clip(small, -1, 1), shape[0], _border(shape[0]))
        x = self.finish(files.resize(x, height, width), self.seen)
        colour, alpha = _split_alpha(self.pixels)
        if self.seen.shape[-1] == x.shape[-1]:  # A keeps the channels: what is grey stays grey
            x = from_planes([x], colour.shape[-1])
        deep = x.shape[-1] == 1  # files hold 16 bits of grey images only
        x = files.to_integers(x, self.pixels.dtype if deep else np.uint8)
        return x if alpha is None else np.concatenate([x, alpha], axis=-1)


def fill_whole(recover, x, visible, sides):
    """Fill the hole of an image through one square window around it, resized to the model.

    Args:
        recover: as for `DamagedImage.recovered`.
        x: float32 `[height, width, c]` in [-1, 1].
        visible: bool `[height, width, 1]`, True = known.
        sides: (height, width) of the model's images.

    Returns:
        filled: float32 `[height, width, c]`; known pixels bit for bit.

    Example:
        >>> flat = lambda x, visible, numbers: np.where(visible, x, 0.0)
        >>> fill_whole(flat, np.ones([40, 30, 1]), np.ones([40, 30, 1], bool), (16, 16)).min()
        1.0
    """
    top, left, side = _square_around(~visible[..., 0])
    extra = [(0, max(0, side - length)) for length in x.shape[:2]]
    place = slice(top, top + side), slice(left, left + side)
    square, known = (
        np.pad(array, [*extra, (0, 0)], mode="symmetric")[place] for array in (x, visible)
    )
    small, seen = resize_known(square, known, *sides)
    filled = np.asarray(recover(small[None], seen[None], np.array([0])))[0]
    filled = files.resize(filled, side, side)
    result = np.array(x)
    part = result[place]
    result[place] = np.where(visible[place], part, filled[: part.shape[0], : part.shape[1]])
    return result


def resize_known(x, visible, height, width):
    """Resize what is known of an image; nothing of the hole gets into it.

    Args:
        x: float `[h, w, c]` in [-1, 1].
        visible: bool `[h, w, 1]`, True = known.
        height: of the result, pixels.
        width: of the result, pixels.

    Returns:
        x, visible: float32 `[height, width, c]`, the means of what is known, and bool
            `[height, width, 1]`: where more than half is.

    Example:
        >>> half = np.arange(8)[:, None, None] < 4
        >>> x, visible = resize_known(np.where(half, 0.5, 9) * np.ones([8, 8, 1]), half, 4, 4)
        >>> x[visible].mean(), visible.mean()
        (0.5, 0.5)
    """
    share = files.resize(visible.astype(np.float32), height, width)
    mean = files.resize(np.where(visible, x, 0), height, width) / np.maximum(share, 1e-3)
    return np.where(share > 0.5, mean, 0), share > 0.5


def enlarge(pixels, recover, shape, factor):
    """Return an image enlarged, of the type and channels that it had.

    Args:
        pixels: uint8 or uint16 `[height, width, 1 to 4]`.
        recover: function `(seen [n, *low-resolution shape], numbers [n]) -> x [n, *shape]`.
        shape: shape of one example of the model.
        factor: int, how many times larger the result is.

    Returns:
        enlarged: like `pixels`, `[factor * height, factor * width, channels]`; the means over its
            blocks are `pixels`, bit for bit.

    Example:
        >>> flat = lambda seen, numbers: np.zeros([len(seen), 16, 16, 1])
        >>> int(enlarge(np.full([5, 4, 1], 99, np.uint8), flat, (16, 16, 1), 2).min())
        99
    """
    colour, alpha = _split_alpha(pixels)
    enlarged = _enlarged(recover, files.to_float(colour), shape, factor)
    if alpha is not None:
        height, width = enlarged.shape[:2]
        alpha = files.resize(files.to_float(alpha), height, width)
        enlarged = np.concatenate([enlarged, alpha], axis=-1)
    strips = range(0, len(pixels), STRIP)
    return np.concatenate(
        [_whole(enlarged[factor * n :][: factor * STRIP], pixels[n:][:STRIP]) for n in strips]
    )


def open_image(path, mask_path=None):
    """Read an image and its hole.

    Args:
        path: an image.
        mask_path: an image of the same size, white = fill; by default the transparent pixels
            of the image are its hole.

    Returns:
        image: a `DamagedImage`.

    Raises:
        UserError: if a file can't be read, the sizes differ, or there is nothing to go by.
    """
    pixels = files.read(path, depth=16)
    if mask_path is not None:
        mask = files.convert_channels(files.read(mask_path), 1)
        if mask.shape[:2] != pixels.shape[:2]:
            raise UserError(
                f"`{mask_path}` is {_size(mask)} and `{path}` is {_size(pixels)} (width x "
                f"height); a mask should have the size of its image. Resize the mask."
            )
        visible = mask < 128
    else:
        alpha = _split_alpha(pixels)[1]
        if alpha is None:
            raise UserError(
                f"`{path}` has no transparent pixels to fill; give --mask=hole.png, an image of "
                f"the same size, white where it should be filled."
            )
        visible = alpha >= np.iinfo(pixels.dtype).max // 2
    if not visible.any():
        raise UserError(
            f"All of `{mask_path or path}` is to be filled, which leaves nothing to go by; "
            f"leave some of the image known, or use --task=synthesis."
        )
    if visible.all():
        logging.warning("There is no hole in `%s`: the image stays as it is.", mask_path or path)
    return DamagedImage(pixels, visible)


def _enlarged(recover, x, shape, factor):
    """Enlarge x `[height, width, 1 or 3]` by a model of other channels, if need be.

    Of colours a model of grey images knows the luma: its detail is added to all three.
    """
    height, width = (factor * side for side in x.shape[:2])
    if x.shape[-1] == 3 and shape[-1] == 1:
        luma = x @ np.float32(files.LUMA)[:, None]
        detail = _enlarged(recover, luma, shape, factor) - files.resize(luma, height, width)
        return files.resize(x, height, width) + detail
    (plane,) = to_planes(x, shape[-1])
    size = shape[0] // factor
    plane = windows.overlapped(recover, plane, size, _border(size), factor)
    return from_planes([plane], x.shape[-1])


def _border(size):
    return min(size // 4, LARGEST_BORDER)


def _split_alpha(pixels):
    """Return (colour, alpha or None)."""
    if pixels.shape[-1] in (2, 4):
        return pixels[..., :-1], pixels[..., -1:]
    return pixels, None


def to_planes(x, channels):
    """Return the arrays of `channels` channels, a model's, that make up x.

    Args:
        x: `[..., 1 or 3]`.
        channels: 1 or 3.

    Returns:
        planes: list of `[..., channels]`: x itself, its colours one by one, or grey as colour.

    Example:
        >>> len(to_planes(np.zeros([4, 4, 3]), 1))
        3
    """
    if x.shape[-1] == channels:
        return [x]
    if channels == 1:
        return [x[..., c : c + 1] for c in range(x.shape[-1])]
    return [np.repeat(x, channels, axis=-1)]


def from_planes(planes, channels):
    """Undo `to_planes`.

    Args:
        planes: what `to_planes` returned, changed or not.
        channels: those of x.

    Returns:
        x: `[..., channels]`.

    Example:
        >>> from_planes(to_planes(np.zeros([4, 4, 1]), 3), 1).shape
        (4, 4, 1)
    """
    if len(planes) > 1:
        return np.concatenate(planes, axis=-1)
    return planes[0] if planes[0].shape[-1] == channels else planes[0].mean(-1, keepdims=True)


def _whole(x, pixels):
    """Round x in [-1, 1] to whole numbers whose means over blocks are `pixels`, exactly."""
    height, width, channels = pixels.shape
    factor = len(x) // height
    seen, top = files.to_float(pixels), np.iinfo(pixels.dtype).max
    x = Downsample(factor).confine(x[None], seen[None]).numpy()[0]
    blocks = files.to_levels(x.astype(np.float64), top)
    blocks = blocks.reshape(height, factor, width, factor, channels)
    blocks = blocks.transpose(0, 2, 4, 1, 3).reshape(height, width, channels, factor**2)
    below = np.floor(blocks)
    missing = factor**2 * pixels[..., None].astype(np.float64) - below.sum(-1, keepdims=True)
    place = (below - blocks).argsort(-1).argsort(-1)  # those that lost most are rounded up
    whole = (below + (place < missing)).astype(pixels.dtype)
    whole = whole.reshape(height, width, channels, factor, factor).transpose(0, 3, 1, 4, 2)
    return whole.reshape(factor * height, factor * width, channels)


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


def _size(pixels):
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
