"""A person's own picture and hole: read, filled at the model's scale, and given back.

Known pixels keep their bytes; alpha and the number of channels stay as they were.
"""

import pathlib

import numpy as np
from absl import logging

from coopkeras import media, windows
from coopkeras.errors import UserError


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
        planes = [fill(recover, plane, self.visible, size) for plane in _planes(x, channels)]
        filled = _join(planes, x.shape[-1])
        filled = np.clip(np.rint((filled + 1) * (top / 2)), 0, top).astype(self.pixels.dtype)
        filled = np.where(self.visible, colour, filled)
        if alpha is not None:
            alpha = np.where(self.visible, alpha, top).astype(alpha.dtype)
            filled = np.concatenate([filled, alpha], axis=-1)
        return filled


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
    pixels = media.read_picture(path, depth=16)
    if mask_path is not None:
        mask = media.convert_channels(media.read_picture(mask_path), 1)
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


def output_paths(path, count):
    """Return where `count` completions go: the path itself for one, else numbered.

    Args:
        path: file to write; its suffix says the format. A lossy one warns.
        count: number of completions; 0 and 1 are one file.

    Returns:
        paths: list of `pathlib.Path`.

    Example:
        >>> [path.name for path in output_paths("out.png", 2)]
        ['out-1.png', 'out-2.png']
    """
    path = pathlib.Path(path)
    if path.suffix.lower() in media.LOSSY_SUFFIXES:
        logging.warning("%s is lossy: known pixels will change a little; .png keeps them.", path)
    if count <= 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number + 1}") for number in range(count)]


def _split_alpha(pixels):
    """Return (colour, alpha or None)."""
    if pixels.shape[-1] in (2, 4):
        return pixels[..., :-1], pixels[..., -1:]
    return pixels, None


def _planes(x, channels):
    """Return the pictures of the model's channels that make up x."""
    if x.shape[-1] == channels:
        return [x]
    if channels == 1:
        return [x[..., c : c + 1] for c in range(x.shape[-1])]
    return [np.repeat(x, channels, axis=-1)]


def _join(planes, channels):
    """Undo `_planes`."""
    if len(planes) > 1:
        return np.concatenate(planes, axis=-1)
    return planes[0] if planes[0].shape[-1] == channels else planes[0].mean(-1, keepdims=True)


def _size(picture):
    return f"{picture.shape[1]}x{picture.shape[0]}"
