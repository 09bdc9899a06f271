"""Laws of footage: windows are pieces of the clip, what is held out is apart; and of its scores."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import data, metrics, video
from coopkeras.errors import UserError


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A clip of 50 frames, and its pixels, which say where they are."""
    time, row, column = np.indices([50, 18, 20])
    pixels = np.stack([time, row, column], axis=-1).astype(np.uint8)
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    video.write(path, pixels)
    return path, pixels


def levels(x):
    return np.rint((np.asarray(x) + 1) * 127.5).astype(int)


def test_every_window_is_a_piece_of_the_clip(clip):
    path, pixels = clip
    split = data.video.split(path, frames=16, size=16)
    assert split.train.shape == split.held_out.shape == (16, 16, 16, 3)
    last = 50 - 16  # a quarter would be 12 frames, less than a window
    assert len(split.train) == (last - 15) * 3 * 5
    assert len(split.held_out) == 1 * 3 * 5
    seen = set()
    for batch in split.train.epoch(50, shuffle=False):
        for window in levels(batch["x"]):
            time, top, left = window[0, 0, 0]
            seen.add((time, top, left))
            piece = pixels[time : time + 16, top : top + 16, left : left + 16]
            np.testing.assert_array_equal(window, piece)
    assert len(seen) == len(split.train)


@pytest.mark.parametrize(
    ("held_out", "train", "kept"),
    [
        ("last:20", (0, 29), (30, 49)),
        ("first:20", (20, 49), (0, 19)),
        ("0.6", (0, 19), (20, 49)),
        ("last:3", (0, 33), (34, 49)),
    ],
)
def test_what_is_held_out_is_apart(clip, held_out, train, kept):
    split = data.video.split(clip[0], frames=16, size=18, held_out=held_out)
    for part, (first, last) in zip(split, (train, kept), strict=True):
        times = levels(part.array())[..., 0]
        assert (times.min(), times.max()) == (first, last)


def test_whole_frames_are_cut_square_and_resized(clip):
    split = data.video.split(clip[0], frames=16, size=16, scale=0.0, channels=1)
    assert split.train.shape == (16, 16, 16, 1)
    assert len(split.train) == 19  # windows differ in time only


def test_a_scale_makes_frames_smaller(clip):
    split = data.video.split(clip[0], frames=16, size=16, scale=0.9)
    assert len(split.train) == 19 * 1 * 3  # frames of 16 x 18


def test_the_sample_moves_and_is_grey():
    split = data.video.split(data.video.PAN, frames=16, size=32)
    assert split.train.shape == (16, 32, 32, 1)
    window = split.held_out.array(1)
    assert metrics.video.motion(window) > 0.05
    right = np.roll(window[:, :-1], -1, axis=3)  # it moves right by a pixel, and a little down
    still = np.abs(window[:, 1:] - window[:, :-1]).mean()
    assert np.abs(window[:, 1:] - right)[:, :, :, :-1].mean() < still


def test_mirror_images_have_left_and_right_exchanged(clip):
    split = data.video.split(clip[0], frames=16, size=16)
    batch = next(iter(split.train.mirror().batches(40, seed=0)))
    plain = split.train.gather(batch["index"] % len(split.train))["x"].numpy()
    mirrored = (batch["x"].numpy() == plain[:, :, :, ::-1]).all((1, 2, 3, 4))
    same = (batch["x"].numpy() == plain).all((1, 2, 3, 4))
    assert (mirrored ^ same).all()
    assert 8 < mirrored.sum() < 32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frames": 26, "size": 16}, "has 50 frames, too few: it should have 52 or more"),
        ({"frames": 16, "size": 19}, "`size` should be at most 18"),
        ({"frames": 16, "size": 16, "held_out": "last:40"}, "leaves 10 of 50 frames"),
        ({"frames": 16, "size": 16, "held_out": "some"}, "last:30 or first:30 or a share"),
        ({"frames": 16, "size": 16, "held_out": "1.5"}, "last:30 or first:30 or a share"),
    ],
)
def test_errors_say_what_to_do(clip, options, words):
    with pytest.raises(UserError, match=words):
        data.video.split(clip[0], **options)


# Scores of clips --------------------------------------------------------------------------------


def test_patches_of_clips_see_time():
    random = np.random.default_rng(0)
    still = random.normal(size=[8, 1, 40, 40, 1]) * np.ones([1, 16, 1, 1, 1])
    real, other, noise = still[:4], still[4:], random.normal(size=[4, 16, 40, 40, 1])
    pictures = [x.reshape(-1, 40, 40, 1) for x in (real, other, noise)]
    floor = metrics.sliced_wasserstein(pictures[0], pictures[1], patch=5)
    assert metrics.sliced_wasserstein(pictures[0], pictures[2], patch=5) < 3 * floor
    floor = metrics.sliced_wasserstein(real, other, patch=5)
    assert metrics.sliced_wasserstein(real, noise, patch=5) > 3 * floor
    assert metrics.sliced_wasserstein(real, real, patch=5) == 0


def test_patches_of_clips_that_miss_the_hole_do_not_count():
    random = np.random.default_rng(0)
    a = random.uniform(-1, 1, [2, 12, 16, 16, 1])
    where = np.zeros(a.shape, bool)
    where[:, 5:7, 7:9, 7:9] = True
    b = random.uniform(-1, 1, a.shape)
    b[:, 1:11, 3:13, 3:13] = a[:, 1:11, 3:13, 3:13]  # as far as patches of 5 reach
    holes = {"patch": 5, "where_a": where, "where_b": where}
    assert metrics.sliced_wasserstein(a, b, **holes) == 0
    b[:, 1] += 0.1
    assert metrics.sliced_wasserstein(a, b, **holes) > 0


def test_ssim_of_a_clip_is_that_of_its_frames():
    random = np.random.default_rng(0)
    x, y = random.uniform(-1, 1, [2, 2, 3, 16, 16, 1])
    frames = metrics.ssim(x.reshape(6, 16, 16, 1), y.reshape(6, 16, 16, 1))
    np.testing.assert_allclose(metrics.ssim(x, y), frames.reshape(2, 3).mean(1))


def test_scores_of_the_truth_are_perfect_and_stillness_is_seen():
    x = tf.random.stateless_uniform([2, 12, 16, 16, 1], [0, 1], -1, 1).numpy()
    visible = np.arange(12).reshape(12, 1, 1, 1) % 3 > 0
    point = metrics.of_recovery(x, x, ~visible, patch=5)
    drawn = metrics.of_recovery(x, x, ~visible, [x, x], patch=5)
    perfect = {"psnr": metrics.rows.ROUNDING, "ssim": 1.0, "coverage": 1.0}
    for name, (value, *_) in (point | drawn).items():
        assert float(np.mean(value)) == perfect.get(name, 0.0), name
    still = np.repeat(x[:, :1], 12, axis=1)
    assert metrics.video.of_synthesis(still, x)["motion_off"][0] == 1
    assert metrics.video.of_synthesis(x, x)["motion_off"][0] == 0
