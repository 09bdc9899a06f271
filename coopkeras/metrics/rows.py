"""What a row of results holds: how good a recovery is, or a synthesis of images."""

import numpy as np

from coopkeras.metrics.distances import frechet_distance, kernel_distance, sliced_wasserstein
from coopkeras.metrics.similarity import diversity, error, psnr, ssim


def of_recovery(recovered, x, where=None, samples=None, patch=7):
    """Judge recovered images or clips against the truth.

    Args:
        recovered: `[n, ..., channels]` in [-1, 1].
        x: the truth, shaped like `recovered`.
        where: bool, broadcast against `x`: the hole. Only its values count; by default all do.
        samples: list of k arrays like `recovered`, draws of one recovery, for their diversity.
        patch: side of the patches that are compared, pixels (and frames).

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.

    Example:
        >>> x = np.random.default_rng(0).uniform(-0.9, 0.9, [1, 16, 16, 1])
        >>> of_recovery(x + 0.02, x)["psnr"][0].round(6).tolist()
        [40.0]
    """
    distance = sliced_wasserstein(recovered, x, patch=patch, where_a=where, where_b=where)
    found = {
        "psnr": (psnr(recovered, x, where), "dB", "higher"),
        "ssim": (ssim(recovered, x, where), "", "higher"),
        "error": (error(recovered, x, where), "range", "lower"),
        "patch_distance": (distance, "", "lower"),
    }
    if samples is not None:
        found["diversity"] = (diversity(np.stack(samples), where), "", "higher")
    return found


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
