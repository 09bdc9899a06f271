"""What is judged of a recovery: its own results and those of the baselines, and their rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coopkeras.task import row

PROPOSALS = "proposed sample"  # the variant that draws are compared with


class Result(NamedTuple):
    """What one method recovers of the held-out examples.

    Attributes:
        method: its name.
        variant: of ours "estimate" or "sample", or either "proposed"; None is a baseline's.
        made: `[n, ...]`, the estimate or the first draw.
        draws: k arrays like `made`, or None for an estimate.
        rows: which examples, a slice or integers `[n]`.
    """

    method: str
    variant: str | None
    made: np.ndarray
    draws: Sequence | None = None
    rows: np.ndarray | slice = slice(None)


def of_baselines(baselines, x, hidden, draws):
    """Yield what the baselines recover, and what those with a distribution draw.

    Args:
        baselines: `{name: baseline}`: a function `(x, **hidden) -> recovered`, or an object with
            it as `fill` and maybe with `draw(x, seed=, k=, **hidden) -> [k, n, ...]`. A slow one
            has `at_most`, the number of examples that it is judged on.
        x: `[n, ...]`.
        hidden: dict of arrays `[n, ...]`, what of each example is hidden.
        draws: number of draws of each example.

    Yields:
        result: a `Result`.

    Example:
        >>> halve = lambda x: x / 2
        >>> [result.made.tolist() for result in of_baselines({"half": halve}, np.ones([1]), {}, 2)]
        [[0.5]]
    """
    for name, baseline in baselines.items():
        rows = _spread(len(x), getattr(baseline, "at_most", None))
        some = {key: one[rows] for key, one in hidden.items()}
        fill = getattr(baseline, "fill", baseline)
        yield Result(name, None, fill(x[rows], **some), None, rows)
        if hasattr(baseline, "draw"):
            drawn = baseline.draw(x[rows], seed=0, k=draws, **some)
            yield Result(f"{name}, drawn", None, drawn[0], drawn, rows)


def rows(setting, results, score):
    """Return the rows of results.json, draws with their differences to the proposals.

    Args:
        setting: its name in the table.
        results: iterable of `Result`s, the proposals before the other draws.
        score: function of a `Result` that returns its metrics, as `coopkeras.task.row` takes them.
    """
    found, proposals = [], None
    for result in results:
        metrics = score(result)
        found.append(
            row(
                result.method,
                setting=setting,
                metrics=metrics,
                n=len(result.made),
                variant=result.variant,
                proposals=None if result.draws is None else proposals,
            )
        )
        if result.variant == PROPOSALS:
            proposals = PROPOSALS, metrics
    return found


def _spread(count, at_most):
    """Return at most so many rows from all over the data, or all."""
    if at_most is None or count <= at_most:
        return slice(None)
    return np.linspace(0, count - 1, at_most).round().astype(int)
