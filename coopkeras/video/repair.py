"""A user's own clip: read with what is missing of it, filled at the model's scale, given back.

Known pixels keep their bytes. Only a box around what is hidden is looked at, so that a logo in
the corner of a long video costs little.
"""

import pathlib
import re

import numpy as np
from absl import logging

from coopkeras import images, windows
from coopkeras.errors import UserError
from coopkeras.video import files


def open_clip(path, mask_path=None, missing=""):
    """Read a clip and what is hidden of it.

    Args:
        path: a video, a gif or a folder of frames.
        mask_path: white = fill: an image, for a hole that stays; or a clip (a folder of frames,
            a video) of the same length, for one that moves.
        missing: frames to be filled wholly, counted from 0: "10-14" or "3,10-14".

    Returns:
        clip, visible: a `video.Clip`, and bool `[time, height, width, 1]`, True = known.

    Raises:
        UserError: if a file can't be read, sizes or lengths differ, or nothing is left to go by.
    """
    clip = files.read(path)
    shape = (*clip.pixels.shape[:3], 1)
    visible = np.ones(shape, bool)
    if not mask_path and not missing:
        raise UserError(
            "Say what is to be filled: --mask=hole.png (white = fill; an image, or a clip for a "
            "hole that moves) or --set=missing=10-14 (frames, counted from 0)."
        )
    if mask_path:
        visible &= _mask(mask_path, path, shape)
    visible[missing_frames(missing, len(visible))] = False
    if not visible.any():
        raise UserError(f"All of `{path}` is to be filled, which leaves nothing to go by.")
    if visible.all():
        logging.warning("There is no hole in `%s`: the clip stays as it is.", path)
    return clip, visible


def missing_frames(text, length):
    """Turn "3,10-14" into frame numbers.

    Args:
        text: numbers and ranges with commas, counted from 0, both ends included; "" is none.
        length: frames of the clip.

    Returns:
        frames: list of int.

    Raises:
        UserError: if it is not understood, or the clip has no such frame.

    Example:
        >>> missing_frames("3,10-12", 20)
        [3, 10, 11, 12]
    """
    frames = []
    for part in filter(None, text.split(",")):
        numbers = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(n or numbers[1]) for n in numbers.groups()) if numbers else (1, 0)
        if not first <= last < length:
            raise UserError(
                f"`missing` should be frames of 0 to {length - 1}, such as 3 or 10-14, several "
                f"with commas; received {text!r}."
            )
        frames += range(first, last + 1)
    return frames


def fill(pixels, visible, recover, shape, side):
    """Return a clip with its hidden pixels filled; the others keep their bytes.

    Args:
        pixels: uint8 `[time, height, width, 1 or 3]`.
        visible: bool `[time, height, width, 1]`, True = known.
        recover: function `(x [n, *shape], visible bool [n, *shape[:-1], 1], numbers [n]) ->
            filled`; every window has its own number.
        shape: (frames, size, size, channels) of the model.
        side: pixels of the clip that a window's `size` pixels stand for.

    Returns:
        filled: like `pixels`.

    Example:
        >>> flat = lambda x, visible, numbers: np.where(visible, x, 0.0)
        >>> pixels = np.full([20, 20, 30, 3], 9, np.uint8)
        >>> visible = np.ones([20, 20, 30, 1], bool)
        >>> visible[4, :8, :8] = False
        >>> sorted(set(fill(pixels, visible, flat, (16, 16, 16, 1), 16).ravel().tolist()))
        [9, 128]
    """
    if visible.all():
        return pixels
    sides = shape[0], side, side
    box = windows.around(visible, sides)
    seen, x = visible[box], images.to_float(pixels[box])
    scaled = _scaled(recover, shape[1], side)
    planes = images.repair.to_planes(x, shape[-1])
    filled = images.repair.from_planes(
        [windows.fill(scaled, plane, seen, sides) for plane in planes], x.shape[-1]
    )
    result = pixels.copy()
    result[box] = np.where(seen, pixels[box], images.to_uint8(filled))
    return result


def _mask(path, clip_path, shape):
    """Return what a mask leaves visible, bool, broadcast against `shape`."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix in images.SUFFIXES and suffix != ".gif":  # a gif may be a clip
        mask = images.read(path)[None]
    else:
        mask = files.read(path).pixels
    mask = np.stack([images.convert_channels(frame, 1) for frame in mask])
    if mask.shape[1:3] != shape[1:3]:
        raise UserError(
            f"`{path}` is {_size(mask.shape)} and `{clip_path}` is {_size(shape)} (width x "
            f"height); a mask should have the size of its clip."
        )
    if len(mask) not in (1, shape[0]):
        raise UserError(
            f"`{path}` has {len(mask)} frames and `{clip_path}` {shape[0]}; a mask should have "
            f"as many as its clip, or be one image."
        )
    return mask < 128


def _scaled(recover, size, side):
    """Return `recover` for windows of `side` pixels, which the model sees at its own size."""
    if side == size:
        return recover

    def resized(x, visible, numbers):
        pairs = [images.repair.resize_known(*frame, size, size) for frame in _frames(x, visible)]
        small, seen = (np.reshape(a, [*x.shape[:2], *a[0].shape]) for a in zip(*pairs, strict=True))
        made = np.asarray(recover(small, seen, numbers))
        large = [images.resize(frame, side, side) for (frame,) in _frames(made)]
        return np.reshape(large, [*x.shape[:4], made.shape[-1]])

    return resized


def _frames(*clips):
    """Return all frames of clips `[n, time, height, width, c]`, those of one place together."""
    return zip(*(clip.reshape(-1, *clip.shape[2:]) for clip in clips), strict=True)


def _size(shape):
    return f"{shape[2]}x{shape[1]}"
