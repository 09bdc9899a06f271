"""How good draws are: proper scores, least in expectation for the true posterior, and calibration.

`draws` is `[k, n, ...]`, k results for each of n examples, and `x` the truth, `[n, ...]`. A point
estimate is one draw, `[1, n, ...]`: its scores are errors.
"""

import itertools

import numpy as np
from scipy import stats

from coopkeras.metrics.distances import sliced_wasserstein

WITHIN = 2.0  # standard deviations, of `coverage`


def energy_score(draws, x, where=None):
    """Return the energy score of each example (lower is better).

        score = (mean_k |s_k - x| - mean_{k != l} |s_k - s_l| / 2) / sqrt(values)

    |.| is the Euclidean norm over what is hidden, so the score sees all of a hole at once. It sees
    the spread well and correlations badly: `energy_score_differences` is its companion.

    Args:
        draws: `[k, n, ...]`, k >= 1. With k = 1 the score is the root mean squared error.
        x: the truth, `[n, ...]`.
        where: bool, broadcast against `x`: what is hidden. Only its values count.

    Returns:
        score: float64 `[n]`, in units of x.

    Raises:
        ValueError: if the shapes differ, or an example has no value to judge.

    Example:
        >>> energy_score(np.array([[[0.0]], [[1.0]]]), np.array([[0.0]])).tolist()
        [0.0]
        >>> energy_score(np.full([1, 1, 4], 0.5), np.zeros([1, 4])).tolist()
        [0.5]

    Source:
        Gneiting and Raftery, Strictly proper scoring rules, prediction, and estimation, 2007,
        equation 22; the pairs k != l, without the diagonal, make it unbiased in k.
    """
    draws, x, where = _judged(draws, x, where)
    return _energy_score(draws, x, where)


def energy_score_differences(draws, x, where=None):
    """Return the energy score of first differences, which sees structure (lower is better).

        score = mean over sides of energy_score(differences along the side)
        differences: x[.., i + 1, ..] - x[.., i, ..]

    A difference counts if at least one of its two values is hidden: the rim of a hole does.

    Args:
        draws: `[k, n, *sides, channels]`, k >= 1.
        x: the truth, `[n, *sides, channels]`, with one side or more.
        where: bool, broadcast against `x`: what is hidden.

    Returns:
        score: float64 `[n]`, in units of x.

    Raises:
        ValueError: if the shapes differ, no side is longer than 1, or an example has no value to
            judge.

    Example:
        >>> ramp = np.arange(4.0).reshape(1, 4, 1)
        >>> energy_score_differences([ramp + 0.5], ramp).tolist()
        [0.0]

    Source:
        As a score of structure, after the variogram score: Scheuerer and Hamill, 2015.
    """
    draws, x, where = _judged(draws, x, where)
    axes = [axis for axis in range(1, x.ndim - 1) if x.shape[axis] > 1]
    if not axes:
        raise ValueError(
            f"`x` should be [n, *sides, channels] with a side longer than 1; received {x.shape}."
        )
    return np.mean([_of_differences(draws, x, where, axis) for axis in axes], axis=0)


def crps(draws, x, where=None):
    """Return the continuous ranked probability score of each example (lower is better).

        score = mean over values of mean_k |s_k - x| - mean_{k != l} |s_k - s_l| / 2

    It judges the distribution of each value by itself. A Gaussian N(m, s^2) and a truth with
    z = (x - m) / s have s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) in expectation.

    Args:
        draws: `[k, n, ...]`, k >= 1. With k = 1 the score is the mean absolute error.
        x: the truth, `[n, ...]`.
        where: bool, broadcast against `x`: what is hidden. Only its values count.

    Returns:
        score: float64 `[n]`, in units of x.

    Raises:
        ValueError: if the shapes differ, or an example has no value to judge.

    Example:
        >>> crps(np.array([[[0.0]], [[1.0]]]), np.array([[3.0]])).tolist()
        [2.0]

    Source:
        Gneiting and Raftery, 2007, equation 21, unbiased in k.
    """
    draws, x, where = _judged(draws, x, where)
    k = len(draws)
    ranks = np.arange(1 - k, k, 2).reshape(-1, *[1] * x.ndim)  # 2 i - k - 1, i = 1 ... k
    spread = np.sum(ranks * np.sort(draws, axis=0), axis=0) / max(k * (k - 1), 1)
    return _mean(np.abs(draws - x).mean(0) - spread, where)


def spread_skill(draws, x, where=None):
    """Return how wide the draws are, against how wrong their mean is (1 is right).

        ratio = sqrt(variance of the draws / squared error of their mean) sqrt(1 + 1 / k)

    Variance (unbiased, over the k draws) and squared error are means over what is hidden of each
    example, then over the examples. Draws that the truth might be one of have 1 in expectation of
    both terms, for any k; below 1 they are too alike.

    Args:
        draws: `[k, n, ...]`, k >= 1. One draw has no spread: 0.
        x: the truth, `[n, ...]`.
        where: bool, broadcast against `x`: what is hidden. Only its values count.

    Returns:
        ratio, se: floats: the ratio over all examples, and its standard error by the jackknife
            over examples; NaN for one example.

    Raises:
        ValueError: if the shapes differ, or an example has no value to judge.

    Example:
        >>> ratio, se = spread_skill(np.array([[[0.0]], [[2.0]]]), np.array([[1.0 + 3**0.5]]))
        >>> round(ratio, 6)
        1.0

    Source:
        Fortin et al., Why should ensemble spread match the RMSE of the ensemble mean?, 2014.
    """
    draws, x, where = _judged(draws, x, where)
    k, n = len(draws), len(x)
    variance = _mean(_variance(draws), where)
    error = _mean(np.square(draws.mean(0) - x), where)
    ratio = _ratio(variance.sum(), error.sum(), k)
    if n < 2:
        return float(ratio), float("nan")
    without = _ratio(variance.sum() - variance, error.sum() - error, k)
    with np.errstate(invalid="ignore"):
        return float(ratio), float(np.sqrt((n - 1) * np.var(without)))


def coverage(draws, x, where=None):
    """Return the share of hidden values whose truth is within 2 standard deviations of the mean.

        share = mean over values of [ |x - mean_k s_k| <= 2 sd_k(s_k) ]      sd with k - 1

    Args:
        draws: `[k, n, ...]`, k >= 1. One draw covers what it meets exactly.
        x: the truth, `[n, ...]`.
        where: bool, broadcast against `x`: what is hidden. Only its values count.

    Returns:
        share: float64 `[n]` in [0, 1]; `expected_coverage(k)` is right, more is not better.

    Raises:
        ValueError: if the shapes differ, or an example has no value to judge.

    Example:
        >>> draws = np.array([[[-1.0, 0.0]], [[1.0, 0.0]]])
        >>> coverage(draws, np.array([[2.0, 2.0]])).tolist()
        [0.5]
    """
    draws, x, where = _judged(draws, x, where)
    radius = WITHIN * np.sqrt(_variance(draws))
    return _mean((np.abs(draws.mean(0) - x) <= radius).astype(np.float64), where)


def expected_coverage(k):
    """Return the `coverage` of k draws that are Gaussian and calibrated.

        share = P(|t| <= 2 / sqrt(1 + 1 / k)),   t: Student's, k - 1 degrees of freedom

    Args:
        k: number of draws, 2 or more.

    Returns:
        share: a float; .954 for many draws.

    Example:
        >>> round(expected_coverage(8), 3)
        0.899
    """
    return float(1 - 2 * stats.t.sf(WITHIN / np.sqrt(1 + 1 / k), k - 1))


def patch_distance(draws, x, where=None, patch=7):
    """Return the mean distance of the draws' patches from the truth's (lower is better).

        distance = mean_k sliced_wasserstein(s_k, x)

    Args:
        draws: `[k, n, *sides, channels]`, k >= 1.
        x: the truth, `[n, *sides, channels]`.
        where: bool, broadcast against `x`: only patches that touch it count.
        patch: side of a patch, pixels (and frames).

    Returns:
        distance: a float, in units of x.

    Raises:
        ValueError: as `sliced_wasserstein` raises it.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, [4, 16, 16, 1])
        >>> patch_distance([x, x], x)
        0.0
    """
    found = [sliced_wasserstein(s, x, patch=patch, where_a=where, where_b=where) for s in draws]
    return float(np.mean(found))


def _judged(draws, x, where):
    """Return draws and truth in float64, and what is hidden in the shape of the truth."""
    draws, x = np.asarray(draws, np.float64), np.asarray(x, np.float64)
    if draws.shape[1:] != x.shape or x.ndim < 2 or not len(draws):
        raise ValueError(
            f"`draws` should be [k, n, ...] for a truth [n, ...], k >= 1; received {draws.shape} "
            f"and {x.shape}."
        )
    where = np.broadcast_to(np.asarray(True if where is None else where, bool), x.shape)
    if not where.reshape(len(x), -1).any(1).all():
        raise ValueError("`where` should be True somewhere in every example: its hole.")
    return draws, x, where


def _energy_score(draws, x, where):
    k = len(draws)
    error = np.mean([_norm(draw - x, where) for draw in draws], axis=0)
    pairs = [_norm(one - other, where) for one, other in itertools.combinations(draws, 2)]
    spread = np.sum(pairs, axis=0) / (k * (k - 1)) if pairs else 0.0
    return error - spread


def _norm(x, where):
    """Return the root mean square of each example over `where`."""
    return np.sqrt(_mean(np.square(x), where))


def _mean(values, where):
    return values.mean(tuple(range(1, values.ndim)), where=where)


def _variance(draws):
    return np.var(draws, axis=0, ddof=1) if len(draws) > 1 else np.zeros(draws.shape[1:])


def _ratio(variance, error, k):
    """Return spread over skill; without any spread it is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, np.sqrt(variance / error * (1 + 1 / k)), 0.0)


def _of_differences(draws, x, where, axis):
    """Return the energy score of the differences along one axis of the truth."""
    where = np.moveaxis(where, axis, 1)
    touching = np.moveaxis(where[:, 1:] | where[:, :-1], 1, axis)
    return _energy_score(np.diff(draws, axis=axis + 1), np.diff(x, axis=axis), touching)
