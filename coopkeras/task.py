"""What a task is, and how one is found by name.

A task says what it learns from, which model, how it is judged, drawn, used on a person's own
file and served. Training, checkpoints, report, export and flags are given to it.
"""

import abc
import dataclasses
import importlib
import importlib.metadata
import inspect
import types
import typing

from coopkeras.errors import UserError

GROUP = "coopkeras.tasks"


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """The settings that every task has; a task's own Config adds to them.

    Attributes:
        data: name, file, folder or glob; see `coopkeras.data.split`.
        held_out: what is kept apart for judging, as in `coopkeras.data.split`; "" is the
            source's own default.
        size: side of one example, pixels (of sound its length, samples), >= 16.
        channels: one of `CHANNELS`; 0 is what the data have.
        batch_size: examples of one update.
        updates: length of training.
        log_every: updates between two lines of the log, and between two checkpoints.
        precision: "auto", "float32" or "mixed_bfloat16".
        seed: every random number is derived from it.
        CHANNELS: the numbers of channels that a task knows.
        PRESETS: other defaults that the value of a field brings, `{field: {value: {name:
            default}}}`; what is set by hand comes before them.
    """

    CHANNELS: typing.ClassVar[tuple] = (0, 1, 3)
    PRESETS: typing.ClassVar[dict] = {}

    data: str = ""
    held_out: str = ""
    size: int = 32
    channels: int = 0
    batch_size: int = 32
    updates: int = 1000
    log_every: int = 50
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self):
        """Check every field by its type, then what all tasks ask of them."""
        for name, kind in self._kinds().items():
            _check_type(name, kind, getattr(self, name))
        self.require(self.size >= 16, "size", "at least 16")
        known = ", ".join(str(number) for number in self.CHANNELS if number)
        expected = f"{known}, or 0 for what the data have"
        self.require(self.channels in self.CHANNELS, "channels", expected)
        choices = ("auto", "float32", "mixed_bfloat16")
        self.require(self.precision in choices, "precision", f"one of {', '.join(choices)}")
        for name in ("batch_size", "updates", "log_every"):
            self.require(getattr(self, name) >= 1, name, "at least 1")

    def require(self, holds, name, expected):
        """Raise a UserError that names the field unless `holds`."""
        if not holds:
            raise UserError(
                f"`{name}` should be {expected}; received {getattr(self, name)!r}. "
                f"Set it with --set={name}=..."
            )

    @classmethod
    def parse(cls, settings, **flags):
        """Make a config from `name=value` texts; `flags` are set unless they are None.

        Args:
            settings: list of "name=value".
            **flags: values that have a flag of their own (data, seed).

        Returns:
            config: a `TaskConfig` of this class.

        Raises:
            UserError: for an unknown name (the known ones are listed) or a wrong type.

        Example:
            >>> TaskConfig.parse(["size=64"]).size
            64
        """
        values = cls._values(settings, flags)
        return cls(**cls.presets(values) | values)

    @classmethod
    def presets(cls, values):
        """Return the defaults that what is set by hand brings, by `PRESETS`.

        Args:
            values: what is set by hand, by name.
        """
        brought = {}
        for field, presets in cls.PRESETS.items():
            value = {**brought, **values}.get(field, getattr(cls, field))
            brought = presets.get(value, {}) | brought
        return brought

    def changed(self, settings, **flags):
        """Return this config with other settings, given as to `parse`.

        Example:
            >>> TaskConfig(size=64).changed(["updates=10"]).size
            64
        """
        return dataclasses.replace(self, **self._values(settings, flags))

    @classmethod
    def _kinds(cls):
        """Return the type of each field by name."""
        kinds = typing.get_type_hints(cls)
        return {field.name: kinds[field.name] for field in dataclasses.fields(cls)}

    @classmethod
    def _values(cls, settings, flags):
        known = cls._kinds()
        values = {name: value for name, value in flags.items() if value is not None}
        for setting in settings:
            name, equals, text = setting.partition("=")
            if not equals or name not in known:
                raise UserError(
                    f"--set={setting} should be name=value; the names are {', '.join(known)}."
                )
            values[name] = _parse(name, known[name], text)
        return values


class Task(abc.ABC):
    """A thing to learn and do, by name: subclass it once, finally, and register the class.

    Attributes:
        name: the word on the command line.
        summary: one line for --list.
        takes_input: whether `predict` needs a file to read.
        suffix: of the files that `predict` reads and writes, for the commands of the report.
        Config: a frozen dataclass derived from `TaskConfig`.

    Args:
        config: an instance of `Config`; its defaults when left out.

    When `build` is called, two things are known of the examples to learn from: `classes`, the
    names of their labels, () without, and `deviation`, the standard deviation of their values
    about the mean example.
    """

    name: typing.ClassVar[str]
    summary: typing.ClassVar[str]
    takes_input: typing.ClassVar[bool] = True
    suffix: typing.ClassVar[str] = ".png"
    Config: typing.ClassVar[type]

    def __init__(self, config=None):
        self.config = self.Config() if config is None else config
        self.classes, self.deviation = (), 0.5

    @abc.abstractmethod
    def datasets(self):
        """Return a `data.Split`: examples to learn from (as the model sees them) and judge by."""

    @abc.abstractmethod
    def build(self, shape, count):
        """Return the compiled Keras model.

        Args:
            shape: of one example, such as (32, 32, 1).
            count: number of examples to learn from, for what is kept of each.
        """

    @abc.abstractmethod
    def judge(self, model, split):
        """Return the rows of results.json on held-out examples, ours and every baseline's."""

    @abc.abstractmethod
    def draw(self, model, split):
        """Return pictures, clips and sounds by caption.

        A picture is float `[height, width, 1 or 3]` in [-1, 1], or uint8; a clip, shown
        moving, is a `coopkeras.video.Clip`, and a sound a `coopkeras.audio.Sound`.
        """

    @abc.abstractmethod
    def predict(self, model, input_path, output_path, mask_path=None):
        """Use the model on a person's own file; return the list of files written."""

    @abc.abstractmethod
    def signatures(self, model):
        """Return what is served: `{name: tf.function with an input signature and dict outputs}`.

        Every input and output has a leading batch dimension.
        """


def row(method, *, setting, metrics, n, ours=False, variant=None):
    """Return one row of results.json.

    Args:
        method: our method's or the baseline's name.
        setting: what it was judged on, such as "M12".
        metrics: `{name: (values per example or one number, unit, "higher" | "lower")}`.
        n: number of examples judged.
        ours: whether it is our method.
        variant: "proposed", "estimate" or "sample" for ours.

    Returns:
        row: dict as in results.json, `value` the mean and `sd` the standard deviation.
    """
    import numpy as np

    return {
        "method": method,
        "ours": ours,
        "variant": variant,
        "setting": setting,
        "n": n,
        "metrics": {
            name: {
                "value": float(np.mean(values)),
                "sd": float(np.std(values)) if np.ndim(values) else None,
                "unit": unit,
                "better": better,
            }
            for name, (values, unit, better) in metrics.items()
        },
    }


# Finding a task ---------------------------------------------------------------------------------


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
    raise UserError(f"There is no task {name!r}; the tasks are {', '.join(sorted(tasks))}.")


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


# The types of a config's fields -----------------------------------------------------------------


def _parse(name, kind, text):
    """Turn the text of --set into the field's type."""
    kinds = [kind] if not isinstance(kind, types.UnionType) else list(typing.get_args(kind))
    if types.NoneType in kinds and text == "None":
        return None
    for kind in kinds:
        try:
            if kind is bool:
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
            if kind in (int, float, str):
                return kind(text)
        except (ValueError, KeyError):
            continue
    words = " or ".join(kind.__name__ for kind in kinds)
    raise UserError(f"`{name}` should be of type {words}; received {text!r} (--set={name}={text}).")


def _check_type(name, kind, value):
    kinds = typing.get_args(kind) or (kind,)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        words = " or ".join(kind.__name__ for kind in kinds)
        raise UserError(f"`{name}` should be of type {words}; received {value!r}.")
