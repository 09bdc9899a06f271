"""Jobs: train, evaluate, predict and export a task in a workdir, and the report."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "budget": (),
        "commands": (),
        "train": (),
        "export": (),
        "workdir": (),
        "report": (),
        "settings": (),
    },
)
