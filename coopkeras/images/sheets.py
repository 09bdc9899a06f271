"""Sheets of images: grids, and contact sheets with named rows."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from coopkeras.images.files import convert_channels, to_uint8


def grid(pictures, columns=None, pad=2, background=1.0):
    """Lay pictures out in rows, from left to right, a margin around each.

    Args:
        pictures: `[n, height, width, channels]`, float in [-1, 1] or uint8.
        columns: int; by default as square as possible.
        pad: int, pixels between pictures and around them.
        background: the value of the margin, in [-1, 1].

    Returns:
        picture: one picture of the same type, `[rows (height + pad) + pad, ...]`.

    Example:
        >>> grid(np.zeros([6, 8, 8, 3], np.float32), columns=3, pad=1).shape
        (19, 28, 3)
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or not len(pictures):
        raise ValueError(
            f"`pictures` should be [n, height, width, channels], n > 0; received {pictures.shape}."
        )
    n, height, width, channels = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    if pictures.dtype == np.uint8:
        background = to_uint8(background)
    shape = (rows * (height + pad) + pad, columns * (width + pad) + pad, channels)
    sheet = np.full(shape, background, pictures.dtype)
    for place, picture in enumerate(pictures):
        top = pad + place // columns * (height + pad)
        left = pad + place % columns * (width + pad)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def gallery(rows, *, pad=2, cell=96):
    """Draw a contact sheet: one named row of pictures under another, enlarged to be seen.

    Args:
        rows: dict name -> pictures `[n, height, width, 1 or 3]`, float in [-1, 1] or uint8;
            rows may differ in n, size and channels.
        pad: int, pixels between pictures.
        cell: int; small pictures are repeated by a whole factor up to about this many pixels.

    Returns:
        picture: uint8 `[height, width, 3]`, ready for `write_picture`.

    Raises:
        ValueError: if there is no row.

    Example:
        >>> gallery({"observed": np.zeros([2, 8, 8, 1], np.float32)}, cell=32).shape[-1]
        3
    """
    if not rows:
        raise ValueError("`rows` should have at least one named row of pictures; received none.")
    strips = {name: _strip(pictures, pad, cell) for name, pictures in rows.items()}
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


def _strip(pictures, pad, cell):
    pictures = np.stack([convert_channels(to_uint8(one), 3) for one in pictures])
    factor = max(1, round(cell / max(pictures.shape[1:3])))
    pictures = pictures.repeat(factor, axis=1).repeat(factor, axis=2)
    return grid(pictures, columns=len(pictures), pad=pad)
