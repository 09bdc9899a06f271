"""Write finished runs into docs/results.md: each run's command, seed, date, machine and table.

    python benchmarks/results.py runs/inpaint runs/faces

A run takes the place of the section with its heading and command; the other sections stay.
"""

import datetime
import json
import os
import pathlib
import platform
import re
import sys

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "results.md"
HEAD = """# Results

Made by `benchmarks/results.py` from the workdirs of finished runs; nothing here is typed by hand.
A value is the mean over the judged examples, ± its standard error where there is one per example.
`estimate` is the recovery at temperature 0, `sample` draws at temperature 1; "proposed" is the
generator alone, the others are revised by the descriptor. Settings of textures and of sounds were
chosen by looking at the same held-out parts, so those figures flatter us.
Most runs shared their machine with other work: alone they take less time.
Commands name settings as the version did that ran them; docs/settings.md lists what was renamed.
"""


def main(workdirs):
    """Write the page."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    sections = {_key(text): text for text in re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]}
    for workdir in workdirs:
        text = _section(pathlib.Path(workdir))
        sections[_key(text)] = text
    tasks = list(dict.fromkeys(map(_task, sections)))
    together = sorted(sections, key=lambda key: tasks.index(_task(key)))
    texts = [HEAD, *(sections[key] for key in together)]
    PAGE.write_text("\n".join(text.strip() + "\n" for text in texts), "utf-8")
    print(f"wrote {PAGE} ({len(sections)} runs, {len(workdirs)} of them new)")


def _key(section):
    """Return the heading and the command of a section."""
    return tuple(section.splitlines()[:3:2])


def _task(key):
    """Return the task that a section is of, which its heading begins with."""
    return key[0].split(",")[0]


def _section(workdir):
    results = json.loads((workdir / "results.json").read_text("utf-8"))
    config = json.loads((workdir / "config.json").read_text("utf-8"))
    date = datetime.date.fromtimestamp((workdir / "results.json").stat().st_mtime)
    settings = config["config"]
    lines = [
        f"## {results['task']}, {settings.get('method', '')}, {pathlib.Path(results['data']).name}",
        "",
        f"    {results['command']}",
        "",
        f"Seed {results['seed']}, {settings['updates']} updates of {settings['batch_size']} "
        f"examples in {results['seconds'] / 60:.1f} minutes of training, {date}, {_machine()}.",
        "All settings, defaults of that day included: "
        + ", ".join(f"{name}={value}" for name, value in settings.items() if value != "")
        + ".",
        "",
    ]
    for setting in dict.fromkeys(row["setting"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["setting"] == setting]
        lines += _table(setting, rows) + [""]
    return "\n".join(lines)


def _table(setting, rows):
    names = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    arrows = {name: _aim(metric) for row in rows for name, metric in row["metrics"].items()}
    units = {name: m["unit"] for row in rows for name, m in row["metrics"].items()}
    heads = [f"{name} {arrows[name]} {units[name]}".strip() for name in names]
    title = f"{setting} (n = {rows[0]['n']})".strip()
    table = [f"| {title} | " + " | ".join(heads) + " |", "|---|" + "---|" * len(names)]
    for row in rows:
        name = row["method"] + (f", {row['variant']}" if row["variant"] else "")
        name += f" (n = {row['n']})" if row["n"] != rows[0]["n"] else ""
        cells = [_cell(row["metrics"].get(key), row["n"]) for key in names]
        table.append(f"| {f'**{name}**' if row['ours'] else name} | " + " | ".join(cells) + " |")
    return table


def _aim(metric):
    """Return which way is better, or the value that is best."""
    if "target" in metric:
        return f"→ {metric['target']:.2f}"
    return {"higher": "↑", "lower": "↓"}[metric["better"]]


def _cell(metric, n):
    if metric is None:
        return ""
    sd, se = metric["sd"], metric.get("se")
    se = sd / n**0.5 if se is None and sd is not None else se
    return f"{metric['value']:.4g}{'' if se is None else f' ± {se:.2g}'}"


def _machine():
    name = platform.processor() or platform.machine()
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text("utf-8")
        name = next(line for line in text.splitlines() if "model name" in line).split(": ")[1]
        name += ", AMX" if "amx_bf16" in text else ", no AMX"
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} cores of {name}"


if __name__ == "__main__":
    main(sys.argv[1:])
