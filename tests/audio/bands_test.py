"""Laws of envelopes: what a sound is given it has, and what has it already stays."""

import numpy as np
import pytest

from coopkeras import audio, data

RATE = 8000


def crackle():
    return data.samples.crackle(RATE, 1.0)[None]


def noise(channels=1):
    return audio.bands.noise(0, 1, RATE, channels).numpy()


def test_noise_that_carries_envelopes_has_them():
    wanted = audio.bands.encode(crackle(), RATE).numpy()
    made = audio.bands.encode(audio.bands.decode(wanted, noise(), RATE), RATE).numpy()
    before = np.sqrt(np.mean((audio.bands.encode(noise(), RATE).numpy() - wanted) ** 2))
    assert np.sqrt(np.mean((made - wanted) ** 2)) < before / 4


def test_a_sound_that_has_its_envelopes_stays():
    x = crackle()
    same = audio.bands.decode(audio.bands.encode(x, RATE), x, RATE).numpy()
    np.testing.assert_allclose(same, x, atol=0.01)


def test_channels_do_not_mix():
    x = np.concatenate([crackle(), noise()], axis=2)
    both = audio.bands.encode(x, RATE).numpy()
    for channel in range(2):
        alone = audio.bands.encode(x[..., channel : channel + 1], RATE)
        np.testing.assert_allclose(both[..., 32 * channel : 32 * channel + 32], alone, atol=1e-5)


def test_bands_share_all_power_among_them():
    np.testing.assert_allclose(
        np.sum(audio.bands._responses(RATE, RATE) ** 2, axis=0), 1, atol=1e-5
    )


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silence_and_full_scale_are_in_range(level):
    u = audio.bands.encode(np.full([1, RATE, 1], level), RATE).numpy()
    assert np.isfinite(u).all()
    assert np.abs(u).max() <= 1
    silent = audio.bands.decode(np.full([1, 500, 32], -1.0), noise(), RATE).numpy()
    assert np.abs(silent).max() < 1e-3
