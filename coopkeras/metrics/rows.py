"""What a row of results holds: how good a recovery is, or a synthesis of images."""

import numpy as np

from coopkeras.metrics import scores
from coopkeras.metrics.distances import frechet_distance, kernel_distance, sliced_wasserstein
from coopkeras.metrics.similarity import diversity, error, psnr, ssim

ROUNDING = 10 * np.log10(12 * 255**2)  # dB: error of values rounded to 8 bits; no result is nearer


def of_recovery(recovered, x, where=None, samples=None, patch=7):
    """Judge recovered images or clips against the truth.

    A point estimate is judged by PSNR, SSIM and error, draws by `of_draws`. Both have the proper
    scores, of which those of a point are its errors.

    Args:
        recovered: a point estimate, `[n, ..., channels]` in [-1, 1].
        x: the truth, shaped like `recovered`.
        where: bool, broadcast against `x`: the hole. Only its values count; by default all do.
        samples: k arrays like `recovered`, draws of one recovery: they are judged in its place.
        patch: side of the patches that are compared, pixels (and frames).

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.

    Example:
        >>> x = np.random.default_rng(0).uniform(-0.9, 0.9, [1, 16, 16, 1])
        >>> of_recovery(x + 0.02, x)["psnr"][0].round(6).tolist()
        [40.0]
    """
    if samples is not None:
        return of_draws(samples, x, where, patch)
    return {
        "psnr": (np.minimum(psnr(recovered, x, where), ROUNDING), "dB", "higher"),
        "ssim": (ssim(recovered, x, where), "", "higher"),
        "error": (error(recovered, x, where), "range", "lower"),
    } | _of_either([recovered], x, where, patch)


def of_draws(draws, x, where=None, patch=7):
    """Judge draws of one recovery by proper scores, calibration, patches and diversity.

    Args:
        draws: k arrays `[n, ..., channels]` in [-1, 1], k >= 2.
        x: the truth, `[n, ..., channels]`.
        where: bool, broadcast against `x`: the hole. Only its values count; by default all do.
        patch: side of the patches that are compared, pixels (and frames).

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.

    Example:
        >>> x = np.zeros([2, 16, 16, 1])
        >>> of_draws([x - 0.1, x + 0.1], x)["crps"][0].round(6).tolist()
        [0.0, 0.0]
    """
    draws = np.stack(draws)
    ratio, se = scores.spread_skill(draws, x, where)
    covered, right = scores.coverage(draws, x, where), scores.expected_coverage(len(draws))
    return _of_either(draws, x, where, patch) | {
        "spread_skill": (ratio, "", "higher", {"se": se, "target": 1.0}),
        "coverage": (covered, "", "higher", {"target": right}),
        "diversity": (diversity(draws, where), "", "higher"),
    }


def _of_either(draws, x, where, patch):
    """Return what points, as one draw, and draws have both."""
    by_differences = scores.energy_score_differences(draws, x, where)
    return {
        "energy_score": (scores.energy_score(draws, x, where), "", "lower"),
        "energy_score_differences": (by_differences, "", "lower"),
        "crps": (scores.crps(draws, x, where), "", "lower"),
        "patch_distance": (scores.patch_distance(draws, x, where, patch), "", "lower"),
    }


def of_synthesis(samples, x, features=None, labels=None):
    """Judge samples against real images.

    Args:
        samples: `[n, height, width, channels]` in [-1, 1].
        x: real images, `[m, ...]`.
        features: what `features.of_classifier` returned, for Frechet and kernel distances.
        labels: int `[n]`, the class that each sample should be of.

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, [4, 16, 16, 1])
        >>> of_synthesis(x, x)["patch_distance"][0]
        0.0
    """
    found = {"patch_distance": (sliced_wasserstein(samples, x), "", "lower")}
    if features:
        both = features(samples), features(x)
        found["frechet"] = (frechet_distance(*both), "", "lower")
        found["kernel"] = (kernel_distance(*both), "", "lower")
    if labels is not None:
        right = features.classify(samples) == labels
        found["right_class"] = (100.0 * right, "%", "higher")
    return found
