"""Networks: functions that return functional Keras models, one for each part and medium."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "descriptors": ("descriptor",),
        "generators": ("generator",),
        "conditional": (
            "encode_and_decode",
            "enlarging_generator",
            "keep_known",
            "recovery_generator",
        ),
        "fills": ("SmoothFill",),
        "layers": ("ClassLabel", "Scene"),
    },
)
