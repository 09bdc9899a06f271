"""Clips at the border: video files, gifs and folders of frames to arrays and back.

A clip is uint8 `[time, height, width, 1 or 3]` and a rate in frames a second. PyAV is imported
only when a video file is read or written. Sound is not kept.
"""

import fractions
import pathlib
import re
from typing import NamedTuple

import numpy as np
from PIL import Image

from coopkeras import images
from coopkeras.errors import UserError, unreadable

READ_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm")
LOSSY_SUFFIXES = (".mp4", ".mov")
RATE = 25.0  # frames a second, of frames that come without a rate
SHEET_FRAMES = 24  # of a contact sheet, evenly spread over the clip
EXPECTED = f"a video ({', '.join(READ_SUFFIXES)}), a .gif or a folder of frames"

_LOSSY = ("libx264", {"crf": "16"})
_LOSSLESS = ("ffv1", {})
_CODECS = {".mp4": _LOSSY, ".mov": _LOSSY, ".mkv": _LOSSLESS, ".avi": _LOSSLESS}


class Clip(NamedTuple):
    """A clip in memory.

    Attributes:
        pixels: uint8 `[time, height, width, 1 or 3]`.
        rate: frames a second.
        suffix: of the file in which a drawn one is kept.
        element: the element of HTML that shows it.
    """

    pixels: np.ndarray
    rate: float = RATE
    suffix = ".gif"
    element = "img"

    def write(self, path):
        """Write it in the format of the path's suffix; see `write`."""
        write(path, *self)


def read(path, fit=None):
    """Read a clip; one whose frames are all grey has one channel, alpha is dropped.

    Args:
        path: a video, a gif or a folder of frames, which are sorted by the numbers in their
            names: 2.png comes before 10.png.
        fit: function of a frame, uint8 `[height, width, channels]` -> uint8, which is applied as
            frames are read, so that a large video need not be held whole.

    Returns:
        clip: a `Clip`.

    Raises:
        UserError: if there is no such clip, it can't be read to its end, or frames differ in
            size.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        frames, rate = _folder_frames(path)
    elif not path.is_file():
        raise UserError(f"`{path}`: there is no such clip. Give {EXPECTED}.")
    elif path.suffix.lower() == ".gif":
        frames, rate = _whole(_gif_frames, path)
    elif path.suffix.lower() in READ_SUFFIXES:
        return _stack(path, *_whole(_video_frames, path, fit or _same))
    else:
        raise UserError(
            f"`{path}` ends in {path.suffix or 'no suffix'!r}; a clip should be {EXPECTED}."
        )
    return _stack(path, [(fit or _same)(frame) for frame in frames], rate)


def write(path, pixels, rate=RATE):
    """Write a clip in the format of the path's suffix, folders made as needed.

    Args:
        path: .mp4 or .mov (H.264, lossy), .mkv or .avi (FFV1, lossless), .gif (lossless if
            grey), .png (a contact sheet of some frames), or no suffix: a new folder of png
            frames.
        pixels: `[time, height, width, 1 or 3]`, float in [-1, 1] or uint8.
        rate: frames a second.

    Raises:
        UserError: if the format is unknown, the file can't be written, or the folder is not
            empty.
        ValueError: if the shape is not a clip's.
    """
    path, pixels = pathlib.Path(path), images.to_uint8(pixels)
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3) or not len(pixels):
        raise ValueError(
            f"`pixels` should be [time, height, width, 1 or 3]; received {pixels.shape}."
        )
    check_output(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _WRITERS[path.suffix.lower()](path, pixels, rate)
    except OSError as error:  # PyAV's own errors of writing are such too
        raise UserError(f"`{path}` can't be written: {error}.") from error


def check_output(path):
    """Say what is wrong with a path before a clip is made for it.

    Args:
        path: as for `write`.

    Raises:
        UserError: if the format is unknown, or the folder is not empty.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise UserError(
            f"`{path}` should end in one of {', '.join(filter(None, _WRITERS))}, or in nothing for "
            f"a folder of frames; received {path.suffix!r}."
        )
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"`{path}` is a folder that is not empty; frames go to a new one.")


def is_lossy(path, channels):
    """Say whether a clip written to `path` changes a little.

    Args:
        path: as for `write`.
        channels: 1 or 3.

    Returns:
        lossy: bool.

    Example:
        >>> is_lossy("a.mp4", 1), is_lossy("a.mkv", 3), is_lossy("a.gif", 3), is_lossy("frames", 3)
        (True, False, True, False)
    """
    suffix = pathlib.Path(path).suffix.lower()
    return suffix in LOSSY_SUFFIXES or (suffix == ".gif" and channels == 3)


def spread(pixels, count):
    """Return at most `count` frames, evenly spread from the first to the last.

    Args:
        pixels: `[time, ...]`.
        count: int, 1 or more.

    Returns:
        frames: `[min(count, time), ...]`.

    Example:
        >>> spread(np.arange(10), 4).tolist()
        [0, 3, 6, 9]
    """
    places = np.linspace(0, len(pixels) - 1, min(count, len(pixels)))
    return pixels[np.rint(places).astype(int)]


# Reading ----------------------------------------------------------------------------------------


def _same(frame):
    return frame


def _whole(read, path, *more):
    """Read a file; whatever is wrong with it is said in one line."""
    try:
        return read(path, *more)
    except UserError:
        raise
    except Exception as error:  # decoders raise errors of many types on broken files
        raise unreadable(path, "clip", error) from error


def _folder_frames(folder):
    paths = [p for p in folder.iterdir() if p.suffix.lower() in images.SUFFIXES]
    paths = sorted((p for p in paths if not p.name.startswith(".")), key=_natural)
    if not paths:
        raise UserError(
            f"`{folder}` has no frames. It should hold files that end in "
            f"{', '.join(images.SUFFIXES)}, numbered in the order of time."
        )
    return (images.read(path) for path in paths), RATE


def _natural(path):
    """Return a key that sorts numbers in names by their value."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _gif_frames(path):
    """Return the frames of a gif at one rate: one that is shown longer is repeated."""
    frames, milliseconds = [], []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            milliseconds.append(image.info.get("duration") or 1000 / RATE)
    unit = min(milliseconds)
    times = [max(1, round(shown / unit)) for shown in milliseconds]
    return [frame for frame, n in zip(frames, times, strict=True) for _ in range(n)], 1000 / unit


def _video_frames(path, fit):
    import av

    with av.open(str(path)) as container:
        if not container.streams.video:
            raise ValueError("it has no images")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or RATE)
        return [fit(_pixels(frame)) for frame in container.decode(stream)], rate


def _pixels(frame):
    """Return a decoded frame as an array, upright."""
    grey = frame.format.name == "gray"
    array = frame.to_ndarray(format="gray" if grey else "rgb24")
    array = np.rot90(array, round(frame.rotation / 90))
    return array[..., None] if grey else array


def _stack(path, frames, rate):
    """Make a clip of frames of one size."""
    if not frames:
        raise UserError(f"`{path}` has no frames.")
    sizes = {frame.shape[:2] for frame in frames}
    if len(sizes) > 1:
        said = " and ".join(f"{width}x{height}" for height, width in sorted(sizes)[:2])
        raise UserError(f"`{path}` has frames of different sizes, {said}; they should have one.")
    colour = any(frame.shape[-1] > 2 for frame in frames)
    pixels = np.stack([images.convert_channels(frame, 3 if colour else 1) for frame in frames])
    if colour and all((pixels[..., 0] == pixels[..., k]).all() for k in (1, 2)):
        pixels = np.ascontiguousarray(pixels[..., :1])
    return Clip(pixels, rate)


# Writing ----------------------------------------------------------------------------------------


def _write_folder(path, pixels, rate):
    del rate
    path.mkdir(exist_ok=True)
    digits = max(5, len(str(len(pixels) - 1)))
    for number, frame in enumerate(pixels):
        images.write(path / f"{number:0{digits}d}.png", frame)


def _write_gif(path, pixels, rate):
    first, *others = [images.to_image(frame) for frame in pixels]
    milliseconds = max(20, 10 * round(100 / rate))  # gifs count in hundredths of a second
    first.save(path, save_all=True, append_images=others, duration=milliseconds, loop=0)


def _write_sheet(path, pixels, rate):
    del rate
    images.write(path, images.grid(spread(pixels, SHEET_FRAMES), columns=8))


def _write_video(path, pixels, rate):
    import av

    codec, options = _CODECS[path.suffix.lower()]
    grey = pixels.shape[-1] == 1
    if codec == "ffv1":
        stored, given = ("gray", "gray") if grey else ("bgr0", "rgb24")
    else:
        even = not (pixels.shape[1] % 2 or pixels.shape[2] % 2)
        stored, given = "yuv420p" if even else "yuv444p", "rgb24"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=fractions.Fraction(rate).limit_denominator(1001), options=options
        )
        stream.height, stream.width = pixels.shape[1:3]
        stream.pix_fmt = stored
        for frame in pixels:
            frame = frame[..., 0] if given == "gray" else images.convert_channels(frame, 3)
            av_frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=given)
            container.mux(stream.encode(av_frame))
        container.mux(stream.encode())


_WRITERS = {"": _write_folder, ".gif": _write_gif, ".png": _write_sheet}
_WRITERS |= dict.fromkeys(_CODECS, _write_video)
