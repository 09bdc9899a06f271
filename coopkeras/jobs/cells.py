"""Rows of results.json as the cells of a table: what the terminal's and the page's share."""

import functools
from typing import NamedTuple

import numpy as np

ARROWS = {"higher": "↑", "lower": "↓"}
MISSING = "–"
ACRONYMS = ("psnr", "ssim")
SHORT = {  # names in the text table, and what is said below it
    "energy_score": ("ES", "ES energy score"),
    "energy_score_differences": ("ESd", "ESd that of differences"),
    "crps": ("CRPS", ""),
    "patch_distance": ("patch", "patch: distance of patches"),
    "spread_skill": ("s/s", "s/s spread/skill"),
    "coverage": ("cover", "cover: truth within 2 sd"),
}


class Column(NamedTuple):
    """A metric as a column.

    Attributes:
        name: of the metric.
        unit: "" for none.
        better: "higher" or "lower".
        target: the value that is best, or None.
        decimals: digits after the point that tell three figures.
    """

    name: str
    unit: str
    better: str
    target: float | None
    decimals: int


def by_setting(rows):
    """Return the rows in groups of one setting, in order of first appearance."""
    groups = {}
    for row in rows:
        groups.setdefault(row["setting"], []).append(row)
    return list(groups.values())


def columns(rows):
    """Return the metrics by name; decimals tell three figures."""
    found = {}
    for name, metric in (item for row in rows for item in row["metrics"].items()):
        values = [abs(row["metrics"][name]["value"]) for row in rows if known(row, name)]
        usual = np.median([value for value in values if 0 < value < np.inf] or [1])
        decimals = 2 if 1 <= usual < 1000 else max(2 - int(np.floor(np.log10(usual))), 0)
        told = metric["unit"], metric["better"], metric.get("target")
        found.setdefault(name, Column(name, *told, decimals))
    return found


def known(row, name):
    """Return whether a row has a number for a metric."""
    value = row["metrics"].get(name, {}).get("value")
    return value is not None and not np.isnan(value)


def heading(column, short=False):
    """Return the head of a column: name, unit, and which way is better or which value is best."""
    name = SHORT[column.name][0] if short and column.name in SHORT else words(column.name)
    aim = ARROWS[column.better] if column.target is None else f"→ {column.target:.2f}"
    return f"{name}{f' ({column.unit})' if column.unit else ''} {aim}"


def labels(row):
    """Return method, variant, setting and n as texts."""
    return row["method"], row.get("variant") or "", str(row["setting"]), str(row["n"])


def name(row):
    """Return method and variant in one."""
    return " ".join(filter(None, (row["method"], row.get("variant"))))


def cell(row, column, group):
    """Return (value, standard error, whether it is the best of its group) as texts and a bool."""
    name, decimals = column.name, column.decimals
    if not known(row, name):
        return MISSING, "", False
    value = row["metrics"][name]["value"]
    rivals = [other["metrics"][name]["value"] for other in group if known(other, name)]
    best = len(rivals) > 1 and value == min(rivals, key=functools.partial(loss, column))
    text = f"{value:.{decimals}f}" if np.isfinite(value) else f"{value:+}".replace("inf", "∞")
    se = standard_error(row, name)
    return text, "" if se is None else f" ± {se:.{decimals}f}", best


def loss(column, value):
    """Return what is least for the best value of a column."""
    if column.target is not None:
        return abs(value - column.target)
    return -value if column.better == "higher" else value


def value_loss(column, row):
    """Return the loss of a row's value in a column."""
    return loss(column, row["metrics"][column.name]["value"])


def standard_error(row, name):
    """Return it, or None; a row of version 0.2 or before has the deviation alone."""
    metric = row["metrics"][name]
    sd, se = metric.get("sd"), metric.get("se")
    if se is None and sd is not None:
        se = sd / np.sqrt(row["n"])
    return se if se is not None and np.isfinite(se) else None


def difference(row, column):
    """Return how a row of draws differs from the proposals, or ""."""
    told = row.get("paired", {}).get(column.name)
    if not told:
        return ""
    decimals = column.decimals + 1  # it is small beside the means
    error = "" if told["se"] is None else f" ± {told['se']:.{decimals}f}"
    return f"Δ {told['difference']:+.{decimals}f}{error}"


def words(name):
    """Return the name of a metric as it is read."""
    return name.upper() if name in ACRONYMS else name.replace("_", " ")
