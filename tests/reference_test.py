"""Laws of the reference about a proposal: its covariance, its levels, its energy, its gain."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import seeds
from coopkeras.observation import Downsample, Mask, Observation
from coopkeras.reference import LAST, Reference

SHAPES = {1: (32, 2), 2: (12, 16, 3), 3: (8, 8, 8, 1)}


class Luma(Observation):
    """A stranger's observation: the mean of the channels."""

    def __call__(self, x):
        return tf.reduce_mean(x, axis=-1, keepdims=True)

    def adjoint(self, seen):
        """Return the seen spread evenly."""
        return self.lift(seen) / 3

    def lift(self, seen):
        """Return the seen repeated."""
        return tf.repeat(seen, 3, axis=-1)

    def visible(self, x):
        """Return a third."""
        return tf.ones_like(x[..., :1]) / 3

    def get_config(self):
        """Return no arguments."""
        return {}


def made(shape, reach=3, levels=10):
    reference = Reference(levels, reach)
    reference.build([None, *shape])
    return reference


def correlated(reference, shape, n=400):
    """Teach the reference a covariance, and return it as the data that it was measured on."""
    x = seeds.normal(seeds.as_seed(3), [n, *shape])
    for axis in range(1, len(shape)):
        x = (x + tf.roll(x, 1, axis)) / math.sqrt(2)
    mixing = np.eye(shape[-1], dtype=np.float32) + 0.4
    x = tf.einsum("b...i,ij->b...j", x, mixing)
    for _ in range(4):  # the first updates count for 9 of 10
        reference.observe(x, tf.ones_like(x[..., :1]), updates=0)
    return x


def corner(shape):
    """Return a mask that hides a corner, where nothing may wrap round."""
    visible = np.zeros([1, *shape[:-1], 1], bool)
    visible[:, : shape[0] // 2] = True
    return Mask(visible)


def still(v, angle):
    return 0.0 * tf.reduce_sum(v) + 0.0 * angle


def shown(observation, colouring, w):
    return observation.hide(colouring.colour(w))


def observations(rank):
    shape = SHAPES[rank]
    yield corner(shape)
    yield Downsample(2)
    if shape[-1] == 3:
        yield Luma()


@pytest.mark.parametrize("rank", SHAPES)
def test_the_noise_has_the_covariance_of_what_was_observed(rank):
    shape, reference = SHAPES[rank], made(SHAPES[rank])
    x = correlated(reference, shape).numpy()
    colouring = reference.colouring(shape[:-1])
    e = colouring.colour(seeds.normal(seeds.as_seed(1), colouring.noise_shape(400))).numpy()
    for axis in range(1, rank + 1):
        for lag in (0, 1):
            pairs = [np.take(a, range(lag, a.shape[axis]), axis) for a in (x, e)]
            others = [np.take(a, range(a.shape[axis] - lag), axis) for a in (x, e)]
            real, drawn = (
                a.reshape(-1, shape[-1]).T @ b.reshape(-1, shape[-1]) / a[..., 0].size
                for a, b in zip(pairs, others, strict=True)
            )
            np.testing.assert_allclose(drawn, real, atol=0.08 * real.max())


@pytest.mark.parametrize("rank", SHAPES)
def test_covary_is_the_covariance_of_colour(rank):
    shape, reference = SHAPES[rank], made(SHAPES[rank])
    correlated(reference, shape)
    colouring = reference.colouring(shape[:-1])
    a, b = (seeds.normal(seeds.as_seed(n), [1, *shape]) for n in (1, 2))
    with tf.GradientTape() as tape:
        w = tf.zeros(colouring.noise_shape(1))
        tape.watch(w)
        product = tf.reduce_sum(colouring.colour(w) * a)
    back = colouring.colour(tape.gradient(product, w))  # K K' a, cut
    expected = tf.reduce_sum(b * colouring.covary(a))
    assert float(tf.reduce_sum(b * back)) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("rank", SHAPES)
def test_without_a_network_d1_leaves_the_law_of_the_noise(rank):
    shape, reference = SHAPES[rank], made(SHAPES[rank])
    correlated(reference, shape)
    colouring = reference.colouring(shape[:-1])
    for observation in observations(rank):
        field = functools.partial(shown, observation, colouring)
        w = seeds.normal(seeds.as_seed(1), colouring.noise_shape(600))
        noise = field(w).numpy()
        u = reference.revise(still, field, w, seed=seeds.as_seed(2)).numpy()
        expected = math.cos(LAST) ** 2 * noise.var()
        assert u.var() == pytest.approx(expected, rel=0.05)
        np.testing.assert_allclose(observation(tf.constant(u)), 0, atol=1e-5)


def test_d1_draws_from_a_gaussian_that_f_tilts_to():
    """F of a Gaussian is known: d = E[b u - a e | v], and the chain ends in that Gaussian."""
    shape, mean, variance = (16, 1), 0.5, 0.25
    reference = made(shape)
    colouring = reference.colouring(shape[:-1])

    def score(v, angle):
        a, b = (wave(angle)[:, None, None] for wave in (tf.cos, tf.sin))
        precision = 1 / variance + (a / b) ** 2
        slope, shift = a / b**3 / precision - a / b, mean / variance / b / precision
        return tf.reduce_sum(slope * v**2 / 2 + shift * v, axis=(1, 2))

    for level, angle in enumerate(np.linspace(math.acos(0.05), LAST, reference.levels)):
        left = 1 / (1 / variance + 1 / np.tan(angle) ** 2) / np.sin(angle) ** 2
        reference.left[level].assign(left)
    w = seeds.normal(seeds.as_seed(1), colouring.noise_shape(3000))
    u = reference.revise(score, colouring.colour, w, seed=seeds.as_seed(2)).numpy()
    assert u.mean() == pytest.approx(mean, abs=0.01)
    assert u.var() == pytest.approx(variance, rel=0.08)  # the jump takes the last noise
    cold = reference.revise(score, colouring.colour, 0 * w, seed=seeds.as_seed(2), temperature=0.0)
    np.testing.assert_allclose(cold, mean, atol=0.02)


def test_the_energy_inverts_the_covariance():
    shape = SHAPES[2]
    reference, observation = made(shape), corner(SHAPES[2])
    correlated(reference, shape)
    colouring = reference.colouring(shape[:-1])
    y = observation.hide(seeds.normal(seeds.as_seed(1), [2, *shape]))
    u = observation.hide(colouring.covary(y)) / math.cos(LAST)
    energy = reference.energy(still, colouring, observation.hide, u)
    expected = tf.reduce_sum(y * observation.hide(colouring.covary(y)), axis=(1, 2, 3)) / 2
    np.testing.assert_allclose(energy, expected, rtol=2e-3)


def test_the_gain_moves_until_draws_differ_as_they_do_from_the_truth(rng):
    reference = made((4, 1))
    x, draws = (rng.normal(size=[64, 4, 1]).astype("float32") for _ in range(2))
    truth = np.concatenate([x[:32], x[:32]])
    known = np.ones([64, 4, 1], np.float32)
    alike = np.concatenate([draws[:32], draws[:32] + 0.1])
    reference.learn_gain(truth, known, alike)
    assert reference.noise_gain.numpy() > 1
    before = reference.noise_gain.numpy()
    reference.learn_gain(truth, known, np.concatenate([4 * x[32:], -4 * x[32:]]))
    assert reference.noise_gain.numpy() < before


@pytest.mark.parametrize("arguments", [{"levels": 1}, {"reach": -1}])
def test_impossible_settings_are_refused(arguments):
    with pytest.raises(ValueError, match="received"):
        Reference(**arguments)


def test_it_is_saved_and_loaded():
    reference = Reference(5, 2)
    again = Reference.from_config(reference.get_config())
    assert (again.levels, again.reach) == (5, 2)
    assert keras.saving.get_registered_name(Reference) == "coopkeras>Reference"


def test_trust_becomes_the_share_of_a_move_that_is_right(rng):
    reference = Reference(levels=3)
    reference.build([None, 8, 8, 1])
    assert reference.trust() == 1
    for share in (0.3, -0.5, 2.0):
        for number in range(500):
            move = rng.normal(size=[4, 8, 8, 1]).astype(np.float32)
            noise = rng.normal(size=move.shape).astype(np.float32)
            reference.learn_trust(share * move + noise, move, number)
        assert abs(reference.trust() - np.clip(share, 0, 1)) < 0.05
