"""Images: files and arrays, sheets, holes, a user's own image repaired, baselines."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "files": (
            "Image",
            "LOSSY_SUFFIXES",
            "LUMA",
            "SUFFIXES",
            "centre_crop",
            "convert_channels",
            "numbered",
            "output_paths",
            "read",
            "read_shape",
            "resize",
            "to_float",
            "to_image",
            "to_integers",
            "to_uint8",
            "write",
        ),
        "sheets": ("gallery", "grid"),
        "holes": (),
        "masks": (),
        "repair": (),
        "baselines": (),
        "gaussian": (),
        "rivals": (),
        "uncertainty": (),
    },
)
