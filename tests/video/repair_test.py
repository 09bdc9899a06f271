"""Clips of any length and size, through windows of one: what is known stays, all else is filled."""

import numpy as np
import pytest

from coopkeras import images, video
from coopkeras.errors import UserError

SIDES = (16, 16, 16)
SIZES = [(20, 20, 40), (5, 9, 30), (40, 17, 16)]


def mean_of_known(x, visible):
    """Fill with the mean of what the window knows: enough to see what a window was shown."""
    axes = tuple(range(1, x.ndim))
    known = np.maximum(np.broadcast_to(visible, x.shape).sum(axes, keepdims=True), 1)
    mean = np.where(visible, x, 0).sum(axes, keepdims=True) / known
    return np.where(visible, x, mean)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_known_pixels_come_back_bit_for_bit_and_all_others_are_filled(size, channels):
    x = np.random.default_rng(0).uniform(-1, 1, [*size, channels]).astype(np.float32)
    visible = np.random.default_rng(1).uniform(size=[*size, 1]) < 0.7
    visible[:, 4:, :12] = False
    visible[2] = False
    filled = video.windows.fill(mean_of_known, np.where(visible, x, 99), visible, SIDES)
    known = np.broadcast_to(visible, x.shape)
    np.testing.assert_array_equal(filled[known], x[known])
    assert np.abs(filled).max() <= 1


def test_a_constant_clip_is_continued_into_the_largest_hole():
    x = np.full([70, 20, 60, 1], 0.25, np.float32)
    visible = np.zeros([70, 20, 60, 1], bool)
    visible[30, 3, :] = True
    filled = video.windows.fill(mean_of_known, np.where(visible, x, -1), visible, SIDES)
    np.testing.assert_allclose(filled, x, atol=1e-5)


def test_windows_are_faded_into_each_other():
    x = np.linspace(-0.9, 0.9, 64, dtype=np.float32).reshape(64, 1, 1, 1) * np.ones([1, 16, 16, 1])
    visible = np.ones(x.shape, bool)
    visible[:, 6:10, 6:10] = False
    filled = video.windows.fill(mean_of_known, x, visible, SIDES)[:, 8, 8, 0]
    steps = np.diff(filled)
    assert steps.max() < 0.1 * (filled[-1] - filled[0])  # windows side by side step by a third
    assert steps.min() > -1e-5


def test_a_model_that_knows_the_answer_gives_it_whatever_the_windows():
    ramp = np.indices([40, 33, 50]).sum(0)[..., None].astype(np.float32) / 123 - 0.5
    shown = []

    def ask(x, visible):
        shown.append(1 - visible.mean((1, 2, 3, 4)))
        first = np.where(visible, x, np.nan)
        grid = np.indices(x.shape[1:4]).sum(0)[None, ..., None] / 123
        return np.where(visible, x, np.nanmedian(first - grid, (1, 2, 3, 4), keepdims=True) + grid)

    visible = np.ones(ramp.shape, bool)
    visible[10:34, 3:30, 5:45] = False
    filled = video.windows.fill(ask, np.where(visible, ramp, 7), visible, SIDES)
    np.testing.assert_allclose(filled, ramp, atol=1e-4)
    assert np.concatenate(shown).max() < 1  # no window that knows nothing


def test_pieces_are_joined_to_any_length_without_a_seam():
    pieces = np.ones([2, 16, 3]) * np.array([0.0, 1.0])[:, None, None]
    for length in (1, 16, 77):
        assert video.windows.join(pieces, length).shape == (length, 3)
    joined = video.windows.join(pieces, 77)
    assert abs(np.diff(joined, axis=0)).max() < 0.15
    assert (joined.min(), joined.max()) == (pytest.approx(0, abs=0.1), pytest.approx(1, abs=0.1))


# A person's own clip ----------------------------------------------------------------------------


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

    def note(x, visible):
        seen.append(len(x))
        return mean_of_known(x, visible)

    visible = np.ones([200, 100, 100, 1], bool)
    visible[50:54, 70:75, 20:25] = False
    video.repair.fill(noise(200, 100, 100, 1), visible, note, (*SIDES, 1), 16)
    assert sum(seen) <= 27


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
        ("none.png", "", "no such picture"),
    ],
)
def test_mistakes_are_said_in_one_line(files, mask, missing, words):
    folder, *_ = files
    with pytest.raises(UserError, match=words) as caught:
        video.repair.open_clip(folder / "clip.mkv", mask and folder / mask, missing)
    assert "\n" not in str(caught.value)
