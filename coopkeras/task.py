"""What a task is.

A task says what it learns from, which model, how it is judged, drawn, used on a user's own file
and served. Training, checkpoints, report, export and flags are given to it.
"""

import abc
import dataclasses
import difflib
import math
import types
import typing

import numpy as np

from coopkeras.errors import UserError


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """The settings that every task has; a task's own Config adds to them.

    Attributes:
        data: name, file, folder or glob; see `coopkeras.data.split`.
        held_out: what is kept apart for judging; by default the source's own. See
            `coopkeras.data.split`.
        size: side of one example, pixels, 16 or more.
        channels: 1 or 3, or 0 for what the data have.
        batch_size: examples of one update.
        updates: length of training.
        minutes: length of training by the clock, in place of `updates`; 0 takes `updates`. It is
            measured at the first start how many it is enough for.
        log_every: updates between two lines of the log, and between two checkpoints.
        precision: "auto", "float32" or "mixed_bfloat16".
        seed: every random number is derived from it.
        CHANNELS: the numbers of channels that a task knows.
        IMPLIED: defaults implied by the value of a field, `{field: {value: {name: default}}}`;
            explicit settings come before them.
        EXPERT: names of the settings that `--help` leaves out; those of all base classes count.
    """

    CHANNELS: typing.ClassVar[tuple] = (0, 1, 3)
    EXPERT: typing.ClassVar[tuple] = ("log_every", "precision")
    IMPLIED: typing.ClassVar[dict] = {}

    data: str = ""
    held_out: str = ""
    size: int = 32
    channels: int = 0
    batch_size: int = 32
    updates: int = 1000
    minutes: float = 0.0
    log_every: int = 50
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self):
        """Check every field by its type, then what all tasks ask of them."""
        for name, kind in self._kinds().items():
            _check_type(name, kind, getattr(self, name))
        self.at_least(size=16)
        known = ", ".join(str(number) for number in self.CHANNELS if number)
        expected = f"{known}, or 0 for what the data have"
        self.require(self.channels in self.CHANNELS, "channels", expected)
        choices = ("auto", "float32", "mixed_bfloat16")
        self.require(self.precision in choices, "precision", f"one of {', '.join(choices)}")
        self.at_least(batch_size=1, updates=1, log_every=1)
        self.require(0 <= self.minutes < math.inf, "minutes", "0 or more")

    def require(self, holds, name, expected):
        """Raise a UserError that names the field unless `holds`."""
        if not holds:
            raise UserError(
                f"`{name}` should be {expected}; received {getattr(self, name)!r}. "
                f"Set it with --set={name}=..."
            )

    def at_least(self, **least):
        """Raise a UserError that names the first field below its least value."""
        for name, value in least.items():
            expected = f"at least {value}" if value else "0 or more"
            self.require(getattr(self, name) >= value, name, expected)

    @classmethod
    def parse(cls, settings, **flags):
        """Make a config from `name=value` texts; `flags` are set unless they are None.

        Args:
            settings: list of "name=value".
            **flags: values that have a flag of their own (data, seed).

        Returns:
            config: a `TaskConfig` of this class.

        Raises:
            UserError: for an unknown name (the nearest one is named, or all are), a wrong type,
                a setting that nothing reads, given the others, or two lengths of training.

        Example:
            >>> TaskConfig.parse(["size=64"]).size
            64
        """
        values = cls._values(settings, flags)
        if values.get("minutes") and "updates" in values:
            raise UserError("`minutes` and `updates` both say how long to train; leave one out.")
        config = cls(**cls.implied(values) | values)
        unread = config.unread()
        for name in values:
            if name in unread:
                raise UserError(f"`{name}` is not read with {unread[name]}; leave it out.")
        return config

    @classmethod
    def implied(cls, values):
        """Return the defaults implied by the explicit settings; see `IMPLIED`.

        Args:
            values: the explicit settings, by name.
        """
        found = {}
        for field, defaults in cls.IMPLIED.items():
            value = {**found, **values}.get(field, getattr(cls, field))
            found = defaults.get(value, {}) | found
        return found

    # What reads a setting: the names that a task's own Config adds --------------------------

    def unread(self):
        """Return the settings that nothing reads given the others, and why: `{name: reason}`.

        Example:
            >>> TaskConfig().unread()
            {}
        """
        return {}

    def judging(self):
        """Return the names of the settings that only `judge` and `draw` read."""
        return ()

    def predicting(self):
        """Return the names of the settings that `predict` reads, besides `seed`."""
        return ()

    def serving(self):
        """Return the names of the settings that `signatures` reads and learning does not."""
        return ()

    def free(self):
        """Return the names of all settings that take no part in learning."""
        return {*self.judging(), *self.predicting(), *self.serving()}

    @classmethod
    def expert(cls):
        """Return the names of the settings that only experts need; see `EXPERT`.

        Example:
            >>> sorted(TaskConfig.expert())
            ['log_every', 'precision']
        """
        return {name for kind in cls.__mro__ for name in vars(kind).get("EXPERT", ())}

    def in_use(self, mode, settings, **flags):
        """Return the config of a trained model with the settings that a job reads changed.

        Args:
            mode: "evaluate", "predict" or "export".
            settings: as for `parse`.
            **flags: as for `parse`.

        Raises:
            UserError: for a setting that was learned, or that the job does not read.

        Example:
            >>> TaskConfig(size=64).in_use("predict", [], seed=3).seed
            3
        """
        reads = {
            "evaluate": ("data", "held_out", "seed", *self.judging()),
            "predict": ("seed", *self.predicting()),
            "export": self.serving(),
        }[mode]
        values = self._values(settings, flags)
        reads = [name for name in reads if name not in self.unread()]
        for name, value in values.items():
            if name not in reads and value != getattr(self, name):
                was = "does not read it" if name in self.free() else "can't change what was learned"
                raise UserError(
                    f"`{name}` is {getattr(self, name)!r} in this model, and --mode={mode} {was}; "
                    f"it reads {', '.join(reads) or 'no setting'}."
                )
        return dataclasses.replace(self, **values)

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
            if not equals:
                raise UserError(f"--set={setting} should be name=value; give a value.")
            if name not in known:
                raise UserError(f"There is no setting {name!r}{_instead(name, known)}")
            values[name] = _parse(name, known[name], text)
        return values


class DataSpec(typing.NamedTuple):
    """What `Task.build` depends on besides the settings: the examples to learn from.

    Attributes:
        shape: of one example, such as (32, 32, 1).
        count: number of examples, for what is kept of each.
        classes: names of their labels, () without labels.
        deviation: standard deviation of their values about the mean example, in units of x.
        mean: the mean example, float32 of `shape`; None where a trained model is made again.

    Example:
        >>> DataSpec((32, 32, 1), count=100).deviation
        0.5
    """

    shape: tuple
    count: int = 1
    classes: tuple = ()
    deviation: float = 0.5
    mean: np.ndarray | None = None


class Task(abc.ABC):
    """A thing to learn and do, by name: subclass it once, finally, and register the class.

    Attributes:
        name: the word on the command line.
        summary: one line for --list.
        takes_input: whether `predict` needs a file to read.
        takes_mask: whether it needs a mask too, unless the file itself says what to fill.
        completes: whether it can learn from what is known of one file and complete that file; then
            it has `config_of_file`.
        suffix: of the files that `predict` reads and writes, for the commands of the report.
        Config: a frozen dataclass derived from `TaskConfig`.

    Args:
        config: an instance of `Config`; its defaults when left out.
    """

    name: typing.ClassVar[str]
    summary: typing.ClassVar[str]
    takes_input: typing.ClassVar[bool] = True
    takes_mask: typing.ClassVar[bool] = False
    completes: typing.ClassVar[bool] = False
    suffix: typing.ClassVar[str] = ".png"
    Config: typing.ClassVar[type]

    def __init__(self, config=None):
        self.config = self.Config() if config is None else config

    @classmethod
    def config_of_file(cls, path, mask_path, output_path, settings, **flags):
        """Return the `Config` to learn from what is known of one file, of a task that `completes`.

        Args:
            path: of the file, `data` of the config.
            mask_path: of the mask of what is not known; None where the file itself says it.
            output_path: where the completed file will go.
            settings: list of "name=value".
            **flags: settings that have a flag of their own (seed).

        Raises:
            UserError: if the file can't be completed, or not be written to such a path.
        """
        raise NotImplementedError(f"--task={cls.name} does not complete files.")

    @abc.abstractmethod
    def datasets(self):
        """Return a `data.Split`: examples to learn from (as the model sees them) and judge by."""

    @abc.abstractmethod
    def build(self, spec):
        """Return the compiled Keras model.

        Args:
            spec: a `DataSpec`, the examples to learn from.
        """

    def prepare(self, model, examples):  # noqa: B027 - most tasks have nothing to prepare
        """Fit what of the model is not learned but measured, before learning; by default nothing.

        Args:
            model: what `build` returned.
            examples: a `data.Examples` to learn from.
        """

    @abc.abstractmethod
    def judge(self, model, split):
        """Return the rows of results.json on held-out examples, ours and every baseline's."""

    @abc.abstractmethod
    def draw(self, model, split):
        """Return what there is to see and hear, by caption.

        Each is an `images.Image`, a `video.Clip`, an `audio.Sound`, or anything else that has
        their `suffix`, `element` and `write(path)`.
        """

    @abc.abstractmethod
    def predict(self, model, input_path, output_path, mask_path=None):
        """Use the model on a user's own file; return the list of files written."""

    @abc.abstractmethod
    def signatures(self, model):
        """Return what is served, `{name: function}`.

        A function is a tf.function with an input signature, or a concrete function; it returns a
        dict. Every input and output has a leading batch dimension.
        """


def row(method, *, setting, metrics, n, variant=None, proposals=None):
    """Return one row of results.json.

    Args:
        method: our method's or the baseline's name.
        setting: what it was judged on, such as "M12".
        metrics: `{name: (values, unit, "higher" | "lower")}`, values one an example or one number.
            A fourth part is a dict of what else is known: `se`, the standard error of one number,
            and `target`, the value that is best.
        n: number of examples judged.
        variant: of ours "estimate" or "sample", or either "proposed"; None is a baseline's.
        proposals: `(name, metrics)` of another row for the same examples, from which the paired
            differences are taken.

    Returns:
        row: dict as in results.json: `value` the mean, `sd` the standard deviation, `se` the
            standard error; with `proposals` also `paired`, as `paired` returns it.
    """
    found = {
        "method": method,
        "ours": variant is not None,
        "variant": variant,
        "setting": setting,
        "n": n,
        "metrics": {name: _metric(*parts) for name, parts in metrics.items()},
    }
    if proposals is not None:
        found["paired"] = paired(metrics, *proposals)
    return found


def paired(metrics, to, others):
    """Return the mean differences between two results on the same examples.

        difference = mean_i (a_i - b_i),  se = sd_i (a_i - b_i) / sqrt(n)

    What makes an example hard is in both and drops out, so the standard error is far below that of
    either mean.

    Args:
        metrics: as `row` takes them.
        to: name of the other result.
        others: its metrics.

    Returns:
        differences: `{name: {"to", "difference", "se"}}` of the metrics that both have by example.

    Example:
        >>> ours, theirs = ({"error": ([a, a + 1], "", "lower")} for a in (1.0, 2.0))
        >>> paired(ours, "theirs", theirs)
        {'error': {'to': 'theirs', 'difference': -1.0, 'se': 0.0}}
    """
    found = {}
    for name in metrics.keys() & others.keys():
        a, b = metrics[name][0], others[name][0]
        if np.ndim(a) and np.shape(a) == np.shape(b):
            told = _metric(np.subtract(a, b), "", "")
            found[name] = {"to": to, "difference": told["value"], "se": told["se"]}
    return {name: found[name] for name in metrics if name in found}


def _metric(values, unit, better, more=None):
    """Return what results.json says of one metric."""
    several, more = np.ndim(values) > 0, dict(more or {})
    sd = float(np.std(values)) if several else None
    se = sd / np.sqrt(len(values)) if several else more.pop("se", None)
    se = float(se) if se is not None and np.isfinite(se) else None
    told = {"value": float(np.mean(values)), "sd": sd, "se": se, "unit": unit, "better": better}
    return told | {name: float(value) for name, value in more.items()}


def rows(judged, score):
    """Return the rows of what is judged alike.

    Args:
        judged: `{(method, variant, setting): results}`; None for results leaves a row out.
        score: function of results `[n, ...]` that returns their metrics, as `row` takes them.

    Example:
        >>> loudest = lambda x: {"peak": (np.max(x), "", "lower")}
        >>> found = rows({("ours", "sample", ""): [1, 2], ("no rival", None, ""): None}, loudest)
        >>> [row["metrics"]["peak"]["value"] for row in found]
        [2.0]
    """
    return [
        row(method, setting=setting, metrics=score(x), n=len(x), variant=variant)
        for (method, variant, setting), x in judged.items()
        if x is not None
    ]


def _instead(name, known):
    """Return the end of a sentence about an unknown name: the one that was meant, or all."""
    if close := difflib.get_close_matches(name, known, n=1):
        return f"; did you mean {close[0]!r}?"
    return f"; the settings are {', '.join(known)}."


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
