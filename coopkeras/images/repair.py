"""A person's own picture: read, filled or enlarged at the model's scale, and given back.

Known pixels keep their bytes; alpha and the number of channels stay as they were.
"""

import numpy as np
from absl import logging

from coopkeras.errors import UserError
from coopkeras.images import files, windows
from coopkeras.observation import Downsample

STRIP = 64  # rows of a picture that are rounded at a time


class Picture:
    """A picture with a hole.

    Args:
        pixels: uint8 or uint16 `[height, width, 1 to 4]`.
        visible: bool `[height, width, 1]`, True = known.
    """

    def __init__(self, pixels, visible):
        self.pixels, self.visible = pixels, visible

    def fill(self, recover, shape, whole):
        """Return the picture with its hole filled, of the type and channels that it had.

        Args:
            recover: function `(x [n, *shape], visible bool [n, size, size, 1]) -> filled`.
            shape: shape of one example of the model.
            whole: the model learned whole pictures: one window, resized; else patches at the
                picture's own scale.

        Returns:
            filled: like `pixels`; known pixels bit for bit.

        Example:
            >>> flat = lambda x, visible: np.where(visible, x, 0.0)
            >>> picture = Picture(np.zeros([20, 20, 1], np.uint8), np.zeros([20, 20, 1], bool))
            >>> int(picture.fill(flat, (16, 16, 1), whole=False).max())
            128
        """
        size, channels = shape[0], shape[-1]
        top = np.iinfo(self.pixels.dtype).max
        colour, alpha = _split_alpha(self.pixels)
        x = colour.astype(np.float32) / (top / 2) - 1
        fill = windows.fill_whole if whole else windows.fill_patches
        planes = [fill(recover, plane, self.visible, size) for plane in to_planes(x, channels)]
        filled = from_planes(planes, x.shape[-1])
        filled = np.clip(np.rint((filled + 1) * (top / 2)), 0, top).astype(self.pixels.dtype)
        filled = np.where(self.visible, colour, filled)
        if alpha is not None:
            alpha = np.where(self.visible, alpha, top).astype(alpha.dtype)
            filled = np.concatenate([filled, alpha], axis=-1)
        return filled


def enlarge(pixels, recover, shape, factor):
    """Return a picture enlarged, of the type and channels that it had.

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
    half = np.iinfo(pixels.dtype).max / 2
    colour, alpha = _split_alpha(pixels)
    x = (colour / half - 1).astype(np.float32)
    enlarged = _enlarged(recover, x, shape, factor)
    if alpha is not None:
        height, width = enlarged.shape[:2]
        alpha = files.resize(alpha / half - 1, height, width)
        enlarged = np.concatenate([enlarged, alpha], axis=-1)
    strips = range(0, len(pixels), STRIP)
    return np.concatenate(
        [_whole(enlarged[factor * n :][: factor * STRIP], pixels[n:][:STRIP]) for n in strips]
    )


def open_picture(path, mask_path=None):
    """Read a picture and its hole.

    Args:
        path: a picture.
        mask_path: a picture of the same size, white = fill; by default the transparent pixels
            of the picture are its hole.

    Returns:
        picture: a `Picture`.

    Raises:
        UserError: if a file can't be read, the sizes differ, or there is nothing to go by.
    """
    pixels = files.read(path, depth=16)
    if mask_path is not None:
        mask = files.convert_channels(files.read(mask_path), 1)
        if mask.shape[:2] != pixels.shape[:2]:
            raise UserError(
                f"`{mask_path}` is {_size(mask)} and `{path}` is {_size(pixels)} (width x "
                f"height); a mask should have the size of its picture. Resize the mask."
            )
        visible = mask < 128
    else:
        alpha = _split_alpha(pixels)[1]
        if alpha is None:
            raise UserError(
                f"`{path}` has no transparent pixels to fill; give --mask=hole.png, a picture of "
                f"the same size, white where it should be filled."
            )
        visible = alpha >= np.iinfo(pixels.dtype).max // 2
    if not visible.any():
        raise UserError(
            f"All of `{mask_path or path}` is to be filled, which leaves nothing to go by; "
            f"leave some of the picture known, or use --task=synthesis."
        )
    if visible.all():
        logging.warning("There is no hole in `%s`: the picture stays as it is.", mask_path or path)
    return Picture(pixels, visible)


def _enlarged(recover, x, shape, factor):
    """Enlarge x `[height, width, 1 or 3]` by a model of other channels, if need be.

    Of colours a model of grey pictures knows the luma: its detail is added to all three.
    """
    height, width = (factor * side for side in x.shape[:2])
    if x.shape[-1] == 3 and shape[-1] == 1:
        luma = x @ np.float32(files.LUMA)[:, None]
        detail = _enlarged(recover, luma, shape, factor) - files.resize(luma, height, width)
        return files.resize(x, height, width) + detail
    (plane,) = to_planes(x, shape[-1])
    return from_planes([windows.enlarge_patches(recover, plane, shape[0], factor)], x.shape[-1])


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
    half = np.iinfo(pixels.dtype).max / 2
    seen = (pixels / half - 1).astype(np.float32)
    x = Downsample(factor).confine(x[None], seen[None]).numpy()[0]
    blocks = ((x.astype(np.float64) + 1) * half).reshape(height, factor, width, factor, channels)
    blocks = blocks.transpose(0, 2, 4, 1, 3).reshape(height, width, channels, factor**2)
    below = np.floor(blocks)
    missing = factor**2 * pixels[..., None].astype(np.float64) - below.sum(-1, keepdims=True)
    place = (below - blocks).argsort(-1).argsort(-1)  # those that lost most are rounded up
    whole = (below + (place < missing)).astype(pixels.dtype)
    whole = whole.reshape(height, width, channels, factor, factor).transpose(0, 3, 1, 4, 2)
    return whole.reshape(factor * height, factor * width, channels)


def _size(picture):
    return f"{picture.shape[1]}x{picture.shape[0]}"
