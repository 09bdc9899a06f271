"""How near results are to the truth, and sets of results to sets of real data.

Values are in [-1, 1], so the range is 2. The first four compare picture by picture and return
one number an example; the distances compare two sets and return one number.
"""

import numpy as np
from scipy import linalg
from skimage.metrics import structural_similarity

DATA_RANGE = 2.0
SSIM_WINDOW = 11


def psnr(x, y, where=None):
    """Return the peak signal-to-noise ratio of each example, in dB (higher is better).

        psnr = 10 log10(range^2 / mean((x - y)^2))

    Args:
        x: results, `[n, ...]` in [-1, 1].
        y: the truth, shaped like `x`.
        where: bool, broadcast against `x`: the hole. Only its values count.

    Returns:
        decibels: float64 `[n]`; infinite where nothing differs.

    Raises:
        ValueError: if the shapes differ, or an example has no value to judge.

    Example:
        >>> psnr(np.zeros([1, 8, 8, 1]), np.full([1, 8, 8, 1], 0.2)).round(6).tolist()
        [20.0]
    """
    x, y = _pair(x, y)
    squared = _mean(np.square(x - y), where)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(DATA_RANGE**2 / squared)


def error(x, y, where=None):
    """Return the mean absolute error of each example, as a share of the range.

        error = mean(|x - y|) / range

    Args:
        x: results, `[n, ...]` in [-1, 1].
        y: the truth, shaped like `x`.
        where: bool, broadcast against `x`: the hole. Only its values count.

    Returns:
        share: float64 `[n]` in [0, 1]; lower is better.

    Raises:
        ValueError: if the shapes differ, or an example has no value to judge.

    Example:
        >>> error(np.zeros([1, 8, 8, 1]), np.full([1, 8, 8, 1], 0.5)).tolist()
        [0.25]
    """
    x, y = _pair(x, y)
    return _mean(np.abs(x - y), where) / DATA_RANGE


def ssim(x, y, where=None):
    """Return the structural similarity of each picture or clip, averaged over the hole.

    The map is the original one (Gaussian window of 11 pixels, sigma 1.5), mean over channels; of a
    clip, frame by frame. A hole's own windows reach 5 pixels beyond it.

    Args:
        x: results, `[n, height, width, channels]` or `[n, time, height, width, channels]` in
            [-1, 1], at least 11 x 11.
        y: the truth, shaped like `x`.
        where: bool, broadcast against `x`: the hole. Only the map's values there count.

    Returns:
        similarity: float64 `[n]` in [-1, 1]; 1 where nothing differs.

    Raises:
        ValueError: if the shapes differ, a side is shorter than the window, or an example has
            no value to judge.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, [1, 16, 16, 3])
        >>> ssim(x, x).tolist()
        [1.0]

    Source:
        Wang et al., Image quality assessment: from error visibility to structural similarity,
        2004, equation 13.
    """
    x, y = _pair(x, y)
    if x.ndim not in (4, 5) or min(x.shape[-3:-1]) < SSIM_WINDOW:
        raise ValueError(
            f"`x` should be [n, height, width, channels], or [n, time, ...], with sides of at "
            f"least {SSIM_WINDOW}; received shape {x.shape}."
        )
    pairs = zip(_pictures(x), _pictures(y), strict=True)
    maps = [_ssim_map(one, other) for one, other in pairs]
    return _mean(np.reshape(maps, x.shape), where)


def luma(x):
    """Return the luma of pictures, as super-resolution is judged by convention.

        luma = (65.481 r + 128.553 g + 24.966 b - 4) / 255       BT.601, 16 to 235 of 0 to 255

    Between black and white it spans 219 of 255 levels, and the range of `psnr` stays 255: that
    is worth 1.3 dB. Grey pictures are taken as they are.

    Args:
        x: `[..., 1 or 3]` in [-1, 1].

    Returns:
        luma: `[..., 1]`.

    Raises:
        ValueError: if the channels are neither grey nor colour.

    Example:
        >>> luma(np.ones([1, 1, 3])).round(3).tolist()
        [[[0.843]]]
    """
    x = np.asarray(x)
    if x.shape[-1] not in (1, 3):
        raise ValueError(f"`x` should have 1 or 3 channels; received shape {x.shape}.")
    if x.shape[-1] == 1:
        return x
    return (x @ np.array([[65.481], [128.553], [24.966]], x.dtype) - 4) / 255


def diversity(samples, where=None):
    """Return how much several samples of one example differ: their standard deviation.

        diversity^2 = mean over values and pairs k != l of (x_k - x_l)^2 / 2

    Args:
        samples: `[k, n, ...]` in [-1, 1], k >= 2 results for each of n examples.
        where: bool, broadcast against one of the k: the hole. Only its values count.

    Returns:
        deviation: float64 `[n]`, in units of x; 0 where all samples are equal.

    Raises:
        ValueError: if there are fewer than two samples, or an example has no value to judge.

    Example:
        >>> diversity(np.stack([np.full([1, 4], -0.5), np.full([1, 4], 0.5)])).round(4).tolist()
        [0.7071]
    """
    samples = np.asarray(samples, np.float64)
    if samples.ndim < 3 or len(samples) < 2:
        raise ValueError(
            f"`samples` should be [k, n, ...] with k at least 2; received shape {samples.shape}."
        )
    return np.sqrt(_mean(np.var(samples, axis=0, ddof=1), where))


def sliced_wasserstein(
    a, b, *, patch=7, projections=128, count=20000, seed=0, where_a=None, where_b=None
):
    """Return how far the patches of two sets of pictures, or clips, are apart (lower is better).

        distance = mean over unit vectors u of W1(<u, patches of a>, <u, patches of b>)

    W1 is the one-dimensional Wasserstein distance: the mean absolute difference of the sorted
    values. A patch is its `patch * patch * channels` values as they are, never normalised, so
    blur (too narrow) and noise (too wide) both count; of clips it is `patch` frames long as well.
    Both sets draw with the same seed: sets of the same size give patches at the same places,
    which leaves less to chance.

    Args:
        a: pictures, `[n, height, width, channels]` in [-1, 1], or clips, `[n, time, ...]`.
        b: pictures or clips, `[m, ...]`.
        patch: side of a patch, in pixels (and frames); 7 sees strokes and grain, not layout.
        projections: number of random unit vectors.
        count: at most so many patches of each set, drawn without repetition.
        seed: an integer; the same seed gives the same result.
        where_a: bool, broadcast against `a`: only patches that touch it count.
        where_b: bool, broadcast against `b`, likewise.

    Returns:
        distance: a float, in units of x; 0 between a set and itself, and symmetric.

    Raises:
        ValueError: if a picture is smaller than a patch, the channels differ, or no patch
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


def _pair(x, y):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim < 2:
        raise ValueError(
            f"`x` and `y` should have one shape [n, ...]; received {x.shape} and {y.shape}."
        )
    return x, y


def _mean(values, where):
    """Average `values` `[n, ...]` over all but the first axis, where `where` is True."""
    axes = tuple(range(1, values.ndim))
    if where is None:
        return values.mean(axes)
    where = np.broadcast_to(np.asarray(where, bool), values.shape)
    if not where.any(axes).all():
        empty = int(np.argmin(where.any(axes)))
        raise ValueError(
            f"`where` should be True somewhere in every example; received none in example "
            f"{empty}. Judge only examples that have a hole."
        )
    return values.mean(axes, where=where)


def _ssim_map(x, y):
    _, similarity = structural_similarity(
        x,
        y,
        data_range=DATA_RANGE,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return similarity


def _pictures(x):
    """Return the pictures, or all frames of all clips, `[.., height, width, channels]`."""
    return x.reshape(-1, *x.shape[-3:])


def _patch_size(x, patch):
    """Return how many values a patch has."""
    return patch ** (x.ndim - 2) * x.shape[-1]


def _places(x, patch, where):
    """Return the flat indices of the first corners of all patches that touch `where`."""
    if x.ndim not in (4, 5) or min(x.shape[1:-1]) < patch:
        raise ValueError(
            f"Pictures should be [n, height, width, channels], clips [n, time, ...], with sides of "
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
