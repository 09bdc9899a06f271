"""Reference: the Gaussian that a proposal brings, and the descriptor's levels about it.

    x = g + s u,   u ~ N(0, C) on what is hidden            the generator's own noise
    p(u) = exp(F(u)) N(u; 0, C) / Z                         the descriptor tilts it
    v = a u + b e,   a = cos(angle), b = sin(angle)         levels of noise e ~ N(0, C)
    U(v) = v' C^-1 v / 2 - (a / b) F(v, angle)

C is stationary on what is hidden: C = P K K P, K a convolution, P what A does not see. With
v = P K w the reference of w is N(0, I), so D1 is plain Langevin dynamics in w / a, without C^-1:

    U(w) = |w|^2 / 2 - (a / b) F(P K w, angle)

With F = 0 every level keeps N(0, C): all that moves a proposal is what the descriptor has learned.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from coopkeras import base, seeds
from coopkeras.langevin import gradient, langevin

FIRST = math.acos(0.05)  # angle of the first level: almost all is noise
LAST = 0.12  # angle of the last: almost none is
LEAST = 0.002  # smallest eigenvalue of C
FORGETTING = 0.99  # of the running covariance
GAIN_RATE = 0.05  # of the chain's noise gain, an update


@keras.saving.register_keras_serializable("coopkeras")
class Reference(keras.layers.Layer):
    """The reference distribution of a descriptor, centred on what the generator proposes.

    Its spread is the proposal's; its covariance C is learned from what g misses, and so are the
    share of the variance that each level leaves and the gain of the chain's noise.

    Args:
        levels: updates of D1, from noise to none, >= 2.
        reach: largest distance at which values are correlated, in values of each side.
        **kwargs: as for any layer.

    Example:
        >>> reference = Reference(levels=4)
        >>> reference.build([None, 16, 16, 1])
        >>> reference.colouring([16, 16]).colour(tf.ones([1, 28, 28, 1])).shape.as_list()
        [1, 16, 16, 1]

    Source:
        Gao et al., "Learning energy-based models by diffusion recovery likelihood", ICLR 2021
        (levels of a conditional energy); Lee et al., "PriorGrad", ICLR 2022 (the reference).
    """

    def __init__(self, levels=10, reach=12, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        if levels < 2 or reach < 0:
            raise ValueError(
                f"`levels` should be 2 or more and `reach` 0 or more; received {levels}, {reach}."
            )
        self.levels, self.reach = levels, reach

    def build(self, input_shape):
        """Make the statistics of examples `[batch, ..., channels]`."""
        *sides, channels = input_shape[1:]
        self.reaches = [self.reach if side is None else min(self.reach, side - 1) for side in sides]
        lags = [2 * reach + 1 for reach in self.reaches]
        white = np.zeros([*lags, channels, channels], np.float32)
        white[tuple(self.reaches)] = np.eye(channels)
        self.products = self._add("products", white)
        self.pairs = self._add("pairs", np.ones([*lags, 1, 1], np.float32))
        self.left = self._add("left", np.ones(self.levels, np.float32))
        self.noise_gain = self._add("noise_gain", np.ones([], np.float32))
        self.moves = self._add("moves", np.full([2], 1e-3, np.float32))  # right, and all
        self.sides = self.add_weight(
            shape=(len(sides),), initializer="zeros", dtype="int32", trainable=False, name="sides"
        )  # of the boxes that F has learned on; 0 is all
        self.built = True

    def _add(self, name, value):
        return self.add_weight(
            shape=value.shape,
            initializer=lambda *_, **__: tf.constant(value),
            trainable=False,
            name=name,
        )

    def get_config(self):
        """Return the arguments that make this reference again."""
        return super().get_config() | {"levels": self.levels, "reach": self.reach}

    # C ----------------------------------------------------------------------------------------

    def observe(self, residual, hidden, updates):
        """Move C towards the covariance of residuals, each pair of hidden values at its distance.

        Args:
            residual: `(x - g) / s`, `[batch, ..., channels]`, 0 where x is known.
            hidden: share of each place that is hidden, `[batch, ..., 1]`.
            updates: number of updates so far: the first count for more.
        """
        decay = base.growing(FORGETTING, updates)
        products = self._correlate(residual)
        pairs = self._correlate(hidden)
        for mean, now in ((self.products, products), (self.pairs, pairs)):
            mean.assign(decay * mean + (1 - decay) * now)

    def remember_sides(self, sides):
        """Keep the largest sides of the boxes that F learns on."""
        self.sides.assign(tf.maximum(self.sides, sides))

    def _correlate(self, x):
        """Return the mean over the batch of `sum_p x(p + lag) x(p)'`, `[*lags, c, c]`."""
        padded = [n + reach for n, reach in zip(_sides(x), self.reaches, strict=True)]
        spectrum = _fft(x, padded)
        power = tf.einsum("b...i,b...j->...ij", spectrum, tf.math.conj(spectrum))
        power /= tf.cast(tf.shape(x)[0], power.dtype)
        flat = tf.reshape(power, tf.concat([tf.shape(power)[:-2], [-1]], 0))
        found = _ifft(flat[None], padded)[0]
        found = tf.roll(found, self.reaches, range(len(padded)))
        found = found[tuple(slice(0, 2 * reach + 1) for reach in self.reaches)]
        channels = x.shape[-1]
        return tf.reshape(found, [*found.shape[:-1], channels, channels])

    def colouring(self, sides):
        """Return K for examples with these sides, a list of ints or an int tensor."""
        return Colouring(self._covariance(), self.reaches, sides)

    def _covariance(self):
        """Return C by lag, tapered to 0 beyond the reach, symmetric, `[*lags, c, c]`."""
        covariance = self.products / tf.maximum(self.pairs, 1e-3 * tf.reduce_max(self.pairs))
        for axis, reach in enumerate(self.reaches):
            share = np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
            taper = (1 + np.cos(np.pi * np.clip(2 * share - 1, 0, 1))) / 2
            shape = [1] * len(covariance.shape)
            shape[axis] = len(taper)
            covariance *= taper.reshape(shape).astype(np.float32)
        axes = list(range(len(self.reaches)))
        mirrored = tf.linalg.matrix_transpose(tf.reverse(covariance, axes))
        return (covariance + mirrored) / 2

    # D1 and D2 --------------------------------------------------------------------------------

    def revise(self, score, field, w, *, seed, temperature=1.0):
        """D1: from noise to none, and the noise-free jump at the end; return u.

            w / a  <-  Langevin dynamics on U(w) = |w|^2 / 2 - (a / b) F(P K w, angle)

        Args:
            score: F, function of v `[batch, ...]` and its angle `[batch]` -> `[batch]`.
            field: P K, function of w.
            w: where the chains start, N(0, temperature I), `[batch, ...]` of `noise_shape`.
            seed: int32 `[2]` or `[batch, 2]`.
            temperature: scale of the noise's variance, a scalar or `[batch]`; 0 adds none.

        Returns:
            u: `[batch, ...]`, float32.
        """
        a, b, size, heat = self._schedule()
        batch = tf.shape(w)[0]

        def energy(x, step):
            w = a[step] * x
            angle = tf.fill([batch], tf.gather(_angles(self.levels), step))
            tilt = a[step] / b[step] * score(field(w), angle)
            return tf.reduce_sum(tf.reshape(w, [batch, -1]) ** 2, axis=1) / 2 - tilt

        w = langevin(
            energy,
            w / a[0],
            steps=self.levels,
            step_size=lambda step: size[step],
            temperature=lambda step: temperature * heat[step],
            seed=seed,
        )
        return field(w)

    def _schedule(self):
        """Return a, b, step size and heat of each level, tensors `[levels]`.

        One update takes level a, b to the next a', b' (1 and 0 at the end). It is that of
        deterministic sampling with the noise q, and the variance that the level leaves, L:

            h = (b / a) (b / a - r / a'),   r^2 = b'^2 - q^2,   q = (b' / b) sqrt(1 - a^2 / a'^2)
            step_size^2 = 2 h,   step_size^2 heat = (q^2 + T (a' b - r a)^2 L) / a'^2

        Source:
            Song et al., "Denoising diffusion implicit models", ICLR 2021, equation 12; Bao et al.,
            "Analytic-DPM", ICLR 2022, the optimal variance.
        """
        angles = np.append(_angles(self.levels), 0.0)
        a, b, a_next, b_next = (
            part.astype(np.float32)
            for pair in (angles[:-1], angles[1:])
            for part in (np.cos(pair), np.sin(pair))
        )
        q = b_next / b * np.sqrt(1 - (a / a_next) ** 2)
        r = np.sqrt(b_next**2 - q**2)
        h = b / a * (b / a - r / a_next)
        kept = (a_next * b - r * a) ** 2 * np.append(np.ones(self.levels - 1), 0.0)
        added = (q**2 + self.noise_gain * kept.astype(np.float32) * self.left) / a_next**2
        return tf.constant(a), tf.constant(b), tf.constant(np.sqrt(2 * h)), added / (2 * h)

    def denoising(self, score, colouring, hide, u, seed):
        """D2: return what F misses of denoising, as a share of what there is to miss.

            v = a u + b e,   misfit = |C^-1/4 (b u - a e - C dF/dv)|^2

        Args:
            score: F, function of v and its angle.
            colouring: K, what `colouring` returned.
            hide: P, function of `[batch, ...]`.
            u: residuals of the observed, `[batch, ...]`.
            seed: int32 `[2]` or `[batch, 2]`.

        Returns:
            loss: the misfit as a share of that of F = 0, a scalar, 1 at first.
            left, level: `|b u - a e - C dF/dv|^2` as such a share, and the nearest level of each
                example, `[batch]`.
        """
        batch = tf.shape(u)[0]
        share = seeds.uniform(seeds.fold(seed, 0), tf.stack([batch, 1]))[:, 0]
        angle = 0.08 + share * (math.pi / 2 - 0.08)
        w = seeds.normal(seeds.fold(seed, 1), colouring.noise_shape(batch))
        e = hide(colouring.colour(w))
        a, b = (_beside(wave(angle), u) for wave in (tf.cos, tf.sin))
        target = b * u - a * e
        v = a * u + b * e
        drift = hide(colouring.covary(hide(gradient(lambda v: score(v, angle), v))))
        level = tf.argmin(
            tf.abs(angle[:, None] - _angles(self.levels)), axis=1, output_type=tf.int32
        )
        misfit, unlearned = (tf.reduce_mean(colouring.weigh(e)) for e in (target - drift, target))
        left = _inner(target - drift, target - drift) / tf.reduce_mean(_inner(target, target))
        return misfit / unlearned, left, level

    def energy(self, score, colouring, hide, u):
        """Return U of residuals at the last level, `[batch]`.

            U = v' C^-1 v / 2 - (a / b) F(v),   v = a u

        Args:
            score: F, function of v and its angle.
            colouring: K, what `colouring` returned.
            hide: P, function of `[batch, ...]`.
            u: `[batch, ...]`, 0 where x is known.
        """
        v = math.cos(LAST) * u
        solved = _solve(lambda x: hide(colouring.covary(hide(x))), v)
        angle = tf.fill([tf.shape(u)[0]], LAST)
        return _inner(v, solved) / 2 - score(v, angle) / math.tan(LAST)

    def learn_levels(self, left, level):
        """Move the share of the variance that each level leaves towards what was found."""
        count = tf.math.unsorted_segment_sum(tf.ones_like(left), level, self.levels)
        mean = tf.math.unsorted_segment_mean(left, level, self.levels)
        rate = 1 - FORGETTING**count
        self.left.assign(self.left + rate * (tf.minimum(mean, 1.5) - self.left))

    def learned(self):
        """Return the share of the variance that F explains, averaged over the levels."""
        return tf.maximum(0.0, 1 - tf.reduce_mean(self.left))

    def trust(self):
        """Return how much of a revision without noise an estimate takes, in [0, 1]."""
        return tf.clip_by_value(self.moves[0] / self.moves[1], 0.0, 1.0)

    def learn_trust(self, error, move, updates):
        """Move the trust towards the share t of a move that misses the truth by least.

            t = <error, move> / |move|^2

        Args:
            error: truth - proposal, `[batch, ...]`, 0 where either is not known.
            move: revised - proposal, of revisions without noise.
            updates: number of updates so far.
        """
        decay = base.growing(FORGETTING, updates)
        now = tf.stack([tf.reduce_mean(error * move), tf.reduce_mean(move**2)])
        self.moves.assign(decay * self.moves + (1 - decay) * tf.maximum(now, [-1.0, 1e-8]))

    def learn_gain(self, observed, known, revised):
        """Move the gain of the chain's noise: draws should differ as they do from the truth.

            E |x~_1 - x~_2|^2 = E |x~ - x|^2        for two draws and the truth

        Args:
            observed: the truth, each example twice, `[2 n, ...]`, first all, then all again.
            known: 1 where the truth is known, else 0, `[2 n, ..., 1]`.
            revised: a draw for each.
        """
        one, other = tf.split(known * revised, 2)
        error = tf.reduce_mean((known * (revised - observed)) ** 2)
        ratio = error / tf.maximum(tf.reduce_mean((one - other) ** 2), 1e-6)
        moved = self.noise_gain * tf.clip_by_value(ratio, 0.25, 4.0) ** GAIN_RATE
        self.noise_gain.assign(tf.clip_by_value(moved, 0.25, 4.0))


class Colouring:
    """K = C^1/2 for examples of given sides: a convolution, by fast Fourier transform.

    Args:
        covariance: C by lag, `[*lags, c, c]`.
        reaches: largest lag of each side.
        sides: of one example, a list of ints or an int tensor.
    """

    def __init__(self, covariance, reaches, sides):
        self.sides = [sides[axis] for axis in range(len(reaches))]
        self.padded = [side + reach for side, reach in zip(self.sides, reaches, strict=True)]
        self.channels = covariance.shape[-1]
        self._values, self._axes = self._spectrum(covariance, reaches)

    def _spectrum(self, covariance, reaches):
        """Return eigenvalues `[..., c]` and eigenvectors `[..., c, c]` or None, by frequency."""
        flat = tf.reshape(covariance, [*covariance.shape[:-2], -1])
        # A side shorter than the lags keeps what fits: the rest can't be seen in it.
        extra = [
            (0, tf.maximum(0, n - lags))
            for n, lags in zip(self.padded, flat.shape[:-1], strict=True)
        ]
        flat = tf.pad(flat, [*extra, (0, 0)])
        flat = tf.roll(flat, [-reach for reach in reaches], range(len(reaches)))
        spectrum = _fft(flat[None], self.padded)[0]
        if self.channels == 1:
            return tf.maximum(tf.math.real(spectrum), LEAST), None
        shape = tf.concat([tf.shape(spectrum)[:-1], [self.channels, self.channels]], 0)
        matrices = tf.reshape(spectrum, shape)
        values, axes = tf.linalg.eigh((matrices + tf.linalg.adjoint(matrices)) / 2)
        return tf.maximum(tf.math.real(values), LEAST), axes

    def noise_shape(self, batch):
        """Return the shape of w: wider than x, so that no correlation wraps round."""
        return [batch, *self.padded, self.channels]

    def colour(self, w):
        """Return `K w`, cut to the sides of x."""
        return self._power(w, 0.5)[self._inside()]

    def covary(self, x):
        """Return `C x`."""
        return self._power(x, 1.0)[self._inside()]

    def weigh(self, x):
        """Return `|C^-1/4 x|^2`, `[batch]`."""
        return tf.reduce_sum(self._power(x, -0.25) ** 2, axis=range(1, len(x.shape)))

    def _inside(self):
        return (slice(None), *(slice(0, side) for side in self.sides))

    def _power(self, x, power):
        """Return `C^power x`, padded; it is its own adjoint, and not all transforms have one."""
        scale = tf.cast(self._values**power, tf.complex64)

        @tf.custom_gradient
        def apply(x):
            sides = tf.shape(x)
            return self._scaled(x, scale), lambda y: tf.slice(apply(y), [0] * len(x.shape), sides)

        return tf.ensure_shape(apply(x), [*[None] * (len(x.shape) - 1), self.channels])

    def _scaled(self, x, scale):
        spectrum = _fft(x, self.padded)
        if self._axes is None:
            return _ifft(spectrum * scale, self.padded)
        parts = scale * tf.einsum("...ji,b...j->b...i", tf.math.conj(self._axes), spectrum)
        return _ifft(tf.einsum("...ij,b...j->b...i", self._axes, parts), self.padded)


def _solve(times, y):
    """Return x with `times(x) = y`, by at most 100 conjugate gradients for each row."""

    def step(number, x, rest, way, square):
        moved = times(way)
        length = square / tf.maximum(_inner(way, moved), 1e-20)
        x += _beside(length, x) * way
        rest -= _beside(length, x) * moved
        now = _inner(rest, rest)
        way = rest + _beside(now / tf.maximum(square, 1e-20), x) * way
        return number + 1, x, rest, way, now

    start = _inner(y, y)
    return tf.while_loop(
        lambda number, x, rest, way, square: (number < 100) & tf.reduce_any(square > 1e-10 * start),
        step,
        (0, tf.zeros_like(y), y, y, start),
    )[1]


def _inner(x, y):
    return tf.reduce_sum(x * y, axis=range(1, len(x.shape)))


def _angles(levels):
    return np.linspace(FIRST, LAST, levels).astype(np.float32)


def _sides(x):
    """Return the sides of `[batch, ..., c]`: ints where they are known, else tensors."""
    shape = tf.shape(x)
    return [shape[axis] if n is None else n for axis, n in enumerate(x.shape)][1:-1]


def _beside(rows, x):
    return tf.reshape(rows, [-1] + [1] * (len(x.shape) - 1))


def _channels_first(x):
    return tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


def _channels_last(x):
    return tf.transpose(x, [0, *range(2, len(x.shape)), 1])


def _fft(x, lengths):
    """Return the transform of real `[batch, ..., c]` over its sides, padded to `lengths`."""
    transform = (tf.signal.rfft, tf.signal.rfft2d, tf.signal.rfft3d)[len(lengths) - 1]
    return _channels_last(transform(_channels_first(x), lengths))


def _ifft(spectrum, lengths):
    """Undo `_fft`: real `[batch, *lengths, c]`."""
    transform = (tf.signal.irfft, tf.signal.irfft2d, tf.signal.irfft3d)[len(lengths) - 1]
    return _channels_last(transform(_channels_first(spectrum), lengths))
