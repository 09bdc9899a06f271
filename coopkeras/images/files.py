"""Images at the border: files and bytes to arrays and back, grids, labelled galleries.

    float = uint8 / 127.5 - 1        one fixed map, never an image's own minimum and maximum

Inside the library an image is float32 in [-1, 1], channels last; uint8 lives only here.
"""

import pathlib
from typing import NamedTuple

import numpy as np
import PIL.Image
from absl import logging
from PIL import ImageOps

from coopkeras.errors import UserError, unreadable

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
LOSSY_SUFFIXES = (".jpg", ".jpeg", ".gif", ".webp")
RESAMPLING = {"bicubic": PIL.Image.Resampling.BICUBIC, "lanczos": PIL.Image.Resampling.LANCZOS}
LUMA = (0.299, 0.587, 0.114)  # red, green and blue in grey, full range (BT.601; PIL's "L")
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_MODES = {channels: mode for mode, channels in _CHANNELS.items()}
_TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width
_ORIENTATION = 0x0112  # the EXIF tag


class Image(NamedTuple):
    """An image that knows how it is written and shown.

    Attributes:
        pixels: `[height, width, 1 to 4]`, float in [-1, 1], uint8 or uint16.
        suffix: of the file in which a drawn one is kept.
        element: the element of HTML that shows it.

    Example:
        >>> Image(np.zeros([4, 4, 3])).suffix
        '.png'
    """

    pixels: np.ndarray
    suffix = ".png"
    element = "img"

    def write(self, path):
        """Write it in the format of the path's suffix; see `write`."""
        write(path, self.pixels)


def to_float(image):
    """Scale whole numbers to float32 in [-1, 1]: `u / 127.5 - 1` (uint16: `u / 32767.5 - 1`).

    Args:
        image: uint8 or uint16 of any shape.

    Returns:
        image: float32 of the same shape.

    Raises:
        ValueError: if the type is another.

    Example:
        >>> to_float(np.array([0, 255], np.uint8)).tolist()
        [-1.0, 1.0]
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"`image` should be uint8 or uint16; received {image.dtype}.")
    return from_levels(image.astype(np.float32), np.iinfo(image.dtype).max)


def from_levels(levels, top=255):
    """Return `levels / (top / 2) - 1`: the one map of whole numbers to [-1, 1].

    Args:
        levels: float array or tensor of any shape, in [0, top].
        top: the largest level, 255 or 65535.

    Example:
        >>> from_levels(np.array([0.0, 255.0])).tolist()
        [-1.0, 1.0]
    """
    return levels / (top / 2) - 1


def to_uint8(image):
    """Scale [-1, 1] to uint8, rounded to the nearest and clipped: the inverse of `to_float`.

    Args:
        image: float of any shape in [-1, 1]; uint8 is returned as it is.

    Returns:
        image: uint8 of the same shape.

    Raises:
        ValueError: if a value is not finite.

    Example:
        >>> to_uint8(np.array([-1.0, 0.0, 2.0])).tolist()
        [0, 128, 255]
    """
    image = np.asarray(image)
    if image.dtype == np.uint8:
        return image
    if not np.isfinite(image).all():
        raise ValueError("`image` should be finite; received NaN or infinity.")
    return to_integers(image, np.uint8)


def to_integers(image, dtype):
    """Scale [-1, 1] to whole numbers of a type, rounded to the nearest and clipped.

    Args:
        image: float of any shape in [-1, 1].
        dtype: uint8 or uint16.

    Returns:
        image: of that type; the inverse of `to_float`.

    Example:
        >>> to_integers(np.array([-1.0, 0.0, 2.0]), np.uint16).tolist()
        [0, 32768, 65535]
    """
    top = np.iinfo(dtype).max
    levels = to_levels(np.asarray(image, np.float32), top)
    return np.clip(np.rint(levels), 0, top).astype(dtype)


def to_levels(x, top=255):
    """Return `(x + 1) top / 2`, the inverse of `from_levels`; neither rounded nor clipped.

    Example:
        >>> to_levels(np.array([-1.0, 1.0])).tolist()
        [0.0, 255.0]
    """
    return (x + 1) * (top / 2)


def read(path, mode=None, *, depth=8, at_least=None):
    """Read an image (the first frame of an animation), turned as its EXIF says.

    Args:
        path: a jpg, png, gif, bmp, webp or tif.
        mode: "L", "LA", "RGB" or "RGBA" converts; by default the channels that the file has
            (a palette of greys counts as grey).
        depth: 16 keeps the 16 bits of a grey image, as uint16; 8 scales them to uint8.
        at_least: int; a jpg may be decoded at a half, quarter or eighth of its size as long
            as both sides keep this many pixels (four times faster on photographs).

    Returns:
        image: uint8 (or uint16) `[height, width, channels]`, channels 1 to 4.

    Raises:
        UserError: if there is no such file or it is not a whole image.
    """
    try:
        with PIL.Image.open(path) as image:
            if at_least:
                image.draft(None, (at_least, at_least))
            image.load()
            return _as_array(ImageOps.exif_transpose(image), mode, depth)
    except FileNotFoundError:
        raise UserError(f"`{path}`: there is no such image. Check the path.") from None
    except Exception as error:  # decoders raise errors of many types on broken files
        raise unreadable(path, "image", error) from error


def read_shape(path):
    """Read from an image's header the shape that `read` will give.

    Args:
        path: a jpg, png, gif, bmp, webp or tif.

    Returns:
        shape: (height, width, channels), EXIF orientation applied.

    Raises:
        UserError: if the file is no image.
    """
    try:
        with PIL.Image.open(path) as image:
            width, height = image.size
            if image.getexif().get(_ORIENTATION) in _TURNED:
                width, height = height, width
            return height, width, _CHANNELS[_natural_mode(image)]
    except Exception as error:
        raise unreadable(path, "image", error) from error


def write(path, image):
    """Write an image in the format of the path's suffix, folders made as needed.

    Args:
        path: ends in .png, .jpg, .bmp, .gif, .webp or .tif.
        image: `[height, width]` or `[height, width, 1 to 4]`, float in [-1, 1] or uint8;
            uint16 `[height, width, 1]` keeps its 16 bits in a png or tif.

    Raises:
        UserError: if the format is unknown or the file can't be written.
        ValueError: if the shape is not an image's.
    """
    path = check_suffix(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        to_image(image).save(path)
    except OSError as error:
        raise UserError(f"`{path}` can't be written: {error}.") from error


def check_suffix(path):
    """Return a path, if its suffix is that of a format of images.

    Args:
        path: of a file to write.

    Returns:
        path: a `pathlib.Path`.

    Raises:
        UserError: if the format is unknown.

    Example:
        >>> check_suffix("out.png").name
        'out.png'
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"`{path}` should end in one of {', '.join(SUFFIXES)}; "
            f"received {path.suffix or 'no suffix'!r}. Use .png to lose nothing."
        )
    return path


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
    if pathlib.Path(path).suffix.lower() in LOSSY_SUFFIXES:
        logging.warning("%s is lossy: known pixels will change a little; .png keeps them.", path)
    return numbered(path, count)


def numbered(path, count):
    """Return the path itself for one result, else as many paths with numbers.

    Args:
        path: file or folder to write.
        count: number of results; 0 and 1 are one.

    Returns:
        paths: list of `pathlib.Path`.

    Example:
        >>> [path.name for path in numbered("out.mp4", 2)]
        ['out-1.mp4', 'out-2.mp4']
    """
    path = pathlib.Path(path)
    if count <= 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number + 1}") for number in range(count)]


def to_image(image):
    """Turn an array into a PIL image.

    Args:
        image: `[height, width]` or `[height, width, 1 to 4]`, float in [-1, 1], uint8, or
            uint16 with one channel.

    Returns:
        image: a `PIL.Image.Image`.

    Raises:
        ValueError: if the shape is another.
    """
    image = np.asarray(image)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[-1] not in _MODES:
        raise ValueError(
            "`image` should have shape [height, width] or [height, width, 1 to 4]; "
            f"received {image.shape}."
        )
    if image.dtype == np.uint16 and image.shape[-1] == 1:
        return PIL.Image.fromarray(np.ascontiguousarray(image[..., 0]))
    image = np.ascontiguousarray(to_uint8(image))
    return PIL.Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def convert_channels(image, channels):
    """Change the number of channels: alpha is dropped, grey repeated, colour weighed (BT.601).

    Args:
        image: uint8 `[height, width, 1 to 4]`.
        channels: 1 or 3.

    Returns:
        image: uint8 `[height, width, channels]`.
    """
    if image.shape[-1] in (2, 4):
        image = image[..., :-1]
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(to_image(image).convert("L"))[..., None]


def resize(image, height, width, method=None):
    """Resize an image, antialiased when smaller.

    Args:
        image: `[height, width, channels]`: uint8, or float, which may overshoot a little.
        height: int, pixels.
        width: int, pixels.
        method: "bicubic" or "lanczos"; by default Lanczos for uint8, bicubic for floats.

    Returns:
        image: uint8 or float32 `[height, width, channels]`; of the same size the same values.

    Example:
        >>> resize(np.ones([4, 6, 3]), 8, 12).shape
        (8, 12, 3)
    """
    if image.dtype == np.uint8:
        resampling = RESAMPLING[method or "lanczos"]
        if image.shape[:2] == (height, width):
            return image
        resized = np.asarray(to_image(image).resize((width, height), resampling))
        return resized.reshape(height, width, image.shape[-1])
    planes = np.moveaxis(np.asarray(image, np.float32), -1, 0)
    resampling = RESAMPLING[method or "bicubic"]
    resized = [
        np.asarray(
            PIL.Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), resampling)
        )
        for plane in planes
    ]
    return np.stack(resized, axis=-1)


def centre_crop(image):
    """Cut the largest square from the middle of an image `[height, width, channels]`."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _as_array(image, mode, depth):
    if image.mode.startswith("I"):  # 16 bits a pixel, one channel
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError("its 32-bit values are outside 0..65535")
        if depth == 16 and mode is None:
            return wide.astype(np.uint16)[..., None]
        image = PIL.Image.fromarray(np.rint(wide / 257).astype(np.uint8))
    mode = mode or _natural_mode(image)
    if mode not in _CHANNELS:
        raise ValueError(f"`mode` should be one of {', '.join(_CHANNELS)}; received {mode!r}")
    array = np.array(image if image.mode == mode else image.convert(mode))
    return array.reshape(image.height, image.width, _CHANNELS[mode])


def _natural_mode(image):
    """Return the mode among L, LA, RGB, RGBA that holds what the image has."""
    if image.mode == "F":
        raise ValueError("its values are floats of no known range; save it with 8 or 16 bits")
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
        grey = bool((palette == palette[:, :1]).all())
    if grey:
        return "LA" if transparent else "L"
    return "RGBA" if transparent else "RGB"
