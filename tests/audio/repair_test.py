"""Laws of repair: known samples keep their bytes, fills join without a click, gaps are found."""

import numpy as np
import pytest

from coopkeras import audio
from coopkeras.errors import UserError

RATE = 8000
SHAPE = {"rate": RATE, "channels": 1, "window": 2048}


def noisy(seconds=1.0, rate=RATE, channels=1, encoding="i16"):
    """Coloured noise, as a file of that encoding holds it."""
    bits = {"i16": 15, "i24": 23}[encoding]
    x = np.random.default_rng(0).normal(size=[int(seconds * rate), channels])
    x = np.cumsum(x, axis=0) - np.cumsum(np.roll(x, 40, axis=0), axis=0)
    x = np.clip(0.02 * x, -0.9, 0.9)
    return audio.Sound(np.rint(x * 2**bits) / 2**bits, rate, encoding)


def loud(x, visible, numbers):
    """A model that fills with a tone and would change what is known."""
    return np.sin(np.arange(x.shape[1]))[None, :, None] * np.ones_like(x)


def hole(given, start, stop):
    visible = np.ones([len(given.x), 1], bool)
    visible[round(start * given.rate) : round(stop * given.rate)] = False
    return visible


@pytest.mark.parametrize("encoding", ["i16", "i24"])
@pytest.mark.parametrize(("rate", "channels"), [(RATE, 1), (44100, 2), (6000, 1)])
@pytest.mark.parametrize("model_channels", [1, 2])
def test_known_samples_keep_their_bytes(encoding, rate, channels, model_channels, tmp_path):
    given = noisy(rate=rate, channels=channels, encoding=encoding)
    visible = hole(given, 0.4, 0.5)
    shape = SHAPE | {"channels": model_channels}
    filled = audio.repair.repair(given, visible, loud, **shape)
    audio.write(tmp_path / "out.wav", filled)
    again = audio.read(tmp_path / "out.wav")
    assert again[1:] == given[1:]
    assert again.x.shape == given.x.shape
    known = visible[:, 0]
    np.testing.assert_array_equal(again.x[known], given.x[known])
    assert np.all(np.std(again.x[~known], axis=0) > 0.01)


def test_a_fill_begins_and_ends_without_a_click():
    given = noisy()
    for start, stop in [(0.4, 0.5), (0.0, 0.1), (0.9, 1.0), (0.3, 0.306)]:
        visible = hole(given, start, stop)
        filled = audio.repair.repair(given, visible, loud, **SHAPE).x[:, 0]
        usual = np.quantile(np.abs(np.diff(given.x[:, 0])), 0.999)
        for border in np.flatnonzero(np.diff(visible[:, 0].astype(int))):
            assert abs(filled[border + 1] - filled[border]) < 2 * usual


def test_a_short_gap_is_linear_prediction_alone():
    def recover(x, visible, numbers):
        raise AssertionError("the model is not needed here")

    given = noisy()
    filled = audio.repair.repair(given, hole(given, 0.5, 0.505), recover, **SHAPE)
    assert np.isfinite(filled.x).all()


def test_the_model_works_at_its_own_level():
    levels = []

    def recover(x, visible, numbers):
        levels.append(x[np.broadcast_to(visible, x.shape)].std())
        return x

    for scale in (1.0, 0.01):
        given = noisy()._replace(x=scale * noisy().x)
        audio.repair.repair(given, hole(given, 0.4, 0.5), recover, **SHAPE)
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)
    assert levels[0] == pytest.approx(0.2, rel=0.3)


# Where the gaps are -----------------------------------------------------------------------------


def test_gaps_are_found_as_zeros_and_nan():
    given = noisy()
    x = np.where(given.x == 0, 2**-15, given.x)
    x[:100] = 0  # silence before the sound is no gap
    x[4000:4400] = 0
    x[5000] = 0  # nor is a single zero
    x[6000] = np.nan
    visible = audio.repair.find_gaps(given._replace(x=x), "in.wav")[:, 0]
    assert np.flatnonzero(~visible).tolist() == [*range(4000, 4400), 6000]


def test_gaps_are_told_in_seconds_or_by_a_sound(tmp_path):
    given = noisy()
    visible = audio.repair.find_gaps(given, "in.wav", gap="0.5-0.6, 0.75-0.8")[:, 0]
    assert np.flatnonzero(~visible).tolist() == [*range(4000, 4800), *range(6000, 6400)]
    mask = audio.Sound((~visible).astype(float)[:, None], RATE)
    audio.write(tmp_path / "mask.wav", mask)
    again = audio.repair.find_gaps(given, "in.wav", mask_path=tmp_path / "mask.wav")[:, 0]
    np.testing.assert_array_equal(again, visible)


def test_gaps_that_can_not_be_are_said_in_one_line(tmp_path):
    given = noisy()
    given = given._replace(x=np.where(given.x == 0, 2**-15, given.x))
    audio.write(tmp_path / "mask.wav", audio.Sound(np.ones([10, 1]), RATE))
    for gap, mask, words in [
        ("", None, "has no gap to fill"),
        ("0.5-2", None, "beyond the end of `in.wav`, which is 1.000 s long"),
        ("0-1", None, "leaves nothing to go by"),
        ("0.6-0.5", None, "from-to in seconds"),
        ("half", None, "from-to in seconds"),
        ("", tmp_path / "mask.wav", "has 10 samples and `in.wav` has 8000"),
        ("0-0.1", tmp_path / "mask.wav", "not both"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            audio.repair.find_gaps(given, "in.wav", gap, mask)
        assert "\n" not in str(caught.value)
