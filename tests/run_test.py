"""The command line: what is asked is done, and a mistake is one line and exit code 2."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import toy
from absl import flags
from absl.testing import flagsaver

from coopkeras import images, jobs, run

HELP = """
import runpy, sys, time
sys.argv = ["run", "--help"]
began = time.monotonic()
try:
    runpy.run_module("coopkeras.run", run_name="__main__")
finally:
    print("seconds:", time.monotonic() - began)
    print("heavy:", [m for m in ("tensorflow", "keras", "numpy", "PIL") if m in sys.modules])
"""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """A function that runs a command in an empty folder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run"])

    def execute(*arguments):
        with flagsaver.flagsaver():
            sys.argv[1:] = arguments
            code = run.main(flags.FLAGS(sys.argv))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return execute


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The workdir of a toy that learned for one update, and was not judged."""
    path = tmp_path_factory.mktemp("learned")
    jobs.train.fit(toy.Toy(toy.Config(updates=1)), path, verbose=0)
    return path


@pytest.fixture
def workdir(learned, tmp_path):
    """A copy of `learned` where a command looks for it."""
    return shutil.copytree(learned, tmp_path / "runs" / "toy")


def process(*arguments, **kwargs):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # the tests' own
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **kwargs,
    )


# The four modes ---------------------------------------------------------------------------------


def test_train_then_evaluate_export_and_predict(command, tmp_path, monkeypatch):
    code, out, _ = command("--task=toy", "--plugin=toy", "--seed=3", "--set", "updates=2")
    assert code == 0
    assert "black" in out
    run_folder = tmp_path / "runs" / "toy"
    for path in ("runs/toy/samples", "runs/toy/report.html", "savedmodels/toy/1"):
        assert path in out
        assert (tmp_path / path).exists()
    results = json.loads((run_folder / "results.json").read_text("utf-8"))
    assert {name: results[name] for name in ("schema", "task", "data", "export", "seed")} == {
        "schema": 1,
        "task": "toy",
        "data": "toy",
        "export": "savedmodels/toy/1",
        "seed": 3,
    }
    assert results["seconds"] > 0
    assert results["command"].endswith(
        "coopkeras.run --task=toy --plugin=toy --seed=3 --set updates=2"
    )
    assert (run_folder / "samples" / "samples.png").exists()
    rows = results["rows"]

    code, out, _ = command("--task=toy", "--plugin=toy", "--mode=evaluate")
    assert code == 0
    again = json.loads((run_folder / "results.json").read_text("utf-8"))
    assert again["rows"] == rows
    assert again["export"] == "savedmodels/toy/1"

    # What follows needs neither the data nor, for the test, another proof of the export.
    monkeypatch.setattr(toy.Toy, "datasets", lambda self: pytest.fail("the data were opened"))
    monkeypatch.setattr(jobs.export, "_replay", lambda *_: 0.0)
    code, out, _ = command("--task=toy", "--plugin=toy", "--mode=export", "--export_root=other")
    assert (code, out) == (0, "SavedModel  other/toy/1\n")
    given = ["--input=runs/toy/samples/samples.png", "--output=out/one.png"]
    code, out, _ = command("--task=toy", "--plugin=toy", "--mode=predict", *given)
    assert (code, out) == (0, "wrote  out/one.png\n")
    one = images.read(tmp_path / "out/one.png")
    assert command("--task=toy", "--plugin=toy", "--mode=predict", "--seed=4", *given)[0] == 0
    assert not np.array_equal(one, images.read(tmp_path / "out/one.png"))


def test_list_names_what_works_and_what_does_not(command, monkeypatch):
    monkeypatch.setattr(
        jobs.commands.registry,
        "available",
        lambda _: ({"toy": toy.Toy}, {"bad": "bad:Bad: it lacks build"}),
    )
    code, out, _ = command("--list")
    assert code == 0
    assert out.splitlines() == [
        "bad  broken: bad:Bad: it lacks build",
        f"toy  {toy.Toy.summary}",
    ]


# Mistakes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--task=NAME"),
        (["--task=tyo"], "no task 'tyo'; the tasks are .*inpaint.*toy"),
        (["--task=toy", "--set=sze=16"], "There is no setting 'sze'; did you mean 'size'"),
        (["--task=toy", "--set=size=big"], "`size` should be of type int; received 'big'"),
        (["--task=toy", "--set=size=4"], "`size` should be at least 16; received 4"),
        (["--task=toy", "runs/toy"], "'runs/toy' is no flag"),
        (["--task=toy", "--plugin=not_there"], "--plugin=not_there can't be imported"),
        (["--task=toy", "--workdir=file/run"], "file/run can't be written: Not a directory"),
        (["--task=toy", "--mode=evaluate"], "runs/toy holds no trained model"),
        (["--task=toy", "--mode=predict"], "runs/toy holds no trained model"),
        (["--task=inpaint", "--data=not_there/"], "not_there"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(command, tmp_path, arguments, said):
    (tmp_path / "file").write_text("a file")
    code, out, err = command("--plugin=toy", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("coopkeras: ")
    assert err.count("\n") == 1
    assert re.search(said, err)


def test_predict_says_which_file_is_missing(command, workdir):
    predict = ["--task=toy", "--plugin=toy", "--mode=predict"]
    for arguments, said in [
        ([], "--input="),
        (["--input=in.png"], "--output="),
        (["--input=in.png", "--output=o.png"], "no such image"),
        (["--input=in.png", "--output=o.png", "--set=mask=1"], "the settings are"),
    ]:
        code, _, err = command(*predict, *arguments)
        assert code == 2
        assert said in err


def test_a_run_does_not_go_on_with_other_settings(command, workdir):
    code, _, err = command("--task=toy", "--plugin=toy", "--set=updates=2")
    assert code == 2
    assert "updates was 1, now 2" in err


def test_the_model_does_not_judge_data_of_another_shape(command, workdir, monkeypatch):
    larger = toy.Toy(toy.Config(size=32)).datasets()
    monkeypatch.setattr(toy.Toy, "datasets", lambda self: larger)
    code, _, err = command("--task=toy", "--plugin=toy", "--mode=evaluate")
    assert code == 2
    assert "knows examples of shape (16, 16, 1)" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("mode", ["evaluate", "predict", "export"])
def test_no_mode_takes_a_setting_that_was_learned(command, workdir, mode):
    given = ["--input=in.png", "--output=o.png"] if mode == "predict" else []
    arguments = ["--task=toy", "--plugin=toy", f"--mode={mode}", "--set=batch_size=5", *given]
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert f"`batch_size` is 4 in this model, and --mode={mode} can't change what was" in err
    reads = {"evaluate": "data, held_out, seed", "predict": "seed", "export": "no setting"}[mode]
    assert f"it reads {reads}." in err
    assert err.count("\n") == 1


def test_a_workdir_of_another_version_is_refused_in_one_line(command, workdir):
    written = json.loads((workdir / "config.json").read_text("utf-8"))
    written["version"] = "0.1.0"
    (workdir / "config.json").write_text(json.dumps(written), "utf-8")
    for mode in ("train", "evaluate", "predict", "export"):
        given = ["--output=o.png", "--input=in.png"] if mode == "predict" else []
        learned = ["--set=updates=1"] if mode == "train" else []
        code, _, err = command("--task=toy", "--plugin=toy", f"--mode={mode}", *learned, *given)
        assert code == 2
        assert "was made by coopkeras 0.1.0, and this is" in err
        assert err.count("\n") == 1


def test_a_bug_shows_where_it_is(command, monkeypatch):
    monkeypatch.setattr(jobs.commands, "run", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("--task=toy")


# Being stopped ----------------------------------------------------------------------------------


def test_ctrl_c_saves_and_says_so(command, monkeypatch):
    class CtrlC(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks, "TensorBoard", lambda *_, **__: CtrlC())
        code, _, err = command("--task=toy", "--plugin=toy")
    assert (code, err) == (
        130,
        "coopkeras: Stopped after 2 updates and saved; the same command goes on.\n",
    )


def test_ctrl_c_before_anything_is_one_line(command, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs.commands, "run", stop)
    code, out, err = command("--task=toy")
    assert (code, out) == (130, "")
    assert err.count("\n") == 1


# Settings ---------------------------------------------------------------------------------------


@pytest.fixture
def helped(monkeypatch, capsys):
    """A function that runs a command with --help; returns (exit code, stdout, stderr)."""

    def execute(*arguments):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        with flagsaver.flagsaver(), pytest.raises(SystemExit) as stop:
            run.cli()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return execute


@pytest.mark.parametrize("words", [["--task=toy", "--help"], ["--help", "--task", "toy"]])
def test_help_of_a_task_shows_its_settings(helped, words):
    code, out, err = helped(*words, "--plugin=toy", "--seed=7")
    assert (code, err) == (0, "")
    assert out.startswith(f"toy: {toy.Toy.summary}\n")
    assert re.search(r"^  seed +7 +every random number", out, re.M)
    assert "log_every" not in out
    assert "log_every" in helped(*words, "--plugin=toy", "--help=expert")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--help=expert"], "give --task=NAME too"),
        (["--task=tyo", "--help"], "There is no task 'tyo'"),
        (["--task=toy", "--plugin=toy", "--set=sze=1", "--help"], "did you mean 'size'"),
        (["--task=toy", "--plugin=toy", "--help", "expert"], "'expert' is no flag"),
    ],
)
def test_a_mistake_beside_help_is_one_line_and_exit_code_2(helped, words, said):
    code, out, err = helped(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


# As a process of its own ------------------------------------------------------------------------


def test_warnings_of_ours_are_shown_and_those_of_tensorflow_are_not():
    def shown(path, level=logging.WARNING):
        return run._is_for_users(logging.LogRecord("absl", level, path, 1, "", (), None))

    assert shown("/home/me/keras/coopkeras/jobs/workdir.py")
    assert not shown("/usr/lib/python3/dist-packages/tensorflow/python/eager/function.py")
    assert not shown("/venv/lib/python3.11/site-packages/keras/src/saving.py")
    assert shown("/venv/lib/python3.11/site-packages/keras/src/saving.py", logging.ERROR)


def test_help_does_not_wait_for_tensorflow():
    done = process("-c", HELP)
    assert "--task" in done.stdout
    assert "--task=NAME --help: its settings" in " ".join(done.stdout.split())
    assert "heavy: []" in done.stdout
    assert float(re.search(r"seconds: ([\d.]+)", done.stdout).group(1)) < 2


def test_nothing_but_the_mistake_reaches_the_terminal(tmp_path):
    done = process("-m", "coopkeras.run", "--task=nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("coopkeras: There is no task 'nothing'")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
