"""How near one sound texture is to another, and what fills a gap to the truth.

A texture is told by statistics of the envelopes of its bands: two sounds of one texture differ in
every sample and agree in these.
"""

import numpy as np
from scipy import fft, signal

BANDS = 30
LOWEST, HIGHEST = 50.0, 10000.0  # Hz
ENVELOPE_RATE = 400  # Hz
COMPRESSION = 0.3
FLOOR = 1e-3  # of the loudest band; what is quieter counts as silence
MODULATIONS = 2.0 ** np.arange(1, 8)  # Hz, the middles of octaves
UNITS = {  # standard deviations of the statistics over 22 recordings of textures, at level 0.2
    "mean": 0.09,
    "variation": 0.031,
    "skewness": 0.52,
    "kurtosis": 1.4,
    "correlation": 0.18,
    "modulation": 0.06,
}
FRAME = 512  # samples, of the spectra that are compared


def texture_distance(a, b, rate):
    """Return how different two sound textures are (lower is better).

        distance = mean over groups of mean |s(a) - s(b)| / unit of the group

    s are the statistics of one group of `statistics`. The units are fixed, the spreads between
    natural textures: at a distance of 1 two sounds are as different as two textures. It is 0 for
    equal statistics, and symmetric. Loudness counts: it is in the means. Of few seconds the
    statistics are known badly, and two parts of one sound are far apart.

    Args:
        a: float `[time, channels]`, best some seconds.
        b: float `[time, channels]`, as many channels; the lengths may differ.
        rate: sample rate, Hz.

    Returns:
        distance: a float, the mean over channels.

    Raises:
        ValueError: if the channels differ.

    Example:
        >>> x = np.random.default_rng(0).normal(size=[8000, 1])
        >>> texture_distance(x, x, 8000)
        0.0

    Source:
        McDermott and Simoncelli, Sound texture perception via statistics of the auditory
        periphery: evidence from sound synthesis, 2011. Of its statistics those of single bands
        and the correlations of envelopes are used, not the correlations of modulation bands.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"`a` and `b` should be [time, channels] with the same channels; received {a.shape} "
            f"and {b.shape}."
        )
    pairs = zip(a.T, b.T, strict=True)
    return float(np.mean([_apart(statistics(x, rate), statistics(y, rate)) for x, y in pairs]))


def statistics(x, rate):
    """Return the statistics of the compressed envelopes of a sound's bands.

    Args:
        x: float `[time]`.
        rate: sample rate, Hz.

    Returns:
        groups: dict of arrays: "mean", "variation" (variance over squared mean), "skewness",
            "kurtosis" of each band; "correlation" of each pair of bands; "modulation", the share
            of a band's variance in each octave of modulation.

    Example:
        >>> groups = statistics(np.random.default_rng(0).normal(size=8000), 8000)
        >>> groups["mean"].shape, groups["correlation"].shape, groups["modulation"].shape
        ((30,), (435,), (210,))
    """
    e = envelopes(x, rate)
    mean, deviation = e.mean(axis=1), e.std(axis=1)
    z = (e - mean[:, None]) / (deviation[:, None] + 1e-9)
    return {
        "mean": mean,
        "variation": (deviation / (mean + 1e-9)) ** 2,
        "skewness": np.mean(z**3, axis=1),
        "kurtosis": np.mean(z**4, axis=1),
        "correlation": (z @ z.T / z.shape[1])[np.triu_indices(BANDS, 1)],
        "modulation": _modulation(z).ravel(),
    }


def envelopes(x, rate):
    """Return the compressed envelopes of a sound's bands.

        e = (|band| + floor)^0.3      band: the analytic signal of x in one band

    The bands are half cosines, equally wide on the ERB scale, whose squares sum to 1.

    Args:
        x: float `[time]`.
        rate: sample rate, Hz.

    Returns:
        e: float64 `[30, time * 400 / rate]`, at 400 Hz.

    Example:
        >>> envelopes(np.ones(8000), 8000).shape
        (30, 400)
    """
    size = fft.next_fast_len(len(x))
    spectrum = fft.fft(x, size)
    spectrum[size // 2 + 1 :] = 0  # an analytic signal has no negative frequencies
    frequencies = np.abs(fft.fftfreq(size, 1 / rate))
    bands = np.empty([BANDS, len(x)])
    for band, response in zip(bands, _responses(frequencies, rate), strict=True):
        band[:] = 2 * np.abs(fft.ifft(spectrum * response)[: len(x)])
    bands += FLOOR * bands.mean(axis=1).max()
    return signal.resample(bands**COMPRESSION, round(len(x) * ENVELOPE_RATE / rate), axis=1)


def spectral_convergence(x, y, where):
    """Return how far the magnitudes of the spectra of each result are from the truth's.

        convergence = ||S(x)| - |S(y)|| / ||S(y)||      S: spectra of frames of 512 samples

    Silence gives about 1.

    Args:
        x: results, `[n, time, channels]`, time at least a frame.
        y: the truth, shaped like `x`.
        where: bool, broadcast against `x`: the gap. Only frames that touch it count.

    Returns:
        convergence: float64 `[n]`; lower is better.

    Raises:
        ValueError: if the shapes differ or an example has no gap.

    Example:
        >>> y = np.random.default_rng(0).normal(size=[1, 1024, 1])
        >>> spectral_convergence(0 * y, y, np.ones([1, 1024, 1], bool)).tolist()
        [1.0]

    Source:
        Arik et al., Fast spectrogram inversion using multi-head convolutional networks, 2019.
    """
    x, y, where = _judged(x, y, where)
    convergences = []
    for one, other, gap in zip(x, y, where, strict=True):
        touching = _frames(gap.any(axis=1)[:, None]).any(axis=(1, 2))
        made, true = (_magnitudes(_frames(sound)[touching]) for sound in (one, other))
        convergences.append(np.linalg.norm(made - true) / np.linalg.norm(true))
    return np.array(convergences)


def snr(x, y, where):
    """Return the signal-to-noise ratio of each result in its gap, in dB (higher is better).

        snr = 10 log10(sum y^2 / sum (x - y)^2)

    Silence gives 0; another piece of the same texture, as good to the ear, gives -3.

    Args:
        x: results, `[n, time, channels]`.
        y: the truth, shaped like `x`.
        where: bool, broadcast against `x`: the gap.

    Returns:
        decibels: float64 `[n]`; infinite where nothing differs.

    Raises:
        ValueError: if the shapes differ or an example has no gap.

    Example:
        >>> y = np.ones([1, 10, 1])
        >>> snr(0.9 * y, y, y > 0).round(6).tolist()
        [20.0]
    """
    x, y, where = _judged(x, y, where)
    true = np.sum(y**2, axis=(1, 2), where=where)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(true / np.sum((x - y) ** 2, axis=(1, 2), where=where))


def of_texture(sounds, x, rate):
    """Judge new sounds against a real one of the same texture.

    Args:
        sounds: list of float `[time, channels]`.
        x: float `[time, channels]`.
        rate: sample rate, Hz.

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.
    """
    return {"texture_distance": ([texture_distance(one, x, rate) for one in sounds], "", "lower")}


def of_gap(filled, x, where):
    """Judge what fills gaps against the truth.

    Args:
        filled: `[n, time, channels]`.
        x: the truth, shaped like `filled`.
        where: bool, broadcast against `x`: the gap.

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.
    """
    return {
        "spectral_convergence": (spectral_convergence(filled, x, where), "", "lower"),
        "snr": (snr(filled, x, where), "dB", "higher"),
    }


def _apart(a, b):
    """Return the mean distance of groups of statistics."""
    return np.mean([np.mean(np.abs(a[group] - b[group])) / UNITS[group] for group in UNITS])


def _responses(frequencies, rate):
    """Return each band's response at `frequencies`: half cosines on the ERB scale."""
    place = _erb(frequencies)
    borders = np.linspace(_erb(LOWEST), _erb(min(HIGHEST, rate / 2)), BANDS + 2)
    distance = (place - borders[1:-1, None]) / (borders[1] - borders[0])
    return np.where(np.abs(distance) < 1, np.cos(np.pi / 2 * np.clip(distance, -1, 1)), 0)


def _erb(frequency):
    """Return the place on the ERB scale (Glasberg and Moore, 1990)."""
    return 21.4 * np.log10(1 + 0.00437 * np.asarray(frequency))


def _modulation(z):
    """Return the share of the variance of each row in each octave of modulation."""
    power = np.abs(fft.rfft(z, axis=1)) ** 2
    power[:, 1:] *= 2  # the negative frequencies too
    frequencies = fft.rfftfreq(z.shape[1], 1 / ENVELOPE_RATE)
    octaves = np.abs(np.log2(np.maximum(frequencies, 1e-9) / MODULATIONS[:, None])) < 0.5
    return power @ octaves.T / z.shape[1] ** 2


def _judged(x, y, where):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim != 3:
        raise ValueError(
            f"`x` and `y` should have one shape [n, time, channels]; received {x.shape} and "
            f"{y.shape}."
        )
    where = np.broadcast_to(np.asarray(where, bool), x.shape)
    if not where.any(axis=(1, 2)).all():
        raise ValueError("`where` should be True somewhere in every example: its gap.")
    return x, y, where


def _frames(x):
    """Return overlapping frames of a sound, `[frames, channels, 512]`."""
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME, axis=0)
    return frames[:: FRAME // 4]


def _magnitudes(frames):
    return np.abs(fft.rfft(frames * signal.windows.hann(FRAME, sym=False), axis=-1))
