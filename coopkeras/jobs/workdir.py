"""A workdir: the folder that holds one run, and lets it resume where it stopped.

    config.json        the resolved settings, and who made it
    checkpoints/       everything that learning needs to go on, one file a checkpoint
    metrics.jsonl      a line of running means every `log_every` updates
    results.json       the final table, ours and every baseline's
    samples/           images
    report.html        all of it on one page

Every file is written aside and renamed; nothing that another run made is changed.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import re
import zipfile
import zlib

import numpy as np
from absl import logging

import coopkeras
from coopkeras.errors import UserError
from coopkeras.task import DataSpec

KEPT_CHECKPOINTS = 2
ROLLBACKS = "rollbacks"  # its name in a checkpoint
DAMAGES = (EOFError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error)


class Workdir:
    """One run's folder.

    Args:
        path: the folder; it is made when something is first written.

    Example:
        >>> Workdir("runs/inpaint").path.name
        'inpaint'
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)

    # Whose it is ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def claim(self, task):
        """Hold the folder for one run of `task`.

        Raises:
            UserError: if it can't be written, another run holds it, or it was made by another
                task or config.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open(self.path / ".lock", "a+", encoding="ascii")  # noqa: SIM115
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise UserError(
                    f"Another run (process {lock.read().strip() or 'unknown'}) is working in "
                    f"{self.path}; wait for it, or give another --workdir."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._check_owner(task)
            yield self

    def config(self):
        """Return the content of config.json.

        Raises:
            UserError: if nothing was trained here.
        """
        try:
            return json.loads((self.path / "config.json").read_text("utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{self.path} holds no trained model; train first, with the same --task and "
                f"--workdir and without --mode."
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path}/config.json can't be read: {error}") from None

    def load_config(self, task_class):
        """Return the config that the run here was made with, as `task_class.Config`."""
        written = self.config()
        self._check_maker(written, task_class.name)
        known = {field.name for field in dataclasses.fields(task_class.Config)}
        if unknown := sorted(set(written["config"]) - known):
            raise UserError(
                f"{self.path} was made when --task={task_class.name} had other settings: "
                f"{', '.join(unknown)}. Train again in another --workdir, or use that code."
            )
        return task_class.Config(**written["config"])

    def spec(self):
        """Return the `DataSpec` of the examples that the run here learns from, without their mean.

        Raises:
            UserError: if nothing was trained here.
        """
        examples = self.config()["examples"]
        shape, classes = tuple(examples["shape"]), tuple(examples["classes"])
        return DataSpec(shape, examples["count"], classes, examples["deviation"])

    def remember(self, task, spec):
        """Write config.json; of a run that is resumed, check that it has the examples it had.

        Args:
            task: a `Task`; of one that is resumed, settings that take no part in learning may
                have changed.
            spec: the `DataSpec` of the examples.

        Raises:
            UserError: if the data have changed.
        """
        spec = spec._replace(mean=None)
        if self.checkpoints():
            old = self.spec()
            if (old.shape, old.count) != (spec.shape, spec.count):
                raise UserError(
                    f"{self.path} learns from {old.count} examples of shape {old.shape}; now "
                    f"data={task.config.data} has {spec.count} of {spec.shape}. Put the data back "
                    f"as they were, or give another --workdir."
                )
            spec = old
        content = {
            "task": task.name,
            "version": coopkeras.__version__,
            "config": dataclasses.asdict(task.config),
            "examples": {
                "shape": list(spec.shape),
                "count": spec.count,
                "classes": list(spec.classes),
                "deviation": spec.deviation,
            },
        }
        self.write_json("config.json", content)

    def _check_owner(self, task):
        """Refuse another task or config; where nothing was learned yet there is nothing to lose."""
        if not self.checkpoints():
            return
        old, new = map(dataclasses.asdict, (self.load_config(type(task)), task.config))
        measured = {"updates"} if task.config.minutes else set()
        changed = [
            f"{name} was {old[name]!r}, now {new[name]!r}"
            for name in sorted(new.keys() - task.config.free() - measured)
            if old[name] != new[name]
        ]
        if changed:
            raise UserError(
                f"{self.path} was made with other settings ({'; '.join(changed)}). "
                f"Repeat them to resume it, or give another --workdir."
            )

    def _check_maker(self, written, name):
        """Refuse what another task made, or a version whose models and settings are not these."""
        if written["task"] != name:
            raise UserError(
                f"{self.path} was made by --task={written['task']}; received --task={name}. "
                f"Give another --workdir."
            )
        made_by, this = (v.rpartition(".")[0] for v in (written["version"], coopkeras.__version__))
        if made_by != this:
            raise UserError(
                f"{self.path} was made by coopkeras {written['version']}, and this is "
                f"{coopkeras.__version__}, which can't use its models; train again in another "
                f"--workdir, or install that version."
            )

    # Checkpoints ----------------------------------------------------------------------------

    def checkpoints(self):
        """Return `[(step, path)]`, oldest first."""
        found = (self.path / "checkpoints").glob("*.npz")
        return sorted((int(path.stem), path) for path in found if path.stem.isdigit())

    def save_checkpoint(self, step, variables, *, rollbacks=0, epoch=1):
        """Write the values of `variables` after `step` updates, and drop older checkpoints.

        Args:
            step: number of updates.
            variables: list.
            rollbacks: how often learning has gone back.
            epoch: updates; the last checkpoint of whole epochs is kept, however old.
        """
        arrays = {_key(n, variable): np.asarray(variable) for n, variable in enumerate(variables)}
        arrays |= {ROLLBACKS: np.int32(rollbacks)} if rollbacks else {}
        self.write(
            f"checkpoints/{step:09d}.npz", lambda file: np.savez(file, **arrays), binary=True
        )
        kept = [step for step, _ in self.checkpoints()][-KEPT_CHECKPOINTS:]
        kept.append(self._whole(epoch))
        self._drop(step for step, _ in self.checkpoints() if step not in kept)

    def go_back(self, epoch):
        """Drop the checkpoints after the last one of whole epochs; return its step, 0 if none."""
        last = self._whole(epoch)
        self._drop(step for step, _ in self.checkpoints() if step > last)
        return last

    def restore(self, variables):
        """Give `variables` their values of the last checkpoint; return its step, 0 if none."""
        return self.resume(variables)[0]

    def resume(self, variables):
        """Give `variables` their values of the last checkpoint that can be read.

        Args:
            variables: list.

        Returns:
            step, rollbacks: of that checkpoint; 0 and 0 if there is none.

        Raises:
            UserError: if none can be read, or it is one of another model.
        """
        for step, path in self.checkpoints()[::-1]:
            try:
                values, rollbacks = _read(path, variables)
            except DAMAGES as error:
                self._say_damaged(path, error)
                continue
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            return step, rollbacks
        return 0, 0

    def _say_damaged(self, path, error):
        """Say that the checkpoint before is used; raise a UserError if there is none."""
        if isinstance(error, UserError):
            raise error from None
        if path == self.checkpoints()[0][1]:
            raise UserError(
                f"Checkpoint {path} can't be read ({error}), and there is none before it. Delete "
                f"it to start again."
            ) from None
        logging.warning("%s can't be read (%s); the checkpoint before it is used.", path, error)

    def _whole(self, epoch):
        """Return the step of the last checkpoint of whole epochs, 0 if there is none."""
        return max((step for step, _ in self.checkpoints() if step % epoch == 0), default=0)

    def _drop(self, steps):
        for step in list(steps):
            (self.path / f"checkpoints/{step:09d}.npz").unlink()

    # The other files ------------------------------------------------------------------------

    def metrics(self, up_to=None):
        """Return the lines of metrics.jsonl as dicts, those up to step `up_to` if given."""
        try:
            text = (self.path / "metrics.jsonl").read_text("utf-8")
        except FileNotFoundError:
            return []
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if up_to is None or line["step"] <= up_to]

    def write_metrics(self, lines):
        """Write metrics.jsonl."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        self.write("metrics.jsonl", lambda file: file.write(text))

    def results(self):
        """Return the content of results.json, {} if nothing was judged yet."""
        return self.read_json("results.json")

    def read_json(self, name):
        """Return the content of a JSON file, {} if there is none."""
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except FileNotFoundError:
            return {}

    def write_json(self, name, content):
        """Write a JSON file."""
        self.write(name, lambda file: file.write(json.dumps(content, indent=2) + "\n"))

    def write(self, name, writer, binary=False):
        """Write a file aside with `writer(file)`, then rename it into place."""
        path = self.path / name
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(aside, "wb" if binary else "w", **({} if binary else UTF8)) as file:
                    writer(file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(aside, path)
            finally:
                aside.unlink(missing_ok=True)


UTF8 = {"encoding": "utf-8"}


@contextlib.contextmanager
def writing(path):
    """Turn a refusal of the file system into one clear line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} can't be written: {error.strerror or error}. What was there before is "
            f"untouched; make room or give another folder, then run the same command again."
        ) from error


def _read(path, variables):
    """Return the values of `variables` in a checkpoint, and how often learning had gone back."""
    with np.load(path) as arrays:
        try:
            values = [arrays[_key(n, variable)] for n, variable in enumerate(variables)]
        except KeyError as error:
            raise _other_model(path, error.args[0]) from None
        rollbacks = int(arrays[ROLLBACKS]) if ROLLBACKS in arrays.files else 0
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise _other_model(path, f"{variable.name} was {value.shape}")
    return values, rollbacks


def _other_model(path, reason):
    return UserError(
        f"Checkpoint {path} does not fit this model ({reason}): it was made with other settings or "
        f"by another version. Repeat its settings, or give another --workdir."
    )


def _key(number, variable):
    """Return a variable's name in a checkpoint, without the numbers that Keras gives to layers.

    They count the layers made in this process: the same model has others the second time.
    """
    name = getattr(variable, "path", variable.name)
    return f"{number:05d} {re.sub(r'_[0-9]+(?![a-zA-Z0-9])', '', name).replace('/', '.')}"
