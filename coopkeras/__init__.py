"""coopkeras: descriptors, generators and CoopNets as Keras models.

    >>> import coopkeras as ck
    >>> model = ck.CoopNets(descriptor, generator)          # doctest: +SKIP
    >>> model.compile()                                     # doctest: +SKIP
    >>> model.fit(ck.data.load("photos/", size=64))         # doctest: +SKIP

Importing the package imports nothing heavy: each name is fetched when it is first used.
"""

import importlib

__version__ = "0.1.0"

_CLASSES = {
    "CoopNets": "coopnets",
    "Descriptor": "descriptor",
    "Generator": "generator",
    "Task": "task",
    "TaskConfig": "task",
    "UserError": "errors",
}
_ROOMS = (
    "baselines",
    "clip_baselines",
    "clip_networks",
    "clip_repair",
    "clip_scores",
    "clip_windows",
    "clips",
    "data",
    "dynamics",
    "export",
    "features",
    "fills",
    "footage",
    "gaps",
    "holes",
    "langevin",
    "latents",
    "media",
    "metrics",
    "networks",
    "observation",
    "precision",
    "recipes",
    "recovery",
    "repair",
    "report",
    "seeds",
    "sound",
    "sound_bands",
    "sound_baselines",
    "sound_clips",
    "sound_metrics",
    "sound_networks",
    "sound_pictures",
    "sound_repair",
    "sound_synthesis",
    "sound_windows",
    "task",
    "training",
    "testing",
    "train",
    "windows",
)

__all__ = [*_CLASSES, *_ROOMS, "__version__"]


def __getattr__(name):
    """Fetch a public name from its room on first use (PEP 562)."""
    if name in _CLASSES:
        value = getattr(importlib.import_module(f"coopkeras.{_CLASSES[name]}"), name)
    elif name in _ROOMS:
        return importlib.import_module(f"coopkeras.{name}")
    else:
        raise AttributeError(f"module 'coopkeras' has no attribute {name!r}; it has {__all__}")
    globals()[name] = value
    return value


def __dir__():
    """List the public names."""
    return sorted(__all__)
