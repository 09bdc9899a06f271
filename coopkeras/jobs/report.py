"""What a run ends with: a table for the terminal, and one page that opens without a network."""

import functools
import html

import numpy as np

from coopkeras.jobs import cells, page
from coopkeras.jobs.workdir import Workdir

BEST = ' class="best"'
NOT_CURVES = ("epoch", "step", "seconds")
REAL = "real, "  # other real data: the floor, no rival
HELD_OUT = "val_"  # Keras' prefix of what was measured on held-out data
WIDTH = 108  # characters of the text table; what is wider goes below


def table(rows):
    """Return the rows of results.json as an aligned text table.

    Rows of one setting stand together; the best of each is marked with a star. Means are
    followed by their standard errors. Columns that don't fit go into another part below, which
    leaves out the rows that have none of them.

    Args:
        rows: list of dicts, as `coopkeras.task.row` makes them.

    Returns:
        text: lines for a terminal; "" for no rows.

    Example:
        >>> psnr = {"value": 20.0, "sd": 2.0, "unit": "dB", "better": "higher"}
        >>> row = {"method": "mean", "setting": "M12", "n": 100, "metrics": {"psnr": psnr}}
        >>> print(table([row]).splitlines()[1])
        mean    M12      100  20.00 ± 0.20
    """
    if not rows:
        return ""
    ordered = [(row, group) for group in cells.by_setting(rows) for row in group]
    labels = [(cells.name(row), *cells.labels(row)[2:]) for row, _ in ordered]
    labels.insert(0, ("method", "setting", "n"))
    columns = cells.columns(rows).values()
    texts = [[cells.heading(column, short=True), *_marked(column, ordered)] for column in columns]
    wrapped = _wrapped(texts, WIDTH - len(_aligned(labels)[0]))
    parts = [_part(labels, some, all_rows=len(wrapped) == 1) for some in wrapped]
    told = [cells.SHORT[column.name][1] for column in columns if column.name in cells.SHORT]
    told = ["; ".join(filter(None, told))] if any(told) else []
    note = "* the best of its setting; ± the standard error of the mean"
    return "\n".join(["\n\n".join(parts), *told, note])


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


# The table in the terminal ----------------------------------------------------------------------


def _marked(column, ordered):
    """Return the cells of a column, the best of each group with a star."""
    found = (cells.cell(row, column, group) for row, group in ordered)
    return [f"{value}{error} {'*' if best else ' '}" for value, error, best in found]


def _wrapped(columns, width):
    """Return the columns in lists that are at most as wide, one column at least in each."""
    parts, used = [], 0
    for column in columns:
        wide = 2 + max(map(len, column))
        if not parts or used + wide > width:
            parts.append([])
            used = 0
        parts[-1].append(column)
        used += wide
    return parts


def _part(labels, columns, all_rows):
    """Return the text of a part of the table, with all rows or those that have something in it."""
    lines = [(*label, *cells) for label, *cells in zip(labels, *columns, strict=True)]
    if not all_rows:
        start = len(labels[0])
        lines = [
            line for line in lines if {cell.strip() for cell in line[start:]} != {cells.MISSING}
        ]
    return "\n".join(line.rstrip() for line in _aligned(lines))


def _aligned(lines):
    """Return lines of cells as texts: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligns = [str.ljust] * 2 + [str.rjust] * (len(widths) - 2)
    return [
        "  ".join(align(*cell) for align, *cell in zip(aligns, line, widths, strict=True))
        for line in lines
    ]


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
    column = next(iter(cells.columns(rows).values()))
    cards = (_headline(group, column) for group in cells.by_setting(rows))
    return f'<div class="cards">{"".join(cards)}</div>'


def _headline(group, column):
    name, unit, decimals = column.name, column.unit, column.decimals
    known = [row for row in group if cells.known(row, name)]
    ours = [row for row in known if row.get("ours")]
    ours = [row for row in ours if row.get("variant") == "estimate"] or ours
    others = [row for row in known if not row.get("ours")]
    baselines = [row for row in others if not row["method"].startswith(REAL)]
    if not ours or not baselines:
        return ""
    loss = functools.partial(cells.value_loss, column)
    ours, theirs = min(ours, key=loss), min(baselines, key=loss)
    gain = loss(theirs) - loss(ours)
    word = "better" if gain >= 0 else "worse"
    unit = f" {html.escape(unit)}" if unit else ""
    what, which = html.escape(cells.words(name)), html.escape(str(group[0]["setting"]))
    return (
        f'<div class="card"><p>{what} · {which} · {html.escape(cells.name(ours))}</p>'
        f"<strong>{cells.cell(ours, column, group)[0]}<small>{unit}</small></strong>"
        f'<p><b class="{word}">{abs(gain):.{decimals}f}{unit} {word}</b> than the best baseline, '
        f"{html.escape(cells.name(theirs))}</p></div>"
    )


def _html_table(rows):
    columns = cells.columns(rows)
    heads = "".join(f"<th>{html.escape(cells.heading(column))}</th>" for column in columns.values())
    groups = "".join(_html_group(group, columns) for group in cells.by_setting(rows))
    paired = {told["to"] for row in rows for told in row.get("paired", {}).values()}
    delta = f" Δ: difference to {html.escape(', '.join(sorted(paired)))}, example by example."
    return (
        f'<div class="wide"><table><thead><tr><th>method</th><th>n</th>{heads}</tr></thead>'
        f'{groups}</table></div><p class="note">Bold: the best of its setting. ±: the standard '
        f"error of the mean.{delta if paired else ''} Bar on the left: ours.</p>"
    )


def _html_group(group, columns):
    setting = html.escape(str(group[0]["setting"]))
    lines = [f'<tr class="setting"><th colspan="{len(columns) + 2}">{setting}</th></tr>']
    for row in group:
        method, variant, _, n = map(html.escape, cells.labels(row))
        numbers = "".join(_html_cell(row, column, group) for column in columns.values())
        head = f"<th>{method}{f' <small>{variant}</small>' if variant else ''}</th>"
        ours = ' class="ours"' if row.get("ours") else ""
        lines.append(f"<tr{ours}>{head}<td>{n}</td>{numbers}</tr>")
    return f"<tbody>{''.join(lines)}</tbody>"


def _html_cell(row, column, group):
    value, error, best = cells.cell(row, column, group)
    difference = cells.difference(row, column)
    below = f"<br><small>{difference}</small>" if difference else ""
    return f"<td{BEST if best else ''}>{value}<small>{error}</small>{below}</td>"


def _curves(lines):
    """Draw one small curve a number, held-out values beside those of training."""
    names = dict.fromkeys(name.removeprefix(HELD_OUT) for line in lines for name in line)
    curves = []
    for name in names:
        drawn = {"training": _points(lines, name), "held-out": _points(lines, HELD_OUT + name)}
        if name not in NOT_CURVES and any(drawn.values()):
            curves.append(page.curve(cells.words(name), drawn))
    return f'<div class="curves">{"".join(curves)}</div>'


def _points(lines, name):
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    return [(step, value) for step, value in points if np.isfinite(value)]
