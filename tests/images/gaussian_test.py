"""The full Gaussian is the exact conditional law, mean and draws, in both of its forms."""

import numpy as np
import pytest

from coopkeras import images, metrics
from coopkeras.images import gaussian

SIZE = 12


@pytest.fixture
def train(rng):
    """Examples whose values are correlated."""
    mixing = 0.03 * rng.normal(size=[SIZE, SIZE]) + 0.03
    return (rng.normal(size=[2000, SIZE]) @ mixing.T + 0.1).astype(np.float32)


def dense(train, ridge):
    """Mean and covariance of the distribution, by NumPy."""
    mean, covariance = train.mean(0, dtype=np.float64), np.cov(train.T, ddof=0)
    return mean, covariance + ridge * np.trace(covariance) / SIZE * np.eye(SIZE)


def conditional(mean, covariance, x, v):
    """Mean and covariance of what is hidden, by the textbook."""
    weights = np.linalg.solve(covariance[np.ix_(v, v)], covariance[np.ix_(v, ~v)]).T
    rest = covariance[np.ix_(~v, ~v)] - weights @ covariance[np.ix_(v, ~v)]
    return mean[~v] + weights @ (x[v] - mean[v]), rest


@pytest.mark.parametrize("most", [SIZE, 1])
def test_it_fills_and_draws_by_the_exact_conditional(train, most, monkeypatch):
    monkeypatch.setattr(gaussian, "MAX_DENSE", most)  # 1: by components, here 11 of 12
    fitted = images.gaussian.FullGaussian(train, ridge=0.03)
    mean, covariance = dense(train, 0.03)
    x, v = 0.2 * train[0], np.arange(SIZE) % 3 > 0
    expected, rest = conditional(mean, covariance, x, v)
    np.testing.assert_allclose(fitted.fill(x[None], v)[0, ~v], expected, atol=2e-3)
    draws = fitted.draw(x[None], v, seed=0, k=20000)[:, 0]
    assert abs(draws).max() < 1  # clipped nowhere
    np.testing.assert_allclose(draws[:, ~v].mean(0), expected, atol=2e-3)
    np.testing.assert_allclose(np.cov(draws[:, ~v].T), rest, atol=0.05 * rest.max())
    assert (draws[:, v] == x[v]).all()


def test_draws_are_calibrated_on_other_examples(rng):
    mixing = 0.1 * rng.normal(size=[SIZE, SIZE])
    train, x = (rng.normal(size=[n, SIZE]) @ mixing.T for n in (4000, 500))
    visible = rng.random(x.shape) < 0.6
    visible[:, 0] = False
    fitted = images.gaussian.FullGaussian(train, ridge=1e-4)
    ratio, se = metrics.spread_skill(fitted.draw(x, visible, 0, 8), x, ~visible)
    assert abs(ratio - 1) < 4 * se
    score = metrics.crps(fitted.draw(x, visible, 0, 8), x, ~visible)
    point = metrics.crps(fitted.fill(x, visible)[None], x, ~visible)
    assert score.mean() < 0.8 * point.mean()


@pytest.mark.parametrize("shape", [(30, 8, 6, 2), (30, 5)])
@pytest.mark.parametrize("most", [1, 1000])
def test_known_values_come_back_and_hidden_ones_are_not_looked_at(rng, shape, most, monkeypatch):
    monkeypatch.setattr(gaussian, "MAX_DENSE", most)
    x = rng.uniform(-1, 1, shape).astype(np.float32)
    visible = rng.random(shape) < 0.5
    visible[0], visible[1] = True, False
    fitted = images.gaussian.FullGaussian(x)
    hidden = np.where(visible, x, np.nan)
    draws = fitted.draw(hidden, visible, seed=1, k=3)
    for made in (fitted.fill(hidden, visible), *draws):
        assert made.dtype == np.float32
        assert np.abs(made).max() <= 1
        np.testing.assert_array_equal(made[visible], x[visible])
    np.testing.assert_array_equal(draws, fitted.draw(x, visible, seed=1, k=3))
    assert (fitted.draw(x, visible, seed=2, k=3) != draws).any()


def test_the_ridge_is_chosen_on_held_back_examples(rng):
    smooth = rng.normal(size=[3000, 1]) * 0.3 * np.ones(8)
    few = (smooth + 0.05 * rng.normal(size=[3000, 8]))[:20]
    assert images.gaussian.FullGaussian(few, ridge=(1e-4, 1e3)).ridge == 1e-4
    noise = 0.3 * rng.normal(size=[40, 64])  # nothing to learn, and much to be misled by
    assert images.gaussian.FullGaussian(noise, ridge=(1e-4, 1e3)).ridge == 1e3


def test_data_that_do_not_vary_and_too_few():
    fitted = images.gaussian.FullGaussian(np.full([10, 4], 0.5))
    made = fitted.draw(np.zeros([1, 4]), np.arange(4) == 0, 0, 2)
    np.testing.assert_allclose(made[:, 0, 1:], 0.5, atol=0.01)
    with pytest.raises(ValueError, match="at least two"):
        images.gaussian.FullGaussian(np.zeros([1, 4]))
