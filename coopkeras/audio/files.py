"""Sound at the border: files to arrays and back, and from one sample rate to another.

    value = integer / 2^(bits - 1)        one fixed map, exact: the same integer is written back

Inside the library a sound is float `[time, channels]` in [-1, 1]; encoded bytes live only here and
in `coopkeras.audio.wav`.
"""

import pathlib
from typing import NamedTuple

import numpy as np

from coopkeras.audio import wav
from coopkeras.errors import UserError, unreadable

LOSSY_SUFFIXES = (".mp3", ".ogg", ".opus", ".m4a", ".aac")
SUFFIXES = (".wav", ".flac", *LOSSY_SUFFIXES)


class Sound(NamedTuple):
    """A sound as a file holds it.

    Attributes:
        x: float64 `[time, channels]` in [-1, 1]; NaN where samples are lost, if floats can say so.
        rate: sample rate, Hz.
        encoding: of one sample in a .wav: "u8", "i16", "i24", "i32", "f32" or "f64".
        suffix: of the file in which a drawn one is kept.
        element: the element of HTML that plays it.
    """

    x: np.ndarray
    rate: int
    encoding: str = "i16"
    suffix = ".wav"
    element = "audio"

    def write(self, path):
        """Write it; see `write`."""
        write(path, self)

    @property
    def seconds(self):
        """Return how long it is."""
        return len(self.x) / self.rate


def read(path):
    """Read a sound.

    Args:
        path: a wav (of any encoding that `Sound` knows), flac, mp3, ogg, opus, m4a or aac.

    Returns:
        sound: a `Sound`; its encoding is the file's, and 16 bits for what was compressed with
            losses.

    Raises:
        UserError: if there is no such file, its kind is unknown, or it is not a whole sound.
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"`{path}` should end in one of {', '.join(SUFFIXES)}; "
            f"received {suffix or 'no suffix'!r}."
        )
    if not path.is_file():
        raise UserError(f"`{path}`: there is no such sound. Check the path.")
    sound, failure = None, None
    for decode in _DECODERS.get(suffix, (_by_av,)):
        try:
            sound = decode(path)
            break
        except Exception as error:  # decoders raise errors of many types on broken files
            failure = error
    if sound is None:
        raise unreadable(path, "sound", failure) from failure
    if not sound.x.size:
        raise UserError(f"`{path}` has no samples.")
    return sound


def write(path, sound):
    """Write a .wav, folders made as needed.

    Args:
        path: ends in .wav.
        sound: a `Sound`; values beyond [-1, 1] are clipped, unless the encoding has floats.

    Raises:
        UserError: if the path ends otherwise or can't be written.
        ValueError: if integers should hold a value that is not finite.
    """
    path = pathlib.Path(path)
    check_output(path)
    data = wav.encode(*sound)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"`{path}` can't be written: {error}.") from error


def check_output(path):
    """Raise a UserError unless sounds can be written to the path: a .wav loses nothing."""
    if pathlib.Path(path).suffix.lower() != ".wav":
        raise UserError(f"`{path}` should end in .wav, which loses nothing.")


def resample(x, rate, to):
    """Bring a sound to another sample rate, without a delay.

    Args:
        x: float `[time, channels]`.
        rate: its sample rate, Hz.
        to: the new one, Hz.

    Returns:
        x: float64 `[round(time * to / rate), channels]`; unchanged where the rates are equal.

    Example:
        >>> resample(np.zeros([441, 2]), 44100, 16000).shape
        (160, 2)

    Source:
        The SoX resampler library (soxr), very high quality.
    """
    x = np.asarray(x, np.float64)
    if rate == to:
        return x
    import soxr

    resampled = soxr.resample(np.ascontiguousarray(x), rate, to, quality="VHQ")
    length = round(len(x) * to / rate)
    missing = max(0, length - len(resampled))
    return np.pad(resampled, [(0, missing), (0, 0)])[:length]


def convert_channels(x, channels):
    """Change the number of channels: mono is repeated, others are averaged.

    Args:
        x: float `[time, c]`.
        channels: 1 or 2.

    Returns:
        x: float `[time, channels]`.

    Example:
        >>> convert_channels(np.array([[0.25, 0.75]]), 1).tolist()
        [[0.5]]
    """
    if x.shape[1] == channels:
        return x
    return np.repeat(x.mean(axis=1, keepdims=True), channels, axis=1)


def gaps(visible):
    """Return the stretches that are hidden, in order: pairs (start, stop).

    Args:
        visible: bool `[time, 1]`, True = known.

    Example:
        >>> gaps(np.array([[True], [False], [False], [True], [False]]))
        [(1, 3), (4, 5)]
    """
    hidden = np.concatenate([[False], ~visible[:, 0], [False]]).astype(np.int8)
    borders = np.flatnonzero(np.diff(hidden))
    return list(zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True))


def _by_wav(path):
    return Sound(*wav.decode(path.read_bytes()))


def _by_tensorflow_io(path):
    """Decode a flac, mp3 or ogg (Vorbis)."""
    import tensorflow_io  # where its library can't be loaded it is the first call that fails

    audio = tensorflow_io.audio.AudioIOTensor(str(path))
    samples = audio.to_tensor().numpy()
    whole = {"int16": (2**15, "i16"), "int32": (2**31, "i24")}  # 24 bits come in the upper ones
    scale, encoding = whole.get(samples.dtype.name, (1, "i16"))
    return Sound(samples.astype(np.float64) / scale, int(audio.rate.numpy()), encoding)


def _by_av(path):
    """Decode whatever FFmpeg knows."""
    import av

    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError("there is no sound in it")
        stream = container.streams.audio[0]
        floats = av.AudioResampler(format="fltp")
        frames = [*container.decode(stream), None]  # None: what the resampler still holds
        frames = [one for frame in frames for one in floats.resample(frame) if one is not None]
        bits = stream.codec_context.format.bytes * 8 if path.suffix.lower() == ".flac" else 16
        rate = stream.codec_context.sample_rate
    x = np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T
    return Sound(x.astype(np.float64), rate, "i24" if bits > 16 else "i16")


# PyAV reads flac first: tensorflow-io waits for ever for the end of a file that is cut short.
_DECODERS = {
    ".wav": (_by_wav,),
    ".flac": (_by_av, _by_tensorflow_io),
    ".mp3": (_by_tensorflow_io, _by_av),
    ".ogg": (_by_tensorflow_io, _by_av),
}
