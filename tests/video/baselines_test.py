"""Laws of the baselines of clips: exact where arithmetic says so, known values untouched."""

import numpy as np
import pytest

from coopkeras import video
from coopkeras.images.baselines import biharmonic

FILLS = sorted(video.baselines.BASELINES)


def fade(rng, length=12, channels=2):
    """Pictures that fade linearly into others."""
    first, last = rng.uniform(-1, 1, [2, 3, 1, 8, 9, channels])
    share = np.linspace(0, 1, length).reshape(-1, 1, 1, 1)
    return (first + share * (last - first)).astype(np.float32)


@pytest.mark.parametrize("fill", FILLS)
def test_missing_frames_of_a_linear_fade_come_back(rng, fill):
    x = fade(rng)
    visible = np.ones([12, 1, 1, 1], bool)
    visible[[2, 3, 4, 7]] = False
    filled = video.baselines.BASELINES[fill](np.where(visible, x, 99), visible)
    np.testing.assert_allclose(filled, x, atol=1e-5)


def test_scattered_holes_of_a_linear_fade_come_back(rng):
    x = fade(rng)
    visible = rng.uniform(size=x.shape[:-1]) < 0.6
    visible[:, [0, -1]] = True
    filled = video.baselines.linear_in_time(x, visible[..., None])
    np.testing.assert_allclose(filled, x, atol=1e-5)


def test_at_the_ends_the_nearest_known_value_stays(rng):
    x = fade(rng)
    visible = np.zeros([12, 1, 1, 1], bool)
    visible[4:7] = True
    filled = video.baselines.linear_in_time(x, visible)
    np.testing.assert_array_equal(filled[:, :4], x[:, [4] * 4])
    np.testing.assert_array_equal(filled[:, 7:], x[:, [6] * 5])


def test_a_hole_that_stays_is_filled_frame_by_frame(rng):
    x = rng.uniform(-1, 1, [2, 4, 12, 12, 1]).astype(np.float32)
    visible = np.ones([12, 12, 1], bool)
    visible[4:8, 5:9] = False
    expected = biharmonic(x.reshape(8, 12, 12, 1), visible).reshape(x.shape)
    for fill in video.baselines.BASELINES.values():
        np.testing.assert_allclose(fill(x, visible), expected, atol=1e-6)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("channels", [1, 3])
def test_known_values_come_back_and_hidden_ones_are_not_looked_at(rng, fill, channels):
    x = fade(rng, channels=channels)
    visible = rng.uniform(size=[3, 12, 8, 9, 1]) < 0.7
    visible[:, 5] = False
    visible[:, :, 2:5, 3:6] = False
    fill = video.baselines.BASELINES[fill]
    filled = fill(np.where(visible, x, np.nan), visible)
    known = np.broadcast_to(visible, x.shape)
    assert filled.dtype == np.float32
    assert filled[known].tobytes() == x[known].tobytes()
    assert np.isfinite(filled).all()
    assert np.abs(filled).max() <= 1
    np.testing.assert_array_equal(filled, fill(np.where(visible, x, 0.7), visible))


@pytest.mark.parametrize("fill", FILLS)
def test_nothing_known_is_mid_grey_and_nothing_hidden_changes_nothing(rng, fill):
    x = fade(rng)
    assert not video.baselines.BASELINES[fill](x, False).any()
    np.testing.assert_array_equal(video.baselines.BASELINES[fill](x, True), x)
