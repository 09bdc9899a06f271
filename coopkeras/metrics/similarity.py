"""How near results are to the truth: one number an example.

Values are in [-1, 1], so the range is 2.
"""

import numpy as np
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
    """Return the structural similarity of each image or clip, averaged over the hole.

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
    pairs = zip(_images(x), _images(y), strict=True)
    maps = [_ssim_map(one, other) for one, other in pairs]
    return _mean(np.reshape(maps, x.shape), where)


def luma(x):
    """Return the luma of images, as super-resolution is judged by convention.

        luma = (65.481 r + 128.553 g + 24.966 b - 4) / 255       BT.601, 16 to 235 of 0 to 255

    Between black and white it spans 219 of 255 levels, and the range of `psnr` stays 255: that
    is worth 1.3 dB. Grey images are taken as they are.

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


def _images(x):
    """Return the images, or all frames of all clips, `[.., height, width, channels]`."""
    return x.reshape(-1, *x.shape[-3:])
