"""Laws of proper scores: least for the truth's own law, in closed form where there is one."""

import numpy as np
import pytest
from scipy import stats

from coopkeras import metrics

SCORES = (metrics.energy_score, metrics.energy_score_differences, metrics.crps)


@pytest.fixture
def posterior(rng):
    """Correlated Gaussian laws of 200 examples, 10 x 10: truths, means, and a way to draw."""
    smooth = stats.multivariate_normal(cov=np.exp(-np.abs(np.subtract.outer(*[np.arange(10)] * 2))))

    def noise(*shape):
        return smooth.rvs([*shape, 10], random_state=rng)[..., None]

    mean = rng.normal(size=[200, 1, 1, 1]) + np.zeros([200, 10, 10, 1])
    return mean + noise(200), mean, noise


@pytest.mark.parametrize("score", SCORES)
def test_draws_of_the_posterior_score_best(posterior, score):
    x, mean, noise = posterior
    spread = noise(8, 200)
    found = {gain: score(mean + gain * spread, x) for gain in (0, 0.5, 1, 1.6)}
    for gain in (0, 0.5, 1.6):
        worse = found[gain] - found[1]
        assert worse.mean() > 4 * worse.std() / np.sqrt(len(x))


def test_white_noise_of_the_right_spread_is_told_from_structure_by_differences(posterior, rng):
    x, mean, noise = posterior
    right, white = mean + noise(8, 200), mean + rng.normal(size=[8, *x.shape])

    def loss(score):
        return np.mean(score(white, x) - score(right, x)) / np.mean(score(right, x))

    assert loss(metrics.energy_score_differences) > 2 * loss(metrics.energy_score)


def test_scores_do_not_depend_on_the_number_of_draws(posterior):
    x, mean, noise = posterior
    for score in SCORES:
        few, many = (score(mean + noise(k, 200), x) for k in (2, 16))
        assert few.mean() == pytest.approx(many.mean(), rel=0.04)


def test_a_point_has_its_errors(rng):
    point, x = rng.normal(size=[2, 3, 5, 4, 2])
    wrong = (point - x).reshape(3, -1)
    rms = np.sqrt(np.square(wrong).mean(1))
    np.testing.assert_allclose(metrics.energy_score(point[None], x), rms)
    np.testing.assert_allclose(metrics.crps(point[None], x), np.abs(wrong).mean(1))
    assert metrics.spread_skill(point[None], x) == (0, 0)
    steps = [np.diff(point - x, axis=axis).reshape(3, -1) for axis in (1, 2)]
    rms = np.mean([np.sqrt(np.square(one).mean(1)) for one in steps], axis=0)
    np.testing.assert_allclose(metrics.energy_score_differences(point[None], x), rms)


def test_energy_score_is_its_formula(rng):
    draws, x, where = rng.normal(size=[3, 1, 6]), rng.normal(size=[1, 6]), np.arange(6) < 4
    norm = [np.linalg.norm((one - x)[:, where]) for one in draws]
    pairs = [np.linalg.norm((draws[k] - draws[m])[:, where]) for k, m in ((0, 1), (0, 2), (1, 2))]
    expected = (np.mean(norm) - np.mean(pairs) / 2) / np.sqrt(4)
    np.testing.assert_allclose(metrics.energy_score(draws, x, where), [expected])


def test_crps_of_a_gaussian_is_its_closed_form(rng):
    mean, sd, x = 0.3, 0.5, np.array([[-0.4], [0.3], [1.4]])
    draws = rng.normal(mean, sd, [20000, 3, 1])
    z = (x[:, 0] - mean) / sd
    cdf, density = stats.norm.cdf(z), stats.norm.pdf(z)
    expected = sd * (z * (2 * cdf - 1) + 2 * density - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(metrics.crps(draws, x), expected, atol=0.01)


def test_what_is_known_does_not_count(rng):
    draws, x = rng.normal(size=[4, 3, 6, 6, 2]), rng.normal(size=[3, 6, 6, 2])
    where = np.zeros([6, 6, 1], bool)
    where[2:4, 2:4] = True
    inner = np.s_[..., 2:4, 2:4, :]
    for score in (metrics.energy_score, metrics.crps, metrics.coverage):
        np.testing.assert_allclose(score(draws, x, where), score(draws[inner], x[inner]))
    ratios = metrics.spread_skill(draws, x, where), metrics.spread_skill(draws[inner], x[inner])
    np.testing.assert_allclose(*ratios)


def test_differences_count_that_touch_the_hole(rng):
    draws, x = rng.normal(size=[4, 3, 6, 6, 1]), rng.normal(size=[3, 6, 6, 1])
    where = np.zeros([6, 6, 1], bool)
    where[2:4, 2:4] = True
    pinned = np.where(where, draws, x)
    found = metrics.energy_score_differences(pinned, x, where)
    everywhere = metrics.energy_score_differences(pinned, x)
    touching = 2 * 3  # of 6 * 5 along each side: those inside the hole and at its rim
    np.testing.assert_allclose(found * np.sqrt(touching), everywhere * np.sqrt(30))
    far = np.zeros_like(x)
    far[:, 0] = 9  # two pixels away from the hole
    moved = metrics.energy_score_differences(pinned + far, x, where)
    np.testing.assert_allclose(moved, found)


@pytest.mark.parametrize("k", [2, 8])
def test_draws_that_the_truth_might_be_one_of_are_calibrated(rng, k):
    mean = rng.normal(size=[400, 30])
    x, draws = mean + rng.normal(size=[400, 30]), mean + rng.normal(size=[k, 400, 30])
    ratio, se = metrics.spread_skill(draws, x)
    assert abs(ratio - 1) < 4 * se < 0.1
    covered = metrics.coverage(draws, x)
    error = covered.std() / np.sqrt(len(x))
    assert abs(covered.mean() - metrics.expected_coverage(k)) < 4 * error


def test_the_jackknife_knows_the_error_of_spread_over_skill(rng):
    def ratio():
        x, draws = rng.normal(size=[50, 1]), rng.normal(size=[8, 50, 1])
        return metrics.spread_skill(draws, x)

    found = np.array([ratio() for _ in range(200)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.25)


def test_draws_that_are_too_alike_are_told(rng):
    x, draws = rng.normal(size=[400, 30]), rng.normal(size=[8, 400, 30])
    assert metrics.spread_skill(draws / 2, x)[0] == pytest.approx(0.52, abs=0.03)
    assert metrics.coverage(draws / 2, x).mean() < 0.7


def test_many_draws_cover_as_a_gaussian_does():
    assert metrics.expected_coverage(10**6) == pytest.approx(0.9545, abs=1e-4)


def test_patch_distance_is_the_mean_over_draws(rng):
    x, *draws = rng.uniform(-1, 1, [4, 2, 12, 12, 1])
    where = np.arange(12)[:, None] < 5
    expected = [metrics.sliced_wasserstein(one, x, where_a=where, where_b=where) for one in draws]
    assert metrics.patch_distance(draws, x, where) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: metrics.crps(np.zeros([2, 3]), np.zeros([2, 3])), "should be"),
        (lambda: metrics.crps(np.zeros([0, 2, 3]), np.zeros([2, 3])), "k >= 1"),
        (lambda: metrics.coverage(np.zeros([2, 2, 3]), np.zeros([2, 3]), False), "its hole"),
        (
            lambda: metrics.energy_score_differences(np.zeros([2, 2, 3]), np.zeros([2, 3])),
            "longer than 1",
        ),
    ],
)
def test_what_can_not_be_judged_is_refused(score, message):
    with pytest.raises(ValueError, match=message):
        score()
