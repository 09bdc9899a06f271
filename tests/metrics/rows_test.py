"""Laws of what a row of results holds: which metrics, and of which values."""

import numpy as np
import pytest

from coopkeras import metrics


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(-0.9, 0.9, [3, 16, 16, 1])


def values(found):
    return {name: np.mean(value) for name, (value, *_) in found.items()}


def test_a_recovery_is_judged_where_it_was_hidden_alone(x):
    where = np.zeros_like(x, bool)
    where[:, 4:12, 4:12] = True
    wrong = np.where(where, x + 0.02, x)
    assert values(metrics.of_recovery(wrong, x, where))["psnr"] == pytest.approx(40)
    assert values(metrics.of_recovery(wrong, x))["psnr"] > 40
    known = values(metrics.of_recovery(np.where(where, x, -x), x, where))
    assert known["psnr"] == pytest.approx(metrics.rows.ROUNDING)
    assert known["error"] == 0


def test_a_point_is_judged_by_its_errors_and_draws_by_scores(x):
    draws = [x + 0.1, x - 0.1]
    point, drawn = metrics.of_recovery(x, x), metrics.of_recovery(draws[0], x, samples=draws)
    both = {"energy_score", "energy_score_differences", "crps", "patch_distance"}
    assert set(point) == both | {"psnr", "ssim", "error"}
    assert set(drawn) == both | {"spread_skill", "coverage", "diversity"}
    np.testing.assert_allclose(drawn["diversity"][0], 0.1 * np.sqrt(2))
    assert drawn["spread_skill"][3]["target"] == 1
    assert drawn["coverage"][3]["target"] == metrics.expected_coverage(2)
    wrong = metrics.of_recovery(x + 0.1, x)
    np.testing.assert_allclose(wrong["energy_score"][0], 0.1)
    np.testing.assert_allclose(wrong["crps"][0], 2 * wrong["error"][0])


@pytest.mark.parametrize("shape", [(2, 16, 16, 3), (2, 12, 16, 16, 1)])
def test_clips_are_judged_as_images_are(shape):
    x = np.random.default_rng(0).uniform(-0.9, 0.9, shape)
    found = values(metrics.of_recovery(x + 0.2, x, patch=5))
    assert found["psnr"] == pytest.approx(20)
    assert found["patch_distance"] > 0


class Brightness:
    """Features of what is light and what is dark."""

    def __call__(self, x):
        """Return mean and deviation of each."""
        return np.stack([x.mean(axis=(1, 2, 3)), x.std(axis=(1, 2, 3))], axis=1)

    def classify(self, x):
        """Return 1 for what is light."""
        return (x.mean(axis=(1, 2, 3)) > 0).astype(int)


def test_a_synthesis_has_the_metrics_of_what_is_known(x):
    assert set(metrics.of_synthesis(x, x)) == {"patch_distance"}
    by_features = metrics.of_synthesis(x, x, Brightness())
    assert set(by_features) == {"patch_distance", "frechet", "kernel"}
    assert by_features["frechet"][0] == pytest.approx(0, abs=1e-9)
    levels = np.array([-0.5, 0.5, 0.5])[:, None, None, None]
    by_class = metrics.of_synthesis(0.1 * x + levels, x, Brightness(), [0, 0, 1])
    assert by_class["right_class"][0].tolist() == [100, 0, 100]


def test_every_metric_says_its_unit_and_direction(x):
    found = metrics.of_recovery(x, x, samples=[x, x]) | metrics.of_synthesis(x, x, Brightness())
    for _, unit, better, *_ in found.values():
        assert isinstance(unit, str)
        assert better in ("higher", "lower")
