"""A user's own sound: where its gaps are, and filled at its own rate, length and encoding.

Known samples keep their bytes. A fill begins and ends in linear prediction, which goes on from
the known samples without a click; a gap too short for two such fades is linear prediction alone.
"""

import re

import numpy as np
import tensorflow as tf
from absl import logging

from coopkeras import seeds, windows
from coopkeras.audio import bands, files
from coopkeras.audio.baselines import linear_prediction
from coopkeras.errors import UserError
from coopkeras.observation import Mask

FADE = 0.005  # seconds
SILENT = 0.002  # seconds: exact zeros that last longer are taken for lost samples
LONGEST = 0.5  # seconds that are filled at once


def repair(given, visible, recover, *, rate, channels, window):
    """Return a sound with its gaps filled.

    Args:
        given: an `audio.Sound`.
        visible: bool `[time, 1]`, True = known.
        recover: function `(x [n, window, channels], visible bool [n, window, 1], numbers [n]) ->
            filled`, at the model's rate and level.
        rate: sample rate of the model, Hz.
        channels: of the model; where the sound has others, each of its channels is filled alone.
        window: samples that the model looks at.

    Returns:
        filled: an `audio.Sound` of the same rate, length, channels and encoding; known samples
            bit for bit.

    Example:
        >>> flat = lambda x, visible, numbers: np.where(visible, x, 0.0)
        >>> hiss = np.random.default_rng(0).uniform(-0.5, 0.5, [400, 1])
        >>> visible = np.abs(np.arange(400) - 200)[:, None] > 90
        >>> given = files.Sound(np.where(visible, hiss, np.nan), 8000, "f32")
        >>> filled = repair(given, visible, flat, rate=8000, channels=1, window=256)
        >>> bool(np.isfinite(filled.x).all() and np.all((filled.x == hiss)[visible]))
        True
    """
    predicted = linear_prediction(given.x, visible)
    if not _weights(visible, given.rate).any():
        return given._replace(x=np.where(visible, given.x, np.clip(predicted, -1, 1)))
    planes = [
        _filled(plane, visible, recover, given.rate, rate, window)
        for plane in _planes(predicted, channels)
    ]
    if given.x.shape[1] != channels:
        planes = [plane.mean(axis=1, keepdims=True) for plane in planes]
    joined = join(predicted, np.concatenate(planes, axis=1), visible, given.rate)
    return given._replace(x=np.where(visible, given.x, np.clip(joined, -1, 1)))


def join(predicted, filled, visible, rate):
    """Fade linear prediction at the borders of gaps into what fills them.

    Args:
        predicted: float `[time, channels]`, what `linear_prediction` returned.
        filled: float `[time, channels]`.
        visible: bool `[time, 1]`, True = known.
        rate: sample rate, Hz.

    Returns:
        joined: float64 `[time, channels]`; where visible, `predicted`.

    Example:
        >>> visible = np.abs(np.arange(100) - 50)[:, None] > 20
        >>> joined = join(np.zeros([100, 1]), np.ones([100, 1]), visible, rate=2000)
        >>> joined[[29, 30, 50]].ravel().tolist()
        [0.0, 0.05, 1.0]
    """
    weights = _weights(visible, rate)
    return (1 - weights) * predicted + weights * filled


def windows_with_gaps(x, window, gap, count):
    """Return windows of a sound, evenly spread, each with a gap in its middle.

    Args:
        x: float `[time, channels]`.
        window: samples of a window.
        gap: samples of its gap.
        count: number of windows.

    Returns:
        x, visible, predicted: the windows `[count, window, channels]`, bool `[count, window, 1]`,
            and what linear prediction fills in.

    Example:
        >>> x, visible, predicted = windows_with_gaps(np.ones([100, 1]), 50, 10, 3)
        >>> x.shape, int((~visible).sum()), predicted.shape
        ((3, 50, 1), 30, (3, 50, 1))
    """
    starts = np.linspace(0, len(x) - window, count).astype(int)
    windows = np.stack([x[start : start + window] for start in starts])
    visible = np.ones([count, window, 1], bool)
    visible[:, (window - gap) // 2 : (window + gap) // 2] = False
    pairs = zip(windows, visible, strict=True)
    return windows, visible, np.stack([linear_prediction(*pair) for pair in pairs])


def with_envelopes(recover, start, visible, seed, rate):
    """Fill gaps with sound of recovered envelopes.

    `start`, which is known where visible, and noise in the gaps carry the envelopes.

    Args:
        recover: function `(seen, observation, level) -> (proposed or None, recovered)` of
            envelopes `[n, frames, 32 channels]`; `level` is what they are on average where known.
        start: float `[n, time, channels]`, such as linear prediction.
        visible: bool `[n, time, 1]`, True = known.
        seed: int32 `[2]` or `[n, 2]`, of the noise.
        rate: sample rate, Hz.

    Returns:
        proposed, recovered: sounds, float32 `[n, time, channels]`, or None.
    """
    start = tf.convert_to_tensor(start, tf.float32)
    noise = 0.2 * seeds.normal(seeds.fold(seed, 1), tf.shape(start))
    carrier = tf.where(visible, start, start + noise)
    known = bands.visible_frames(visible, rate)
    observation = Mask(known)
    seen = observation(bands.encode(start, rate))
    made = recover(seen, observation, _mean_known(seen, known))
    return tuple(u if u is None else bands.decode(u, carrier, rate) for u in made)


def find_gaps(given, path, gap="", mask_path=None):
    """Return where a sound is known.

    Args:
        given: an `audio.Sound`.
        path: where it was read, for messages.
        gap: as for `parse_gaps`.
        mask_path: a sound of the same length; samples other than 0 are to be filled.

    Returns:
        visible: bool `[time, 1]`, True = known. Without `gap` and `mask_path`, what is NaN is not,
            nor what is exactly 0 for 2 ms or more between other samples.

    Raises:
        UserError: if there is no gap or nothing else but silence, or it lies beyond the end.
    """
    if gap and mask_path:
        raise UserError(f"Give --mask={mask_path} or --set=gap={gap}, not both.")
    if mask_path:
        hidden = _marked(mask_path, given, path)
    elif gap:
        hidden = _between(parse_gaps(gap), given, path)
    else:
        hidden = _lost(given)
    visible = np.isfinite(given.x).all(axis=1) & ~hidden
    if visible.all():
        raise UserError(
            f"`{path}` has no gap to fill; say where with --set=gap=1.2-1.4 (seconds) or "
            f"--mask=gap.wav, or leave samples out as exact zeros or NaN."
        )
    if not visible.any():
        raise UserError(f"All of `{path}` is to be filled, which leaves nothing to go by.")
    if not np.any(given.x[visible]):
        raise UserError(f"What is known of `{path}` is silent, which leaves nothing to go by.")
    found = files.gaps(visible[:, None])
    longest = max(stop - start for start, stop in found) / given.rate
    logging.info("%d gaps, the longest %.3f s.", len(found), longest)
    if longest > LONGEST:
        logging.warning("A gap of %.2f s is filled piece by piece: it may wander.", longest)
    return visible[:, None]


def parse_gaps(text):
    """Return the gaps that a setting names.

    Args:
        text: "1.2-1.4", from and to in seconds; several with commas.

    Returns:
        gaps: list of (start, stop), seconds.

    Raises:
        UserError: if it is something else.

    Example:
        >>> parse_gaps("0.5-0.75,2-2.1")
        [(0.5, 0.75), (2.0, 2.1)]
    """
    gaps = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d*\.?\d+)\s*-\s*(\d*\.?\d+)\s*", part)
        if not found or not float(found[1]) < float(found[2]):
            raise UserError(
                f"`gap` should be from-to in seconds, such as 1.2-1.4; received {text}."
            )
        gaps.append((float(found[1]), float(found[2])))
    return gaps


def _mean_known(seen, known):
    """Return envelopes that are everywhere what they are on average where they are known."""
    count = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
    mean = tf.reduce_sum(seen, axis=1, keepdims=True) / tf.maximum(count, 1.0)
    return tf.broadcast_to(mean, tf.shape(seen))


def _filled(x, visible, recover, given_rate, rate, window):
    """Fill the gaps of x `[time, model's channels]` at the model's rate and level."""
    slow = files.resample(x, given_rate, rate)
    known = np.ones([len(slow), 1], bool)
    for start, stop in files.gaps(visible):
        known[start * rate // given_rate : -(-stop * rate // given_rate)] = False
    scale = bands.gain(slow[known[:, 0]])
    filled = windows.fill(recover, scale * slow, known, (window,)) / scale
    filled = files.resample(filled, rate, given_rate)[: len(x)]
    return np.pad(filled, [(0, len(x) - len(filled)), (0, 0)])


def _planes(x, channels):
    """Return the sounds of the model's channels that make up x."""
    if x.shape[1] == channels:
        return [x]
    return [np.repeat(one[:, None], channels, axis=1) for one in x.T]


def _weights(visible, rate):
    """Return how much of each sample is the model's, `[time, 1]`: from 0 to 1 within 5 ms."""
    weights, fade = np.zeros([len(visible), 1]), FADE * rate
    for start, stop in files.gaps(visible):
        place = np.arange(stop - start)
        left = place + 0.5 if start else np.full(len(place), fade)
        right = left.size - place - 0.5 if stop < len(visible) else np.full(len(place), fade)
        if len(place) >= 2 * fade:
            weights[start:stop, 0] = np.minimum(1, np.minimum(left, right) / fade)
    return weights


def _marked(mask_path, given, path):
    mask = files.read(mask_path)
    if len(mask.x) != len(given.x):
        raise UserError(
            f"`{mask_path}` has {len(mask.x)} samples and `{path}` has {len(given.x)}; a mask "
            f"should be as long as its sound."
        )
    return np.any(mask.x != 0, axis=1)


def _between(gaps, given, path):
    hidden = np.zeros(len(given.x), bool)
    for start, stop in gaps:
        if stop > given.seconds:
            raise UserError(
                f"The gap {start:g}-{stop:g} s lies beyond the end of `{path}`, which is "
                f"{given.seconds:.3f} s long."
            )
        hidden[round(start * given.rate) : round(stop * given.rate)] = True
    return hidden


def _lost(given):
    """Return which samples are exact zeros for 2 ms or more, between others."""
    hidden = np.zeros(len(given.x), bool)
    for start, stop in files.gaps(np.any(given.x != 0, axis=1, keepdims=True)):
        inside = start > 0 and stop < len(hidden)
        if inside and stop - start >= SILENT * given.rate:
            hidden[start:stop] = True
    return hidden
