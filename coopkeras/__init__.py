"""coopkeras: descriptors, generators and CoopNets as Keras models.

    >>> import coopkeras as ck
    >>> model = ck.CoopNets(descriptor, generator)          # doctest: +SKIP
    >>> model.compile()                                     # doctest: +SKIP
    >>> model.fit(ck.data.load("photos/", size=64))         # doctest: +SKIP

Importing the package imports nothing heavy: each name is fetched when it is first used.
"""

import importlib
import sys

__version__ = "0.1.0"


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
        "descriptor": ("Descriptor",),
        "errors": ("UserError",),
        "generator": ("Generator",),
        "task": ("Task", "TaskConfig"),
        **dict.fromkeys(("langevin", "observation", "modes", "seeds", "base", "testing"), ()),
        **dict.fromkeys(("networks", "images", "audio", "video", "data", "metrics"), ()),
        **dict.fromkeys(("recipes", "jobs"), ()),
    },
)
