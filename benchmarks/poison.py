"""Poisoned runs: settings 30 times too large either survive or stop cleanly.

    python benchmarks/poison.py folder/            # every task and setting: some minutes
    python benchmarks/poison.py folder/ inpaint    # one task

Each run learns for 30 updates with tiny settings, then predicts. The table has what the guard
said, the exit code, the last checkpoint's step and largest |weight|, and the range of what was
predicted.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from golden import SETTINGS, SMALL, read, write_inputs

TASKS = ("inpaint", "super_resolution", "synthesis", "audio", "video")
TIMES = 30
RATES = ("generator_learning_rate", "descriptor_learning_rate")
POISONED = ((), ("learning_rate",), *((name,) for name in RATES), RATES)
POISONED += (("step_size",), ("infer_step_size",))
RUN = ["updates=30", "log_every=5"]


def main(folder, *names):
    """Run the tasks named, or all; print a line each."""
    folder = pathlib.Path(folder).absolute()
    if not (folder / "inputs").exists():
        write_inputs(folder / "inputs")
    os.chdir(folder / "inputs")
    print("| task | 30 times | exit | checkpoint | largest weight | prediction | said |")
    print("|---|---|---|---|---|---|---|")
    for name in names or TASKS:
        for poisoned in filter(_known(name), POISONED):
            print(f"| {name} | {_row(folder, name, poisoned)} |", flush=True)


def _known(name):
    """Return a function that says whether a task has settings of some names."""
    from coopkeras import registry

    fields = {field.name for field in dataclasses.fields(registry.find(name, ()).Config)}
    return fields.issuperset


def _row(folder, name, poisoned):
    workdir = folder / f"{name}-{'-'.join(poisoned) or 'none'}"
    shutil.rmtree(workdir, ignore_errors=True)
    task = _task(name, poisoned)
    code, said = _learn(task, workdir)
    cells = [", ".join(poisoned) or "none", str(code), *_checkpoint(workdir)]
    cells += [_predicted(task, workdir), " / ".join(said)]
    return " | ".join(cells)


def _task(name, poisoned):
    """Return the task with tiny settings, those named at 30 times what the data imply."""
    from coopkeras import recipes, registry
    from coopkeras.jobs import train

    cls = registry.find(name, ())
    small = [one for one in SMALL if one.split("=")[0] not in ("updates", "samples")]
    settings = [*small, *(one for one in SETTINGS[name] if one != "samples=2"), *RUN]
    task = cls(cls.Config.parse(read(settings, cls.Config)))
    derived = task.config
    if isinstance(derived, recipes.ModelConfig):
        derived = recipes.derive(derived, train.describe(task.datasets().train))
    more = [f"{setting}={TIMES * getattr(derived, setting)}" for setting in poisoned]
    return cls(task.config.changed(more))


def _learn(task, workdir):
    """Return the exit code of a training and what was said of it."""
    from coopkeras.errors import UserError
    from coopkeras.jobs import train

    code, words, printed = 0, [], io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            train.fit(task, workdir, verbose=2)
    except UserError as error:
        code, words = 2, [str(error)]
    except Exception as error:  # the command line would end with a traceback
        code, words = 1, [f"{type(error).__name__}: {error}"]
    return code, [line for line in printed.getvalue().splitlines() if "ran away" in line] + words


def _checkpoint(workdir):
    """Return step and largest absolute value of the last checkpoint, as text."""
    from coopkeras.jobs.workdir import Workdir

    found = Workdir(workdir).checkpoints()
    if not found:
        return "none", ""
    with np.load(found[-1][1]) as arrays:
        kept = [arrays[name] for name in arrays if "adam" not in name]
        values = [a for a in kept if a.dtype.kind == "f" and a.size]
    largest = max(np.abs(a).max() for a in values)
    return str(found[-1][0]), f"{largest:.3g}" if np.isfinite(largest) else "not finite"


def _predicted(task, workdir):
    """Return the range of what the model of a workdir predicts, as text."""
    from coopkeras.errors import UserError
    from coopkeras.jobs import train

    out = workdir / ("out" if task.name == "video" else f"out{task.suffix}")
    given = "clip" if task.name == "video" else "picture.png" if task.takes_input else None
    try:
        task.predict(
            train.restore(task, workdir), given, out, "mask.png" if task.takes_mask else None
        )
    except UserError as error:
        return str(error)
    made = _read(out)
    return f"{made.min():.3g} to {made.max():.3g}"


def _read(path):
    from coopkeras import audio, images, video

    if path.suffix == ".wav":
        return np.asarray(audio.read(path).x)
    return np.asarray(video.read(path).pixels if path.is_dir() else images.read(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
