"""What a model has to beat: simple ways to fill a hole, each `fill(x, visible) -> filled`.

One that has a distribution is an object with `fill` and `draw(x, visible, seed, k) -> [k, n, ...]`.
`x` is `[n, ...]` in [-1, 1], `visible` bool, broadcast against `x`, True = known. What is
hidden in `x` is never looked at, and what is known comes back bit for bit.
"""

import itertools

import numpy as np
from scipy import linalg
from skimage.restoration import inpaint_biharmonic

from coopkeras.images.gaussian import FullGaussian
from coopkeras.images.spectrum import (
    MAX_HELD_BACK,
    chosen_examples,
    outside_of_a_box,
    principal_components,
)

MOST = 16000  # examples that a Gaussian of few components is fitted to


def inpaint_baselines(train):
    """Return the baselines of inpainting by name.

    The conditional Gaussian comes as its likelihood has it, and, much stronger, with the number
    of components and the noise chosen on held-back training images. The full Gaussian, of all
    covariances, is judged by its draws too.

    Args:
        train: images, `[n, height, width, channels]` in [-1, 1].

    Returns:
        baselines: a dict from name to a function `(x, visible) -> filled`, or to a `FullGaussian`.

    Example:
        >>> list(inpaint_baselines(np.zeros([20, 4, 4, 1])))[:3]
        ['mean image', 'biharmonic', 'conditional gaussian']
    """
    return {
        "mean image": mean_image(train),
        "biharmonic": biharmonic,
        "conditional gaussian": ConditionalGaussian(train, components=200, ridge=1).fill,
        "conditional gaussian, tuned": ConditionalGaussian(train).fill,
        "full gaussian": FullGaussian(train),
    }


def gaussian_samples(train, count, components=200, seed=0):
    """Draw from the Gaussian fitted to examples: mean, principal components, isotropic rest.

    Args:
        train: `[n, ...]` in [-1, 1].
        count: number of samples.
        components: at most so many principal components.
        seed: an integer.

    Returns:
        samples: float32 `[count, ...]`, not clipped.

    Example:
        >>> gaussian_samples(np.zeros([20, 4, 4, 1]), 3).shape
        (3, 4, 4, 1)
    """
    rng = np.random.default_rng(seed)
    flat = np.reshape(train, [len(train), -1]).astype(np.float64)
    mean = flat.mean(axis=0)
    components = min(components, *flat.shape)
    _, scales, axes = np.linalg.svd(flat - mean, full_matrices=False)
    variances = scales**2 / len(flat)
    rest = variances[components:].sum() / max(1, flat.shape[1] - components)
    z = rng.normal(size=[count, components]) * np.sqrt(variances[:components])
    noise = rng.normal(size=[count, flat.shape[1]]) * np.sqrt(rest)
    samples = mean + z @ axes[:components] + noise
    return samples.reshape(count, *np.shape(train)[1:]).astype(np.float32)


def mean_image(train):
    """Return the baseline that fills with the mean of the training examples.

    Args:
        train: `[n, ...]` in [-1, 1].

    Returns:
        fill: a function `(x, visible) -> filled`.

    Example:
        >>> fill = mean_image(np.full([3, 2], 0.5))
        >>> fill(np.array([[0.1, 0.2]]), np.array([[True, False]])).tolist()
        [[0.1, 0.5]]
    """
    mean = np.mean(train, axis=0, dtype=np.float64)
    return lambda x, visible: _keep_known(np.asarray(x), visible, mean)


def biharmonic(x, visible):
    """Fill each image with the smoothest surface that meets the known pixels.

        laplace(laplace(x)) = 0 in the hole

    Args:
        x: images, `[n, height, width, channels]` in [-1, 1].
        visible: bool, broadcast against `x`; True = known. A pixel is known if all its
            channels are. Where none is, the image becomes mid grey.

    Returns:
        filled: shaped like `x`, in [-1, 1].

    Example:
        >>> ramp = np.linspace(-1, 1, 16).reshape(1, 1, 16, 1) * np.ones([1, 16, 1, 1])
        >>> visible = np.ones([1, 16, 16, 1], bool)
        >>> visible[:, 6:10, 6:10] = False
        >>> bool(np.allclose(biharmonic(ramp * visible, visible), ramp))
        True

    Source:
        Damelin and Hoang, On surface completion and image inpainting by biharmonic functions,
        2018; scikit-image `inpaint_biharmonic`.
    """
    x = np.asarray(x)
    hidden = ~_like(visible, x).all(-1)
    scaled = np.where(hidden[..., None], 0.5, (x.astype(np.float64) + 1) / 2)
    surfaces = [
        inpaint_biharmonic(one, hole, channel_axis=-1) if hole.any() and not hole.all() else one
        for one, hole in zip(scaled, hidden, strict=True)
    ]
    return _keep_known(x, visible, np.clip(surfaces, 0, 1) * 2 - 1)


class ConditionalGaussian:
    """Fills with the mean of a Gaussian given what is known, in closed form.

        x = m + W z + s e,  z and e ~ N(0, I)      W from principal components, s^2 from the rest
        z = (W_v^T W_v + r s^2 I)^-1 W_v^T (x_v - m_v),  filled = m_h + W_h z

    v are the rows of W that are known and h those that are hidden. With r = 1 this is the
    conditional mean of the likeliest such Gaussian. In images what the components leave is
    not independent from pixel to pixel, so that many pixels tell less than they seem to: r > 1
    takes that into account (3 dB better on faces).

    Args:
        train: `[n, ...]` in [-1, 1]; of more than 16,000 a seeded choice is used.
        components: number of principal components, or several numbers to try.
        ridge: r, or several to try. The pair is kept that best fills boxes in a tenth of the
            training examples (at most 64), held back for that.
        seed: an integer.

    Attributes:
        components: the number of components kept.
        ridge: the r kept.

    Raises:
        ValueError: if there are fewer than two examples.

    Example:
        >>> line = np.linspace(-1, 1, 50)[:, None] * np.array([1.0, 0.5])
        >>> fill = ConditionalGaussian(line, components=1, ridge=1).fill
        >>> fill(np.array([[0.4, 0.0]]), np.array([[True, False]])).round(3).tolist()
        [[0.4, 0.2]]

    Source:
        Tipping and Bishop, Probabilistic principal component analysis, 1999, equations 7 to 10.
    """

    def __init__(self, train, components=(50, 100, 200), ridge=(1, 3, 10, 30, 100), seed=0):
        """Fit to the training examples."""
        rng = np.random.default_rng(seed)
        train = chosen_examples(train, rng, MOST)
        tried = list(itertools.product(np.unique(components).tolist(), np.unique(ridge).tolist()))
        held_back = min(len(train) // 10, MAX_HELD_BACK) if len(tried) > 1 else 0
        spectrum = principal_components(train[held_back:], tried[-1][0], rng)
        components, self.ridge = _choose(train[:held_back], spectrum, tried, rng)
        self._spectrum = spectrum.first(components)
        self.components = len(self._spectrum.variances)

    def parameters(self):
        """Return m, `[...]`, W, `[..., components]`, and `r s^2`."""
        noise = self._spectrum.noise(self.components)
        scale = np.sqrt(np.maximum(self._spectrum.variances - noise, 0))
        return self._spectrum.mean, self._spectrum.directions * scale, self.ridge * noise

    def fill(self, x, visible):
        """Fill the hidden values of each example with their conditional mean.

        Args:
            x: `[n, ...]` in [-1, 1], shaped like the training examples.
            visible: bool, broadcast against `x`; True = known.

        Returns:
            filled: shaped like `x`, in [-1, 1]; known values bit for bit.
        """
        x = np.asarray(x)
        visible = _like(visible, x)
        chosen = [(self.components, self.ridge)]
        filled = x.copy()
        for one, known in zip(filled, visible, strict=True):
            (one[~known],) = _conditional_means(one, known, self._spectrum, chosen)
        return filled


def _conditional_means(x, known, spectrum, tried):
    """Yield one example's hidden values for each pair (components, ridge) of `tried`."""
    seen = np.where(known, x - spectrum.mean, 0)
    evidence = np.tensordot(seen, spectrum.directions, axes=seen.ndim)
    hidden = spectrum.directions[~known]
    gram = np.eye(len(evidence)) - hidden.T @ hidden  # that of the known rows: all give I
    for components, ridge in tried:
        noise = spectrum.noise(components)
        scale = np.sqrt(np.maximum(spectrum.variances[:components] - noise, 0))
        k = len(scale)
        precision = scale[:, None] * gram[:k, :k] * scale + ridge * noise * np.eye(k)
        z = linalg.solve(precision, scale * evidence[:k], assume_a="pos")
        yield np.clip(spectrum.mean[~known] + hidden[:, :k] @ (scale * z), -1, 1)


def _choose(examples, spectrum, tried, rng):
    """Return the pair of `tried` that best fills boxes of half the sides; else the first."""
    squared_errors = np.zeros(len(tried))
    for x in examples:
        known = outside_of_a_box(x.shape, rng)
        means = _conditional_means(x, known, spectrum, tried)
        squared_errors += [np.square(mean - x[~known]).mean() for mean in means]
    return tried[np.argmin(squared_errors)]


def _like(visible, x):
    return np.broadcast_to(np.asarray(visible, bool), x.shape)


def _keep_known(x, visible, filled):
    return np.where(visible, x, np.asarray(filled, x.dtype))
