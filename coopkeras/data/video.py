"""Footage: one clip -> windows in time and space to learn from, and later ones to judge by.

Like `coopkeras.data`, for clips: values are float32 in [-1, 1], `[time, height, width, channels]`.
"""

import numpy as np
import tensorflow as tf

from coopkeras import images, video
from coopkeras.data import held_out as held_outs
from coopkeras.data import samples
from coopkeras.data.examples import Examples, Split
from coopkeras.data.stores import Store
from coopkeras.errors import UserError

PAN = "samples:pan"

_DEFAULT_SHARE = 0.25  # of the frames, at the end


def split(source, *, frames, size, scale=1.0, channels=None, held_out=None):
    """Open a clip as windows, the last part of it kept apart for judging.

    Args:
        source: a video, a gif or a folder of frames; or "samples:pan", a camera that moves slowly
            over a photograph of gravel: made of one image, nothing in it moves by itself.
        frames: length of a window.
        size: side of a window, pixels.
        scale: frames are brought to this share of their size first; 0: whole frames, cut square
            in their middle and resized to `size`.
        channels: 1, 3, or None for those of the clip.
        held_out: "last:30" or "first:30" frames, or a share of the frames, at the end; by default
            0.25. It is at least one window.

    Returns:
        split: a `coopkeras.data.Split`: all windows, one frame and one pixel apart, of the frames
            to learn from and of those held out.

    Raises:
        UserError: if the clip can't be read, or is too short or too small.

    Example:
        >>> split("samples:pan", frames=16, size=32).train.shape
        (16, 32, 32, 1)
    """
    pixels = _open(source, size, scale, channels)
    length, height, width = pixels.shape[:3]
    if length < 2 * frames:
        raise UserError(
            f"`{source}` has {length} frames, too few: it should have {2 * frames} or more, a "
            f"window of frames={frames} to learn from and one to judge by."
        )
    if min(height, width) < size:
        raise UserError(
            f"`size` should be at most {min(height, width)}, the shorter side of a frame of "
            f"{source} at scale={scale:g}; received {size}. Use a smaller one, or --set=scale=0 "
            f"for whole frames."
        )
    with tf.device("CPU:0"):
        flat = tf.constant(pixels.reshape(-1, pixels.shape[-1]))
    train, kept = _parts(held_out, length, frames)
    return Split(*(_windows(flat, pixels.shape, part, frames, size) for part in (train, kept)))


def _open(source, size, scale, channels):
    """Return the frames of a clip at their scale, uint8 `[time, height, width, channels]`."""
    if str(source) == PAN:
        pixels = np.stack([_fit(frame, size, scale) for frame in samples.pan()])
    else:
        pixels = video.read(source, lambda frame: _fit(frame, size, scale)).pixels
    if channels is None:
        return pixels
    return np.stack([images.convert_channels(frame, channels) for frame in pixels])


def _fit(frame, size, scale):
    if scale == 0:
        return images.resize(images.centre_crop(frame), size, size)
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    return images.resize(frame, height, width)


def _parts(held_out, length, frames):
    """Return the frames to learn from and those held out, as (first, end)."""
    kinds = ("last", "first", "share")
    kind, amount = held_outs.parse(held_out or _DEFAULT_SHARE, kinds, "a clip (frames)")
    kept = round(amount * length) if kind == "share" else amount
    kept = max(kept, frames)
    if length - kept < frames:
        raise UserError(
            f"`held_out`={held_out} leaves {max(0, length - kept)} of {length} frames to learn "
            f"from; a window has frames={frames}."
        )
    return (
        ((kept, length), (0, kept))
        if kind == "first"
        else ((0, length - kept), (length - kept, length))
    )


def _windows(flat, shape, part, frames, size):
    """Return all windows of the frames `part[0]` to `part[1] - 1` as examples."""
    _, height, width, channels = shape
    rows, columns = height - size + 1, width - size + 1
    times = part[1] - part[0] - frames + 1
    time_steps = tf.range(frames, dtype=tf.int64)[:, None, None]
    down, across = tf.range(size, dtype=tf.int64)[:, None], tf.range(size, dtype=tf.int64)

    def fetch(indices):
        corner = indices // (rows * columns) + part[0], indices // columns % rows, indices % columns
        time, top, left = (place[:, None, None, None] for place in corner)
        places = ((time + time_steps) * height + top + down) * width + left + across
        return {"x": tf.gather(flat, places)}

    return Examples(Store(times * rows * columns, (frames, size, size, channels), fetch))
