"""Laws of the baselines of sound: a known process is recovered, a sine goes on, noise is noise."""

import numpy as np
import pytest
from scipy import signal

from coopkeras import audio

AR = np.array([1.0, -1.6, 0.95])


def process(length=20000, seed=0):
    """An autoregressive process of order 2."""
    noise = np.random.default_rng(seed).normal(size=length)
    return signal.lfilter([1.0], AR, noise)


def hole(length, start, stop):
    visible = np.ones([length, 1], bool)
    visible[start:stop] = False
    return visible


# Linear prediction ------------------------------------------------------------------------------


def test_burg_recovers_a_known_process():
    np.testing.assert_allclose(audio.baselines.burg(process(), 2), AR, atol=0.02)
    higher = audio.baselines.burg(process(), 6)
    np.testing.assert_allclose(higher, [*AR, 0, 0, 0, 0], atol=0.05)


@pytest.mark.parametrize("order", [1, 5, 40])
def test_what_burg_predicts_does_not_grow(order):
    x = np.random.default_rng(order).normal(size=200) ** 3
    assert np.abs(np.roots(audio.baselines.burg(x, order))).max() <= 1 + 1e-9


def test_silence_has_nothing_to_predict():
    assert audio.baselines.burg(np.zeros(50), 3).tolist() == [1, 0, 0, 0]
    assert not audio.baselines.extrapolate(np.zeros(50), 10, 3).any()
    assert not audio.baselines.extrapolate(np.ones(2), 10, 3).any()  # too few to fit anything


def test_a_sum_of_sines_goes_on_through_the_gap():
    n = np.arange(6000)
    x = np.stack([np.sin(0.05 * n) + 0.5 * np.cos(0.31 * n), np.cos(0.11 * n)], axis=1) / 2
    visible = hole(6000, 3000, 3200)
    filled = audio.baselines.linear_prediction(np.where(visible, x, 7.0), visible)
    np.testing.assert_array_equal(filled[visible[:, 0]], x[visible[:, 0]])
    np.testing.assert_allclose(filled, x, atol=0.01)


@pytest.mark.parametrize(("start", "stop"), [(0, 50), (950, 1000)])
def test_a_gap_at_an_end_is_filled_from_the_other_side(start, stop):
    x = np.sin(0.2 * np.arange(1000))[:, None]
    visible = hole(1000, start, stop)
    filled = audio.baselines.linear_prediction(np.where(visible, x, np.nan), visible, order=32)
    np.testing.assert_allclose(filled, x, atol=0.05)


def test_single_lost_samples_of_a_smooth_sound_are_found_again():
    x = signal.lfilter([1.0], [1, -1.9, 0.95], process(4000))[:, None]
    x /= np.abs(x).max()
    visible = np.random.default_rng(1).random([4000, 1]) > 0.01
    filled = audio.baselines.linear_prediction(x, visible, order=32)
    np.testing.assert_array_equal(filled[visible], x[visible])
    assert np.sqrt(np.mean((filled - x)[~visible] ** 2)) < 0.2 * x.std()


# Noise ------------------------------------------------------------------------------------------


def test_noise_has_the_spectrum_of_the_clip_and_its_channels():
    x = np.stack([process(40000), process(40000)], axis=1) + [0.5, -0.5]
    x[:, 1] += 0.3 * np.random.default_rng(2).normal(size=40000)
    y = audio.baselines.spectrum_noise(x, 160000, seed=1)
    assert y.shape == (160000, 2)
    _, true = signal.welch(x, nperseg=128, axis=0)
    _, made = signal.welch(y, nperseg=128, axis=0)
    np.testing.assert_allclose(10 * np.log10(made / true)[1:], 0, atol=1.5)
    np.testing.assert_allclose(np.corrcoef(y.T), np.corrcoef(x.T), atol=0.03)


def test_noise_of_sparse_clicks_is_gaussian():
    x = np.zeros([10000, 1])
    x[::1000] = 1.0
    y = audio.baselines.spectrum_noise(x + 1e-3 * process(10000)[:, None], 50000)
    kurtosis = np.mean((y - y.mean()) ** 4) / y.var() ** 2
    assert kurtosis == pytest.approx(3, abs=0.5)


def test_the_seed_decides():
    x = process(500)[:, None]
    one, again = (audio.baselines.spectrum_noise(x, 100, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, audio.baselines.spectrum_noise(x, 100, seed=4))
