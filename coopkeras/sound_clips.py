"""One sound clip as examples: overlapping windows, the first part to learn from, the last to judge.

    example i = samples i hop ... i hop + size - 1 of its part

The whole clip is scaled by one number, so that its level is that at which sounds are learned.
"""

import pathlib

import numpy as np
import tensorflow as tf
from scipy import signal

from coopkeras import sound, stores
from coopkeras.data import Split
from coopkeras.errors import UserError
from coopkeras.examples import Examples

LEVEL = 0.2  # root mean square at which sounds are learned, unless their peaks forbid it
PEAK = 0.95
SHARE = 0.25  # of the clip, held out
SAMPLE = "samples:crackle"
_SAMPLE_SECONDS = 12.0


def split(source, *, rate, size, channels=None, held_out=None, hop=1, shortest=0):
    """Open one clip as windows to learn from (its first part) and to judge by (its last).

    Args:
        source: a sound file that `coopkeras.sound.read` knows, of any length and rate, or
            "samples:crackle": a crackling fire of 12 seconds, made by arithmetic.
        rate: sample rate of the examples, Hz; the clip is resampled to it.
        size: samples of one window.
        channels: 1 or 2; by default those of the clip (of more than two, their mean).
        held_out: share of the clip kept apart, by default 0.25.
        hop: samples between the windows to learn from; those to judge by lie one apart.
        shortest: samples that the held-out part has to have at least, if more than `size`.

    Returns:
        split: a `data.Split`.

    Raises:
        UserError: if the clip can't be read, is silent or too short.

    Example:
        >>> split("samples:crackle", rate=8000, size=1024).train.shape
        (1024, 1)
    """
    x = _read(source, rate, channels)
    border = int(len(x) * (1 - _share(held_out)))
    parts = x[:border], x[border:]
    needed = 2 * size, max(size, shortest)
    if any(len(part) < least for part, least in zip(parts, needed, strict=True)):
        seconds = [len(part) / rate for part in parts]
        raise UserError(
            f"`{source}` is too short: its {seconds[0]:.2f} s to learn from and {seconds[1]:.2f} s "
            f"held out should be at least {needed[0] / rate:.2f} s and {needed[1] / rate:.2f} s. "
            f"Give a longer clip, or smaller windows with --set=size=."
        )
    return Split(windows(parts[0], size, hop), windows(parts[1], size))


def windows(x, size, hop=1):
    """Make examples of all windows of a sound, `hop` samples apart.

    Args:
        x: float `[time, channels]` in [-1, 1].
        size: samples of one window.
        hop: samples from one window to the next.

    Returns:
        examples: an `Examples` of `(time - size) // hop + 1` windows.

    Example:
        >>> len(windows(np.zeros([10, 1]), size=4, hop=2))
        4
    """
    with tf.device("CPU:0"):
        data = tf.constant(x, tf.float32)
        places = tf.range(size, dtype=tf.int64)

    def fetch(indices):
        return {"x": tf.gather(data, hop * indices[:, None] + places)}

    return Examples(stores.Store((len(x) - size) // hop + 1, (size, x.shape[1]), fetch))


def whole(examples, hop):
    """Put windows that lie `hop` samples apart together again.

    Args:
        examples: what `windows(x, size, hop)` returned; `size` is a multiple of `hop`.
        hop: samples from one window to the next.

    Returns:
        x: float32 `[time, channels]`, all that the windows cover.

    Example:
        >>> whole(windows(np.linspace(0, 1, 9)[:, None], 4, hop=2), hop=2).shape
        (8, 1)
    """
    last, size = len(examples) - 1, examples.shape[0]
    x = np.empty([last * hop + size, examples.shape[1]], np.float32)
    for index in [*range(0, last, size // hop), last]:
        x[index * hop : index * hop + size] = examples.gather([index])["x"][0]
    return x


def gain(x):
    """Return the number that brings a sound to the level at which sounds are learned.

    Args:
        x: float `[time, channels]`.

    Returns:
        gain: 0.2 over the root mean square, or 0.95 over the peak if that is less; 1 for silence.

    Example:
        >>> float(gain(np.array([[0.01], [-0.01]])))
        20.0
    """
    if not np.any(x):
        return 1.0
    return min(LEVEL / np.sqrt(np.mean(np.square(x))), PEAK / np.abs(x).max())


def crackle(rate, seconds=_SAMPLE_SECONDS, seed=0):
    """Make a sound like a crackling fire: no recording, but sums of random parts.

    A low rumble whose level wanders, a faint hiss, and crackles: at random times, 40 a second,
    each a damped oscillation of random loudness (log-normal), pitch and decay.

    Args:
        rate: sample rate, Hz.
        seconds: how long.
        seed: an integer.

    Returns:
        x: float64 `[time, 1]`.

    Example:
        >>> crackle(8000, seconds=0.5).shape
        (4000, 1)
    """
    rng = np.random.default_rng(seed)
    length = int(seconds * rate)
    wander = signal.sosfilt(signal.butter(2, 2.0, fs=rate, output="sos"), rng.normal(size=length))
    rumble = signal.sosfilt(signal.butter(2, 400.0, fs=rate, output="sos"), rng.normal(size=length))
    x = rumble * np.exp(0.5 * wander / wander.std()) / rumble.std()
    x += 0.1 * rng.normal(size=length)
    for start in rng.integers(length, size=rng.poisson(40 * seconds)):
        decay = rng.uniform(1e-3, 6e-3)  # seconds
        time = np.arange(min(int(8 * decay * rate), length - start)) / rate
        loudness = 2.5 * np.exp(rng.normal(0, 0.4))
        pitch = rng.uniform(600, min(5000, 0.4 * rate))
        x[start : start + len(time)] += (
            loudness * np.exp(-time / decay) * np.sin(2 * np.pi * pitch * time)
        )
    return PEAK * (x / np.abs(x).max())[:, None]


def _read(source, rate, channels):
    """Return the clip, at its rate, channels and level."""
    if str(source) == SAMPLE:
        x = crackle(rate)
    elif str(source).startswith("samples:") or not pathlib.Path(source).suffix:
        raise UserError(
            f"`{source}` is no clip; `--data` should be one sound file "
            f"({', '.join(sound.SUFFIXES)}) or {SAMPLE}."
        )
    else:
        clip = sound.read(source)
        x = sound.resample(_finite(clip.x, source), clip.rate, rate)
    if not np.any(x):
        raise UserError(f"`{source}` is silent; there is nothing to learn from.")
    if channels or x.shape[1] > 2:
        x = sound.convert_channels(x, channels or 1)
    return np.clip(gain(x) * x, -1, 1)


def _finite(x, source):
    if not np.isfinite(x).all():
        raise UserError(f"`{source}` has lost samples (NaN); learn from a clip that is whole.")
    return x


def _share(held_out):
    try:
        share = SHARE if held_out is None else float(held_out)
    except ValueError:
        share = None
    if share is None or not 0 < share < 1:
        raise UserError(
            f"`held_out` of a sound should be the share of the clip that is kept apart, such as "
            f"0.25; received {held_out}."
        )
    return share
