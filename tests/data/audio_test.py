"""Laws of a clip as examples: windows are what they say, the held-out part is not learned."""

import numpy as np
import pytest

from coopkeras import audio, data
from coopkeras.errors import UserError


@pytest.fixture
def clip(tmp_path):
    """A file of 2 s at 8 kHz, stereo, every sample another."""
    x = np.linspace(-0.5, 0.5, 32000).reshape(2, 16000).T
    audio.write(tmp_path / "clip.wav", audio.Sound(x, 8000, "f32"))
    return tmp_path / "clip.wav"


@pytest.mark.parametrize(("time", "size", "hop"), [(100, 16, 1), (100, 16, 8), (33, 16, 4)])
def test_windows_lie_where_they_say(time, size, hop):
    x = np.random.default_rng(0).uniform(-1, 1, [time, 2]).astype(np.float32)
    windows = data.audio.windows(x, size, hop)
    assert len(windows) == (time - size) // hop + 1
    np.testing.assert_array_equal(windows.gather([3])["x"][0], x[3 * hop : 3 * hop + size])


def test_the_first_part_is_learned_and_the_last_is_held_out(clip):
    learned, held_out = data.audio.parts(clip, rate=8000)
    assert learned.shape == held_out.shape == (8000, 2)
    assert learned.max(axis=0)[0] < held_out.min(axis=0)[0]  # it only rises
    learned, held_out = data.audio.parts(clip, rate=8000, held_out="0.25")
    assert (len(learned), len(held_out)) == (12000, 4000)


def test_examples_are_the_envelopes_of_the_parts(clip):
    split = data.audio.split(clip, rate=8000, size=64)
    assert split.train.shape == split.held_out.shape == (64, 64)  # 32 bands of 2 channels
    learned, _ = data.audio.parts(clip, rate=8000)
    u = audio.bands.encode(learned[None], 8000)[0]
    np.testing.assert_allclose(split.train.gather([5])["x"][0], u[5:69])


def test_a_clip_comes_at_the_rate_channels_and_level_asked_for(clip):
    learned, _ = data.audio.parts(clip, rate=4000, channels=1)
    assert learned.shape == (4000, 1)
    x = np.random.default_rng(0).normal(size=[1000, 1])
    assert np.sqrt(np.mean((audio.bands.gain(x) * x) ** 2)) == pytest.approx(0.2)
    x[0] = 100
    assert np.abs(audio.bands.gain(x) * x).max() == pytest.approx(0.95)


def test_the_sample_is_the_same_every_time_and_sparse():
    x = data.samples.crackle(8000)
    np.testing.assert_array_equal(x, data.samples.crackle(8000))
    assert x.shape == (96000, 1)
    assert np.mean((x / x.std()) ** 4) > 5  # noise has 3


def test_clips_that_can_not_be_learned_are_said_in_one_line(tmp_path, clip):
    audio.write(tmp_path / "silent.wav", audio.Sound(np.zeros([16000, 1]), 8000))
    audio.write(tmp_path / "lost.wav", audio.Sound(np.full([16000, 1], np.nan), 8000, "f32"))
    (tmp_path / "empty.wav").write_bytes(b"")
    for name, settings, words in [
        (clip, {"size": 512}, "too short: its 1.00 s to learn from and 1.00 s held out"),
        (clip, {"shortest": 8800}, "at least 0.26 s and 1.10 s"),
        (clip, {"held_out": "last:10"}, "should be a share between 0 and 1"),
        (tmp_path / "silent.wav", {}, "is silent"),
        (tmp_path / "lost.wav", {}, "has lost samples"),
        (tmp_path / "empty.wav", {}, "0 bytes"),
        (tmp_path / "none.wav", {}, "no such sound"),
        (tmp_path, {}, "one sound file"),
        ("samples:faces", {}, "samples:crackle"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            data.audio.split(name, **{"rate": 8000, "size": 64} | settings)
        assert "\n" not in str(caught.value)
