"""How far a set of results is from a set of real data: one number for two sets."""

import numpy as np
from scipy import linalg


def sliced_wasserstein(
    a, b, *, patch=7, projections=128, count=20000, seed=0, where_a=None, where_b=None
):
    """Return how far the patches of two sets of images, or clips, are apart (lower is better).

        distance = mean over unit vectors u of W1(<u, patches of a>, <u, patches of b>)

    W1 is the one-dimensional Wasserstein distance: the mean absolute difference of the sorted
    values. A patch is its `patch * patch * channels` values as they are, never normalised, so
    blur (too narrow) and noise (too wide) both count; of clips it is `patch` frames long as well.
    Both sets draw with the same seed: sets of the same size give patches at the same places,
    which leaves less to chance.

    Args:
        a: images, `[n, height, width, channels]` in [-1, 1], or clips, `[n, time, ...]`.
        b: images or clips, `[m, ...]`.
        patch: side of a patch, in pixels (and frames); 7 sees strokes and grain, not layout.
        projections: number of random unit vectors.
        count: at most so many patches of each set, drawn without repetition.
        seed: an integer; the same seed gives the same result.
        where_a: bool, broadcast against `a`: only patches that touch it count.
        where_b: bool, broadcast against `b`, likewise.

    Returns:
        distance: a float, in units of x; 0 between a set and itself, and symmetric.

    Raises:
        ValueError: if an image is smaller than a patch, the channels differ, or no patch
            touches the hole.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, [4, 16, 16, 1])
        >>> sliced_wasserstein(x, x)
        0.0

    Source:
        Rabin et al., Wasserstein barycenter and its application to texture mixing, 2011.
    """
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    places_a, places_b = _places(a, patch, where_a), _places(b, patch, where_b)
    if a.shape[-1] != b.shape[-1] or a.ndim != b.ndim:
        raise ValueError(
            f"`a` and `b` should have the same channels and rank; received {a.shape} and {b.shape}."
        )
    count = min(count, len(places_a), len(places_b))
    directions = np.random.default_rng(seed).normal(size=[_patch_size(a, patch), projections])
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
    a = np.sort(_patches(a, places_a, patch, count, seed) @ directions, axis=0)
    b = np.sort(_patches(b, places_b, patch, count, seed) @ directions, axis=0)
    return float(np.mean(np.abs(a - b), dtype=np.float64))


def frechet_distance(features_a, features_b):
    """Return the Frechet distance between the Gaussians of two sets of features.

        distance = |m_a - m_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2))

    Args:
        features_a: `[n, size]`, n >= 2.
        features_b: `[m, size]`.

    Returns:
        distance: a float, 0 for equal means and covariances; lower is better. It is biased
            upwards for few examples: compare only at equal n.

    Raises:
        ValueError: if these are not two tables with the same columns and at least two rows.

    Example:
        >>> round(frechet_distance([[-1.0], [1.0]], [[1.0], [3.0]]), 6)
        4.0

    Source:
        Heusel et al., GANs trained by a two time-scale update rule, 2017, equation 6.
    """
    a, b = _tables(features_a, features_b)
    covariance_a, covariance_b = (np.atleast_2d(np.cov(table, rowvar=False)) for table in (a, b))
    # The trace of (C_a C_b)^(1/2) is the sum of the singular values of C_a^(1/2) C_b^(1/2).
    overlap = linalg.svdvals(_square_root(covariance_a) @ _square_root(covariance_b)).sum()
    shift = np.sum(np.square(a.mean(0) - b.mean(0)))
    return float(shift + np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap)


def kernel_distance(features_a, features_b):
    """Return the unbiased squared maximum mean discrepancy with the cubic kernel.

        distance = mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j) - 2 mean k(a_i, b_j)
        k(u, v) = (<u, v> / size + 1)^3

    Args:
        features_a: `[n, size]`, n >= 2.
        features_b: `[m, size]`.

    Returns:
        distance: a float; about 0, and as often below as above, for equal distributions.

    Raises:
        ValueError: if these are not two tables with the same columns and at least two rows.

    Example:
        >>> kernel_distance([[0.0], [0.0]], [[1.0], [1.0]])
        7.0

    Source:
        Binkowski et al., Demystifying MMD GANs, 2018, equation 4.
    """
    a, b = _tables(features_a, features_b)
    within_a = _kernel_sum(a, a, diagonal=False) / (len(a) * (len(a) - 1))
    within_b = _kernel_sum(b, b, diagonal=False) / (len(b) * (len(b) - 1))
    return within_a + within_b - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def _patch_size(x, patch):
    """Return how many values a patch has."""
    return patch ** (x.ndim - 2) * x.shape[-1]


def _places(x, patch, where):
    """Return the flat indices of the first corners of all patches that touch `where`."""
    if x.ndim not in (4, 5) or min(x.shape[1:-1]) < patch:
        raise ValueError(
            f"Images should be [n, height, width, channels], clips [n, time, ...], with sides of "
            f"at least `patch` {patch}; received shape {x.shape}. Use a smaller `patch`."
        )
    if where is None:
        return np.arange(len(x) * np.prod([side - patch + 1 for side in x.shape[1:-1]]))
    touched = np.broadcast_to(np.asarray(where, bool), x.shape).any(-1)
    for axis in range(1, touched.ndim):  # sums over windows are differences of cumulative sums
        table = np.insert(touched.cumsum(axis), 0, 0, axis=axis)
        high = np.take(table, np.arange(patch, table.shape[axis]), axis=axis)
        low = np.take(table, np.arange(table.shape[axis] - patch), axis=axis)
        touched = high - low > 0
    places = np.flatnonzero(touched)
    if not len(places):
        raise ValueError("`where` should be True somewhere; received False everywhere.")
    return places


def _patches(x, places, patch, count, seed):
    """Return `count` of the patches at `places` as rows `[count, values of a patch]`."""
    chosen = np.random.default_rng(seed).choice(places, count, replace=False)
    axes = tuple(range(1, x.ndim - 1))
    windows = np.lib.stride_tricks.sliding_window_view(x, (patch,) * len(axes), axis=axes)
    index = np.unravel_index(chosen, windows.shape[: x.ndim - 1])
    return windows[index].reshape(count, -1)


def _tables(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            "Features should be two tables [n, size] with the same columns and at least two "
            f"rows; received shapes {a.shape} and {b.shape}."
        )
    return a, b


def _square_root(covariance):
    values, vectors = linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def _kernel_sum(a, b, diagonal=True, rows=1024):
    """Sum the kernel over all pairs, a few rows at a time; `diagonal=False` leaves i = i out."""
    size = a.shape[1]
    total = sum(
        np.sum((a[start : start + rows] @ b.T / size + 1) ** 3) for start in range(0, len(a), rows)
    )
    if not diagonal:
        total -= np.sum((np.sum(a * b, axis=1) / size + 1) ** 3)
    return float(total)
