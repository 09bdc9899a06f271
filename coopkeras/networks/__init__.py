"""Networks: functions that return functional Keras models, one for each part and medium."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "descriptors": ("descriptor", "revising_descriptor"),
        "generators": ("generator",),
        "conditional": (
            "encode_and_decode",
            "enlarging_generator",
            "inference_network",
            "keep_known",
            "recovery_generator",
        ),
        "fills": ("GaussianFill", "SmoothFill"),
        "spectral": ("SpectralFill",),
        "layers": ("ClassLabel", "Scene"),
    },
)
