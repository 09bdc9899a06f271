"""Laws of the ways through z: their ends, their length, and the plane of a map."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck


@pytest.mark.parametrize("way", [ck.recipes.latents.line, ck.recipes.latents.sphere])
@pytest.mark.parametrize("shape", [[5], [2, 2, 3]])
def test_a_way_begins_and_ends_where_it_should(way, shape):
    a, b = ck.seeds.normal(ck.seeds.as_seed(0), [2, *shape])
    z = way(a, b, 7)
    assert z.shape == (7, *shape)
    np.testing.assert_allclose(z[0], a, atol=1e-5)
    np.testing.assert_allclose(z[-1], b, atol=1e-5)


def test_an_arc_goes_at_one_speed_on_one_sphere():
    a, b = tf.constant([3.0, 0, 0]), tf.constant([0, 3.0, 0])
    z = ck.recipes.latents.sphere(a, b, 10).numpy()
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 3, rtol=1e-5)
    strides = np.linalg.norm(np.diff(z, axis=0), axis=1)
    np.testing.assert_allclose(strides, strides[0], rtol=1e-4)


def test_an_arc_to_where_it_is_stays():
    a = tf.constant([1.0, 2.0])
    np.testing.assert_allclose(ck.recipes.latents.sphere(a, a, 3), np.tile(a, [3, 1]), rtol=1e-6)


@pytest.mark.parametrize("shape", [[2], [64], [4, 4, 8]])
def test_a_map_is_a_square_in_a_plane_through_0(shape):
    z = ck.recipes.latents.plane(shape, 5, seed=3).numpy()
    assert z.shape == (25, *shape)
    flat = z.reshape(25, -1)
    assert np.linalg.matrix_rank(flat, tol=1e-3) == 2
    np.testing.assert_allclose(flat[12], 0, atol=1e-5)
    np.testing.assert_allclose(flat, -flat[::-1], atol=1e-5)
    size = flat.shape[1]  # a step of one standard deviation
    np.testing.assert_allclose(np.sum((flat[1] - flat[0]) ** 2), size / 2, rtol=1e-4)
    np.testing.assert_allclose(np.sum((flat[5] - flat[0]) ** 2), size / 2, rtol=1e-4)


def test_one_value_makes_no_map():
    with pytest.raises(ValueError, match="at least 2 values"):
        ck.recipes.latents.plane([1], 3, seed=0)


def generator(*z_shape):
    network = keras.Sequential(
        [keras.Input(z_shape), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    return ck.Generator(network)


@pytest.mark.parametrize("kind", ["line", "sphere"])
@pytest.mark.parametrize(("count", "rows"), [(12, 1), (24, 2), (30, 2)])
def test_each_row_of_a_sheet_is_a_way_of_its_own(kind, count, rows):
    z, columns = ck.recipes.latents.sheet(kind, generator(3), count, seed=0, columns=12)
    assert (z.shape, columns) == ((12 * rows, 3), 12)
    ends = np.asarray(z)[::12], np.asarray(z)[11::12]
    assert len(np.unique(np.concatenate(ends), axis=0)) == 2 * rows
    again, _ = ck.recipes.latents.sheet(kind, generator(3), count, seed=0, columns=12)
    np.testing.assert_array_equal(z, again)


@pytest.mark.parametrize(("count", "side"), [(4, 2), (8, 2), (9, 3)])
def test_a_map_is_a_sheet_as_wide_as_high(count, side):
    z, columns = ck.recipes.latents.sheet("map", generator(2, 3), count, seed=0, columns=12)
    assert (z.shape, columns) == ((side**2, 2, 3), side)
