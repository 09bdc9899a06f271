"""Laws of spectral fills: what has a spectrum goes on, each example alone, and nothing unasked."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras.networks import spectral
from coopkeras.networks.spectral import SpectralFill, extrapolate

SIDES = 24, 30


def waves(*frequencies):
    """A sum of waves, `[1, *SIDES, 1]`."""
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    made = sum(np.cos(2 * np.pi * (u * rows / 32 + v * columns / 40)) for u, v in frequencies)
    return (made / len(frequencies))[None, ..., None].astype(np.float32)


def hole(top=8, left=10, side=8):
    """All but a square is visible, `[1, *SIDES, 1]`."""
    visible = np.ones([1, *SIDES, 1], np.float32)
    visible[:, top : top + side, left : left + side] = 0
    return visible


def filled(x, visible):
    """How what is visible of x goes on."""
    return extrapolate(x * visible, visible)[0].numpy()


def used():
    fill = SpectralFill()
    fill.build(None)
    fill.use()
    return fill


@pytest.mark.parametrize("frequencies", [[(0, 4)], [(5, -3)], [(2, 3), (6, 1)]])
def test_waves_go_on_through_a_hole(frequencies):
    x, visible = waves(*frequencies), hole()
    error = (filled(x, visible) - x)[visible == 0]
    assert np.sqrt(np.mean(error**2)) < 0.2 * x.std()


def test_the_conditional_mean_is_that_of_a_gaussian(rng):
    """By linear algebra: C_h. (C_vv + noise)^-1 x_v, for weights and a spectrum of any kind."""
    size = [8, 12]
    spectrum = spectral._spectrum(rng.normal(size=[1, 1, *size]).astype(np.float32), size)
    weight = rng.uniform(size=[1, 1, *size]).astype(np.float32)
    weight[:, :, 2:5, 3:7] = 0
    x = (rng.normal(size=[1, 1, *size]) * (weight > 0)).astype(np.float32)
    start = np.zeros_like(x)
    for _ in range(11):  # it goes on where it ended
        made, start = spectral._conditional_mean(spectrum, weight, x, start, size)
    units = np.eye(96, dtype=np.float32).reshape(96, 1, *size)
    covariance = spectral._filtered(spectrum, units, size).numpy().reshape(96, 96)
    root = np.sqrt(weight.ravel())
    inner = root[:, None] * covariance * root + spectral.NOISE * np.eye(96)
    expected = covariance @ (root * np.linalg.solve(inner, root * x.ravel()))
    np.testing.assert_allclose(made.numpy().ravel(), expected, atol=1e-4)


def test_a_spectrum_is_that_of_its_image(rng):
    """Its variance is 1, what is white has a flat one, and a wave's is where the wave is."""
    size = [64, 64]
    white = spectral._spectrum(rng.normal(size=[1, 500, *size]).astype(np.float32), size)
    flat = (1 - spectral.SMOOTH) + spectral.SMOOTH * spectral._smooth_spectrum(size)
    np.testing.assert_allclose(white, flat, atol=0.1)
    wave = np.cos(2 * np.pi * 5 * np.arange(64) / 64)[None, None, None] * np.ones([1, 1, 64, 1])
    peak = spectral._spectrum(wave.astype(np.float32), size).numpy()[0, 0]
    assert np.unravel_index(peak.argmax(), peak.shape) == (0, 5)
    one = np.zeros([1, 1, *size], np.float32)
    one[..., 0, 0] = 1
    variance = spectral._filtered(tf.constant(peak[None, None]), one, size)[0, 0, 0, 0]
    np.testing.assert_allclose(variance, 1, atol=0.05)


def test_what_is_hidden_is_not_looked_at(rng):
    x, visible = rng.uniform(-1, 1, [2, *SIDES, 3]).astype(np.float32), hole()
    visible = np.repeat(visible, 2, 0)
    known = np.broadcast_to(visible > 0, x.shape)
    other = np.where(known, x, 9.0).astype(np.float32)
    for one, same in zip(extrapolate(x, visible), extrapolate(other, visible), strict=True):
        np.testing.assert_array_equal(one, same)


def test_what_is_flat_is_filled_flat():
    flat = np.full([1, *SIDES, 1], 0.3, np.float32)
    np.testing.assert_allclose(filled(flat, hole()), 0.3, atol=1e-5)


def test_an_example_does_not_see_its_neighbours(rng):
    x = rng.uniform(-1, 1, [3, *SIDES, 2]).astype(np.float32)
    visible = np.concatenate([hole(), hole(2, 3, 12), hole(12, 20, 5)])
    together = filled(x, visible)
    alone = [filled(x[n : n + 1], visible[n : n + 1])[0] for n in range(3)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_nothing_known_or_nothing_hidden_is_no_mishap():
    x = waves((1, 2))
    for visible in (np.ones_like(x), np.zeros_like(x)):
        made, missed = extrapolate(x * visible, visible)
        assert np.isfinite(made).all()
        assert missed == -1


def test_it_is_used_when_it_is_told_to():
    x, visible = waves((0, 4)), hole()
    fill = SpectralFill()
    given = [x * visible, visible, 0 * x, 0 * x, np.ones([1, 1, 1, 1], np.float32)]
    assert [float(np.ptp(one)) for one in fill(given)] == [0, 0]
    fill.use()
    np.testing.assert_allclose(fill(given)[0], filled(x, visible), atol=0.01)


def test_only_what_a_model_leaves_goes_on(rng):
    x, visible = 0.4 * waves((0, 4)), hole()
    made = rng.uniform(-0.5, 0.5, x.shape).astype(np.float32)
    alone = used()([x * visible, visible, 0 * x, 0 * x, np.ones([1, 1, 1, 1], np.float32)])
    seen = (x + made) * visible
    both = used()([seen, visible, made, 0 * x, np.ones([1, 1, 1, 1], np.float32)])
    np.testing.assert_allclose(both[0] - made, alone[0], atol=0.01)
    np.testing.assert_allclose(both[1], alone[1], rtol=0.1)


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_the_scale_is_that_of_what_is_missed(noise, rng):
    """Of noise nothing can be foreseen, where it is known or in the hole."""
    x = (waves((0, 4)) / 2 + noise * rng.normal(size=[40, *SIDES, 1])).astype(np.float32)
    visible = np.repeat(hole(), 40, 0)
    made, scale = used()([x * visible, visible, 0 * x, 0 * x, np.ones([40, 1, 1, 1], np.float32)])
    missed = np.sqrt(np.mean((made - x)[visible == 0] ** 2))
    assert 0.7 < np.mean(scale) / missed < 2


def test_the_scale_is_that_of_the_other_fill_where_a_ring_is_all_or_nothing():
    x, scale = waves((0, 4)), np.full([1, 1, 1, 1], 0.7, np.float32)
    dots = np.zeros_like(x)
    dots[:, ::4, ::4] = 1
    for visible in (np.ones_like(x), np.zeros_like(x), dots):
        np.testing.assert_array_equal(used()([x * visible, visible, 0 * x, 0 * x, scale])[1], scale)
