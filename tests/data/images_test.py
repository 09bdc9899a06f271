"""Laws of data: batch t is a function of (seed, t), and a split is for ever."""

import gzip
import pathlib
import struct
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import data, images
from coopkeras.data.examples import Examples
from coopkeras.errors import UserError

RANDOM = np.random.default_rng(0)
SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data"


def noise(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def write_pictures(folder, count, shape=(8, 8, 3), start=0):
    pictures = noise(count, *shape)
    for i, picture in enumerate(pictures):
        images.write(folder / f"{start + i:03d}.png", picture)
    return pictures


def collect(dataset):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset]


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def examples():
    """Thirteen examples with labels, so that epochs end inside batches."""
    return Examples.of(noise(13, 4, 5, 1), labels=np.arange(13) % 3, names=("a", "b", "c"))


# The order.


def test_a_resumed_stream_is_the_tail_of_the_unbroken_one(examples):
    def shake(batch, seeds):
        noise = tf.map_fn(
            lambda seed: tf.random.stateless_normal([4, 5, 1], seed, alg="philox"),
            seeds,
            fn_output_signature=tf.float32,
        )
        return batch | {"x": batch["x"] + noise}

    mapped = examples.mirror().map(shake)
    whole = collect(mapped.batches(4, seed=3, steps=12))
    tail = collect(mapped.batches(4, seed=3, first_step=5, steps=7))
    assert len(whole) == 12
    for one, other in zip(whole[5:], tail, strict=True):
        for key in ("x", "index", "label"):
            assert np.array_equal(one[key], other[key])


def test_each_epoch_visits_each_example_once_in_another_order(examples):
    batches = collect(examples.batches(4, seed=0, steps=13))
    assert all(batch["x"].shape == (4, 4, 5, 1) for batch in batches)
    epochs = np.concatenate([batch["index"] for batch in batches]).reshape(4, 13)
    assert np.array_equal(np.sort(epochs, 1), np.tile(np.arange(13), [4, 1]))
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_another_seed_is_another_order(examples):
    orders = [tuple(collect(examples.batches(13, seed=s, steps=1))[0]["index"]) for s in range(4)]
    assert len(set(orders)) == 4


def test_a_batch_larger_than_the_data_holds_several_epochs():
    batch = collect(Examples.of(noise(3, 4, 4, 1)).batches(9, steps=1))[0]
    assert np.array_equal(np.sort(batch["index"].reshape(3, 3), 1), [[0, 1, 2]] * 3)


def test_the_order_is_spread_evenly():
    few = Examples.of(noise(5, 2, 2, 1))
    first = np.array([b["index"][0] for b in collect(few.batches(5, seed=1, steps=500))])
    assert abs(np.bincount(first, minlength=5) - 100).max() < 45


def test_the_stream_is_endless(examples):
    assert examples.batches(4).cardinality() == tf.data.INFINITE_CARDINALITY


def test_functions_see_other_seeds_each_epoch_and_for_each_example(examples):
    def keep(name):
        return lambda batch, seeds: batch | {name: seeds}

    batches = collect(examples.map(keep("one")).map(keep("two")).batches(13, seed=0, steps=2))
    seen = np.concatenate([b[key] for b in batches for key in ("one", "two")])
    assert seen.shape == (52, 2)
    assert len({tuple(row) for row in seen}) == 52


def test_a_mirror_image_is_an_example_of_its_own(examples):
    n = len(examples)
    for plain in (examples, examples.take(7, seed=1)):
        both = plain.mirror()
        assert len(both) == 2 * len(plain)
        np.testing.assert_array_equal(
            both.array(), np.concatenate([plain.array(), plain.array()[:, :, ::-1]])
        )
    (batch,) = collect(examples.mirror().batches(2 * n, seed=0, steps=1))
    assert sorted(batch["index"]) == list(range(2 * n))
    np.testing.assert_array_equal(batch["x"], examples.mirror().array()[batch["index"]])
    first = examples.gather(tf.range(n))["label"].numpy()
    np.testing.assert_array_equal(batch["label"], first[batch["index"] % n])


# Random access.


def test_gather_array_and_batches_agree(examples):
    array = examples.array()
    assert array.dtype == np.float32
    assert array.min() >= -1
    assert array.max() <= 1
    batch = collect(examples.batches(6, steps=1))[0]
    assert np.array_equal(batch["x"], array[batch["index"]])
    assert np.array_equal(batch["label"], batch["index"] % 3)
    assert np.array_equal(examples.array(limit=4), array[:4])
    assert np.array_equal(
        images.to_uint8(array), images.to_uint8(images.to_float(images.to_uint8(array)))
    )


def test_take_is_a_fixed_subset(examples):
    some = examples.take(5, seed=1)
    assert len(some) == 5
    assert np.array_equal(some.array(), examples.take(5, seed=1).array())
    labels = some.gather(tf.range(5))["label"].numpy()
    places = [np.flatnonzero((examples.array() == x).all((1, 2, 3)))[0] for x in some.array()]
    assert sorted(set(places)) == places
    assert np.array_equal(labels, np.array(places) % 3)
    assert len(some.take(2, seed=0)) == 2
    assert examples.take(99) is examples
    assert not np.array_equal(some.array(), examples.take(5, seed=2).array())


def test_an_epoch_is_finite_and_reshuffled_each_time(examples):
    dataset = examples.epoch(5, seed=0)
    assert dataset.cardinality() == 3
    passes = [np.concatenate([b["index"] for b in collect(dataset)]) for _ in range(3)]
    assert all(sorted(one) == list(range(13)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3
    again = np.concatenate([b["index"] for b in collect(examples.epoch(5, seed=0))])
    assert np.array_equal(again, passes[0])


# Splits.


def test_last_and_first_are_exactly_those_names(tmp_path):
    pictures = write_pictures(tmp_path, 10)
    train, held_out = data.split(tmp_path, size=8, held_out="last:3")
    assert np.array_equal(images.to_uint8(held_out.array()), pictures[7:])
    assert np.array_equal(images.to_uint8(train.array()), pictures[:7])
    train, held_out = data.split(tmp_path, size=8, held_out="first:2")
    assert np.array_equal(images.to_uint8(held_out.array()), pictures[:2])
    assert len(train) == 8


def test_a_share_is_by_name_and_stays_when_files_are_added(tmp_path):
    before = write_pictures(tmp_path, 40)
    first = images.to_uint8(data.split(tmp_path, size=8, held_out="0.25").held_out.array())
    assert 3 <= len(first) <= 18
    write_pictures(tmp_path, 20, start=100)
    second = images.to_uint8(data.split(tmp_path, size=8, held_out=0.25).held_out.array())
    old = [x for x in second if (before == x).all((1, 2, 3)).any()]
    assert np.array_equal(old, first)


def test_a_glob_holds_out_by_name(tmp_path):
    for name in ("left", "right"):
        write_pictures(tmp_path / name, 3)
    split = data.split(tmp_path, size=8, held_out="right/*")
    assert split.held_out.names == ("left", "right")
    assert split.held_out.gather([0, 1, 2])["label"].numpy().tolist() == [1, 1, 1]
    assert split.train.gather([0, 1, 2])["label"].numpy().tolist() == [0, 0, 0]


@pytest.mark.parametrize("held_out", ["last:10", "last:0", "1.5", "0", "none*", "*"])
def test_a_split_that_can_not_be_is_refused(tmp_path, held_out):
    write_pictures(tmp_path, 10)
    with pytest.raises(UserError, match="held_out"):
        data.split(tmp_path, size=8, held_out=held_out)


# Patches.


def windows(picture, size):
    view = np.lib.stride_tricks.sliding_window_view(picture, (size, size), (0, 1))
    return np.moveaxis(view, 2, -1).reshape(-1, size, size, picture.shape[-1])


@pytest.mark.parametrize("cache", [True, False])
def test_patches_enumerate_picture_row_and_column(tmp_path, cache):
    sizes = [(7, 9, 3), (6, 5, 3), (4, 12, 3), (8, 8, 3)]
    pictures = [noise(*size) for size in sizes]
    for i, picture in enumerate(pictures):
        images.write(tmp_path / f"{i}.png", picture)
    split = data.split(tmp_path, size=4, crop="patches", held_out="last:1", cache=cache)
    expected = np.concatenate([windows(picture, 4) for picture in pictures[:3]])
    assert np.array_equal(images.to_uint8(split.train.array()), expected)
    assert np.array_equal(images.to_uint8(split.held_out.array()), windows(pictures[3], 4))
    batch = collect(split.train.batches(8, steps=1))[0]
    assert np.array_equal(images.to_uint8(batch["x"]), expected[batch["index"]])


def test_one_picture_is_split_in_space(tmp_path):
    picture = noise(10, 40, 1)
    images.write(tmp_path / "one.png", picture)
    split = data.split(tmp_path / "one.png", size=6)
    assert np.array_equal(images.to_uint8(split.train.array()), windows(picture[:, :30], 6))
    assert np.array_equal(images.to_uint8(split.held_out.array()), windows(picture[:, 30:], 6))
    assert len(data.split(tmp_path / "one.png", size=6, held_out=0.5).held_out) == 5 * 15
    with pytest.raises(UserError, match="at most 10"):
        data.split(tmp_path / "one.png", size=11)


def test_patches_leave_out_pictures_that_are_too_small(tmp_path, caplog):
    write_pictures(tmp_path, 3)
    images.write(tmp_path / "tiny.png", noise(3, 3, 3))
    split = data.split(tmp_path, size=5, crop="patches", held_out="first:1")
    assert len(split.train) == 2 * 4 * 4
    assert "1 of 4 images are smaller" in caplog.text
    with pytest.raises(UserError, match="at most 8"):
        data.split(tmp_path, size=9, crop="patches")


# Sources.


def test_pictures_are_cropped_to_the_middle_and_resized(tmp_path):
    write_pictures(tmp_path, 4, shape=(20, 30, 3))
    split = data.split(tmp_path, size=10, held_out="last:1")
    picture = images.read(tmp_path / "003.png")
    expected = images.resize(picture[:, 5:25], 10, 10)
    assert np.array_equal(images.to_uint8(split.held_out.array())[0], expected)


def test_files_read_for_each_batch_give_the_same(tmp_path):
    write_pictures(tmp_path / "a", 3, shape=(20, 16, 3))
    write_pictures(tmp_path / "b", 3, shape=(20, 16, 3))
    cached = data.split(tmp_path, size=8, held_out="last:1").train
    read = data.split(tmp_path, size=8, held_out="last:1", cache=False).train
    for one, other in zip(
        collect(cached.batches(3, steps=4)), collect(read.batches(3, steps=4)), strict=True
    ):
        assert all(np.array_equal(one[key], other[key]) for key in ("x", "index", "label"))


def test_channels_are_those_of_most_pictures(tmp_path):
    write_pictures(tmp_path, 3, shape=(8, 8, 1))
    write_pictures(tmp_path, 2, shape=(8, 8, 4), start=3)
    assert data.split(tmp_path, size=8, held_out="last:1").train.shape == (8, 8, 1)
    assert data.split(tmp_path, size=8, held_out="last:1", channels=3).train.shape == (8, 8, 3)
    write_pictures(tmp_path, 2, shape=(8, 8, 3), start=5)
    assert data.split(tmp_path, size=8, held_out="last:1").train.shape == (8, 8, 3)


def test_broken_pictures_among_good_ones_are_named_once(tmp_path, caplog):
    write_pictures(tmp_path, 6)
    (tmp_path / "000.jpg").write_bytes(b"no picture")
    content = (tmp_path / "002.png").read_bytes()
    (tmp_path / "002.png").write_bytes(content[: len(content) // 2])
    split = data.split(tmp_path, size=8, held_out="last:2")
    assert (len(split.train), len(split.held_out)) == (3, 2)
    assert len(caplog.records) == 1
    assert "2 of 7 images can't be read and were left out: 000.jpg, 002.png." in caplog.text


def test_sources_that_hold_nothing_are_refused(tmp_path):
    with pytest.raises(UserError, match="has no images. It should hold"):
        data.split(tmp_path, size=8)
    with pytest.raises(UserError, match="no such file or folder"):
        data.split(tmp_path / "missing", size=8)
    with pytest.raises(UserError, match="matches no images"):
        data.split(f"{tmp_path}/*.png", size=8)
    with pytest.raises(UserError, match="samples:faces"):
        data.split("samples:cats", size=8)
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(UserError, match="None of the 2 images"):
        data.split(tmp_path, size=8)
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(UserError, match="no known kind"):
        data.split(tmp_path / "notes.txt", size=8)


def test_a_glob_reads_what_matches(tmp_path):
    pictures = write_pictures(tmp_path / "deep", 12)
    split = data.split(f"{tmp_path}/*/00*.png", size=8, held_out="last:1")
    assert np.array_equal(images.to_uint8(split.train.array()), pictures[:9])


def test_without_a_size_the_pictures_keep_theirs(tmp_path):
    pictures = write_pictures(tmp_path, 3, shape=(6, 9, 3))
    split = data.split(tmp_path, size=None, held_out="last:1")
    assert np.array_equal(images.to_uint8(split.train.array()), pictures[:2])
    images.write(tmp_path / "other.png", noise(7, 9, 3))
    with pytest.raises(UserError, match="one size"):
        data.split(tmp_path, size=None)


def test_mnist_folders_bring_labels_and_their_own_split(tmp_path):
    pictures, labels = noise(9, 28, 28), np.arange(9, dtype=np.uint8) % 4
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", pictures[:6])
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", labels[:6])
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", pictures[6:])
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", labels[6:])
    for size in (28, None):
        train, held_out = data.split(tmp_path, size=size)
        assert np.array_equal(images.to_uint8(train.array())[..., 0], pictures[:6])
        assert np.array_equal(images.to_uint8(held_out.array())[..., 0], pictures[6:])
        assert np.array_equal(held_out.gather([0, 1, 2])["label"], labels[6:])
    assert train.names == ("0", "1", "2", "3")
    assert len(data.split(tmp_path, size=28, held_out="last:1").train) == 8
    assert data.split(tmp_path, size=32).train.shape == (32, 32, 1)
    alone = data.split(tmp_path / "t10k-images-idx3-ubyte.gz", size=28, held_out="last:1")
    assert np.array_equal(alone.held_out.gather([0])["label"], labels[8:])
    with pytest.raises(UserError, match="has `images`"):
        data.split(tmp_path / "t10k-labels-idx1-ubyte.gz", size=28)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bbroken")
    with pytest.raises(UserError, match="not a whole idx file"):
        data.split(tmp_path, size=28)


def test_numpy_files_of_every_supported_kind(tmp_path):
    pictures = noise(6, 8, 8, 3)
    floats = images.to_float(pictures)
    kinds = {
        "bytes": pictures,
        "signed": floats,
        "unsigned": (floats + 1) / 2,
        "deep": pictures.astype(np.uint16) * 257,
    }
    for name, array in kinds.items():
        np.save(tmp_path / f"{name}.npy", array)
        train = data.split(tmp_path / f"{name}.npy", size=8, held_out="last:1").train
        assert np.array_equal(images.to_uint8(train.array()), pictures[:5]), name
    np.save(tmp_path / "grey.npy", pictures[..., 0])
    assert data.split(tmp_path / "grey.npy", size=8).train.shape == (8, 8, 1)
    np.savez(tmp_path / "keras.npz", x_train=pictures[:4], y_train=[0, 1, 2, 1],
             x_test=pictures[4:], y_test=[2, 0])  # fmt: skip
    held_out = data.split(tmp_path / "keras.npz", size=8).held_out
    assert np.array_equal(images.to_uint8(held_out.array()), pictures[4:])
    assert held_out.gather([0, 1])["label"].numpy().tolist() == [2, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": np.zeros([2, 8, 8]), "b": np.zeros(2)}, "it holds a, b"),
        ({"x": np.zeros([2, 8, 8, 7])}, r"shape is \(2, 8, 8, 7\)"),
        ({"x": np.full([2, 8, 8], 9.0)}, r"they are in \[9, 9\]"),
        ({"x": np.zeros([2, 8, 8], np.complex64)}, "it is complex64"),
        ({"x": np.zeros([0, 8, 8], np.uint8)}, "holds no images"),
        ({"x": np.zeros([2, 8, 8], np.uint8), "y": np.zeros(3, int)}, "should be 2 integers"),
        ({"x": np.array([None, 1])}, "can't be read"),
    ],
)
def test_numpy_files_of_other_kinds_are_refused(tmp_path, content, message):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(UserError, match=message):
        data.split(tmp_path / "a.npz", size=8)


def test_a_broken_numpy_file_is_refused(tmp_path):
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes(b"broken")
        with pytest.raises(UserError, match=f"{name}.*can't be read"):
            data.split(tmp_path / name, size=8)


def test_the_textures_are_split_in_space():
    train, held_out = data.split("samples:textures", size=32)
    assert train.shape == held_out.shape == (32, 32, 1)
    assert len(train) == 3 * 225 * 161
    assert len(held_out) == 3 * 225 * 33
    assert train.take(4, seed=0).array().std() > 0.05


def test_the_faces_are_a_hundred():
    train, held_out = data.split("samples:faces", size=None)
    assert train.shape == (25, 25, 1)
    assert len(train) + len(held_out) == 100


def test_load_is_what_fit_takes(tmp_path):
    write_pictures(tmp_path, 10)
    parts = {}
    for part in ("train", "held_out", "all"):
        batches = collect(data.load(tmp_path, size=8, batch_size=4, held_out="last:3", split=part))
        parts[part] = np.concatenate([batch["x"] for batch in batches])
    assert [len(parts[part]) for part in ("train", "held_out", "all")] == [7, 3, 10]
    both = np.concatenate([parts["train"], parts["held_out"]])
    assert sorted(both.sum((1, 2, 3))) == sorted(parts["all"].sum((1, 2, 3)))
    with pytest.raises(ValueError, match="held_out"):
        data.load(tmp_path, split="test")


@pytest.mark.parametrize("wrong", [{"crop": "middle"}, {"channels": 2}, {"size": 0}, {"size": 2.5}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        data.split("samples:faces", **{"size": 16} | wrong)


def test_tfds_is_asked_for_only_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match="pip install tensorflow-datasets"):
        data.split("tfds:mnist", size=28)


def test_tfds_test_split_is_held_out(monkeypatch):
    pictures = noise(5, 8, 8, 1)
    rows = [{"image": image, "label": i % 2} for i, image in enumerate(pictures)]
    fake = types.ModuleType("tensorflow_datasets")
    fake.data_source = lambda name: {"test": rows[3:], "train": rows[:3]}
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", fake)
    train, held_out = data.split("tfds:any", size=8)
    assert np.array_equal(images.to_uint8(train.array()), pictures[:3])
    assert np.array_equal(images.to_uint8(held_out.array()), pictures[3:])
    assert train.gather([0, 1])["label"].numpy().tolist() == [0, 1]


def test_a_real_folder_of_faces_is_read():
    folder = SHARED / "faces-celeba"
    if not folder.is_dir():
        pytest.skip("../shared/data/faces-celeba is not on this machine")
    train, held_out = data.split(f"{folder}/0000[0-4]*.jpg", size=64, held_out="last:9")
    assert (len(train), len(held_out), train.shape) == (40, 9, (64, 64, 3))
