"""A user's own clip: what is known keeps its bytes, all else is filled; masks and errors."""

import numpy as np
import pytest

from coopkeras import images, video
from coopkeras.errors import UserError

SIDES = (16, 16, 16)


def mean_of_known(x, visible, numbers):
    """Fill with the mean of what the window knows: enough to see what a window was shown."""
    axes = tuple(range(1, x.ndim))
    known = np.maximum(np.broadcast_to(visible, x.shape).sum(axes, keepdims=True), 1)
    mean = np.where(visible, x, 0).sum(axes, keepdims=True) / known
    return np.where(visible, x, mean)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("channels", "model_channels"), [(1, 1), (3, 3), (3, 1), (1, 3)])
@pytest.mark.parametrize("side", [16, 24])
def test_a_clip_keeps_its_bytes(channels, model_channels, side):
    pixels = noise(20, 30, 44, channels)
    visible = np.ones([20, 30, 44, 1], bool)
    visible[4:7] = False
    visible[:, 20:26, 30:40] = False
    shape = (*SIDES, model_channels)
    filled = video.repair.fill(pixels, visible, mean_of_known, shape, side)
    known = np.broadcast_to(visible, pixels.shape)
    np.testing.assert_array_equal(filled[known], pixels[known])
    assert filled.dtype == np.uint8
    assert filled[5].std() < pixels[5].std() / 2


def test_only_the_surroundings_of_a_hole_are_looked_at():
    seen = []

    def note(x, visible, numbers):
        seen.append(len(x))
        return mean_of_known(x, visible, numbers)

    visible = np.ones([200, 100, 100, 1], bool)
    visible[50:54, 70:75, 20:25] = False
    video.repair.fill(noise(200, 100, 100, 1), visible, note, (*SIDES, 1), 16)
    assert sum(seen) == 1


@pytest.fixture
def files(tmp_path):
    """A clip of 20 frames, masks that stay and that move."""
    video.write(tmp_path / "clip.mkv", noise(20, 16, 18, 3))
    still, moving = np.zeros([16, 18, 1], np.uint8), np.zeros([20, 16, 18, 1], np.uint8)
    still[2:5, 3:9] = 255
    for time in range(20):
        moving[time, 4:8, time % 14 : time % 14 + 4] = 255
    images.write(tmp_path / "still.png", still)
    video.write(tmp_path / "moving", moving)
    video.write(tmp_path / "moving.gif", moving)
    video.write(tmp_path / "short.gif", moving[:9])
    images.write(tmp_path / "large.png", np.zeros([99, 18, 1], np.uint8))
    return tmp_path, still, moving


def test_masks_stay_or_move_and_frames_are_missing(files):
    folder, still, moving = files
    opened = video.repair.open_clip(folder / "clip.mkv", folder / "still.png", "3,10-11")
    expected = np.repeat(still[None] < 128, 20, axis=0)
    expected[[3, 10, 11]] = False
    np.testing.assert_array_equal(opened[1], expected)
    for name in ("moving", "moving.gif"):
        visible = video.repair.open_clip(folder / "clip.mkv", folder / name)[1]
        np.testing.assert_array_equal(visible, moving < 128)


@pytest.mark.parametrize(
    ("mask", "missing", "words"),
    [
        (None, "", "--mask=hole.png .*--set=missing=10-14"),
        ("large.png", "", "is 18x99 and .* is 18x16"),
        ("short.gif", "", "has 9 frames and .* 20"),
        (None, "0-19", "nothing to go by"),
        (None, "5-20", "frames of 0 to 19"),
        (None, "7-5", "frames of 0 to 19"),
        (None, "a", "frames of 0 to 19"),
        ("none.png", "", "no such image"),
    ],
)
def test_mistakes_are_said_in_one_line(files, mask, missing, words):
    folder, *_ = files
    with pytest.raises(UserError, match=words) as caught:
        video.repair.open_clip(folder / "clip.mkv", mask and folder / mask, missing)
    assert "\n" not in str(caught.value)
