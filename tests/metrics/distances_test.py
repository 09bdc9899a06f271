"""Laws of the distances between sets: closed forms, symmetric, 0 with itself."""

import math

import numpy as np
import pytest
from scipy import linalg

from coopkeras import metrics


def _hole(shape, box):
    where = np.zeros(shape, bool)
    where[:, box, box] = True
    return where


def test_sliced_wasserstein_of_a_shift_is_its_closed_form(rng):
    a = rng.uniform(-0.5, 0.5, [4, 20, 20, 3])
    size = 5 * 5 * 3
    # E |<u, 1>| for a random unit vector u is sqrt(size / pi) Gamma(size/2) / Gamma((size+1)/2).
    mean = math.exp(math.lgamma(size / 2) - math.lgamma((size + 1) / 2)) * math.sqrt(size / math.pi)
    distance = metrics.sliced_wasserstein(a, a + 0.25, patch=5, projections=4000, count=200)
    assert distance == pytest.approx(0.25 * mean, rel=0.03)


def test_sliced_wasserstein_of_scaled_noise_is_its_closed_form(rng):
    a, b = rng.normal(size=[2, 60, 30, 30, 1]) * np.array([0.2, 0.5]).reshape(2, 1, 1, 1, 1)
    # W1(N(0, s^2), N(0, t^2)) = |s - t| E|N(0, 1)|; every unit projection of a patch is such.
    expected = 0.3 * math.sqrt(2 / math.pi)
    assert metrics.sliced_wasserstein(a, b) == pytest.approx(expected, rel=0.03)


def test_sliced_wasserstein_is_symmetric_seeded_and_zero_with_itself(rng):
    a, b = rng.uniform(-1, 1, [6, 16, 16, 1]), rng.uniform(-1, 1, [4, 18, 16, 1])
    distance = metrics.sliced_wasserstein(a, b, count=500, seed=3)
    assert distance == metrics.sliced_wasserstein(b, a, count=500, seed=3)
    assert distance != metrics.sliced_wasserstein(a, b, count=500, seed=4)
    assert metrics.sliced_wasserstein(a, a, count=500) == 0


def test_sliced_wasserstein_finds_blur_and_noise(rng):
    real, other = rng.normal(size=[2, 30, 24, 24, 1])
    floor = metrics.sliced_wasserstein(real, other)
    assert metrics.sliced_wasserstein(real, 0.5 * other) > 5 * floor
    assert metrics.sliced_wasserstein(real, other + rng.normal(size=other.shape)) > 5 * floor


def test_sliced_wasserstein_takes_only_patches_that_touch_the_hole(rng):
    a = rng.uniform(-1, 1, [3, 20, 20, 1])
    where = _hole(a.shape, slice(9, 11))
    far = np.where(_hole(a.shape, slice(5, 15)), a, 0)
    near = np.where(_hole(a.shape, slice(6, 14)), a, 0)
    holes = {"patch": 5, "where_a": where, "where_b": where}
    assert metrics.sliced_wasserstein(a, far, **holes) == 0
    assert metrics.sliced_wasserstein(a, near, **holes) > 0


def test_frechet_distance_is_the_closed_form_between_gaussians(rng):
    rows = rng.normal(size=[400, 3])
    rows = np.linalg.qr(rows - rows.mean(0))[0] * np.sqrt(399)  # mean 0, covariance I, exactly
    turn, _ = np.linalg.qr(rng.normal(size=[3, 3]))
    s, t = np.array([1.0, 2.0, 0.5]), np.array([0.3, 1.0, 3.0])
    a, b = (rows * s) @ turn, (rows * t) @ turn + [1.0, 2.0, 0.0]
    expected = 5 + np.sum((s - t) ** 2)  # covariances that commute
    assert metrics.frechet_distance(a, b) == pytest.approx(expected)
    assert metrics.frechet_distance(b, a) == pytest.approx(expected)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_when_covariances_do_not_commute(rng):
    a, b = rng.normal(size=[2, 50, 4]) @ rng.normal(size=[2, 4, 4])
    c, d = np.cov(a.T), np.cov(b.T)
    root = linalg.sqrtm(c @ d).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(c + d - 2 * root)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected)


def test_kernel_distance_is_unbiased(rng):
    draws = rng.normal(size=[400, 2, 20, 5])
    same = np.array([metrics.kernel_distance(a, b) for a, b in draws])
    assert abs(same.mean()) < 3 * same.std() / np.sqrt(len(same))
    assert 0.2 < (same < 0).mean() < 0.8
    assert metrics.kernel_distance(draws[0, 0], draws[0, 1] + 1) > 10 * same.std()


def test_kernel_distance_is_its_formula_in_blocks(rng):
    a, b = rng.normal(size=[1500, 2]), rng.normal(size=[7, 2])

    def kernel(u, v):
        return (u @ v.T / 2 + 1) ** 3

    off = [kernel(t, t)[~np.eye(len(t), dtype=bool)].mean() for t in (a, b)]
    assert metrics.kernel_distance(a, b) == pytest.approx(sum(off) - 2 * kernel(a, b).mean())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: metrics.sliced_wasserstein(np.zeros([1, 4, 4, 1]), None), "smaller `patch`"),
        (lambda: metrics.frechet_distance(np.zeros([3, 2]), np.zeros([3, 1])), "same columns"),
        (lambda: metrics.kernel_distance(np.zeros([1, 2]), np.zeros([3, 2])), "two rows"),
    ],
)
def test_errors_say_what_is_expected(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_no_patch_touches_an_empty_hole():
    x = np.zeros([1, 8, 8, 1])
    with pytest.raises(ValueError, match="False everywhere"):
        metrics.sliced_wasserstein(x, x, where_a=np.zeros_like(x, bool))


def test_channels_have_to_agree():
    with pytest.raises(ValueError, match="same channels"):
        metrics.sliced_wasserstein(np.zeros([1, 8, 8, 1]), np.zeros([1, 8, 8, 3]))
