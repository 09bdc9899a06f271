"""Recipes: what tasks share: settings, models made from them, recovering, sampling."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "settings": (
            "ImageConfig",
            "ImageFields",
            "ImageRecoveryConfig",
            "ImageRecoveryFields",
            "ModelConfig",
            "ProposalConfig",
            "RecoveryConfig",
            "RecoveryFields",
            "SynthesisConfig",
        ),
        "build": (
            "as_learned",
            "coopnets",
            "derive",
            "descriptor",
            "encoder_widths",
            "generator",
            "generator_network",
            "images",
            "model",
            "parts",
        ),
        "proposals": ("about_proposals",),
        "recovery": ("Recovery",),
        "composite": ("Composite", "Use"),
        "sampling": ("at_shape", "recover", "sample", "sample_rows", "variants"),
        "signatures": ("energy_signature", "recover_signature", "sample_signature"),
        "holes": ("HolesConfig", "HolesFields", "HolesRecovery"),
        "one_image": ("OneImageFields",),
        "clips": ("ClipRecovery",),
        "sounds": ("GapFilling",),
        "classes": (),
        "judging": (),
        "latents": (),
        "textures": (),
    },
)
