"""Pictures of any size, through windows of one size."""

import numpy as np
import pytest

from coopkeras import images


def mean_of_known(x, visible):
    """Fill with the mean of what the window knows: enough to see what a window was shown."""
    known = np.maximum(visible.sum(axis=(1, 2), keepdims=True), 1)
    mean = np.where(visible, x, 0).sum(axis=(1, 2), keepdims=True) / known
    return np.where(visible, x, mean)


def picture(height, width, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, [height, width, channels]).astype("float32")


FILLS = [images.windows.fill_patches, images.windows.fill_whole]
SIZES = [(16, 16), (50, 37), (9, 70), (100, 20)]


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_known_pixels_come_back_bit_for_bit_and_all_others_are_filled(fill, size, channels):
    x = picture(*size, channels)
    visible = np.random.default_rng(1).uniform(size=[*size, 1]) < 0.7
    hidden_is_loud = np.where(visible, x, 99.0)
    filled = fill(mean_of_known, hidden_is_loud, visible, 16)
    assert filled.shape == x.shape
    np.testing.assert_array_equal(filled[visible[..., 0]], x[visible[..., 0]])
    assert np.abs(filled).max() <= 1.5  # bicubic may overshoot a little, 99 may not get through


@pytest.mark.parametrize("fill", FILLS)
def test_a_constant_picture_is_continued(fill):
    x = np.full([60, 45, 1], 0.25, np.float32)
    visible = np.ones([60, 45, 1], bool)
    visible[10:40, 12:38] = False
    filled = fill(mean_of_known, np.where(visible, x, -1), visible, 16)
    np.testing.assert_allclose(filled, x, atol=1e-5)


@pytest.mark.parametrize("fill", FILLS)
def test_no_hole_changes_nothing(fill):
    x = picture(30, 40)
    visible = np.ones([30, 40, 1], bool)
    np.testing.assert_array_equal(fill(mean_of_known, x, visible, 16), x)


def test_patches_go_from_the_border_inwards():
    shares = []

    def note(x, visible):
        shares.extend(1 - visible.mean(axis=(1, 2, 3)))
        return mean_of_known(x, visible)

    visible = np.ones([96, 96, 1], bool)
    visible[24:72, 24:72] = False
    images.windows.fill_patches(note, picture(96, 96), visible, 16)
    assert max(shares) <= images.windows.LARGEST_SHARE
    assert len(shares) >= (48 // 16) ** 2


def test_the_square_of_a_whole_picture_holds_the_hole():
    sizes = []

    def note(x, visible):
        sizes.append((~visible).mean())
        return mean_of_known(x, visible)

    visible = np.ones([30, 90, 1], bool)
    visible[5:25, 75:88] = False  # beyond the square in the middle
    images.windows.fill_whole(note, picture(30, 90), visible, 30)
    assert sizes[0] == pytest.approx(20 * 13 / 30**2)


# Enlarging --------------------------------------------------------------------------------------


def repeated(x, numbers=None, factor=2):
    return x.repeat(factor, axis=-3).repeat(factor, axis=-2)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (50, 37), (9, 170)])
def test_what_looks_at_one_pixel_is_the_same_in_windows_and_at_once(size, factor):
    x = picture(*size, 3)
    enlarged = images.windows.enlarge_patches(
        lambda x, numbers: repeated(x, factor=factor), x, 12 * factor, factor
    )
    assert enlarged.shape == (size[0] * factor, size[1] * factor, 3)
    np.testing.assert_allclose(enlarged, repeated(x, factor=factor), atol=1e-6)


def test_the_rim_of_a_window_does_not_count():
    def loud_rim(x, numbers):
        made = repeated(x)
        made[:, :2], made[:, -2:], made[:, :, :2], made[:, :, -2:] = 9, 9, 9, 9
        return made

    x = picture(50, 37)
    np.testing.assert_allclose(
        images.windows.enlarge_patches(loud_rim, x, 32, 2), repeated(x), atol=1e-5
    )


def test_windows_that_disagree_are_faded_into_each_other():
    def own_level(x, numbers):
        return np.zeros([len(x), 32, 32, 1]) + (numbers % 2)[:, None, None, None]

    enlarged = images.windows.enlarge_patches(own_level, picture(16, 100), 32, 2)
    assert enlarged.min() == 0
    assert enlarged.max() == 1
    assert np.abs(np.diff(enlarged, axis=1)).max() <= 1 / 8 + 1e-6


def test_every_window_has_its_own_number():
    seen = []

    def note(x, numbers):
        assert len(x) == len(numbers)
        seen.extend(numbers)
        return repeated(x)

    images.windows.enlarge_patches(note, picture(60, 45), 32, 2)
    assert sorted(seen) == list(range(8 * 6))


def test_resizing_keeps_a_constant_and_differs_by_method():
    np.testing.assert_allclose(images.resize(np.full([4, 5, 2], 0.3), 8, 15), 0.3, atol=1e-6)
    x = picture(8, 8)
    assert not np.array_equal(images.resize(x, 16, 16), images.resize(x, 16, 16, "lanczos"))
