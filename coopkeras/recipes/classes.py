"""Classes by which a generator draws: their names, and the labels of a batch."""

import numpy as np

from coopkeras.errors import UserError
from coopkeras.recipes.build import parts


def names(model):
    """Return the names of the classes by which a model draws, () for none."""
    _, generator = parts(model)
    return () if generator is None else generator.class_names


def labels(model, asked, count, alike=1):
    """Return the class of each sample: the one asked for, or all in turn.

    Args:
        model: any of the three models.
        asked: name of a class, or "".
        count: number of samples.
        alike: samples of one class before the next.

    Returns:
        labels: int `[count]`; None for a model without classes.

    Raises:
        UserError: if the model knows no such class.
    """
    known = names(model)
    if asked not in ("", *known):
        expected = f"one of {', '.join(known)}" if known else "left out: no classes were learned"
        raise UserError(f"`label` should be {expected}; received {asked!r}.")
    if not known:
        return None
    return np.full(count, known.index(asked)) if asked else np.arange(count) // alike % len(known)
