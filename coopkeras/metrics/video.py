"""How good repaired and synthesised clips are: what the rows of a table hold."""

import numpy as np

from coopkeras.metrics import distances

PATCH = 5  # pixels and frames, of the patches that are compared


def of_synthesis(made, x):
    """Judge clips against real ones: their patches in space and time, and how much they move.

        motion_off = |motion(made) - motion(x)| / motion(x)

    Motion is the mean change from one frame to the next: clips that stand still have a
    motion_off of 1, and noise one that is large.

    Args:
        made: clips, `[n, time, height, width, channels]`.
        x: real clips, `[m, time, height, width, channels]` in [-1, 1].

    Returns:
        metrics: dict as `coopkeras.task.row` takes it.

    Example:
        >>> x = np.random.default_rng(0).uniform(-1, 1, [2, 8, 8, 8, 1])
        >>> of_synthesis(x, x)["patch_distance"][0], of_synthesis(0 * x, x)["motion_off"][0]
        (0.0, 1.0)
    """
    made = np.clip(made, -1, 1)
    off = abs(motion(made) - motion(x)) / max(motion(x), 1e-6)
    distance = distances.sliced_wasserstein(made, x, patch=PATCH)
    return {"patch_distance": (distance, "", "lower"), "motion_off": (off, "", "lower")}


def motion(x):
    """Return the mean absolute change from one frame to the next, a float in units of x.

    Args:
        x: clips, `[n, time, height, width, channels]`, time 2 or more.

    Example:
        >>> motion(np.array([0.0, 0.5, 0.0]).reshape(1, 3, 1, 1, 1))
        0.5
    """
    return float(np.mean(np.abs(np.diff(x, axis=1)), dtype=np.float64))
