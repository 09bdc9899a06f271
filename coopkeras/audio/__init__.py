"""Sounds: files and arrays, sheets, envelopes of bands, windows, gaps filled, baselines."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "files": (
            "SUFFIXES",
            "Sound",
            "check_output",
            "convert_channels",
            "read",
            "resample",
            "write",
        ),
        "sheets": ("mel_spectrogram", "sheet"),
        "bands": (),
        "windows": (),
        "repair": (),
        "baselines": (),
        "networks": (),
        "synthesis": (),
    },
)
