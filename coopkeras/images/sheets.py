"""Sheets of images: grids, and contact sheets with named rows."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from coopkeras.images.files import convert_channels, to_uint8


def grid(images, columns=None, pad=2, background=1.0):
    """Lay images out in rows, from left to right, a margin around each.

    Args:
        images: `[n, height, width, channels]`, float in [-1, 1] or uint8.
        columns: int; by default as square as possible.
        pad: int, pixels between images and around them.
        background: the value of the margin, in [-1, 1].

    Returns:
        image: one image of the same type, `[rows (height + pad) + pad, ...]`.

    Example:
        >>> grid(np.zeros([6, 8, 8, 3], np.float32), columns=3, pad=1).shape
        (19, 28, 3)
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"`images` should be [n, height, width, channels], n > 0; received {images.shape}."
        )
    n, height, width, channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    if images.dtype == np.uint8:
        background = to_uint8(background)
    shape = (rows * (height + pad) + pad, columns * (width + pad) + pad, channels)
    sheet = np.full(shape, background, images.dtype)
    for place, image in enumerate(images):
        top = pad + place // columns * (height + pad)
        left = pad + place % columns * (width + pad)
        sheet[top : top + height, left : left + width] = image
    return sheet


def gallery(rows, *, pad=2, cell=96):
    """Draw a contact sheet: one named row of images under another, enlarged to be seen.

    Args:
        rows: dict name -> images `[n, height, width, 1 or 3]`, float in [-1, 1] or uint8;
            rows may differ in n, size and channels.
        pad: int, pixels between images.
        cell: int; small images are repeated by a whole factor up to about this many pixels.

    Returns:
        image: uint8 `[height, width, 3]`, ready for `write`.

    Raises:
        ValueError: if there is no row.

    Example:
        >>> gallery({"observed": np.zeros([2, 8, 8, 1], np.float32)}, cell=32).shape[-1]
        3
    """
    if not rows:
        raise ValueError("`rows` should have at least one named row of images; received none.")
    strips = {name: _strip(images, pad, cell) for name, images in rows.items()}
    font = ImageFont.load_default(14)
    margin = 12 + int(max(font.getlength(str(name)) for name in strips))
    width = margin + max(strip.shape[1] for strip in strips.values())
    height = sum(max(strip.shape[0], 20) for strip in strips.values())
    sheet = Image.new("RGB", (width, height), "white")
    draw, top = ImageDraw.Draw(sheet), 0
    for name, strip in strips.items():
        row = max(strip.shape[0], 20)
        draw.text((6, top + row // 2), str(name), fill="black", font=font, anchor="lm")
        sheet.paste(Image.fromarray(strip), (margin, top))
        top += row
    return np.asarray(sheet)


def _strip(images, pad, cell):
    images = np.stack([convert_channels(to_uint8(one), 3) for one in images])
    factor = max(1, round(cell / max(images.shape[1:3])))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    return grid(images, columns=len(images), pad=pad)
