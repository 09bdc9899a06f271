"""Laws of seeds: a seed is a value; the same value gives the same numbers anywhere."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import seeds


def test_an_integer_a_seed_and_rows_of_seeds_are_seeds():
    assert seeds.as_seed(7).numpy().tolist() == [0, 7]
    assert seeds.as_seed(tf.constant(7, tf.int64)).numpy().tolist() == [0, 7]
    assert seeds.as_seed([3, 4]).numpy().tolist() == [3, 4]
    assert seeds.as_seed(np.zeros([5, 2])).shape == (5, 2)
    assert seeds.as_seed(7).dtype == tf.int32


@pytest.mark.parametrize("wrong", [[1, 2, 3], [[1, 2, 3]], [[[1, 2]]]])
def test_another_shape_is_no_seed(wrong):
    with pytest.raises(ValueError, match=r"`seed` should be an integer or have shape \[2\]"):
        seeds.as_seed(wrong)


def test_fold_derives_other_seeds_and_the_same_ones_again():
    folded = np.array([seeds.fold(seed, data) for seed in range(10) for data in range(10)])
    assert len({tuple(seed) for seed in folded}) == 100
    assert np.array_equal(seeds.fold(3, 4), folded[34])


def test_fold_of_rows_is_the_fold_of_each_row():
    rows = tf.constant([[1, 2], [3, 4], [5, 6]])
    alone = [seeds.fold(rows[i], data).numpy() for i, data in enumerate([7, 8, 9])]
    assert np.array_equal(seeds.fold(rows, [7, 8, 9]), alone)
    assert np.array_equal(seeds.fold(rows, 7)[0], alone[0])
    assert np.array_equal(seeds.fold([1, 2], [7, 8])[0], alone[0])


def test_split_is_so_many_different_seeds():
    assert len({tuple(seed.numpy()) for seed in seeds.split(0, 5)}) == 5


def test_a_row_draws_the_same_alone_and_in_any_batch():
    rows = seeds.fold(0, tf.range(6))
    batch = seeds.normal(rows, [6, 3, 2]).numpy()
    assert np.array_equal(seeds.normal(rows[4:5], [1, 3, 2])[0], batch[4])
    assert np.array_equal(seeds.normal(rows[::-1], [6, 3, 2]), batch[::-1])


@pytest.mark.parametrize("seed", [[0, 5], np.array([[0, i] for i in range(100)])])
def test_noise_is_standard_normal_eager_and_traced(seed):
    noise = seeds.normal(seed, [100, 500]).numpy()
    traced = tf.function(lambda: seeds.normal(seed, tf.constant([100, 500])))
    assert np.array_equal(traced(), noise)
    assert noise.dtype == np.float32
    error = 1 / np.sqrt(noise.size)
    assert abs(noise.mean()) < 4 * error
    assert abs(noise.var() - 1) < 4 * np.sqrt(2) * error
    assert abs((noise**4).mean() - 3) < 4 * np.sqrt(96) * error
    assert abs((noise[1:] * noise[:-1]).mean()) < 4 * error  # rows are independent
