"""Laws of sound at the border: what is written comes back bit for bit, and faults are one line."""

import av
import numpy as np
import pytest

from coopkeras import audio
from coopkeras.errors import UserError

INTEGERS = {"u8": 8, "i16": 16, "i24": 24, "i32": 32}


def whole_numbers(encoding, channels=2, count=500):
    """Samples that the encoding holds exactly, its extremes among them."""
    half = 2 ** (INTEGERS[encoding] - 1)
    n = np.random.default_rng(0).integers(-half, half, [count, channels])
    n[0], n[1] = -half, half - 1
    return n / half


def sine(rate, hertz=440.0, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)[:, None]


def compressed(path, x, rate, codec, layout="mono"):
    """Write a compressed file by FFmpeg."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        packed = codec != "flac"
        samples = x.T.astype(np.float32) if packed else (x.T * 2**15).astype(np.int16)
        form = "fltp" if packed else "s16"
        samples = samples if packed else samples.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), form, layout)
        frame.sample_rate = rate
        for one in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(one)


# .wav -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("encoding", INTEGERS)
def test_integers_come_back_bit_for_bit(encoding, channels, tmp_path):
    x = whole_numbers(encoding, channels)
    audio.write(tmp_path / "a.wav", audio.Sound(x, 44100, encoding))
    again = audio.read(tmp_path / "a.wav")
    np.testing.assert_array_equal(again.x, x)
    assert again[1:] == (44100, encoding)
    audio.write(tmp_path / "b.wav", again)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(("encoding", "kind"), [("f32", np.float32), ("f64", np.float64)])
def test_floats_come_back_bit_for_bit_lost_ones_too(encoding, kind, tmp_path):
    x = np.random.default_rng(0).normal(size=[100, 2]).astype(kind).astype(np.float64)
    x[3] = np.nan
    audio.write(tmp_path / "a.wav", audio.Sound(x, 8000, encoding))
    again = audio.read(tmp_path / "a.wav")
    np.testing.assert_array_equal(again.x, x)
    assert again.encoding == encoding


def test_integers_are_rounded_and_clipped(tmp_path):
    audio.write(tmp_path / "a.wav", audio.Sound(np.array([[2.0], [-2.0], [1e-9]]), 8000))
    assert audio.read(tmp_path / "a.wav").x.ravel().tolist() == [1 - 2**-15, -1, 0]


def test_integers_hold_no_nan():
    with pytest.raises(ValueError, match="not finite"):
        audio.wav.encode(np.array([[np.nan]]), 8000, "i16")


def test_the_bytes_are_those_that_ffmpeg_reads(tmp_path):
    x = whole_numbers("i24")
    audio.write(tmp_path / "a.wav", audio.Sound(x, 48000, "i24"))
    with av.open(str(tmp_path / "a.wav")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        assert container.streams.audio[0].codec_context.sample_rate == 48000
    samples = np.concatenate(frames, axis=1).reshape(-1, 2)  # s32: 24 bits in the upper ones
    np.testing.assert_array_equal(samples / 2**31, x)


def test_other_chunks_and_sizes_unknown_are_passed_over():
    data = audio.wav.encode(np.array([[0.5], [0.25]]), 8000)
    notes = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"
    assert audio.wav.decode(data[:12] + notes + data[12:])[0].ravel().tolist() == [0.5, 0.25]
    place = data.index(b"data") + 4
    piped = data[:place] + b"\xff" * 4 + data[place + 4 :]
    assert audio.wav.decode(piped)[0].ravel().tolist() == [0.5, 0.25]


# Other kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.flac", "flac"), ("a.m4a", "aac"), ("a.mp3", "libmp3lame"), ("a.ogg", "libopus")],
)
def test_compressed_sounds_are_read(name, codec, tmp_path):
    x = sine(16000)
    try:
        compressed(tmp_path / name, x, 16000, codec)
    except (av.error.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        pytest.skip(f"this FFmpeg can't write {codec}: {error}")
    again = audio.read(tmp_path / name)
    assert again.rate == (48000 if codec == "libopus" else 16000)  # Opus has one rate
    again = again._replace(x=audio.resample(again.x, again.rate, 16000))
    assert again.x.shape[1] == 1
    assert abs(len(again.x) - len(x)) < 3000  # encoders add some silence
    spectrum = np.abs(np.fft.rfft(again.x[4000:12000, 0]))
    assert spectrum.argmax() * 2 == 440
    assert again.x.max() == pytest.approx(0.5, abs=0.05)
    if codec == "flac":
        np.testing.assert_array_equal(again.x, np.trunc(x * 2**15) / 2**15)


# Rates and channels -----------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "to"), [(44100, 16000), (16000, 44100), (20000, 16000)])
def test_resampling_keeps_a_sine_where_it_was(rate, to):
    again = audio.resample(sine(rate), rate, to)
    assert again.shape == (to, 1)
    inner = slice(to // 10, -to // 10)
    np.testing.assert_allclose(again[inner], sine(to)[inner], atol=1e-4)


def test_the_same_rate_changes_nothing():
    x = sine(8000)
    np.testing.assert_array_equal(audio.resample(x, 8000, 8000), x)


def test_channels_are_repeated_or_averaged():
    x = whole_numbers("i16")
    np.testing.assert_array_equal(audio.convert_channels(x, 2), x)
    np.testing.assert_array_equal(audio.convert_channels(x, 1), x.mean(axis=1, keepdims=True))
    assert audio.convert_channels(x[:, :1], 2).shape == x.shape


# Faults -----------------------------------------------------------------------------------------


def test_what_is_no_sound_is_said_in_one_line(tmp_path):
    good = audio.wav.encode(sine(8000), 8000)
    for name, data, words in [
        ("empty.wav", b"", "it has 0 bytes"),
        ("text.wav", b"this is no sound at all", "does not begin as a .wav file does"),
        ("short.wav", good[:1000], "ends early: 15044 bytes are missing"),
        ("silent.wav", audio.wav.encode(np.zeros([0, 1]), 8000), "has no samples"),
        ("text.flac", b"this is no sound at all", "not a whole sound"),
        ("text.mp3", b"this is no sound at all", "not a whole sound"),
        ("text.ogg", b"this is no sound at all", "not a whole sound"),
        ("text.m4a", b"this is no sound at all", "not a whole sound"),
        ("a.doc", b"anything", "should end in one of .wav, .flac"),
        ("none.wav", None, "there is no such sound"),
    ]:
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=words) as caught:
            audio.read(tmp_path / name)
        assert "\n" not in str(caught.value), name


def test_only_a_wav_is_written(tmp_path):
    with pytest.raises(UserError, match="should end in .wav, which loses nothing"):
        audio.write(tmp_path / "a.mp3", audio.Sound(np.zeros([1, 1]), 8000))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written"):
        audio.write(tmp_path / "file" / "a.wav", audio.Sound(np.zeros([1, 1]), 8000))


@pytest.mark.parametrize(
    "stretches", [[(40, 50)], [(0, 5)], [(95, 100)], [(3, 4), (30, 31), (60, 90)], []]
)
def test_gaps_are_the_hidden_stretches(stretches):
    visible = np.ones([100, 1], bool)
    for start, stop in stretches:
        visible[start:stop] = False
    assert audio.gaps(visible) == stretches


def test_a_sound_writes_itself(tmp_path):
    sound = audio.Sound(np.linspace(-0.5, 0.5, 100)[:, None], 8000)
    assert (sound.suffix, sound.element) == (".wav", "audio")
    sound.write(tmp_path / f"drawn{sound.suffix}")
    again = audio.read(tmp_path / "drawn.wav")
    assert again[1:] == sound[1:]
    np.testing.assert_allclose(again.x, sound.x, atol=2**-15)
