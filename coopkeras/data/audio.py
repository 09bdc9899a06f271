"""One sound clip as examples: windows of envelopes, of one part to learn from, of one to judge by.

    example i = frames i hop ... i hop + size - 1 of its part

The whole clip is scaled by one number, so that its level is that at which sounds are learned.
"""

import pathlib

import numpy as np
import tensorflow as tf

from coopkeras import audio
from coopkeras.data import held_out as held_outs
from coopkeras.data import samples, stores
from coopkeras.data.examples import Examples, Split
from coopkeras.errors import UserError

SHARE = 0.5  # of the clip, held out: the statistics of a texture need seconds
SAMPLE = "samples:crackle"


def split(source, *, rate, size, channels=None, held_out=None, hop=1, shortest=0):
    """Open one clip as windows of envelopes to learn from (its first part) and to judge by.

    Args:
        source: as for `parts`.
        rate: as for `parts`.
        size: frames of one window.
        channels: as for `parts`.
        held_out: as for `parts`.
        hop: frames between the windows to learn from; those to judge by lie one apart.
        shortest: samples that the held-out part has to have at least.

    Returns:
        split: a `data.Split`.

    Raises:
        UserError: if the clip can't be read, is silent or too short.

    Example:
        >>> split("samples:crackle", rate=8000, size=128).train.shape
        (128, 32)
    """
    both = parts(source, rate=rate, channels=channels, held_out=held_out)
    window = size * audio.bands.hop(rate)
    needed = 2 * window, max(window, shortest)
    if any(len(part) < least for part, least in zip(both, needed, strict=True)):
        seconds = [len(part) / rate for part in both]
        raise UserError(
            f"`{source}` is too short: its {seconds[0]:.2f} s to learn from and {seconds[1]:.2f} s "
            f"held out should be at least {needed[0] / rate:.2f} s and {needed[1] / rate:.2f} s. "
            f"Give a longer clip, or smaller windows with --set=size=."
        )
    learned, held = (audio.bands.encode(part[None], rate)[0] for part in both)
    return Split(windows(learned, size, hop), windows(held, size))


def parts(source, *, rate, channels=None, held_out=None):
    """Return the two parts of a clip: what is learned from, and what is judged by.

    Args:
        source: a sound file that `coopkeras.audio.read` knows, of any length and rate, or
            "samples:crackle": a crackling fire of 12 seconds, made by arithmetic.
        rate: sample rate of the parts, Hz; the clip is resampled to it.
        channels: 1 or 2; by default those of the clip (of more than two, their mean).
        held_out: share of the clip kept apart, by default 0.5.

    Returns:
        learned, held_out: float `[time, channels]`, whole frames of `sound_bands`.

    Raises:
        UserError: if the clip can't be read or is silent.

    Example:
        >>> [len(part) for part in parts("samples:crackle", rate=8000)]
        [48000, 48000]
    """
    x, hop = _read(source, rate, channels), audio.bands.hop(rate)
    share = held_outs.parse(held_out or SHARE, ("share",), "a sound").amount
    border = int(len(x) * (1 - share)) // hop * hop
    return x[:border], x[border : len(x) // hop * hop]


def windows(x, size, hop=1):
    """Make examples of all windows of a sequence, `hop` frames apart.

    Args:
        x: float `[frames, features]` in [-1, 1].
        size: frames of one window.
        hop: frames from one window to the next.

    Returns:
        examples: an `Examples` of `(frames - size) // hop + 1` windows.

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


def _read(source, rate, channels):
    """Return the clip, at its rate, channels and level."""
    if str(source) == SAMPLE:
        x = samples.crackle(rate)
    elif str(source).startswith("samples:") or not pathlib.Path(source).suffix:
        raise UserError(
            f"`{source}` is no clip; `--data` should be one sound file "
            f"({', '.join(audio.SUFFIXES)}) or {SAMPLE}."
        )
    else:
        clip = audio.read(source)
        x = audio.resample(_finite(clip.x, source), clip.rate, rate)
    if not np.any(x):
        raise UserError(f"`{source}` is silent; there is nothing to learn from.")
    if channels or x.shape[1] > 2:
        x = audio.convert_channels(x, channels or 1)
    return np.clip(audio.bands.gain(x) * x, -1, 1)


def _finite(x, source):
    if not np.isfinite(x).all():
        raise UserError(f"`{source}` has lost samples (NaN); learn from a clip that is whole.")
    return x
