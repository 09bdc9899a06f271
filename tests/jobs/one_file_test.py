"""Laws of one file and one command: it learns, fills, resumes, and checks first what is asked."""

import json
import re
import sys

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from coopkeras import images, jobs, run

TINY = ["size=16", "width=4", "latent_dim=4", "levels=2", "descriptor_updates=1", "batch_size=4"]
TINY = [f"--set={setting}" for setting in (*TINY, "updates=2", "log_every=1")]
ASK = ["--task=inpaint", "--data=in.png", "--mask=hole.png", "--output=out.png"]


@pytest.fixture
def command(tmp_path, monkeypatch, capsys, rng):
    """A function that runs a command in a folder with images; returns (code, out, err)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run"])
    mask = np.zeros([40, 50, 1], np.uint8)
    images.write("all.png", mask + 255)
    images.write("none.png", mask)
    mask[12:20, 20:28] = 255
    images.write("hole.png", mask)
    images.write("other.png", mask[:30])
    images.write("in.png", rng.integers(255, size=[40, 50, 3]).astype(np.uint8))
    images.write("small.png", np.zeros([9, 50, 3], np.uint8))
    images.write("small_hole.png", mask[12:21])

    def execute(*arguments):
        with flagsaver.flagsaver():
            sys.argv[1:] = arguments
            code = run.main(flags.FLAGS(sys.argv))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return execute


@pytest.mark.slow
def test_one_command_learns_and_fills_and_the_same_again_fills_without_learning(
    command, tmp_path, monkeypatch
):
    code, out, err = command(*ASK, *TINY)
    assert (code, err) == (0, "")
    assert "wrote  out.png" in out
    assert "judging     nothing" in out
    pixels, filled, hole = (images.read(f"{name}.png") for name in ("in", "out", "hole"))
    np.testing.assert_array_equal(filled[hole[..., 0] == 0], pixels[hole[..., 0] == 0])
    workdir = tmp_path / "out.inpaint"
    assert (workdir / "report.html").exists()
    written = json.loads((workdir / "config.json").read_text("utf-8"))["config"]
    assert (written["holes"], written["mask"]) == ("square:8", "hole.png")

    monkeypatch.setattr(jobs.train, "_learn", _learns_no_more)
    assert command(*ASK, *TINY)[0] == 0
    np.testing.assert_array_equal(images.read("out.png"), filled)

    images.write("in.png", pixels[::-1])
    code, _, err = command(*ASK, *TINY)
    assert code == 2
    assert "other content of --data=in.png" in err


def _learns_no_more(model, config, examples, seed, step, callbacks, verbose):
    assert step == config.updates


def asked(**flags):
    """Return what is asked with some flags changed; None leaves a flag out."""
    given = {"task": "inpaint", "data": "in.png", "mask": "hole.png", "output": "out.png"} | flags
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (asked(mask="other.png"), "50x30.*50x40"),
        (asked(mask="none.png"), "`none.png` has no hole"),
        (asked(mask="all.png"), "All of `all.png` is to be filled"),
        (asked(mask="lost.png"), "lost.png"),
        (asked(mask=None), "give --mask="),
        (asked(data="small.png", mask="small_hole.png"), "too small to learn from"),
        (asked(output=None), "give --output="),
        (asked(output="out.txt"), "should end in one of .*.png"),
        (asked(output="in.png/out.png"), "in.png/out.png can't be written"),
        (asked(output="in.png"), "is the file of --data"),
        (asked(output="hole.png"), "is the file of --mask"),
        (asked(input="in.png"), "the file to complete is --data="),
        (asked(data="."), "--data=. is no file"),
        (asked(data="samples:brick"), "--data=samples:brick is no file"),
        (asked(data=None), "give --data="),
        (asked(task="audio"), "--task=audio does not learn from a file.*inpaint does"),
        ([*asked(), "--set=mask=hole.png"], "Give the mask as --mask="),
        ([*asked(), "--set=size=41"], "`size` should be at most 40"),
        ([*asked(), "--set=holes=square:90"], "`square` should have a size"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_learned(command, monkeypatch, arguments, said):
    monkeypatch.setattr(jobs.train, "_learned", lambda *_: pytest.fail("it learned"))
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert re.match(rf"coopkeras: .*{said}", err)
    assert err.count("\n") == 1
