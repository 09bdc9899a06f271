"""The settings of a task as `--task=NAME --help` shows them, from its Config and its docstrings."""

import dataclasses
import inspect
import re
import shutil
import textwrap

from coopkeras import registry

GROUPS = ("learning", "judging", "predict")
WIDTH = 100  # of what is printed, unless the terminal says
INDENT = 2
LONGEST = 16  # value that widens the column of all


def explain(task_name, *, plugins=(), given=(), flags=None, expert=False):
    """Print the settings of a task with their values and meanings.

    Args:
        task_name: a task's name.
        plugins: names of modules that define tasks.
        given: list of "name=value"; what they imply is shown.
        flags: dict of settings that have a flag of their own; None is not given.
        expert: show all that are read.

    Raises:
        UserError: for any mistake in what was asked.
    """
    cls = registry.find(task_name, plugins)
    print(listing(cls, cls.Config.parse(given, **flags or {}), expert))


def listing(cls, config, expert=False):
    """Return the settings that a task reads, as text: name, value and meaning, in `GROUPS`.

    Args:
        cls: a subclass of `Task`.
        config: an instance of its `Config`; its values are shown.
        expert: show those of `Config.EXPERT` too.
    """
    described, unread = meanings(cls.Config), config.unread()
    shown = {group: names(config, group, expert) for group in GROUPS}
    values = {name: _text(getattr(config, name)) for some in shown.values() for name in some}
    widths = [max(map(len, values)), min(LONGEST, max(map(len, values.values())))]
    lines = [f"{cls.name}: {cls.summary}", "Settings, each given as --set=name=value:"]
    for group, some in shown.items():
        lines += ["", group] if some else []
        lines += [_line(name, values[name], described.get(name, ""), widths) for name in some]
    hidden = sum(len(names(config, group, True)) for group in GROUPS) - len(values)
    lines += ["", f"{hidden} more for experts: --help=expert"] if hidden else [""]
    lines += [f"not read with {why}: {what}" for why, what in _by_reason(unread)]
    return "\n".join(lines).rstrip()


def names(config, group, expert=False):
    """Return the names of the settings of a group that are read.

    Args:
        config: a `TaskConfig`.
        group: one of `GROUPS`; "predict" has what is served too.
        expert: those of `Config.EXPERT` too.

    Example:
        >>> from coopkeras.task import TaskConfig
        >>> names(TaskConfig(log_every=7), "learning", expert=True)[-3:]
        ['log_every', 'precision', 'seed']
    """
    left_out = {*config.unread()} | (set() if expert else config.expert())
    fields = [field.name for field in dataclasses.fields(config)]
    return [name for name in fields if name not in left_out and _group(config, name) == group]


def meanings(kind):
    """Return what each setting of a Config means: a sentence of the class nearest to it.

    Args:
        kind: a subclass of `TaskConfig`; "Attributes:" of its docstring and of those of its base
            classes are read.

    Example:
        >>> from coopkeras.task import TaskConfig
        >>> meanings(TaskConfig)["updates"]
        'length of training'
    """
    found = {}
    for cls in kind.__mro__[::-1]:
        found |= _attributes(cls.__doc__)
    fields = {field.name for field in dataclasses.fields(kind)}
    return {name: _sentence(text) for name, text in found.items() if name in fields}


def _attributes(docstring):
    """Return the texts of the section "Attributes:" of a docstring by name."""
    found, name = {}, None
    _, _, section = inspect.cleandoc(docstring or "").partition("\nAttributes:\n")
    for line in section.splitlines():
        if line.strip() and not line.startswith("    "):
            break  # the next section
        if entry := re.match(r" {4}(\w+): +(.*)", line):
            name, found[entry[1]] = entry[1], entry[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _sentence(text):
    return text.partition(". ")[0].removesuffix(".")


def _group(config, name):
    if name in config.judging():
        return "judging"
    return "predict" if name in config.free() else "learning"


def _text(value):
    """Return a value as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _line(name, value, meaning, widths):
    """Return the line of a setting; a meaning that is longer goes on below itself."""
    start = f"{'':{INDENT}}{name:{widths[0]}}  {value:{widths[1]}}  "
    columns = max(shutil.get_terminal_size((WIDTH, 24)).columns, len(start) + 30)
    return textwrap.fill(
        start + meaning,
        columns,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _by_reason(unread):
    """Return `[(reason, names)]` of what is not read."""
    reasons = dict.fromkeys(unread.values())
    return [(why, ", ".join(n for n, w in unread.items() if w == why)) for why in reasons]
