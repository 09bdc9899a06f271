"""From the mask of a user to holes like his: a description as `holes.parse` takes it."""

import numpy as np
from scipy import ndimage

from coopkeras.windows import RIM

SIZES = (32, 64)  # of patches, pixels
FILLED = 0.5  # of its box, at least, by a part of the mask that is like a square
SLIM = 0.25  # of the side of a patch: what is no thicker is like a stroke of the brush
SPECK = 4  # pixels: what is no longer is a speck
MINOR = 0.05  # share of the mask below which a kind is left out
COVERAGES = 0.05, 0.5  # of a patch by strokes or specks


def largest_square(size):
    """Return the side of the largest hole that a patch holds with a known rim.

    Args:
        size: side of a patch, pixels.

    Example:
        >>> largest_square(32), largest_square(64)
        (22, 44)
    """
    return size - 2 * (size // RIM)


def thickest(hidden):
    """Return the side of the largest square, or thickness, among the parts of a mask.

    Args:
        hidden: bool `[height, width]`, True = to be filled.

    Example:
        >>> thickest(np.ones([9, 7], bool))
        9
    """
    return max((side for _, side, _ in _parts(hidden)), default=0)


def patch_size(hidden):
    """Return the side of the patches to learn from: 32, or 64 for a hole that needs it.

    A side is taken if the patch fits twice into the shorter side of the image, and 32 anyway
    where it fits once; else the largest that fits.

    Args:
        hidden: bool `[height, width]`, True = to be filled.

    Example:
        >>> hidden = np.zeros([200, 200], bool)
        >>> hidden[50:80, 50:80] = True
        >>> patch_size(hidden), patch_size(hidden[:20])
        (64, 20)
    """
    shortest, smallest, needed = min(hidden.shape), SIZES[0], thickest(hidden)
    fitting = [size for size in SIZES if needed <= largest_square(size)] or SIZES[-1:]
    return fitting[0] if 2 * fitting[0] <= shortest else min(smallest, shortest)


def holes_like(hidden, size):
    """Describe holes that are like those of a mask, to be drawn in patches.

    Each connected part of the mask is like a square (as large as itself, or as a patch holds), a
    stroke, or a speck, by its shape. A thick stroke is like squares of its thickness.

    Args:
        hidden: bool `[height, width]`, True = to be filled.
        size: side of a patch, pixels.

    Returns:
        holes: text for `holes.parse`.

    Example:
        >>> hidden = np.zeros([200, 200], bool)
        >>> hidden[50:66, 50:66] = True
        >>> holes_like(hidden, 32)
        'square:16'
    """
    sides, areas = [], {"square": 0, "strokes": 0, "blocks": 0}
    for area, side, longest in _parts(hidden):
        kind = _kind(side, longest, size)
        areas[kind] += area
        if kind == "square":
            sides.append(int(np.clip(side, 2, largest_square(size))))
    kinds = [kind for kind, area in areas.items() if area > MINOR * hidden.sum()]
    amounts = {"square": sides and _range(min(sides), max(sides))}
    share = np.clip(_coverage(hidden, size), *COVERAGES)
    amounts |= dict.fromkeys(("strokes", "blocks"), f"{share:.2g}")
    return ",".join(f"{kind}:{amounts[kind]}" for kind in kinds)


def _parts(hidden):
    """Yield (area, side, longest) of each connected part: that of a square like it, of its box.

    A part that fills little of its box, or a long one, is as wide as it is thick.
    """
    labels, _ = ndimage.label(hidden, np.ones([3, 3]))
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        part = np.pad(labels[box] == number, 1)
        sides = [length - 2 for length in part.shape]
        thickness = int(2 * ndimage.distance_transform_edt(part).max()) - 1
        like_a_square = part.sum() >= FILLED * np.prod(sides) and max(sides) <= 2 * min(sides)
        yield int(part.sum()), max(sides) if like_a_square else thickness, max(sides)


def _kind(side, longest, size):
    if longest <= SPECK:
        return "blocks"
    return "strokes" if side <= SLIM * size and longest > 2 * side else "square"


def _range(low, high):
    return str(low) if low == high else f"{low}-{high}"


def _coverage(hidden, size):
    """Return the mean share of a patch around a hidden pixel that is hidden."""
    share = ndimage.uniform_filter(hidden.astype(np.float32), size, mode="reflect")
    return float(share[hidden].mean())
