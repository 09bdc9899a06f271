"""Data: a name, file, folder or glob -> examples to learn from and examples to judge by.

`split` gives both with random access; `load` gives one of them as a dataset for `fit`. Values
are float32 in [-1, 1], channels last.
"""

import fnmatch
import hashlib
import numbers
import pathlib

import numpy as np
import tensorflow as tf

from coopkeras.data import held_out as held_outs
from coopkeras.data import samples, stores
from coopkeras.data.examples import Examples, Split
from coopkeras.data.sources import open_source
from coopkeras.errors import UserError
from coopkeras.images.files import SUFFIXES

CUT_SAMPLES = tuple(f"samples:{name}" for name in samples.LARGE)
_DEFAULT_SHARE = 0.1  # of images
_DEFAULT_WIDTH = 0.25  # of one image, on the right


def split(source, *, size, channels=None, crop="centre", held_out=None, seed=0, cache="auto"):
    """Open a source as examples of one shape, some of them kept apart for judging.

    Images are cut to the square in their middle and resized, antialiased, to `size`; or cut
    into patches. samples:textures, samples:photographs and a single image are always cut into
    patches, and split in space: train on the left, held out on the right. Channels are those of
    most images (of the first image, when even) unless given; alpha is dropped. Broken files
    are left out with one warning.

    Args:
        source: "samples:textures" | "samples:faces" | "samples:photographs"; an image, a
            folder or a glob of images (with one subfolder a class there are labels); an .npy
            or .npz; an idx.gz or a folder of them (MNIST family); "tfds:NAME".
        size: int, pixels; None keeps the images' own, if they have one.
        channels: 1 or 3.
        crop: "centre" | "patches", all size-by-size patches, one pixel apart.
        held_out: "last:1000" | "first:100" in the sorted order of names | a share between 0
            and 1, chosen by a hash of the name (of one image: the share of its width) | a
            glob of names. By default what the source keeps apart itself (MNIST's t10k), else
            0.1, of one image 0.25.
        seed: int, another share of the same size. The split never changes for the same seed.
        cache: "auto" keeps uint8 in memory up to 2 GB, True always, False never: then files
            are read for each batch.

    Returns:
        split: a `Split` of train and held_out `Examples`.

    Raises:
        UserError: if the source can't be opened or the split leaves a part empty.

    Example:
        >>> split("samples:faces", size=32).train.shape
        (32, 32, 1)
    """
    opened, image_set, patches = _open(source, size, channels, crop, cache)
    if patches and opened.textures and _share(held_out) is not None:
        return _split_in_space(image_set, size, _share(held_out), opened.classes)
    kept_apart = _kept_apart(opened, held_out, seed)[image_set.positions]
    if kept_apart.all() or not kept_apart.any():
        raise UserError(
            f"`held_out`={held_out} leaves {(~kept_apart).sum()} images to train on and "
            f"{kept_apart.sum()} to judge by of {len(kept_apart)}; both should have some."
        )
    parts = [np.flatnonzero(~kept_apart), np.flatnonzero(kept_apart)]
    if patches:
        regions = [[(i, 0, image_set.shapes[i, 1]) for i in part] for part in parts]
        both = stores.patch_stores(image_set, size, regions)
        return Split(*(Examples(store, names=opened.classes) for store in both))
    store = stores.whole_images(image_set)
    with tf.device("CPU:0"):
        return Split(*(Examples(store, tf.constant(part), opened.classes) for part in parts))


def load(
    source,
    *,
    size=64,
    batch_size=64,
    split="train",
    seed=0,
    channels=None,
    crop="centre",
    held_out=None,
    cache="auto",
):
    """Open a source as a dataset for `fit`: one epoch of batches, reshuffled at each iteration.

    Args:
        source: as in `coopkeras.data.split`.
        size: int, pixels; None keeps the images' own.
        batch_size: int; the last batch may be smaller.
        split: "train" | "held_out" (in the order of the index) | "all".
        seed: int, of the order and the split.
        channels: as in `coopkeras.data.split`, like what follows.
        crop: "centre" | "patches".
        held_out: which examples are kept apart.
        cache: "auto" | True | False.

    Returns:
        dataset: a finite `tf.data.Dataset` of dicts `{"x": float32 [b, h, w, c] in [-1, 1],
            "index": int64 [b][, "label": int32 [b]]}`.

    Raises:
        ValueError: if `split` is none of the three.
        UserError: as `coopkeras.data.split`.

    Example:
        >>> next(iter(load("samples:faces", size=32, batch_size=8)))["x"].shape.as_list()
        [8, 32, 32, 1]
    """
    if split not in ("train", "held_out", "all"):
        raise ValueError(f"`split` should be 'train', 'held_out' or 'all'; received {split!r}.")
    options = {"size": size, "channels": channels, "crop": crop, "cache": cache}
    if split == "all":
        examples = _whole(source, **options)
    else:
        examples = getattr(_split(source, held_out=held_out, seed=seed, **options), split)
    return examples.epoch(batch_size, shuffle=split != "held_out", seed=seed)


_split = split  # `load` has an argument of this name


def always_patches(source):
    """Say whether a source is always cut into patches: large samples, or a single image.

    Args:
        source: as for `split`; it is not opened.

    Returns:
        patches: bool.

    Example:
        >>> always_patches("samples:textures"), always_patches("samples:faces")
        (True, False)
    """
    suffix = pathlib.Path(source).suffix.lower()
    return source in CUT_SAMPLES or suffix in SUFFIXES


def _open(source, size, channels, crop, cache):
    if crop not in ("centre", "patches"):
        raise UserError(f"`crop` should be centre or patches; received {crop!r}.")
    if channels not in (None, 1, 3):
        raise UserError(f"`channels` should be 1, 3 or None; received {channels!r}.")
    if size is not None and (not isinstance(size, numbers.Integral) or size < 1):
        raise UserError(f"`size` should be a whole number of pixels; received {size!r}.")
    opened = open_source(source)
    patches = crop == "patches" or opened.textures
    if patches and size is None:
        raise UserError("`size` should be given to cut patches. Use --set=size=32.")
    return opened, stores.open_images(opened, size, channels, patches, cache), patches


def _whole(source, size, channels, crop, cache):
    opened, image_set, patches = _open(source, size, channels, crop, cache)
    if not patches:
        return Examples(stores.whole_images(image_set), names=opened.classes)
    regions = [(i, 0, width) for i, width in enumerate(image_set.shapes[:, 1])]
    (store,) = stores.patch_stores(image_set, size, [regions])
    return Examples(store, names=opened.classes)


def _split_in_space(image_set, size, share, classes):
    """The left of each image to train on, the right to judge by."""
    left, right = [], []
    for i, width in enumerate(image_set.shapes[:, 1]):
        border = int(round(width * (1 - share)))
        left.append((i, 0, border))
        right.append((i, border, width))
    narrowest = min(stop - start for _, start, stop in left + right)
    if narrowest < size:
        raise UserError(
            f"`size` should be at most {narrowest}, the narrower part of an image split in space "
            f"(held_out={share:g} of its width); received {size}."
        )
    both = stores.patch_stores(image_set, size, [left, right])
    return Split(*(Examples(store, names=classes) for store in both))


def _parse(held_out):
    return held_outs.parse(held_out, ("last", "first", "share", "glob"), "images")


def _share(held_out):
    """Return the share of an image's width that `held_out` asks for, or None if it names images."""
    kind, amount = _parse(_DEFAULT_WIDTH if held_out is None else held_out)
    return amount if kind == "share" else None


def _kept_apart(source, held_out, seed):
    """Return which images of a source are held out, bool `[n]`."""
    n = len(source.names)
    kept = np.zeros(n, bool)
    if held_out is None and source.own_held_out is not None:
        kept[source.own_held_out] = True
        return kept
    kind, amount = _parse(_DEFAULT_SHARE if held_out is None else held_out)
    if kind == "share":
        scores = np.array([_score(name, seed) for name in source.names])
        return (scores < amount) | (scores == scores.min())
    if kind in ("first", "last"):
        places = np.arange(n)
        return places < amount if kind == "first" else places >= n - amount
    kept = np.array([fnmatch.fnmatchcase(name, amount) for name in source.names])
    if not kept.any():
        raise UserError(
            f"`held_out`={held_out} matches none of {n} names such as {source.names[0]}. It "
            "should be last:1000, first:100, a share such as 0.1, or a glob of names."
        )
    return kept


def _score(name, seed):
    """A number in [0, 1) that depends on nothing but the name and the seed."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
