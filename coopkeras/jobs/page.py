"""Parts of a page that needs no other file: images, sounds, curves, commands; light and dark."""

import base64
import html
import io
import mimetypes
import re

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

SMALL = 640  # pixels; narrower images are enlarged by a whole factor, each pixel a square
READABLE = "44rem"  # wider images shrink to this width, not below: then they scroll
INK = "#0000a0"
# Matplotlib writes fixed colours; the page replaces these by ones that follow light and dark.
COLOURS = {"training": "#0000a1", "held-out": "#0000a2"}
THEMED = {INK: "currentColor", "#0000a1": "var(--training)", "#0000a2": "var(--held-out)"}


def whole(title, facts, sections):
    """Return the page's HTML.

    Args:
        title: its heading.
        facts: dict of a few things to know, shown under the title.
        sections: dict from a heading to a list of HTML parts; empty ones are left out.

    Returns:
        text: the page.

    Example:
        >>> "<h1>Faces</h1>" in whole("Faces", {"seed": 0}, {})
        True
    """
    title = html.escape(title)
    terms = (f"<div><dt>{n}</dt><dd>{html.escape(str(v))}</dd></div>" for n, v in facts.items())
    body = "".join(
        f"<section><h2>{html.escape(name)}</h2>{''.join(parts)}</section>"
        for name, parts in sections.items()
        if any(parts)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{title}</h1><dl>{''.join(terms)}</dl></header>\n"
        f"<main>{body}</main>\n</body>\n</html>\n"
    )


def image(path, caption):
    """Return a figure that holds the image itself.

    Args:
        path: `pathlib.Path` of an image that browsers show (png, jpg, gif, webp).
        caption: text under it.

    Returns:
        text: HTML.
    """
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as opened:
        width, height = opened.size
    scale = max(SMALL // width, 1)
    kind = mimetypes.guess_type(path.name)[0]
    caption = html.escape(caption)
    return (
        f'<figure><div class="wide"><img{SHARP if scale > 1 else ""} width="{width * scale}" '
        f'height="{height * scale}" style="min-width: min({width}px, {READABLE})" '
        f'alt="{caption}" src="data:{kind};base64,{base64.b64encode(data).decode("ascii")}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def sound(path, caption):
    """Return a figure with a player that holds the sound itself.

    Args:
        path: `pathlib.Path` of a .wav.
        caption: text under it.

    Returns:
        text: HTML.
    """
    caption, data = html.escape(caption), base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<figure><audio controls preload="none" aria-label="{caption}" '
        f'src="data:audio/wav;base64,{data}"></audio><figcaption>{caption}</figcaption></figure>'
    )


def curve(name, lines):
    """Return a figure with a small line plot, its scale logarithmic if the values ask for it.

    Args:
        name: what it shows.
        lines: dict from "training" or "held-out" to a list of points (update, value).

    Returns:
        text: HTML with the plot as SVG.
    """
    lines = {label: points for label, points in lines.items() if points}
    last = "".join(
        f' <span class="{label}">{label} {points[-1][1]:.4g}</span>'
        for label, points in lines.items()
    )
    svg = _svg(name, lines)
    return f"<figure><figcaption><b>{html.escape(name)}</b>{last}</figcaption>{svg}</figure>"


def command(label, line):
    """Return a command line to copy, under its label."""
    return f"<h3>{html.escape(label)}</h3><pre><code>{html.escape(line)}</code></pre>"


def _svg(name, lines):
    style = dict.fromkeys(["text.color", "axes.edgecolor", "axes.labelcolor"], INK)
    style |= {"xtick.color": INK, "ytick.color": INK, "font.size": 9}
    # A salt of its own keeps a plot's ids apart from those of the page's other plots.
    with matplotlib.rc_context(style | {"svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=(3.5, 2.1), layout="constrained")
        axes = figure.add_subplot(xlabel="updates")
        for label, points in lines.items():
            mark = "o" if len(points) == 1 else ""
            axes.plot(*zip(*points, strict=True), marker=mark, lw=1.5, color=COLOURS[label])
        values = [value for points in lines.values() for _, value in points]
        if values and 0 < 50 * min(values) < max(values):
            axes.set_yscale("log")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=INK, alpha=0.12, lw=0.6)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    for fixed, themed in THEMED.items():
        svg = svg.replace(fixed, themed)
    # Groups are numbered alike in every plot, and an id may stand only once on a page.
    return re.sub('<g id="[^"]*"', "<g", svg[svg.index("<svg") :])


FIGURES = {"img": image, "audio": sound}  # by the element of HTML that shows what is drawn
SHARP = ' class="sharp"'
STYLE = """
:root { color-scheme: light dark; --back: #fbfaf8; --card: #fff; --ink: #1d2126; --soft: #667079;
  --line: #e2e0db; --training: #2563b0; --held-out: #c2560c; --good: #1a7f43; --bad: #b3372b;
  --mark: #eaf2fb; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1c2024; --ink: #e6e4df;
  --soft: #98a1a9; --line: #31373d; --training: #74adf0; --held-out: #f0975a; --good: #62c98a;
  --bad: #ef8276; --mark: #1d2c3d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 66rem;
  background: var(--back); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0 0 .8rem; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.2;
  letter-spacing: -.015em; }
h2 { margin: 3rem 0 1rem; padding-bottom: .35rem; border-bottom: 1px solid var(--line);
  font-size: 1.2rem; }
h3 { margin: 1.2rem 0 .35rem; font-size: .9rem; font-weight: 600; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0; }
dt, small, .note, .card p, figcaption { color: var(--soft); font-size: .85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 0 0 2rem; }
figcaption { margin-top: .5rem; max-width: 46rem; }
img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
audio { display: block; width: min(100%, 40rem); }
.sharp { image-rendering: pixelated; }
.cards, .curves { display: grid; gap: 1rem; margin-bottom: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); }
.curves { grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.card, .curves figure { margin: 0; padding: .9rem 1.1rem; border: 1px solid var(--line);
  border-radius: 8px; background: var(--card); }
.card p { margin: 0; }
.card strong { display: block; font-size: 1.75rem; line-height: 1.35; letter-spacing: -.02em; }
.card strong small { font-size: 1rem; font-weight: 400; letter-spacing: 0; }
.better { color: var(--good); }
.worse { color: var(--bad); }
.curves figcaption { margin: 0 0 .4rem; }
.curves b { color: var(--ink); }
.curves span { margin-left: .4rem; white-space: nowrap; }
.training { color: var(--training); }
.held-out { color: var(--held-out); }
.curves svg { display: block; width: 100%; height: auto; color: var(--soft); }
.curves text { font-family: inherit !important; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; white-space: nowrap; }
th, td { padding: .38rem .9rem; text-align: right; font-weight: 400; }
th:first-child { position: sticky; left: 0; text-align: left; background: var(--back); }
thead th { color: var(--soft); font-size: .85rem; border-bottom: 1px solid var(--line); }
tbody tr + tr { border-top: 1px solid var(--line); }
.setting th { padding-top: 1.3rem; font-weight: 600; }
.ours th { box-shadow: inset 3px 0 var(--training); font-weight: 600; }
.ours th small { margin-left: .3rem; font-weight: 400; }
.best { background: var(--mark); font-weight: 700; }
.best small { font-weight: 400; }
pre { margin: 0; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); white-space: pre; overflow-x: auto; user-select: all;
  font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
"""
