"""What a run ends with: a table for the terminal, and one page that opens without a network."""

import functools
import html

import numpy as np

from coopkeras.jobs import page
from coopkeras.jobs.workdir import Workdir

ARROWS = {"higher": "↑", "lower": "↓"}
MISSING = "–"
BEST = ' class="best"'
NOT_CURVES = ("epoch", "step", "seconds")
REAL = "real, "  # other real data: the floor, no rival
ACRONYMS = ("psnr", "ssim")
HELD_OUT = "val_"  # Keras' prefix of what was measured on held-out data


def table(rows):
    """Return the rows of results.json as an aligned text table.

    Rows of one setting stand together; the best of each is marked with a star. Means are
    followed by their standard error, sd / sqrt(n).

    Args:
        rows: list of dicts, as `coopkeras.task.row` makes them.

    Returns:
        text: lines for a terminal; "" for no rows.

    Example:
        >>> psnr = {"value": 20.0, "sd": 2.0, "unit": "dB", "better": "higher"}
        >>> row = {"method": "mean", "setting": "M12", "n": 100, "metrics": {"psnr": psnr}}
        >>> print(table([row]).splitlines()[1])
        mean             M12      100  20.00 ± 0.20
    """
    if not rows:
        return ""
    columns = _columns(rows)
    lines = [["method", "variant", "setting", "n", *map(_heading, columns.values())]]
    for group in _by_setting(rows):
        for row in group:
            cells = [_cell(row, column, group) for column in columns.values()]
            marked = [f"{value}{error} {'*' if best else ' '}" for value, error, best in cells]
            lines.append([*_labels(row), *marked])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligns = [str.ljust] * 3 + [str.rjust] * (len(widths) - 3)
    text = [
        "  ".join(align(*cell) for align, *cell in zip(aligns, line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([*text, "* the best of its setting; ± the standard error of the mean"])


def write(workdir, *, title, results, curves=(), drawn=(), commands=None):
    """Write report.html: images, sounds, the table, curves and commands on one page.

    The page holds all of it and needs no other file.

    Args:
        workdir: the run's folder.
        title: heading of the page.
        results: the content of results.json: `rows`, and `task`, `data`, `seed`, `seconds`,
            `export` where known.
        curves: the lines of metrics.jsonl, dicts with `step` and numbers by name.
        drawn: triples (path relative to `workdir`, caption, element of HTML that shows it).
        commands: dict from a label to a command line.

    Returns:
        path: that of the page.

    Raises:
        UserError: if it can't be written; an older report is then untouched.
    """
    workdir = Workdir(workdir)
    rows = results.get("rows", [])
    sections = {
        title: [
            page.FIGURES[shown](workdir.path / path, caption)
            for path, caption, shown in drawn
            if shown == element
        ]
        for title, element in {"Images": "img", "Sounds": "audio"}.items()
    }
    sections |= {
        "Results": [_headlines(rows), _html_table(rows)] if rows else [],
        "Training": [_curves(curves)] if curves else [],
        "Commands": [page.command(*item) for item in (commands or {}).items()],
    }
    text = page.whole(title, _facts(results), sections)
    workdir.write("report.html", lambda file: file.write(text))
    return workdir.path / "report.html"


# Rows: what the two tables share ----------------------------------------------------------------


def _by_setting(rows):
    """Return the rows in groups of one setting, in order of first appearance."""
    groups = {}
    for row in rows:
        groups.setdefault(row["setting"], []).append(row)
    return list(groups.values())


def _columns(rows):
    """Return the metrics by name: (name, unit, better, decimals that tell three figures)."""
    columns = {}
    for name, metric in (item for row in rows for item in row["metrics"].items()):
        values = [abs(row["metrics"][name]["value"]) for row in rows if _known(row, name)]
        usual = np.median([value for value in values if 0 < value < np.inf] or [1])
        decimals = 2 if 1 <= usual < 1000 else max(2 - int(np.floor(np.log10(usual))), 0)
        columns.setdefault(name, (name, metric["unit"], metric["better"], decimals))
    return columns


def _known(row, name):
    value = row["metrics"].get(name, {}).get("value")
    return value is not None and not np.isnan(value)


def _heading(column):
    name, unit, better, _ = column
    return f"{_words(name)}{f' ({unit})' if unit else ''} {ARROWS[better]}"


def _labels(row):
    return row["method"], row.get("variant") or "", str(row["setting"]), str(row["n"])


def _name(row):
    return " ".join(filter(None, (row["method"], row.get("variant"))))


def _cell(row, column, group):
    """Return (value, standard error, whether it is the best of its group) as texts and a bool."""
    name, _, better, decimals = column
    if not _known(row, name):
        return MISSING, "", False
    metric = row["metrics"][name]
    value = metric["value"]
    rivals = [other["metrics"][name]["value"] for other in group if _known(other, name)]
    best = len(rivals) > 1 and value == (max if better == "higher" else min)(rivals)
    text = f"{value:.{decimals}f}" if np.isfinite(value) else f"{value:+}".replace("inf", "∞")
    if metric.get("sd") is None or not np.isfinite(metric["sd"]):
        return text, "", best
    return text, f" ± {metric['sd'] / np.sqrt(row['n']):.{decimals}f}", best


def _words(name):
    return name.upper() if name in ACRONYMS else name.replace("_", " ")


# Parts of the page ------------------------------------------------------------------------------


def _facts(results):
    facts = {name: results.get(name) for name in ("task", "data", "seed", "export")}
    if results.get("seconds") is not None:
        facts["training"] = _duration(results["seconds"])
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = {"h": hours, "min": minutes, "s": seconds}
    return " ".join(f"{n} {unit}" for unit, n in parts.items() if n) or "0 s"


def _headlines(rows):
    """Say for each setting how our estimate compares with the best baseline."""
    column = next(iter(_columns(rows).values()))
    cards = (_headline(group, column) for group in _by_setting(rows))
    return f'<div class="cards">{"".join(cards)}</div>'


def _headline(group, column):
    name, unit, better, decimals = column
    known = [row for row in group if _known(row, name)]
    ours = [row for row in known if row.get("ours")]
    ours = [row for row in ours if row.get("variant") == "estimate"] or ours
    others = [row for row in known if not row.get("ours")]
    baselines = [row for row in others if not row["method"].startswith(REAL)]
    if not ours or not baselines:
        return ""
    best = functools.partial(
        max if better == "higher" else min, key=lambda row: row["metrics"][name]["value"]
    )
    ours, theirs = best(ours), best(baselines)
    gain = ours["metrics"][name]["value"] - theirs["metrics"][name]["value"]
    gain = gain if better == "higher" else -gain
    word = "better" if gain >= 0 else "worse"
    unit = f" {html.escape(unit)}" if unit else ""
    what, which = html.escape(_words(name)), html.escape(str(group[0]["setting"]))
    return (
        f'<div class="card"><p>{what} · {which} · {html.escape(_name(ours))}</p>'
        f"<strong>{_cell(ours, column, group)[0]}<small>{unit}</small></strong>"
        f'<p><b class="{word}">{abs(gain):.{decimals}f}{unit} {word}</b> than the best baseline, '
        f"{html.escape(_name(theirs))}</p></div>"
    )


def _html_table(rows):
    columns = _columns(rows)
    heads = "".join(f"<th>{html.escape(_heading(column))}</th>" for column in columns.values())
    groups = "".join(_html_group(group, columns) for group in _by_setting(rows))
    return (
        f'<div class="wide"><table><thead><tr><th>method</th><th>n</th>{heads}</tr></thead>'
        f'{groups}</table></div><p class="note">Bold: the best of its setting. ±: the standard '
        f"error of the mean. Bar on the left: ours.</p>"
    )


def _html_group(group, columns):
    setting = html.escape(str(group[0]["setting"]))
    lines = [f'<tr class="setting"><th colspan="{len(columns) + 2}">{setting}</th></tr>']
    for row in group:
        method, variant, _, n = map(html.escape, _labels(row))
        cells = "".join(
            f"<td{BEST if best else ''}>{value}<small>{error}</small></td>"
            for value, error, best in (_cell(row, column, group) for column in columns.values())
        )
        head = f"<th>{method}{f' <small>{variant}</small>' if variant else ''}</th>"
        ours = ' class="ours"' if row.get("ours") else ""
        lines.append(f"<tr{ours}>{head}<td>{n}</td>{cells}</tr>")
    return f"<tbody>{''.join(lines)}</tbody>"


def _curves(lines):
    """Draw one small curve a number, held-out values beside those of training."""
    names = dict.fromkeys(name.removeprefix(HELD_OUT) for line in lines for name in line)
    curves = []
    for name in names:
        drawn = {"training": _points(lines, name), "held-out": _points(lines, HELD_OUT + name)}
        if name not in NOT_CURVES and any(drawn.values()):
            curves.append(page.curve(_words(name), drawn))
    return f'<div class="curves">{"".join(curves)}</div>'


def _points(lines, name):
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    return [(step, value) for step, value in points if np.isfinite(value)]
