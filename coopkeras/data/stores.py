"""How images are kept: decoded once into one uint8 tensor, or read from their files per batch.

A store answers `fetch(indices [b]) -> {"x": uint8 [b, h, w, c][, "label": int32 [b]]}` with
TensorFlow operations, so that tf.data can run it in parallel.
"""

import collections
import concurrent.futures
import dataclasses
import logging
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from coopkeras import images
from coopkeras.data.sources import Source
from coopkeras.errors import UserError

MEMORY_LIMIT = 2 * 2**30  # bytes of uint8 that cache="auto" keeps in memory
_CHUNK = 64  # images that are handled at a time
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """The readable images of a source, brought to their channels and, unless patches, size.

    Attributes:
        source: where they come from.
        positions: int64 `[n]`, their places in the source.
        shapes: int64 `[n, 3]`, height, width and channels of each.
        decoded: list of uint8 arrays (or one array), or None if they are read when needed.
        read: place -> uint8 `[height, width, channels]`.
    """

    source: Source
    positions: np.ndarray
    shapes: np.ndarray
    decoded: list | None
    read: Callable[[int], np.ndarray]

    def labels(self):
        """Return a CPU tensor of the labels, int32 `[n]`, or None."""
        if self.source.labels is None:
            return None
        return _on_cpu(self.source.labels[self.positions])


@dataclasses.dataclass(frozen=True)
class Store:
    """Examples of one shape.

    Attributes:
        count: int, how many.
        shape: (height, width, channels).
        fetch: indices int64 `[b]` -> dict of tensors `[b, ...]`.
    """

    count: int
    shape: tuple[int, int, int]
    fetch: Callable[[tf.Tensor], dict]


def open_images(source, size, channels, patches, cache):
    """Look at all images of a source, decide on their channels, and decode them if they fit.

    The number of channels, unless given, is that of most images (alpha not counted); of two
    numbers equally frequent the first image's. Broken images are left out with one warning.

    Args:
        source: a `Source`.
        size: int, or None for images that all have one size.
        channels: 1, 3 or None.
        patches: whether the images stay as large as they are, to be cut.
        cache: "auto" (in memory up to `MEMORY_LIMIT`), True or False.

    Returns:
        image_set: an `ImageSet`.

    Raises:
        UserError: if no image can be read, all are too small for patches of `size`, or
            without `size` they differ in theirs.
    """
    faults = {}
    shapes = _in_threads(source.shape, range(len(source.names)), faults)
    good = [place for place in range(len(shapes)) if place not in faults]
    _require_some(source, good, faults)
    if channels is None:
        found = collections.Counter(_opaque(shapes[place][2]) for place in good)
        channels = found.most_common(1)[0][0]
    if patches:
        good = _large_enough(source, good, shapes, size)
    final = np.array([_final_shape(shapes[place], size, channels, patches) for place in good])
    if not patches and (final != final[0]).any():
        raise UserError(
            f"Without `size` all images should have one size; received {tuple(final[0, :2])} "
            f"and {tuple(final[(final != final[0]).any(1)][0, :2])}. Use --set=size=64."
        )

    def read(position):
        return _bring(source, position, size, channels, patches)

    decoded = None
    if cache is True or (cache == "auto" and final.prod(1).sum() <= MEMORY_LIMIT):
        decoded = _in_threads(read, good, faults)
        whole = np.array([place not in faults for place in good])
        _require_some(source, whole.nonzero()[0], faults)
        decoded = [image for image, kept in zip(decoded, whole, strict=True) if kept]
        good, final = np.array(good)[whole], final[whole]
    _warn(source, faults)
    good = np.array(good, np.int64)
    return ImageSet(source, good, final, decoded, lambda place: read(good[place]))


def whole_images(image_set):
    """Make the store whose example i is image i.

    Args:
        image_set: an `ImageSet` whose shapes are equal.

    Returns:
        store: a `Store`.
    """
    shape = tuple(int(side) for side in image_set.shapes[0])
    labels = image_set.labels()
    if image_set.decoded is None:

        def pick(indices):
            return _from_files(lambda rows: [image_set.read(row) for row in rows], [indices], shape)
    else:
        data = _on_cpu(np.stack(image_set.decoded))

        def pick(indices):
            return tf.gather(data, indices)

    def fetch(indices):
        return _with_label({"x": pick(indices)}, labels, indices)

    return Store(len(image_set.positions), shape, fetch)


def patch_stores(image_set, size, regions):
    """Make stores of all size-by-size patches of regions of the images, one pixel apart.

    An index enumerates region, row and column; no patch exists before it is asked for, and all
    stores share one copy of the images.

    Args:
        image_set: an `ImageSet`.
        size: int, pixels.
        regions: one list a store, of (image, left, right): the columns left to right - 1.

    Returns:
        stores: list of `Store`.
    """
    channels = int(image_set.shapes[0, 2])
    if image_set.decoded is None:

        def cut(which, row, column):
            def read(*places):
                return [
                    image_set.read(p)[r : r + size, c : c + size]
                    for p, r, c in zip(*places, strict=True)
                ]

            return _from_files(read, [which, row, column], (size, size, channels))
    else:
        cut = _cutter(image_set, size, channels)
    labels = image_set.labels()
    return [_patch_store(image_set, size, one, cut, labels) for one in regions]


def _patch_store(image_set, size, regions, cut, labels):
    which, left, right = (np.array(column, np.int64) for column in zip(*regions, strict=True))
    across = right - left - size + 1
    ends = np.cumsum((image_set.shapes[which, 0] - size + 1) * across)
    table = _on_cpu(np.stack([which, left, across, np.concatenate([[0], ends[:-1]])], 1))
    bounds = _on_cpu(ends)

    def fetch(indices):
        region = tf.searchsorted(bounds, indices, side="right", out_type=tf.int64)
        image, first, per_row, start = tf.unstack(tf.gather(table, region), axis=1)
        rest = indices - start
        x = cut(image, rest // per_row, first + rest % per_row)
        return _with_label({"x": x}, labels, image)

    return Store(int(ends[-1]), (size, size, int(image_set.shapes[0, 2])), fetch)


def _cutter(image_set, size, channels):
    """Return a function that slices patches out of one flat tensor of all images."""
    flat = _on_cpu(np.concatenate([image.ravel() for image in image_set.decoded]))
    sizes = image_set.shapes.prod(1)
    offsets = _on_cpu(np.cumsum(sizes) - sizes)
    widths = _on_cpu(image_set.shapes[:, 1])
    rows = tf.range(size, dtype=tf.int64)[None, :, None]
    values = tf.range(size * channels, dtype=tf.int64)[None, None, :]

    def cut(which, row, column):
        width = tf.gather(widths, which)[:, None, None]
        corner = tf.gather(offsets, which)[:, None, None]
        row, column = row[:, None, None], column[:, None, None]
        patch = tf.gather(flat, corner + ((row + rows) * width + column) * channels + values)
        return tf.reshape(patch, [-1, size, size, channels])

    return cut


def _from_files(read, places, shape):
    """Run `read(*places) -> list of images` outside the graph."""

    def stack(*arrays):
        return np.stack(read(*arrays)).astype(np.uint8)

    x = tf.numpy_function(stack, places, tf.uint8, stateful=False)
    return tf.ensure_shape(x, [None, *shape])


def _with_label(batch, labels, places):
    return batch if labels is None else batch | {"label": tf.gather(labels, places)}


def _on_cpu(array):
    with tf.device("CPU:0"):
        return tf.constant(array)


def _bring(source, position, size, channels, patches):
    """Read one image, to its channels and, unless it will be cut into patches, its size."""
    resized = size is not None and not patches
    image = source.read(position, 2 * size if resized else None)
    image = images.convert_channels(image, channels)
    return images.resize(images.centre_crop(image), size, size) if resized else image


def _final_shape(shape, size, channels, patches):
    height, width = shape[:2] if patches or size is None else (size, size)
    return height, width, channels


def _opaque(channels):
    return channels - 1 if channels in (2, 4) else channels


def _large_enough(source, good, shapes, size):
    large = [place for place in good if min(shapes[place][:2]) >= size]
    if not large:
        raise UserError(
            f"`size` should be at most {max(min(shapes[place][:2]) for place in good)} to cut "
            f"patches from these images; received {size}."
        )
    if len(large) < len(good):
        _log.warning(
            "%d of %d images are smaller than a patch of %d pixels and were left out.",
            len(good) - len(large),
            len(source.names),
            size,
        )
    return large


def _in_threads(function, items, faults):
    """Apply a function in threads; where it raises a UserError, note it in `faults`."""

    def attempt(item):
        try:
            return function(item)
        except UserError as error:
            faults[item] = str(error)
            return None

    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    with concurrent.futures.ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        done = pool.map(lambda chunk: [attempt(item) for item in chunk], chunks)
        return [result for chunk in done for result in chunk]


def _require_some(source, good, faults):
    if not len(good):
        raise UserError(
            f"None of the {len(source.names)} images can be read. The first fault: "
            f"{faults[min(faults)]}"
        )


def _warn(source, faults):
    if faults:
        names = [source.names[place] for place in sorted(faults)]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        _log.warning(
            "%d of %d images can't be read and were left out: %s%s.",
            len(names),
            len(source.names),
            ", ".join(names[:5]),
            more,
        )
