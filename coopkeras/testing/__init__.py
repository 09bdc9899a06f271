"""Testing: the laws of observations and of tasks, as classes of tests to inherit."""

from coopkeras import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "observations": ("ROWS", "ObservationConformance"),
        "tasks": ("TaskConformance",),
    },
)
