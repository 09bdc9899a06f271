"""coopkeras: descriptors, generators and CoopNets as Keras models.

    >>> import coopkeras as ck
    >>> model = ck.CoopNets(descriptor, generator)          # doctest: +SKIP
    >>> model.compile()                                     # doctest: +SKIP
    >>> model.fit(ck.data.load("photos/", size=64))         # doctest: +SKIP

Importing the package imports nothing heavy: each name is fetched when it is first used. Once Keras
is imported too, `keras.models.load_model` finds our classes by itself.
"""

import importlib
import sys

import wrapt

__version__ = "0.3.0"

_SERIALIZABLE = {  # the classes that Keras may meet in a file, by the module of each
    "descriptor": ("Descriptor",),
    "generator": ("Generator",),
    "prior": ("StandardNormal",),
    "rates": ("Scaled",),
    "coopnets": ("CoopNets",),
    "reference": ("Reference",),
    "observation": ("Nothing", "Mask", "Downsample", "Projection"),
    "networks.layers": (
        "ClassLabel",
        "Divide",
        "Modulate",
        "PlusLog",
        "Scene",
        "StopGradient",
        "Total",
        "Waves",
    ),
    "networks.fills": ("GaussianFill", "SmoothFill"),
    "networks.spectral": ("SpectralFill",),
    "audio.networks": ("EnvelopeStatistics",),
    "video.networks": ("RoughFill",),
    "video.dynamics": ("LinearDynamic",),
}


class _StandIn:
    """What Keras' registry holds of a class until its module is imported and registers it."""

    def __init__(self, module, name):
        self.module, self.name = f"{__name__}.{module}", name

    def from_config(self, config):
        """Import the class and make the object that `config` describes."""
        return getattr(importlib.import_module(self.module), self.name).from_config(config)


def _announce(keras):
    """Register a stand-in for each class; its module may itself be importing Keras just now."""
    for module, names in _SERIALIZABLE.items():
        registered = {f"{__name__}>{name}": _StandIn(module, name) for name in names}
        keras.saving.get_custom_objects().update(registered)


wrapt.register_post_import_hook(_announce, "keras")  # at once if it is imported already


def public(package, names):
    """Return what makes a package fetch its public names on first use (PEP 562).

    Args:
        package: its `__name__`.
        names: dict from each file that is public to the names in it that the package offers itself.

    Returns:
        __getattr__, __dir__, __all__: for the package.
    """
    homes = {name: file for file, inside in names.items() for name in inside}
    offered = sorted([*homes, *names])

    def fetch(name):
        if name not in offered:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {offered}")
        module = importlib.import_module(f"{package}.{homes.get(name, name)}")
        value = getattr(module, name) if name in homes else module
        setattr(sys.modules[package], name, value)
        return value

    return fetch, lambda: offered, offered


__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "coopnets": ("CoopNets",),
        "reference": ("Reference",),
        "descriptor": ("Descriptor",),
        "errors": ("UserError",),
        "generator": ("Generator",),
        "task": ("Task", "TaskConfig"),
        **dict.fromkeys(
            ("langevin", "observation", "modes", "seeds", "base", "windows", "registry"), ()
        ),
        **dict.fromkeys(("networks", "images", "audio", "video", "data", "metrics"), ()),
        **dict.fromkeys(("recipes", "jobs", "testing"), ()),
    },
)
