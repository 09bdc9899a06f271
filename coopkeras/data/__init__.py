"""Data: a name, file, folder or glob opened as examples to learn from and to judge by."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "images": ("always_patches", "load", "split"),
        "examples": ("Examples", "Split"),
        "audio": (),
        "video": (),
        "held_out": (),
        "one_image": (),
        "samples": (),
        "sources": (),
        "stores": (),
        "arrays": (),
    },
)
