"""Recipes: what tasks share: settings, models made from them, recovering, sampling."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "settings": ("ImageConfig", "METHODS", "ModelConfig"),
        "build": (
            "coopnets",
            "derive",
            "descriptor",
            "energy_signature",
            "generator",
            "generator_network",
            "images",
        ),
        "recovery": (),
        "latents": (),
    },
)
