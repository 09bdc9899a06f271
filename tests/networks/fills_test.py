"""A smooth fill: known values stay, flat stays flat, and what is hidden lies between."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, seeds

SHAPES = [(37, 2), (20, 33, 3), (9, 16, 21, 1)]


def example(shape, n=2):
    """Examples of which about half is visible: seen, visible."""
    x = seeds.normal(seeds.as_seed(0), [n, *shape])
    visible = tf.cast(seeds.normal(seeds.as_seed(1), [n, *shape[:-1], 1]) > 0, "float32")
    return x * visible, visible


def fill(seen, visible):
    return [x.numpy() for x in networks.fills.SmoothFill()([seen, visible])]


@pytest.mark.parametrize("shape", SHAPES)
def test_known_values_stay_and_their_standard_has_mean_0_and_deviation_1(shape):
    seen, visible = example(shape)
    filled, standard, spread = fill(seen, visible)
    known = np.broadcast_to(visible == 1, filled.shape)
    np.testing.assert_array_equal(filled[known], seen.numpy()[known])
    for one, where in zip(standard, known, strict=True):
        np.testing.assert_allclose([one[where].mean(), one[where].std()], [0, 1], atol=1e-3)
    assert spread.shape == (2, *[1] * len(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_hidden_lies_between_what_is_known(shape):
    seen, visible = example(shape)
    filled = fill(seen, visible)[0]
    known = np.ma.array(seen, mask=np.broadcast_to(visible == 0, seen.shape))
    axes = tuple(range(1, len(shape)))
    assert (filled <= known.max(axes, keepdims=True).data + 1e-5).all()
    assert (filled >= known.min(axes, keepdims=True).data - 1e-5).all()


def test_a_flat_picture_is_filled_flat_from_one_pixel():
    visible = np.zeros([1, 40, 40, 1], np.float32)
    visible[0, 3, 30] = 1
    filled, standard, _ = fill(0.25 * visible, visible)
    np.testing.assert_allclose(filled, 0.25, atol=1e-6)
    np.testing.assert_allclose(standard, 0, atol=1e-4)


def test_a_slope_goes_on_across_a_hole():
    slope = np.broadcast_to(np.linspace(-1, 1, 32, dtype="float32")[:, None], [1, 32, 32, 1])
    visible = np.ones_like(slope)
    visible[:, 12:20, 12:20] = 0
    difference = abs(fill(slope * visible, visible)[0] - slope)
    assert difference.max() < 0.2 < np.ptp(slope[:, 12:20])


def test_far_from_all_that_is_known_is_its_mean():
    visible = np.zeros([1, 400, 1], np.float32)
    visible[:, :4] = 1
    seen = visible * np.array([1.0, 2.0, 3.0, 6.0] + 396 * [0], np.float32)[:, None]
    assert fill(seen, visible)[0][0, -100:] == pytest.approx(3.0)


def test_nothing_known_is_0_of_spread_1():
    nothing = tf.zeros([1, 16, 16, 1])
    for made, expected in zip(fill(nothing, nothing), (0, 0, 1), strict=True):
        assert (made == expected).all()


def test_an_example_does_not_see_its_neighbours_and_has_a_gradient():
    seen, visible = example((20, 20, 2), n=3)
    with tf.GradientTape() as tape:
        tape.watch(seen)
        filled = networks.fills.SmoothFill()([seen, visible])[0]
    np.testing.assert_allclose(fill(seen[1:2], visible[1:2])[0], filled[1:2], atol=1e-6)
    assert tf.math.is_finite(tape.gradient(filled, seen)).numpy().all()
