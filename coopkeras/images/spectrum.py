"""The principal components of a set of examples, and what conditional Gaussians share."""

from typing import NamedTuple

import numpy as np

MAX_EXAMPLES = 8000
MAX_HELD_BACK = 64
NOISE_FLOOR = 1e-6  # variance, well under that of rounding to 8 bits


class Spectrum(NamedTuple):
    """Mean and leading principal components.

    Attributes:
        mean: `[...]`.
        variances: `[k]`, largest first.
        directions: `[..., k]`, orthonormal.
        total: variance, summed over all values.
    """

    mean: np.ndarray
    variances: np.ndarray
    directions: np.ndarray
    total: float

    def first(self, components):
        """Return the spectrum without the components after the first few."""
        return self._replace(
            variances=self.variances[:components],
            directions=np.ascontiguousarray(self.directions[..., :components]),
        )

    def noise(self, components):
        """Return s^2: the mean variance of the directions that are left out."""
        rest = self.total - self.variances[:components].sum()
        return max(rest / max(self.mean.size - components, 1), NOISE_FLOOR)


def principal_components(train, components, rng, sweeps=4, spare=16):
    """Return the leading principal components by block power iteration (exact if all are asked).

    Args:
        train: float32 `[n, ...]`.
        components: at most so many.
        rng: a NumPy generator.
        sweeps: number of power iterations.
        spare: directions that are iterated besides.

    Returns:
        spectrum: a `Spectrum`.

    Source:
        Halko et al., Finding structure with randomness, 2011, algorithm 4.4.
    """
    mean = train.mean(0, dtype=np.float64)
    rows = (train - mean.astype(np.float32)).reshape(len(train), -1)
    kept = max(min(components, len(rows) - 2, rows.shape[1] - 1), 1)
    basis = rng.normal(size=[rows.shape[1], min(kept + spare, *rows.shape)]).astype(np.float32)
    for _ in range(sweeps):
        basis, _ = np.linalg.qr(rows.T @ (rows @ basis))
    basis, _ = np.linalg.qr(basis.astype(np.float64))
    scores = (rows @ basis.astype(np.float32)).astype(np.float64)
    variances, turn = np.linalg.eigh(scores.T @ scores / len(rows))
    directions = (basis @ turn[:, ::-1][:, :kept]).reshape(*mean.shape, kept)
    total = np.square(rows, dtype=np.float64).sum() / len(rows)
    return Spectrum(mean, variances[::-1][:kept], directions, total)


def chosen_examples(train, rng, count=MAX_EXAMPLES):
    """Return training examples, float32, in a random order.

    Args:
        train: `[n, ...]`.
        rng: a NumPy generator.
        count: at most so many.

    Raises:
        ValueError: if there are fewer than two.
    """
    train = np.asarray(train, np.float32)
    if train.ndim < 2 or len(train) < 2:
        raise ValueError(
            f"`train` should be [n, ...] with at least two examples; received {train.shape}."
        )
    return train[rng.permutation(len(train))[:count]]


def outside_of_a_box(shape, rng):
    """Return what is visible, bool `shape`, around a random box of half the sides.

    Args:
        shape: of one example; its last axis, if there are more, is that of the channels.
        rng: a NumPy generator.
    """
    sides = shape[:-1] or shape
    starts = [rng.integers(side - side // 2 + 1) for side in sides]
    box = tuple(slice(at, at + side // 2) for at, side in zip(starts, sides, strict=True))
    visible = np.ones(shape, bool)
    visible[box] = False
    return visible
