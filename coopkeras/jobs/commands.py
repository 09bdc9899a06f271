"""The jobs of the command line, as functions: train, evaluate, predict, export, complete.

Each takes a task and a workdir. What a training ends with (`finish`) is the same wherever the
model came from.
"""

import pathlib
import re
import shlex

from coopkeras import registry
from coopkeras.errors import UserError
from coopkeras.jobs import export as exporting
from coopkeras.jobs import one_file, report, train
from coopkeras.jobs.workdir import Workdir

SCHEMA = 1


def run(mode, task_name, *, workdir=None, plugins=(), settings=(), flags=None, **job):
    """Do one job as the command line asks for it.

    Args:
        mode: "train", "evaluate", "predict", "export", or "complete": train on a file, then
            complete it.
        task_name: a task's name.
        workdir: path of the run's folder; by default runs/<task>.
        plugins: names of modules that define tasks.
        settings: list of "name=value"; a trained model keeps its own where none are given.
        flags: dict of settings that have a flag of their own (data, seed); None is not given.
        **job: what the mode takes besides a task and a workdir.

    Raises:
        UserError: for any mistake in what was asked.
    """
    cls = registry.find(task_name, plugins)
    if mode == "complete":
        complete(cls, workdir, settings, flags or {}, plugins=plugins, **job)
        return
    workdir = pathlib.Path(workdir or pathlib.Path("runs", cls.name))
    flags = flags or {}
    if mode == "train":
        config = cls.Config.parse(settings, **flags)
    else:
        config = Workdir(workdir).load_config(cls).in_use(mode, settings, **flags)
    jobs = {"train": fit, "evaluate": evaluate, "predict": predict, "export": export}
    if mode in ("train", "evaluate"):
        job["plugins"] = plugins
    jobs[mode](cls(config), workdir, **job)


def catalogue(plugins=()):
    """Print each task's name and summary, and the broken ones with their reason."""
    found, broken = registry.available(plugins)
    lines = {name: cls.summary for name, cls in found.items()}
    lines |= {name: f"broken: {reason}" for name, reason in broken.items()}
    width = max(map(len, lines), default=0)
    for name, line in sorted(lines.items()):
        print(f"{name:{width}}  {line}")


def fit(task, workdir, *, export_root="savedmodels", verbose=1, **told):
    """Train, or go on, then judge, draw, export and report."""
    model, split, seconds = train.fit(task, workdir, verbose)
    task = type(task)(Workdir(workdir).load_config(type(task)))  # with the updates of `minutes`
    finish(task, model, split, workdir, seconds, export_root=export_root, **told)


def evaluate(task, workdir, **told):
    """Judge, draw and report the model of a workdir, on its data or on others of their shape."""
    model = train.restore(task, workdir)
    split = task.datasets()
    shape = Workdir(workdir).spec().shape
    if tuple(split.held_out.shape) != shape:
        raise UserError(
            f"The model of {workdir} knows examples of shape {shape}; those of "
            f"data={task.config.data} have {tuple(split.held_out.shape)}. Give others with --data=."
        )
    history = Workdir(workdir).metrics()
    seconds = history[-1]["seconds"] if history else 0.0
    finish(task, model, split, workdir, seconds, **told)


def export(task, workdir, *, export_root="savedmodels"):
    """Export the model of a workdir."""
    path = exporting.write(task, train.restore(task, workdir), export_root)
    _note_export(Workdir(workdir), path)
    print(f"SavedModel  {path}")


def predict(task, workdir, *, input_path, output_path, mask_path=None):
    """Use the model of a workdir on a user's own file; the training data are not needed."""
    needed = {"input": input_path, "output": output_path}
    for flag, value in needed.items():
        if not value and (flag == "output" or task.takes_input):
            raise UserError(f"--mode=predict needs --{flag}=; give the path of a file.")
    model = train.restore(task, workdir)
    for path in task.predict(model, input_path, output_path, mask_path):
        print(f"wrote  {path}")


def complete(
    cls,
    workdir,
    settings,
    flags,
    *,
    output_path,
    mask_path,
    input_path,
    verbose=1,
    plugins=(),
    **told,
):
    """Train on what is known of one file, or resume that, then complete the file and report.

    Args:
        cls: the task's class.
        workdir: path of the run's folder, None for one beside the output.
        settings: list of "name=value".
        flags: dict of settings that have a flag of their own: data, the file, and seed.
        output_path: where the completed file goes.
        mask_path: of the mask of what to fill, or None.
        input_path: should be None: that flag is of predict.
        verbose: as for `train.fit`.
        plugins: names of modules that define tasks.
        **told: as for `finish`.
    """
    able = [name for name, one in registry.available(plugins)[0].items() if one.completes]
    paths = {"input_path": input_path, "mask_path": mask_path, "output_path": output_path}
    task, workdir = one_file.prepare(cls, workdir, settings, flags, able=able, **paths)
    model, split, seconds = train.fit(task, workdir, verbose)
    for path in task.predict(model, task.config.data, output_path, mask_path):
        print(f"wrote  {path}", flush=True)
    finish(task, model, split, workdir, seconds, plugins=plugins, **told)


def finish(task, model, split, workdir, seconds, *, command="", plugins=(), export_root=None):
    """Judge a model, draw it, export it, write the report, and say where all of it is.

    Args:
        task: a `Task`.
        model: its trained model.
        split: its data.
        workdir: path of the run's folder.
        seconds: how long the training took.
        command: what was typed.
        plugins: names of modules that define tasks, for the commands of the report.
        export_root: folder of exported models; None exports nothing, and an earlier export
            stays noted.

    Returns:
        results: the content of results.json.
    """
    workdir, judged = Workdir(workdir), len(split.held_out)
    told = f"{judged} examples" if judged else "nothing: no examples are held out (held_out=)"
    print(f"judging     {told}", flush=True)
    results = {
        "schema": SCHEMA,
        "task": task.name,
        "data": task.config.data,
        "export": workdir.results().get("export"),
        "command": command,
        "seed": task.config.seed,
        "seconds": seconds,
        "rows": task.judge(model, split) if judged else [],
    }
    workdir.write_json("results.json", results)
    drawn = _write_drawn(workdir, task.draw(model, split) if judged else {})
    if export_root is not None:
        results = _note_export(workdir, exporting.write(task, model, export_root))
    page = report.write(
        workdir.path,
        title=f"{task.name}: {task.summary}",
        results=results,
        curves=workdir.metrics(),
        drawn=drawn,
        commands=_commands(task, workdir, results, plugins),
    )
    if judged:
        print(report.table(results["rows"]))
        print(f"samples     {workdir.path / 'samples'} ({len(drawn)})")
    print(f"report      {page}")
    if results["export"]:
        print(f"SavedModel  {results['export']}")
    return results


def _write_drawn(workdir, drawn):
    """Write what is drawn, by caption; return (path in the workdir, caption, element) of each."""
    written = []
    for caption, content in drawn.items():
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", caption).strip("_") or "drawn"
        path = f"samples/{name}{content.suffix}"
        content.write(workdir.path / path)
        written.append((path, caption, content.element))
    return written


def _commands(task, workdir, results, plugins):
    """Return the commands to do this again, use the model and serve it, by label."""
    base = ["python", "-m", "coopkeras.run", f"--task={task.name}", f"--workdir={workdir.path}"]
    base += [f"--plugin={plugin}" for plugin in plugins]
    commands = {"this page": results["command"]} if results["command"] else {}
    given = [f"--input=in{task.suffix}"] if task.takes_input else []
    given += ["--mask=hole.png"] if task.takes_mask else []
    given.append(f"--output=out{task.suffix}")
    commands["predict"] = shlex.join([*base, "--mode=predict", *given])
    if results["export"]:
        model = pathlib.Path(results["export"]).resolve().parent
        commands["serve"] = shlex.join(
            [
                "tensorflow_model_server",
                "--rest_api_port=8501",
                f"--model_name={model.name}",
                f"--model_base_path={model}",
            ]
        )
    return commands


def _note_export(workdir, path):
    """Write where the export is into results.json, if there are results; return them."""
    results = workdir.results()
    if results:
        results["export"] = str(path)
        workdir.write_json("results.json", results)
    return results
