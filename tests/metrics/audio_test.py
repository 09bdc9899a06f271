"""Laws of the distances of sounds, and known values."""

import numpy as np
import pytest
from scipy import signal

from coopkeras import audio, metrics

RATE = 8000


def noise(seconds=3.0, channels=1, seed=0):
    return 0.1 * np.random.default_rng(seed).normal(size=[int(seconds * RATE), channels])


def clicks(seconds=3.0, seed=0):
    """A sparse sound: 20 damped clicks a second."""
    rng, length = np.random.default_rng(seed), int(seconds * RATE)
    impulses = np.where(rng.random(length) < 20 / RATE, rng.normal(size=length), 0)
    return signal.lfilter([1.0], [1, -1.5, 0.9], impulses)[:, None]


def distance(a, b):
    return metrics.audio.texture_distance(a, b, RATE)


# Textures ---------------------------------------------------------------------------------------


def test_a_sound_is_at_no_distance_from_itself_and_distances_are_symmetric():
    a, b = noise(), clicks()
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-12)
    assert distance(a, b) > 0


def test_one_texture_is_nearer_to_itself_than_to_another():
    assert distance(clicks(), clicks(seed=1)) < distance(clicks(), noise()) / 2
    assert distance(noise(), noise(seed=1)) < distance(clicks(), noise()) / 2


def test_noise_with_the_spectrum_of_clicks_is_not_clicks():
    fake = audio.baselines.spectrum_noise(clicks(), 3 * RATE)
    assert distance(fake, clicks(seed=1)) > 1.5 * distance(clicks(), clicks(seed=1))


def test_loudness_counts_and_length_does_not():
    assert distance(noise(), 4 * noise(seed=1)) > 2 * distance(noise(), noise(seed=1))
    assert distance(noise(6.0), noise(3.0, seed=1)) < distance(noise(), noise(seed=1)) * 1.2


def test_silence_and_tones_give_numbers():
    tone = np.sin(0.3 * np.arange(RATE))[:, None]
    for x in (0 * tone, tone):
        assert np.isfinite(distance(x, noise(1.0)))
    assert distance(0 * tone, 0 * tone) == 0


def test_stereo_is_the_mean_of_its_channels():
    a, b = noise(channels=2), noise(channels=2, seed=1)
    apart = [distance(a[:, c : c + 1], b[:, c : c + 1]) for c in range(2)]
    assert distance(a, b) == pytest.approx(np.mean(apart))
    with pytest.raises(ValueError, match="the same channels"):
        distance(a, b[:, :1])


def test_bands_share_the_power_of_white_noise_among_them():
    frequencies = np.linspace(100, 3600, 200)
    responses = metrics.audio._responses(frequencies, RATE)
    np.testing.assert_allclose(np.sum(responses**2, axis=0), 1, atol=1e-9)


def test_the_envelope_of_a_modulated_tone_moves_with_it():
    time = np.arange(4 * RATE) / RATE
    tone = (1 + 0.5 * np.cos(2 * np.pi * 8 * time)) * np.sin(2 * np.pi * 1000 * time)
    groups = metrics.audio.statistics(tone, RATE)
    modulation = groups["modulation"].reshape(metrics.audio.BANDS, -1)
    loudest = groups["mean"].argmax()
    assert metrics.audio.MODULATIONS[modulation[loudest].argmax()] == 8
    assert modulation[loudest].max() > 0.9


# Gaps -------------------------------------------------------------------------------------------


def gap(n=2, length=2000):
    where = np.zeros([n, length, 1], bool)
    where[:, 800:1200] = True
    return where


def test_a_fill_is_judged_on_its_gap():
    y = np.stack([noise(0.25), noise(0.25, seed=1)])
    x = np.where(gap(), 0.9 * y, y)
    np.testing.assert_allclose(metrics.audio.snr(x, y, gap()), 20)
    elsewhere = np.where(gap(), x, y + 1)
    np.testing.assert_allclose(metrics.audio.snr(elsewhere, y, gap()), 20)
    assert np.all(metrics.audio.snr(y, y, gap()) == np.inf)
    np.testing.assert_array_equal(metrics.audio.spectral_convergence(y, y, gap()), 0)


def test_silence_converges_to_1_and_other_noise_is_better():
    y, other = noise(0.25)[None], noise(0.25, seed=1)[None]
    everywhere = np.ones([1, 2000, 1], bool)
    assert metrics.audio.spectral_convergence(0 * y, y, everywhere) == pytest.approx(1)
    assert metrics.audio.spectral_convergence(other, y, everywhere)[0] < 0.95


def test_a_fill_without_a_gap_is_refused():
    y = noise(0.25)[None]
    with pytest.raises(ValueError, match="its gap"):
        metrics.audio.snr(y, y, np.zeros([1, 2000, 1], bool))
    with pytest.raises(ValueError, match="one shape"):
        metrics.audio.snr(y, y[:, :-1], gap(1))
