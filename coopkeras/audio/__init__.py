"""Sounds: files and arrays, sheets, envelopes of bands, gaps filled, baselines."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "files": (
            "SUFFIXES",
            "Sound",
            "check_output",
            "convert_channels",
            "gaps",
            "read",
            "resample",
            "write",
        ),
        "sheets": ("mel_spectrogram", "sheet"),
        "bands": (),
        "repair": (),
        "baselines": (),
        "networks": (),
        "synthesis": (),
    },
)
