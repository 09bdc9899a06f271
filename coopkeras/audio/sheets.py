"""Sounds to look at: waveforms and mel spectrograms, side by side."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import fft, signal

FRAME = 1024  # samples of one spectrum
HOP = 256
MELS = 80
DYNAMICS = 80.0  # dB that are shown below the loudest


def sheet(sounds, rate, gap=None):
    """Draw sounds beside each other: the waveform above, its mel spectrogram below.

    Args:
        sounds: dict from a name to float `[time, channels]` in [-1, 1]; channels are averaged.
        rate: sample rate, Hz.
        gap: (start, stop) in seconds, marked in every waveform.

    Returns:
        image: uint8 `[height, width, 3]`; the spectrograms share one scale of dB.

    Example:
        >>> sheet({"hiss": np.random.default_rng(0).normal(size=[8000, 1])}, 8000).shape[-1]
        3
    """
    spectra = {name: mel_spectrogram(x.mean(axis=1), rate) for name, x in sounds.items()}
    loudest = max(spectrum.max() for spectrum in spectra.values())
    figure = Figure(figsize=(3.4 * len(sounds), 4.2), dpi=110, layout="constrained")
    axes = figure.subplots(
        2, len(sounds), squeeze=False, sharex="col", sharey="row", height_ratios=[1, 2]
    )
    for column, (name, x) in enumerate(sounds.items()):
        wave, spectrum = axes[:, column]
        seconds = len(x) / rate
        wave.plot(np.arange(len(x)) / rate, x.mean(axis=1), lw=0.4)
        wave.set(title=name, ylim=(-1, 1))
        if gap is not None:
            wave.axvspan(*gap, color="orange", alpha=0.3, lw=0)
        spectrum.imshow(
            spectra[name],
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, MELS),
            vmin=loudest - DYNAMICS,
            vmax=loudest,
            cmap="magma",
        )
        spectrum.set(xlabel="s", xlim=(0, seconds))
    _label_frequencies(axes[1, 0], rate)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def mel_spectrogram(x, rate):
    """Return the mel spectrogram of a sound, in dB.

    Args:
        x: float `[time]`.
        rate: sample rate, Hz.

    Returns:
        decibels: float64 `[80, frames]`, low frequencies first.

    Example:
        >>> mel_spectrogram(np.zeros(4096), 8000).shape
        (80, 13)
    """
    padded = np.pad(x, (0, max(0, FRAME - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    power = np.abs(fft.rfft(frames * signal.windows.hann(FRAME, sym=False), axis=1)) ** 2
    return 10 * np.log10(_mel_bands(rate) @ power.T + 1e-10)


def _mel_bands(rate):
    """Return triangular bands, equally wide on the mel scale, `[80, frequencies]`."""
    borders = _hertz(np.linspace(0, _mel(rate / 2), MELS + 2))[:, None]
    frequencies = fft.rfftfreq(FRAME, 1 / rate)
    rising = (frequencies - borders[:-2]) / (borders[1:-1] - borders[:-2])
    falling = (borders[2:] - frequencies) / (borders[2:] - borders[1:-1])
    bands = np.maximum(0, np.minimum(rising, falling))
    nearest = np.abs(frequencies - borders[1:-1]).argmin(axis=1)  # of bands that are very narrow
    bands[np.arange(MELS), nearest] = np.maximum(bands[np.arange(MELS), nearest], 0.5)
    return bands / bands.sum(axis=1, keepdims=True)


def _label_frequencies(axes, rate):
    hertz = [hertz for hertz in (250, 500, 1000, 2000, 4000, 8000, 16000) if hertz < rate / 2]
    axes.set_yticks([_mel(value) / _mel(rate / 2) * MELS for value in hertz], hertz)
    axes.set_ylabel("Hz (mel)")


def _mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def _hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)
