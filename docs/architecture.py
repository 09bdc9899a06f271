"""Draw docs/architecture.svg from the imports of the code: `python docs/architecture.py`.

A box is a subpackage, or files that belong together; an arrow goes from what imports to what is
imported. The imports are read from the syntax trees, with names that are fetched as `ck.name`.
"""

import ast
import pathlib
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).parents[1]
PICTURE = ROOT / "docs/architecture.svg"
GROUPS = {  # of files on top of coopkeras/, the six of the thesis in reading order
    "thesis": (
        "langevin",
        "observation",
        "modes",
        "descriptor",
        "generator",
        "coopnets",
        "boxes",
        "prior",
        "reference",
        "proposals",
    ),
    "ground": ("base", "errors", "precision", "rates", "seeds", "windows"),
    "task": ("task", "registry"),
}
BOXES = {  # name: (centre, row, width), pixels and rows from the bottom
    "ground": (440, 0, 800),
    "thesis": (300, 1, 520),
    "task": (760, 1, 160),
    "images": (270, 2, 130),
    "audio": (105, 2, 130),
    "networks": (425, 2, 110),
    "metrics": (545, 2, 100),
    "video": (340, 3, 130),
    "data": (225, 4, 130),
    "recipes": (340, 5, 200),
    "jobs": (760, 5, 160),
    "tasks": (340, 6, 200),
    "testing": (700, 6, 110),
    "run": (820, 6, 90),
}
OWN = {"public", "__version__"}  # names of coopkeras/__init__.py itself
WIDTH, ROW, HEIGHT, TOP = 880, 84, 48, 20
COLOURS = {"thesis": "#fde9c8", "ground": "#e4e4e4", "tasks": "#d8ecd4"}


def units(file):
    """Return the boxes that a file uses, `coopkeras/__init__.py` left out."""
    tree, found = ast.parse(file.read_text("utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ck":
            found |= {_home(node.attr)}
    ours = {name.split(".")[1] for name in found if name.startswith("coopkeras.")}
    return {box(name) for name in ours - OWN}


def box(unit):
    """Return the box of a file or subpackage of coopkeras/.

    Raises:
        ValueError: if it has none.
    """
    group = [name for name, files in GROUPS.items() if unit in files]
    if not group and unit not in BOXES:
        raise ValueError(f"coopkeras.{unit} should have a place in BOXES or in GROUPS.")
    return group[0] if group else unit


def graph():
    """Return what each box imports, `{box: set of boxes}`."""
    found = {name: set() for name in BOXES}
    for file in sorted(ROOT.glob("coopkeras/**/*.py")):
        unit = file.relative_to(ROOT / "coopkeras").parts[0].removesuffix(".py")
        if unit not in ("__init__", "tasks"):
            found[box(unit)] |= units(file)
    for file in ROOT.glob("tasks/*.py"):
        found["tasks"] |= units(file)
    return {name: uses - {name} for name, uses in found.items()}


def arrows(found):
    """Return the arrows (from, to) of a graph, without those that follow from others."""

    def reached(name):
        return found[name].union(*map(reached, found[name]))

    return [
        (name, used)
        for name, uses in found.items()
        for used in sorted(uses)
        if not any(used in reached(other) for other in uses)
    ]


def draw(found):
    """Return a graph as the text of an SVG file, all of it in words in its description.

    Raises:
        ValueError: if an arrow does not go down.
    """
    words = "\n".join(f"{name}: {' '.join(sorted(uses)) or '-'}" for name, uses in found.items())
    height = 2 * TOP + 6 * ROW + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="15" text-anchor="middle">',
        "<title>Who imports whom in coopkeras</title>",
        f"<desc>\n{words}\n</desc>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
        '<rect width="100%" height="100%" fill="white"/>',
        *(_arrow(*pair) for pair in arrows(found)),
        *map(_box, BOXES),
        "</svg>\n",
    ]
    return "\n".join(lines)


def _arrow(start, end):
    (x, upper, wide), (to, lower, wide_end) = BOXES[start], BOXES[end]
    if upper <= lower:
        raise ValueError(f"{start} imports {end}, which is not below it.")
    x, to = _ends(x, wide, to, wide_end)
    top, bottom = _top(upper) + HEIGHT, _top(lower)
    return (
        f'<line x1="{x}" y1="{top}" x2="{to}" y2="{bottom}" stroke="#555" '
        'stroke-width="1.5" marker-end="url(#head)"/>'
    )


def _box(name):
    x, row, width = BOXES[name]
    top = _top(row)
    what = "" if name not in GROUPS else " ".join(GROUPS[name])
    title = f'<text x="{x}" y="{top + (21 if what else 30)}" font-weight="bold">{name}</text>'
    more = f'<text x="{x}" y="{top + 40}" font-size="14">{escape(what)}</text>' if what else ""
    return (
        f'<rect x="{x - width // 2}" y="{top}" width="{width}" height="{HEIGHT}" rx="6" '
        f'fill="{COLOURS.get(name, "#dce8f6")}" stroke="#555"/>{title}{more}'
    )


def _ends(x, wide, to, wide_end):
    """Return where an arrow starts and ends: straight down where one box is over the other."""
    left = [centre - width // 2 + 20 for centre, width in ((x, wide), (to, wide_end))]
    right = [centre + width // 2 - 20 for centre, width in ((x, wide), (to, wide_end))]
    if max(left) <= min(right):
        middle = (max(left) + min(right)) // 2
        return middle, middle
    return (right[0], left[1]) if x < to else (left[0], right[1])


def _top(row):
    return TOP + (6 - row) * ROW


def _home(name):
    """Return the dotted file that holds what `ck.name` is."""
    homes = {"Task": "task", "TaskConfig": "task", "UserError": "errors"}
    return f"coopkeras.{homes.get(name, name.lower())}"


if __name__ == "__main__":
    PICTURE.write_text(draw(graph()), "utf-8")
