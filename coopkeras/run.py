"""The command line: flags and main(), nothing else.

    python -m coopkeras.run --task=inpaint --data=photos/ --set=size=64
    python -m coopkeras.run --task=inpaint --data=in.png --mask=hole.png --output=out.png
    python -m coopkeras.run --task=inpaint --help      the settings of a task; --help=expert: all

Exit codes: 0 done; 1 a bug (traceback) or flags that absl refuses; 2 a mistake in what was asked
or learning that runs away, said in one line; 130 Ctrl-C and 143 SIGTERM, saved first where
training had begun.
"""

import functools
import logging
import os
import re
import shlex
import sys

from absl import app, flags
from absl import logging as absl_logging

from coopkeras.errors import Interrupted, UserError

_THEIRS = re.compile(r"-packages[/\\](tensorflow|keras)")  # files whose warnings are not ours
_HELP = re.compile(r"--?help(=expert)?")
_TASK = flags.DEFINE_string(
    "task", None, "What to do: a name of --list; --task=NAME --help: its settings."
)
_MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "evaluate", "predict", "export"],
    "train: train (or resume), judge, draw, export. The others use the model of --workdir: "
    "evaluate judges and draws it, predict uses it on --input, export writes a SavedModel.",
)
_DATA = flags.DEFINE_string(
    "data", None, "Name, image, clip, sound, folder, glob, .npy or tfds:NAME."
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; runs/<task> by default.")
_SET = flags.DEFINE_multi_string("set", [], "A setting of the task, name=value; repeatable.")
_PLUGIN = flags.DEFINE_multi_string("plugin", [], "A module that defines tasks; repeatable.")
_SEED = flags.DEFINE_integer("seed", None, "Every random number is derived from it; 0 by default.")
_LIST = flags.DEFINE_bool("list", False, "List the tasks.")
_INPUT = flags.DEFINE_string("input", None, "predict: your file to read.")
_MASK = flags.DEFINE_string(
    "mask", None, "Mask of what to fill: white in an image, non-zero in a sound."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "File to write; without --mode what --data is trained on, and completed."
)
_EXPORT_ROOT = flags.DEFINE_string("export_root", "savedmodels", "Folder of exported models.")


def main(argv):
    """Run what the flags ask for; return the exit code."""
    return _code_of(_run, argv)


def explain(argv, expert=False):
    """Print the settings of --task, given the others; return the exit code."""
    return _code_of(_explain, argv, expert)


def cli():
    """Run as a command."""
    words = [word for word in sys.argv if not _HELP.fullmatch(word)]
    asked = {word.lstrip("-") for word in sys.argv} & {"help", "help=expert"}
    expert = "help=expert" in asked
    if expert or (asked and any(re.match(r"--?task(=|$)", word) for word in words)):
        app.run(functools.partial(explain, expert=expert), argv=words)
    app.run(main)


def _code_of(job, *given):
    """Do a job; say in one line what stopped it, and return the exit code."""
    _hush()
    try:
        job(*given)
    except UserError as error:
        return _say(error, 2)
    except Interrupted as stop:
        return _say(stop, stop.code)
    except KeyboardInterrupt:
        return _say("Stopped; the same command starts again, or resumes from what was saved.", 130)
    return 0


def _explain(argv, expert):
    _check_words(argv)
    if not _TASK.value:
        raise UserError("--help=expert shows the settings of a task; give --task=NAME too.")
    from coopkeras.jobs import settings  # TensorFlow comes with the module of any task: seconds

    given = {"plugins": _PLUGIN.value, "given": _SET.value, "flags": _own_flags()}
    settings.explain(_TASK.value, expert=expert, **given)


def _check_words(argv):
    if argv[1:]:
        raise UserError(f"{argv[1]!r} is no flag; a flag is written --name=value. See --help.")


def _own_flags():
    """Return the settings that have a flag of their own."""
    return {"data": _DATA.value, "seed": _SEED.value}


def _run(argv):
    _check_words(argv)
    if not (_TASK.value or _LIST.value):
        raise UserError("Say what to do: --task=NAME, a name that --list shows. See --help.")
    from coopkeras.jobs import commands  # TensorFlow comes with it: only now: --help is quick

    if _LIST.value:
        commands.catalogue(_PLUGIN.value)
        return
    command = f"python -m coopkeras.run {shlex.join(sys.argv[1:])}"
    export_root = _EXPORT_ROOT.value
    jobs = {
        "train": {
            "command": command,
            "export_root": export_root,
            "verbose": 1 if sys.stdout.isatty() else 2,
        },
        "evaluate": {"command": command},
        "predict": {
            "input_path": _INPUT.value,
            "output_path": _OUTPUT.value,
            "mask_path": _MASK.value,
        },
        "export": {"export_root": export_root},
    }
    jobs["complete"] = {"command": command, "verbose": jobs["train"]["verbose"], **jobs["predict"]}
    asked = any((_INPUT.value, _MASK.value, _OUTPUT.value)) and _MODE.value == "train"
    mode = "complete" if asked else _MODE.value
    commands.run(
        mode,
        _TASK.value,
        workdir=_WORKDIR.value,
        plugins=_PLUGIN.value,
        settings=_SET.value,
        flags=_own_flags(),
        **jobs[mode],
    )


def _hush():
    """Keep what TensorFlow's own code logs from the terminal; our warnings are one line each."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # the export's check needs some
    handler = absl_logging.get_absl_handler()
    handler.setFormatter(logging.Formatter("coopkeras: %(message)s"))
    handler.addFilter(_is_for_users)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it has a handler of its own


def _is_for_users(note):
    """Return whether a logged note is an error, or of anyone but TensorFlow and Keras."""
    return note.levelno >= logging.ERROR or not _THEIRS.search(note.pathname)


def _say(message, code):
    print(f"coopkeras: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    cli()
