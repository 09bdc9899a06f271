"""Clips: files and arrays, holes, a user's own clip repaired, baselines."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "files": ("Clip", "check_output", "is_lossy", "read", "spread", "write"),
        "holes": (),
        "repair": (),
        "baselines": (),
        "networks": (),
        "dynamics": ("LinearDynamic",),
    },
)
