"""Arrays in files: .npy, .npz and the idx files of the MNIST family, brought to uint8 images."""

import gzip
from typing import NamedTuple

import numpy as np

from coopkeras.errors import UserError
from coopkeras.images.files import to_uint8

IDX_IMAGES = "images-idx3-ubyte"
_IDX_LABELS = "labels-idx1-ubyte"
_IMAGE_KEYS = ("x", "images", "x_train", "train_images", "data", "arr_0")
_LABEL_KEYS = ("y", "labels", "label", "y_train", "train_labels")


class Arrays(NamedTuple):
    """Images of one size.

    Attributes:
        images: uint8 `[n, height, width, 1 to 4]`, n > 0.
        labels: int32 `[n]`, or None.
        held_out: positions that the file itself keeps apart for judging, or None.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    held_out: np.ndarray | None = None


def read_idx_folder(folder):
    """Read an MNIST-family folder: train-images, and t10k-images, which are held out.

    Args:
        folder: a `pathlib.Path` with `*images-idx3-ubyte*` files, labels beside them or not.

    Returns:
        arrays: `Arrays`, train first.

    Raises:
        UserError: if a file is broken or the two parts don't fit together.
    """
    found = {}
    for path in sorted(folder.glob(f"*{IDX_IMAGES}*")):
        found.setdefault("t10k" if path.name.startswith("t10k") else "train", path)
    parts = [read_idx_images(found[part]) for part in ("train", "t10k") if part in found]
    return parts[0] if len(parts) == 1 else _join(*parts, folder)


def read_idx_images(path):
    """Read one idx file of images, with its labels if their file lies beside it.

    Args:
        path: a `pathlib.Path`, gzipped or not.

    Returns:
        arrays: `Arrays`, one channel.

    Raises:
        UserError: if a file is broken or holds no images.
    """
    images = _read_idx(path)
    if images.ndim != 3:
        raise UserError(
            f"`{path}` should hold images, [n, height, width]; its shape is {images.shape}. "
            "Give the file whose name has `images`."
        )
    sibling = path.with_name(path.name.replace(IDX_IMAGES, _IDX_LABELS))
    has_labels = sibling != path and sibling.is_file()
    return _checked(images[..., None], _read_idx(sibling) if has_labels else None, path)


def read_numpy(path):
    """Read an .npy, or an .npz with the images under x, images, x_train, data or alone.

    A rank-2 array is one grey image; a rank-3 array is one image if its last axis is 1, 3
    or 4, else grey images. Floats are in [-1, 1] if any is negative, else in [0, 1]. An .npz
    with x_test (or test_images) keeps these apart for judging; labels are y, labels, y_train.

    Args:
        path: a `pathlib.Path`.

    Returns:
        arrays: `Arrays`.

    Raises:
        UserError: if the file is broken or holds something else.
    """
    try:
        loaded = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None)
        if not isinstance(loaded, np.ndarray):
            loaded = {key: loaded[key] for key in loaded.files}
    except Exception as error:  # a broken zip, objects, a cut file: numpy raises many types
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"`{path}` can't be read as arrays of numbers ({reason}).") from error
    if isinstance(loaded, np.ndarray):
        return _checked(_as_uint8(loaded, path), None, path)
    return _read_archive(loaded, path)


def _read_archive(content, path):
    key = next((key for key in _IMAGE_KEYS if key in content), None)
    if key is None and len(content) == 1:
        key = next(iter(content))
    if key is None:
        raise UserError(
            f"`{path}` should hold the images as one of {', '.join(_IMAGE_KEYS)}; "
            f"it holds {', '.join(content) or 'nothing'}."
        )
    label_key = next((name for name in _LABEL_KEYS if name in content), None)
    train = _checked(_as_uint8(content[key], path), content.get(label_key), path)
    test_key = key.replace("train", "test")
    if test_key == key or test_key not in content:
        return train
    test_labels = content.get(label_key.replace("train", "test")) if label_key else None
    return _join(train, _checked(_as_uint8(content[test_key], path), test_labels, path), path)


def _join(train, test, path):
    if train.images.shape[1:] != test.images.shape[1:]:
        raise UserError(
            f"`{path}`: its train and test images should have one size; received "
            f"{train.images.shape[1:]} and {test.images.shape[1:]}."
        )
    both = train.labels is not None and test.labels is not None
    return Arrays(
        np.concatenate([train.images, test.images]),
        np.concatenate([train.labels, test.labels]) if both else None,
        np.arange(len(train.images), len(train.images) + len(test.images)),
    )


def _checked(images, labels, path):
    if not len(images):
        raise UserError(f"`{path}` holds no images: its first dimension is 0.")
    if labels is None:
        return Arrays(images)
    whole = labels.dtype.kind in "iub" and labels.size == len(images)
    if not whole or labels.min() < 0:
        raise UserError(
            f"`{path}`: its labels should be {len(images)} integers from 0 up; "
            f"received {labels.dtype} of shape {labels.shape}."
        )
    return Arrays(images, labels.reshape(-1).astype(np.int32))


def _read_idx(path):
    """Read an idx file: two zeros, 8 (uint8), the rank; the sizes as big-endian int32; values."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
        if content[:3] != b"\0\0\x08":
            raise ValueError("its first bytes are not those of an idx file of uint8")
        rank = content[3]
        sizes = np.frombuffer(content, ">i4", rank, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise UserError(f"`{path}` is not a whole idx file of uint8: {error}.") from error


def _as_uint8(images, path):
    """Bring an array to uint8 `[n, height, width, 1 to 4]`, as `read_numpy` says."""
    if images.ndim == 2:
        images = images[None, ..., None]
    elif images.ndim == 3:
        images = images[None] if images.shape[-1] in (1, 3, 4) else images[..., None]
    if images.ndim != 4 or images.shape[-1] > 4:
        raise UserError(
            f"`{path}` should hold [n, height, width] or [n, height, width, 1 to 4]; "
            f"its shape is {images.shape}. Channels come last."
        )
    if images.dtype == np.uint8 or not images.size:
        return images
    if images.dtype == np.uint16:
        return np.rint(images / 257).astype(np.uint8)
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype.kind != "f":
        raise UserError(f"`{path}` should be uint8, uint16, bool or float; it is {images.dtype}.")
    low, high = float(images.min()), float(images.max())
    if not (low >= -1 and high <= 1):
        raise UserError(
            f"`{path}`: floats should be in [0, 1] or [-1, 1]; they are in [{low:g}, {high:g}]."
        )
    return to_uint8(images if low < 0 else images * 2 - 1)
