"""What data come from: a name, file, folder or glob, opened as images read one by one.

Nothing here knows about TensorFlow, sizes or batches: `coopkeras.data` does.
"""

import dataclasses
import glob
import pathlib
import re
from collections.abc import Callable

import numpy as np

from coopkeras import images
from coopkeras.data import arrays, samples
from coopkeras.errors import UserError

EXPECTED = (
    "an image file, a folder or glob of images (jpg, png, gif, bmp, webp, tif), "
    "an .npy, .npz or idx.gz file, samples:textures (or one: samples:brick, samples:grass, "
    "samples:gravel), samples:faces, samples:photographs, or tfds:NAME"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """Images that can be read one by one.

    Attributes:
        names: one name an image, in the order that `held_out="last:1000"` looks at.
        read: (position, at_least) -> uint8 `[height, width, channels]`; `UserError` if it is
            broken; a larger image may come reduced to sides of no less than `at_least`.
        shape: position -> (height, width, channels), cheaply; `UserError` if it is broken.
        labels: int32 `[n]`, or None.
        classes: names of the labels.
        own_held_out: positions that the source itself keeps apart, or None.
        textures: whether its images are few and large: cut into patches, split in space.
    """

    names: tuple[str, ...]
    read: Callable[[int, int | None], np.ndarray]
    shape: Callable[[int], tuple[int, int, int]]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    own_held_out: np.ndarray | None = None
    textures: bool = False


def open_source(source):
    """Open a data source by its name.

    Args:
        source: what `EXPECTED` lists: str or path.

    Returns:
        source: a `Source`.

    Raises:
        UserError: if it does not exist, is empty, or is of an unknown kind.

    Example:
        >>> open_source("samples:textures").names
        ('brick', 'grass', 'gravel')
    """
    text = str(source)
    if text.startswith("samples:"):
        return _sample(text.removeprefix("samples:"))
    if text.startswith("tfds:"):
        return _tfds(text.removeprefix("tfds:"))
    path = pathlib.Path(text).expanduser()
    if path.is_dir():
        is_idx = any(path.glob(f"*{arrays.IDX_IMAGES}*"))
        return _arrays(*arrays.read_idx_folder(path)) if is_idx else _image_folder(path)
    if path.is_file():
        return _file(path)
    if glob.has_magic(text):
        return _image_glob(str(path))
    raise UserError(f"`{text}`: no such file or folder. `--data` should be {EXPECTED}.")


def _file(path):
    name = path.name.lower()
    if name.endswith((".npy", ".npz")):
        return _arrays(*arrays.read_numpy(path))
    if "ubyte" in name or name.endswith((".idx", ".idx.gz")):
        return _arrays(*arrays.read_idx_images(path))
    if path.suffix.lower() in images.SUFFIXES:
        return _image_files([path], [path.name], textures=True)
    raise UserError(f"`{path}` is of no known kind. `--data` should be {EXPECTED}.")


def _image_files(paths, names, **more):
    return Source(
        names=tuple(names),
        read=lambda position, at_least: images.read(paths[position], at_least=at_least),
        shape=lambda position: images.read_shape(paths[position]),
        **more,
    )


def _is_image(path):
    return path.suffix.lower() in images.SUFFIXES and path.is_file()


def _image_folder(folder):
    """All images under a folder; labels where every one lies in one of several subfolders."""
    found = {}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") for part in parts) and _is_image(path):
            found["/".join(parts)] = path
    if not found:
        raise UserError(
            f"`{folder}` has no images. It should hold files that end in "
            f"{', '.join(images.SUFFIXES)}, or one subfolder of them a class."
        )
    names = sorted(found)
    tops = [name.split("/")[0] if "/" in name else "" for name in names]
    classes = tuple(sorted(set(tops)))
    if "" in classes or len(classes) < 2:
        return _image_files([found[name] for name in names], names, textures=len(names) == 1)
    labels = np.array([classes.index(top) for top in tops], np.int32)
    return _image_files([found[name] for name in names], names, labels=labels, classes=classes)


def _image_glob(pattern):
    fixed = pathlib.Path(*_until_magic(pathlib.Path(pattern).parts))
    found = {}
    for match in glob.glob(pattern, recursive=True):
        path = pathlib.Path(match)
        if _is_image(path):
            found[path.relative_to(fixed).as_posix()] = path
    if not found:
        raise UserError(f"`{pattern}` matches no images. `--data` should be {EXPECTED}.")
    names = sorted(found)
    return _image_files([found[name] for name in names], names, textures=len(names) == 1)


def _until_magic(parts):
    kept = []
    for part in parts:
        if glob.has_magic(part):
            break
        kept.append(part)
    return kept


def _arrays(images, labels=None, held_out=None):
    """A source from uint8 `[n, height, width, channels]`; one image is a texture."""
    digits = len(str(len(images) - 1))
    return Source(
        names=tuple(f"{position:0{digits}d}" for position in range(len(images))),
        read=lambda position, _: np.asarray(images[position]),
        shape=lambda position: tuple(images.shape[1:]),
        labels=labels,
        classes=() if labels is None else tuple(map(str, range(int(labels.max()) + 1))),
        own_held_out=held_out,
        textures=len(images) == 1,
    )


def _sample(name):
    if name == "faces":
        return _arrays(samples.faces())
    if name not in samples.LARGE:
        raise UserError(
            f"samples:{name} is not known. The samples are "
            f"{', '.join(f'samples:{known}' for known in samples.IMAGES)}."
        )
    found = samples.large(name)
    large = list(found.values())
    return Source(
        names=tuple(found),
        read=lambda position, _: large[position],
        shape=lambda position: large[position].shape,
        textures=True,
    )


def _tfds(name):
    """A dataset of tensorflow-datasets with random access; its test split is held out."""
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            f"tfds:{name} needs tensorflow-datasets, which can't be imported ({error}). "
            "Run `pip install tensorflow-datasets array_record`."
        ) from error
    try:
        splits = tensorflow_datasets.data_source(name)
    except Exception as error:  # unknown name, no network, no room: tfds raises many types
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"tfds:{name} can't be opened: {reason}") from error
    held = next((key for key in ("test", "validation") if key in splits), None)
    parts = [key for key in ("train", held) if key and key in splits] or list(splits)[:1]
    where = [(part, row) for part in parts for row in range(len(splits[part]))]
    first = splits[parts[0]][0]
    if "image" not in first:
        raise UserError(f"tfds:{name} has no `image`; it has {', '.join(first)}.")
    labels = None
    if np.ndim(first.get("label")) == 0 and "label" in first:
        labels = np.array([splits[part][row]["label"] for part, row in where], np.int32)
    own = np.arange(len(splits["train"]), len(where)) if len(parts) == 2 else None

    def read(position, _=None):
        part, row = where[position]
        image = np.asarray(splits[part][row]["image"])
        return image[..., None] if image.ndim == 2 else image

    return Source(
        names=tuple(re.sub(r"\W", "-", f"{part}-{row:08d}") for part, row in where),
        read=read,
        shape=lambda position: read(position).shape,
        labels=labels,
        classes=() if labels is None else tuple(str(k) for k in range(int(labels.max()) + 1)),
        own_held_out=own,
    )
