"""A sound as the envelopes of its bands, which is what the models learn, and back.

    b_k = the analytic signal of x in band k
    E_k = sqrt(mean |b_k|^2) over 2 ms            u_k = 2 E_k^0.3 - 1, in [-1, 1]

A texture is told by its envelopes; its fine structure is that of noise. So a sound is made from
envelopes by giving them to the bands of a carrier: noise, or around a gap the known sound.
"""

import numpy as np
import tensorflow as tf

from coopkeras import seeds

BANDS = 32  # equally wide on the ERB scale, up to half the sample rate
LOWEST = 20.0  # Hz
FRAMES = 500  # values of an envelope in a second
COMPRESSION = 0.3
SWEEPS = 4  # bands overlap: what one is given changes its neighbours, so it is given again
SILENCE = 1e-6
LEVEL = 0.2  # root mean square at which sounds are learned, unless their peaks forbid it
PEAK = 0.95  # of a sound that is made, at most


def hop(rate):
    """Return the samples of one frame at a sample rate, Hz, a multiple of 500.

    Example:
        >>> hop(16000)
        32
    """
    return rate // FRAMES


def encode(x, rate):
    """Return the compressed envelopes of sounds.

    Args:
        x: float `[n, time, channels]` in [-1, 1], time a multiple of `hop(rate)` and known
            beforehand.
        rate: sample rate, Hz.

    Returns:
        u: float32 `[n, time / hop, 32 channels]` in [-1, 1], the bands of a channel together.

    Example:
        >>> encode(np.zeros([1, 8000, 2]), 8000).shape.as_list()
        [1, 500, 64]
    """
    x = tf.convert_to_tensor(x, tf.float32)
    envelopes = _envelopes(_bands(_channels_first(x), rate), rate)  # [n, channels, bands, frames]
    u = 2 * tf.minimum(envelopes, 1.0) ** COMPRESSION - 1
    frames, channels = x.shape[1] // hop(rate), x.shape[2]
    return tf.reshape(tf.transpose(u, [0, 3, 1, 2]), [-1, frames, channels * BANDS])


def decode(u, carrier, rate):
    """Return sounds with given envelopes and the fine structure of a carrier.

        x <- sum_k b_k(x) E_k / E_k(x)      4 times, from the carrier

    Args:
        u: float `[n, frames, 32 channels]`, as `encode` returns.
        carrier: float `[n, frames * hop, channels]`, such as noise.
        rate: sample rate, Hz.

    Returns:
        x: float32 `[n, frames * hop, channels]`.

    Example:
        >>> u = encode(np.ones([1, 800, 1]), 8000)
        >>> decode(u, np.ones([1, 800, 1]), 8000).shape.as_list()
        [1, 800, 1]

    Source:
        McDermott and Simoncelli, Neuron 2011: envelopes imposed on the bands of noise.
    """
    u, x = tf.convert_to_tensor(u, tf.float32), tf.convert_to_tensor(carrier, tf.float32)
    frames, channels = u.shape[1], x.shape[2]
    wanted = tf.clip_by_value((u + 1) / 2, 0.0, 1.0) ** (1 / COMPRESSION)
    wanted = tf.transpose(tf.reshape(wanted, [-1, frames, channels, BANDS]), [0, 2, 3, 1])
    x = _channels_first(x)
    for _ in range(SWEEPS):
        bands = _bands(x, rate)
        gains = tf.maximum(wanted, SILENCE) / tf.maximum(_envelopes(bands, rate), SILENCE)
        gains = tf.exp(_between_frames(tf.math.log(gains), hop(rate)))
        x = _joined(gains * tf.math.real(bands), rate)
    return tf.transpose(x, [0, 2, 1])


def sound_spec(shape, rate, name="x"):
    """Return the tf.TensorSpec of sounds whose envelopes have a shape.

    Args:
        shape: (frames, 32 channels).
        rate: sample rate, Hz.
        name: of the input.

    Example:
        >>> sound_spec((100, 32), 8000).shape.as_list()
        [None, 1600, 1]
    """
    frames, features = shape
    return tf.TensorSpec([None, frames * hop(rate), features // BANDS], tf.float32, name)


def noise(seed, n, length, channels):
    """Return white noise to carry envelopes, float32 `[n, length, channels]`.

    Example:
        >>> noise(0, 1, 8, 2).shape.as_list()
        [1, 8, 2]
    """
    return 0.2 * seeds.normal(seeds.as_seed(seed), [n, length, channels])


def without_overload(x):
    """Return sounds, each made quieter as a whole if its peak is above 0.95: no sample is cut off.

    Args:
        x: float `[n, time, channels]`.

    Returns:
        x: float32 `[n, time, channels]` in [-0.95, 0.95].

    Example:
        >>> without_overload([[[0.5], [-1.9]], [[0.5], [0.9]]])[:, :, 0].numpy().tolist()
        [[0.25, -0.949999988079071], [0.5, 0.8999999761581421]]
    """
    x = tf.convert_to_tensor(x, tf.float32)
    peaks = tf.reduce_max(tf.abs(x), axis=(1, 2), keepdims=True)
    return x * (PEAK / tf.maximum(peaks, PEAK))


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


def visible_frames(visible, rate):
    """Return which frames of envelopes are known: they and their neighbours are all visible.

    Args:
        visible: bool `[n, time, 1]`, True = known.
        rate: sample rate, Hz.

    Returns:
        known: bool `[n, time / hop, 1]`.

    Example:
        >>> visible = (np.arange(160) != 100)[None, :, None]
        >>> visible_frames(visible, 8000)[0, :, 0].numpy().astype(int).tolist()
        [1, 1, 1, 1, 1, 0, 0, 0, 1, 1]
    """
    hidden = tf.cast(~tf.convert_to_tensor(visible, tf.bool), tf.float32)
    frames = tf.nn.max_pool1d(hidden, hop(rate), hop(rate), "VALID")
    return tf.nn.max_pool1d(frames, 3, 1, "SAME") < 0.5


def _channels_first(x):
    return tf.transpose(x, [0, 2, 1])


def _bands(x, rate):
    """Return the analytic signals of bands, complex `[..., bands, time]` of `[..., time]`."""
    time = x.shape[-1]
    spectrum = tf.signal.rfft(x)[..., None, :] * tf.constant(_responses(time, rate), tf.complex64)
    sides = np.full(spectrum.shape[-1], 2, np.complex64)  # in place of negative frequencies
    sides[[0, -1] if time % 2 == 0 else [0]] = 1  # which have none
    negative = [(0, 0)] * (len(x.shape)) + [(0, time - spectrum.shape[-1])]
    return tf.signal.ifft(tf.pad(sides * spectrum, negative))


def _joined(bands, rate):
    """Return the sum of bands `[..., bands, time]`, each held to its own frequencies."""
    time = bands.shape[-1]
    spectrum = tf.signal.rfft(bands) * tf.constant(_responses(time, rate), tf.complex64)
    return tf.signal.irfft(tf.reduce_sum(spectrum, axis=-2), [time])


def _envelopes(bands, rate):
    """Return the root mean square of each frame, `[..., frames]`."""
    power = tf.math.real(bands) ** 2 + tf.math.imag(bands) ** 2
    shape = [tf.shape(power)[0], *power.shape[1:-1], power.shape[-1] // hop(rate), hop(rate)]
    return tf.sqrt(tf.reduce_mean(tf.reshape(power, shape), axis=-1) + SILENCE**2)


def _between_frames(values, factor):
    """Return values `[..., frames]` at every sample, linear between the middles of frames."""
    middle = values[..., None]
    before = tf.concat([middle[..., :1, :], middle[..., :-1, :]], axis=-2)
    after = tf.concat([middle[..., 1:, :], middle[..., -1:, :]], axis=-2)
    place = tf.constant((np.arange(factor) + 0.5) / factor - 0.5, tf.float32)
    samples = (
        middle + tf.maximum(place, 0) * (after - middle) - tf.minimum(place, 0) * (before - middle)
    )
    return tf.reshape(samples, [tf.shape(values)[0], *values.shape[1:-1], -1])


def _responses(time, rate):
    """Return the bands' responses, `[bands, frequencies]`; their squares sum to 1."""
    place = _erb(np.fft.rfftfreq(time, 1 / rate))
    borders = np.linspace(_erb(LOWEST), _erb(rate / 2), BANDS + 2)
    middles = borders[1:-1]
    inner = np.clip(place, middles[0], middles[-1])  # the outer bands have what lies beyond them
    distance = (inner - middles[:, None]) / (borders[1] - borders[0])
    return np.cos(np.pi / 2 * np.clip(distance, -1, 1)).astype(np.float32)


def _erb(frequency):
    """Return the place on the ERB scale (Glasberg and Moore, 1990)."""
    return 21.4 * np.log10(1 + 0.00437 * np.asarray(frequency))
