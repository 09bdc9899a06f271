"""Laws of the similarities of pairs: closed forms, and only what is in the hole counts."""

import numpy as np
import pytest

from coopkeras import metrics


def _hole(shape, box):
    where = np.zeros(shape, bool)
    where[:, box, box] = True
    return where


def test_psnr_and_error_of_a_constant_offset(rng):
    x = rng.uniform(-0.5, 0.5, [3, 8, 8, 2])
    offset = np.array([0.2, 0.02, 0.002])
    y = x + offset[:, None, None, None]
    np.testing.assert_allclose(metrics.psnr(x, y), [20, 40, 60])
    np.testing.assert_allclose(metrics.error(x, y), offset / 2)


def test_psnr_of_identical_is_infinite_and_error_zero(rng):
    x = rng.uniform(-1, 1, [2, 4])
    assert np.isposinf(metrics.psnr(x, x)).all()
    assert not metrics.error(x, x).any()


@pytest.mark.parametrize("shape", [(3, 8, 8, 1), (8, 8, 1), (3, 8, 8, 2)])
def test_psnr_and_error_count_only_the_hole(rng, shape):
    where = _hole((3, 8, 8, 2), slice(2, 5))[:, :, :, : shape[-1]]
    where = where if len(shape) == 4 else where[0]
    x = rng.uniform(-0.5, 0.5, [3, 8, 8, 2])
    y = x + np.where(where, 0.2, rng.normal(size=x.shape))
    np.testing.assert_allclose(metrics.psnr(x, y, where), 20)
    np.testing.assert_allclose(metrics.error(x, y, where), 0.1)


def test_each_example_is_averaged_over_its_own_hole():
    y = np.zeros([2, 4, 4, 1])
    where = np.zeros([2, 4, 4, 1], bool)
    where[0, 0, 0] = where[1, :2] = True
    x = np.where(where, [[[[0.2]]], [[[0.02]]]], 1.0)
    np.testing.assert_allclose(metrics.psnr(x, y, where), [20, 40])


def test_ssim_of_identical_is_one_and_falls_with_noise(rng):
    x = rng.uniform(-1, 1, [2, 16, 16, 3])
    noise = rng.normal(size=x.shape)
    little, much = metrics.ssim(x, x + 0.1 * noise), metrics.ssim(x, x + noise)
    np.testing.assert_allclose(metrics.ssim(x, x), 1)
    assert (little < 1).all()
    assert (much < little).all()


def test_ssim_of_constants_is_its_luminance_term():
    c1 = (0.01 * metrics.similarity.DATA_RANGE) ** 2
    x, y = np.full([1, 16, 16, 1], 0.3), np.full([1, 16, 16, 1], 0.6)
    expected = (2 * 0.3 * 0.6 + c1) / (0.3**2 + 0.6**2 + c1)
    np.testing.assert_allclose(metrics.ssim(x, y), expected, rtol=1e-6)


def test_ssim_ignores_what_is_out_of_the_windows_reach(rng):
    x, y = rng.uniform(-1, 1, [2, 2, 32, 32, 1])
    where = _hole(x.shape, slice(12, 20))
    z = np.where(_hole(x.shape, slice(7, 25)), y, rng.uniform(-1, 1, y.shape))
    np.testing.assert_allclose(metrics.ssim(x, y, where), metrics.ssim(x, z, where), atol=1e-12)
    assert (metrics.ssim(x, y) != metrics.ssim(x, z)).all()


def test_diversity_of_independent_samples_is_their_deviation(rng):
    samples = 0.3 * rng.normal(size=[4, 2, 50, 50, 1]) + rng.normal(size=[2, 50, 50, 1])
    np.testing.assert_allclose(metrics.diversity(samples), 0.3, rtol=0.03)


def test_diversity_is_the_pairwise_formula_on_the_hole(rng):
    samples = rng.normal(size=[3, 2, 6, 6, 1])
    where = _hole((2, 6, 6, 1), slice(1, 4))
    pairs = [(0, 1), (0, 2), (1, 2)]
    squares = [np.square(samples[k] - samples[m])[:, 1:4, 1:4].mean((1, 2, 3)) for k, m in pairs]
    expected = np.sqrt(np.mean(squares, axis=0) / 2)
    np.testing.assert_allclose(metrics.diversity(samples, where), expected)
    np.testing.assert_allclose(metrics.diversity(samples[[0, 0, 0]]), 0, atol=1e-12)


def test_luma_is_that_of_the_convention(rng):
    x = rng.uniform(-1, 1, [2, 3, 3, 3])
    red, green, blue = np.moveaxis((x + 1) / 2, -1, 0)
    expected = 16 + 65.481 * red + 128.553 * green + 24.966 * blue  # 16 to 235
    np.testing.assert_allclose((metrics.luma(x)[..., 0] + 1) * 127.5, expected)
    np.testing.assert_array_equal(metrics.luma(x[..., :1]), x[..., :1])
    with pytest.raises(ValueError, match="1 or 3 channels"):
        metrics.luma(x[..., :2])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: metrics.psnr(np.zeros([2, 4]), np.zeros([1, 4])), "one shape"),
        (lambda: metrics.error(np.zeros([2, 4]), np.zeros([2, 4]), [[True], [False]]), "example 1"),
        (lambda: metrics.ssim(np.zeros([1, 8, 8, 1]), np.zeros([1, 8, 8, 1])), "at least 11"),
        (lambda: metrics.diversity(np.zeros([1, 2, 4])), "at least 2"),
    ],
)
def test_errors_say_what_is_expected(call, says):
    with pytest.raises(ValueError, match=says):
        call()
