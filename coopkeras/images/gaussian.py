"""The conditional Gaussian with all covariances: what a hole is likely to hold, and draws of it.

    x ~ N(m, C),  C = S + r v I      S the covariance of examples, v its mean variance, r a ridge
    x_h | x_v ~ N(m_h - L_hh^-1 L_hv (x_v - m_v), L_hh^-1),  L = C^-1

v (known) and h (hidden) are blocks of values. Of few examples S alone would be too sure; the ridge
is chosen by how well it fills held-back examples.
"""

import math

import numpy as np
from scipy import linalg

from coopkeras.images.spectrum import (
    MAX_EXAMPLES,
    MAX_HELD_BACK,
    NOISE_FLOOR,
    chosen_examples,
    outside_of_a_box,
    principal_components,
)

RIDGES = (0.0001, 0.001, 0.01, 0.03, 0.1)  # of the mean variance
MAX_DENSE = 4096  # values of an example; of more there are components
COMPONENTS = 512
MAX_VALUES = 2**25  # of all examples that are fitted, but for the first `MAX_EXAMPLES`
MOST_EXAMPLES = 20000
ROWS = 1024  # examples whose covariance is summed at a time


class FullGaussian:
    """Fills with the mean of a Gaussian given what is known, and draws from it.

    Of examples of more than 4,096 values, S is made of 512 principal components and an isotropic
    rest, and the conditional solved in the space of the components.

    Args:
        train: `[n, ...]` in [-1, 1]; at most `examples_needed` of them, a seeded choice, are used.
        ridge: r, or several to try. The one is kept that best fills boxes in a tenth of the
            training examples (at most 64), held back for that.
        seed: an integer.

    Attributes:
        ridge: the r kept.

    Raises:
        ValueError: if there are fewer than two examples.

    Example:
        >>> line = np.linspace(-1, 1, 50)[:, None] * np.array([1.0, 0.5])
        >>> gaussian = FullGaussian(line, ridge=1e-6)
        >>> x, visible = np.array([[0.4, 0.0]]), np.array([[True, False]])
        >>> gaussian.fill(x, visible).round(3).tolist()
        [[0.4, 0.2]]
        >>> gaussian.draw(x, visible, seed=0, k=3).shape
        (3, 1, 2)

    Source:
        Bishop, Pattern Recognition and Machine Learning, 2006, equations 2.73 and 2.75 (precision),
        12.42 (components).
    """

    def __init__(self, train, ridge=RIDGES, seed=0):
        """Fit to the training examples."""
        rng = np.random.default_rng(seed)
        train = chosen_examples(train, rng, examples_needed(np.shape(train)[1:]))
        tried = np.unique(ridge).tolist()
        held_back = min(len(train) // 10, MAX_HELD_BACK) if len(tried) > 1 else 0
        moments = _Dense if train[0].size <= MAX_DENSE else _Components
        fitted = moments(train[held_back:], rng)
        self.ridge = _choose(train[:held_back], fitted, tried, rng)
        self._law = fitted.at(self.ridge)

    def fill(self, x, visible):
        """Fill the hidden values of each example with their conditional mean.

        Args:
            x: `[n, ...]` in [-1, 1], shaped like the training examples.
            visible: bool, broadcast against `x`; True = known.

        Returns:
            filled: shaped like `x`, in [-1, 1]; known values bit for bit.
        """
        filled = np.array(x)
        for one, known in _holes(filled, visible):
            one[~known] = np.clip(self._law.given(one, known)[0], -1, 1)
        return filled

    def draw(self, x, visible, seed, k):
        """Draw the hidden values of each example from their conditional distribution.

        Args:
            x: `[n, ...]` in [-1, 1], shaped like the training examples.
            visible: bool, broadcast against `x`; True = known.
            seed: an integer.
            k: number of draws.

        Returns:
            draws: `[k, n, ...]`, in [-1, 1]; known values bit for bit.
        """
        rng = np.random.default_rng(seed)
        draws = np.stack([x] * k, axis=1)  # [n, k, ...]
        for some, known in _holes(draws, np.expand_dims(_like(visible, x), 1)):
            mean, deviate = self._law.given(some[0], known[0])
            some[:, ~known[0]] = np.clip(mean + deviate(rng, k), -1, 1)
        return np.swapaxes(draws, 0, 1)


def examples_needed(shape):
    """Return how many examples a `FullGaussian` is fitted to: 20,000, or 8,000 if they are large.

    Args:
        shape: of one example.

    Example:
        >>> examples_needed((32, 32, 1)), examples_needed((64, 64, 3))
        (20000, 8000)
    """
    return max(MAX_EXAMPLES, min(MOST_EXAMPLES, MAX_VALUES // max(math.prod(shape), 1)))


class _Dense:
    """Mean and covariance of examples."""

    def __init__(self, train, rng):
        del rng
        self.mean = train.mean(0, dtype=np.float64).ravel()
        self.covariance = np.zeros([self.mean.size] * 2)
        for start in range(0, len(train), ROWS):
            rows = train[start : start + ROWS].reshape(-1, self.mean.size) - self.mean
            self.covariance += rows.T @ rows / len(train)

    def at(self, ridge):
        """Return the distribution with a ridge."""
        total = self.covariance.copy()
        total.flat[:: len(total) + 1] += max(ridge * np.trace(total) / len(total), NOISE_FLOOR)
        lower = linalg.cho_factor(total, lower=True, overwrite_a=True)
        return _Precision(self.mean, linalg.cho_solve(lower, np.eye(len(total))))


class _Precision:
    """A Gaussian by its precision L: only blocks of the size of a hole are factored."""

    def __init__(self, mean, precision):
        self.mean, self.precision = mean, precision

    def given(self, x, known):
        """Return the conditional mean of what is hidden, and a function that draws deviations."""
        known = known.ravel()
        rows = self.precision[~known]
        evidence = rows @ np.where(known, x.ravel() - self.mean, 0)
        factor = linalg.cholesky(rows[:, ~known], lower=True)
        mean = self.mean[~known] - linalg.cho_solve((factor, True), evidence)

        def deviate(rng, k):
            white = rng.normal(size=[len(mean), k])
            return linalg.solve_triangular(factor, white, trans="T", lower=True).T

        return mean, deviate


class _Components:
    """Mean, principal components and an isotropic rest of examples."""

    def __init__(self, train, rng):
        self.spectrum = principal_components(train, COMPONENTS, rng)

    def at(self, ridge):
        """Return the distribution with a ridge."""
        spectrum = self.spectrum
        rest = spectrum.noise(len(spectrum.variances))
        scale = np.sqrt(np.maximum(spectrum.variances - rest, 0))
        return _Latent(spectrum, scale, rest + ridge * spectrum.total / spectrum.mean.size)


class _Latent:
    """x = m + W z + s e: the conditional of z is solved in as many dimensions as z has."""

    def __init__(self, spectrum, scale, noise):
        self.spectrum, self.scale, self.noise = spectrum, scale, noise

    def given(self, x, known):
        """Return the conditional mean of what is hidden, and a function that draws deviations."""
        spectrum, scale, noise = self.spectrum, self.scale, self.noise
        seen = np.where(known, x - spectrum.mean, 0)
        evidence = scale * np.tensordot(seen, spectrum.directions, axes=seen.ndim) / noise
        hidden = spectrum.directions[~known]
        gram = np.eye(len(scale)) - hidden.T @ hidden  # that of the known rows: all give I
        precision = np.eye(len(scale)) + scale[:, None] * gram * scale / noise
        factor = linalg.cholesky(precision, lower=True)
        weights = hidden * scale
        mean = spectrum.mean[~known] + weights @ linalg.cho_solve((factor, True), evidence)

        def deviate(rng, k):
            white = rng.normal(size=[len(scale), k])
            z = linalg.solve_triangular(factor, white, trans="T", lower=True)
            return (weights @ z).T + np.sqrt(noise) * rng.normal(size=[k, len(weights)])

        return mean, deviate


def _choose(examples, fitted, tried, rng):
    """Return the ridge of `tried` that best fills boxes of half the sides; else the first."""
    if len(tried) == 1 or not len(examples):
        return tried[0]
    visible = np.stack([outside_of_a_box(x.shape, rng) for x in examples])
    errors = [_error(fitted.at(ridge), examples, visible) for ridge in tried]
    return tried[int(np.argmin(errors))]


def _error(law, examples, visible):
    """Return the mean squared error of the conditional means."""
    fills = zip(examples, visible, strict=True)
    return np.mean([np.square(law.given(x, v)[0] - x[~v]).mean() for x, v in fills])


def _holes(x, visible):
    """Yield views of the examples that have a hole, and what is known of each."""
    for one, known in zip(x, _like(visible, x), strict=True):
        if not known.all():
            yield one, known


def _like(visible, x):
    return np.broadcast_to(np.asarray(visible, bool), np.shape(x))
