"""The registry: a task is found by its name, among the built-in ones and those of strangers.

Tasks are entry points of the group `coopkeras.tasks`, or classes in a module of --plugin.
"""

import dataclasses
import importlib
import importlib.metadata
import inspect

from coopkeras.errors import UserError
from coopkeras.task import Task, TaskConfig

GROUP = "coopkeras.tasks"


def find(name, plugins=()):
    """Return the task class called `name`.

    Args:
        name: a task's name.
        plugins: names of modules that define tasks and are not installed as entry points.

    Returns:
        task: a subclass of `Task`.

    Raises:
        UserError: if there is none (the known names are listed) or it is broken (and why).
    """
    tasks, broken = available(plugins)
    for key, reason in broken.items():
        if key.startswith("--plugin="):
            raise UserError(f"{key} {reason}")
    if name in broken:
        raise UserError(f"Task {name!r} can't be used: {broken[name]}")
    if name in tasks:
        return tasks[name]
    raise UserError(
        f"There is no task {name!r}; the tasks are {', '.join(sorted(tasks))}. One of your own "
        f"needs --plugin=MODULE."
    )


def available(plugins=()):
    """Return `(tasks, broken)`: task classes by name, and reasons by name for those that fail.

    A name in both is broken. What is installed can't break a task of coopkeras' own: then the
    reason stands under "name (module:Class)". A module of `plugins` that gives no task stands
    under "--plugin=module".
    """
    tasks, broken = {}, {}
    entries = importlib.metadata.entry_points(group=GROUP)
    for entry in sorted(entries, key=lambda entry: (not _own(entry.value), entry.name)):
        _add(tasks, broken, entry.name, entry.value, entry.load)
    for plugin in plugins:
        _add_plugin(tasks, broken, plugin)
    return tasks, broken


def _add_plugin(tasks, broken, plugin):
    try:
        if plugin.endswith(".py"):
            raise ImportError(f"give the name of the module, {plugin.removesuffix('.py')}")
        module = importlib.import_module(plugin)
    except (Exception, SystemExit) as error:  # a plugin's own code may fail in any way
        broken[f"--plugin={plugin}"] = f"can't be imported: {_reason(error)}"
        return
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Task) and _within(value, plugin)
    ]
    if not found:
        broken[f"--plugin={plugin}"] = "defines no subclass of coopkeras.Task"
    for cls in found:
        name = getattr(cls, "name", cls.__name__)
        _add(tasks, broken, name, f"{plugin}:{cls.__name__}", lambda cls=cls: cls, asked_for=True)


def _within(cls, module):
    return f"{cls.__module__}.".startswith(f"{module}.")


def _own(where):
    """Say whether "module:Class" is of coopkeras itself, whose tasks live where the group says."""
    return where.startswith(f"{GROUP}.")


def _add(tasks, broken, name, where, load, asked_for=False):
    """Load one task; a broken one is named with its reason and the others work."""
    known = tasks.get(name)
    try:
        cls = load()
        problem = _problem(cls, name)
    except (Exception, SystemExit) as error:  # a plugin's own code may fail in any way
        problem = _reason(error)
    if problem is None and known not in (None, cls):
        problem = f"both {_where(known)} and {where} are called {name!r}"
    if problem is None:
        tasks[name] = cls
    elif known is not None and _own(_where(known)) and not asked_for:
        broken[f"{name} ({where})"] = problem
    else:
        broken[name] = f"{where}: {problem}"


def _where(cls):
    return f"{cls.__module__}:{cls.__name__}"


def _problem(cls, name):
    """Return how a class breaks the contract, or None."""
    if not (inspect.isclass(cls) and issubclass(cls, Task)):
        return "it is not a subclass of coopkeras.Task"
    missing = sorted(cls.__abstractmethods__)
    missing += [a for a in ("name", "summary", "Config") if not hasattr(cls, a)]
    if missing:
        return f"it lacks {', '.join(missing)}"
    if cls.name != name:
        return f"it calls itself {cls.name!r} and is registered as {name!r}"
    if not (isinstance(cls.summary, str) and len(cls.summary.splitlines()) == 1):
        return f"its summary should be one line of text; it is {cls.summary!r}"
    if not (dataclasses.is_dataclass(cls.Config) and issubclass(cls.Config, TaskConfig)):
        return "its Config is not a dataclass derived from coopkeras.TaskConfig"
    cls.Config()  # every field needs a default, and the defaults have to suit each other
    return None


def _reason(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
