"""Settings are parsed by type, and tasks are found by name; what is wrong is said."""

import dataclasses
import importlib.metadata

import pytest
import toy

import coopkeras
from coopkeras import task as tasks
from coopkeras.errors import UserError

GOOD = """
import dataclasses
from typing import ClassVar
import toy

class {cls}(toy.Toy):
    name: ClassVar[str] = "{name}"
"""

BARE = """
import dataclasses
import coopkeras, toy

@dataclasses.dataclass(frozen=True)
class Config(coopkeras.TaskConfig):
    word: str = dataclasses.field(kw_only=True)

class Bare(toy.Toy):
    name = "bare"
    Config = Config
"""


@dataclasses.dataclass(frozen=True)
class Config(coopkeras.TaskConfig):
    """One field of each type."""

    whole: int = 1
    real: float = 0.5
    maybe: float | None = None
    yes: bool = False
    word: str = "a"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that makes an importable module of a text."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, text):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        return name

    return make


@pytest.fixture
def installed(monkeypatch):
    """A function that makes entry points: `{name: "module:Class"}`."""

    def make(entries):
        points = [
            importlib.metadata.EntryPoint(name, value, tasks.GROUP) for name, value in entries
        ]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)

    return make


# Settings ---------------------------------------------------------------------------------------


def test_settings_take_the_type_of_their_field():
    config = Config.parse(["whole=3", "real=1e-3", "maybe=2", "yes=true", "word=x=y"])
    assert (config.whole, config.real, config.maybe) == (3, 1e-3, 2.0)
    assert (config.yes, config.word) == (True, "x=y")
    assert Config.parse(["maybe=None"]).maybe is None
    assert Config.parse(["yes=0"]).yes is False


def test_a_flag_is_set_unless_it_was_not_given():
    config = Config.parse(["size=64"], data="photos/", seed=None)
    assert (config.data, config.seed, config.size) == ("photos/", 0, 64)


def test_changed_keeps_the_rest():
    config = Config.parse(["whole=3"]).changed(["word=b"], seed=4)
    assert (config.whole, config.word, config.seed) == (3, "b", 4)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("hole=3", "whole"),  # the known names are listed
        ("whole", "name=value"),
        ("whole=1.5", "`whole` should be of type int"),
        ("real=much", "`real` should be of type float"),
        ("yes=perhaps", "`yes` should be of type bool"),
        ("maybe=x", "float or NoneType"),
        ("size=8", "`size` should be at least 16; received 8"),
        ("updates=0", "`updates` should be at least 1"),
        ("channels=2", "`channels` should be 1, 3"),
        ("precision=half", "mixed_bfloat16"),
    ],
)
def test_a_wrong_setting_is_one_line_that_says_what_is_right(setting, said):
    with pytest.raises(UserError) as caught:
        Config.parse([setting])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"whole": "3"}, {"whole": True}, {"word": 1}, {"yes": 1}])
def test_fields_are_checked_in_python_too(wrong):
    with pytest.raises(UserError, match="should be of type"):
        Config(**wrong)


def test_types_may_be_written_as_text(module):
    name = module(
        "lazily_typed",
        "from __future__ import annotations\nimport dataclasses\nimport coopkeras\n"
        "@dataclasses.dataclass(frozen=True)\nclass C(coopkeras.TaskConfig):\n    n: int = 1\n",
    )
    assert __import__(name).C.parse(["n=2"]).n == 2


# Tasks ------------------------------------------------------------------------------------------


def test_the_built_in_tasks_are_found_as_any_other():
    found, broken = tasks.available()
    assert {"inpaint", "synthesis"} <= set(found)
    assert not broken


def test_an_unknown_task_lists_the_known_ones(installed):
    installed([("toy", "toy:Toy")])
    with pytest.raises(UserError, match="no task 'tyo'; the tasks are toy"):
        tasks.find("tyo")


def test_a_plugin_is_found_without_being_installed(module):
    plugin = module("good_plugin", GOOD.format(cls="Good", name="good"))
    assert tasks.find("good", [plugin, plugin]).__name__ == "Good"


def test_a_plugin_may_be_a_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "good_package"
    package.mkdir()
    (package / "__init__.py").write_text("from good_package.inner import Good\n")
    (package / "inner.py").write_text(GOOD.format(cls="Good", name="packed"))
    assert tasks.find("packed", ["good_package"]).name == "packed"


def test_a_plugin_that_fails_is_named_with_its_reason(module):
    plugin = module("bad_plugin", "raise RuntimeError('no licence')")
    with pytest.raises(UserError, match="--plugin=bad_plugin .* RuntimeError: no licence"):
        tasks.find("toy", [plugin])
    with pytest.raises(UserError, match="--plugin=not_there .* No module named"):
        tasks.find("toy", ["not_there"])


def test_a_plugin_that_fails_leaves_the_list_whole(module):
    module("bad_plugin", "raise RuntimeError('no licence')")
    module("leaving", "raise SystemExit('no licence')")
    good = module("good_plugin", GOOD.format(cls="Good", name="good"))
    found, broken = tasks.available(["bad_plugin", "leaving", good])
    assert {"good", "inpaint"} <= set(found)
    assert broken == {
        "--plugin=bad_plugin": "can't be imported: RuntimeError: no licence",
        "--plugin=leaving": "can't be imported: SystemExit: no licence",
    }


def test_a_plugin_without_a_task_is_named(module):
    plugin = module("empty_plugin", "from toy import Toy\n")
    with pytest.raises(UserError, match="empty_plugin defines no subclass"):
        tasks.find("toy", [plugin])


def test_a_broken_task_does_not_break_the_others(installed):
    installed([("gone", "not_there:Task"), ("strange", "json:loads"), ("toy", "toy:Toy")])
    assert tasks.find("toy") is toy.Toy
    _, broken = tasks.available()
    assert "ModuleNotFoundError" in broken["gone"]
    assert "not a subclass" in broken["strange"]
    with pytest.raises(UserError, match="Task 'gone' can't be used: not_there:Task"):
        tasks.find("gone")


def test_a_task_that_breaks_the_contract_is_told_how(module, installed):
    header = "from typing import ClassVar\nimport coopkeras as ck, toy\n"
    module("lacking", header + "class Lacks(ck.Task):\n    name = 'lacks'\n")
    module("misnamed", GOOD.format(cls="Other", name="other"))
    module("unset", header + "class Unset(toy.Toy):\n    name = 'unset'\n    Config = dict\n")
    module("long", header + "class Long(toy.Toy):\n    name = 'long'\n    summary = 'a\\nb'\n")
    module("bare", BARE)
    installed(
        [
            ("lacks", "lacking:Lacks"),
            ("misnamed", "misnamed:Other"),
            ("unset", "unset:Unset"),
            ("long", "long:Long"),
            ("bare", "bare:Bare"),
            ("toy", "toy:Toy"),
        ]
    )
    found, broken = tasks.available()
    assert set(found) == {"toy"}
    assert "it lacks build, datasets" in broken["lacks"]
    assert "calls itself 'other'" in broken["misnamed"]
    assert "Config is not" in broken["unset"]
    assert "summary should be one line" in broken["long"]
    assert "missing 1 required keyword-only argument: 'word'" in broken["bare"]


def test_two_tasks_of_one_name_are_an_error_for_that_name(module, installed):
    installed([("toy", "toy:Toy")])
    plugin = module("second_toy", GOOD.format(cls="Second", name="toy"))
    with pytest.raises(UserError, match="both toy:Toy and second_toy:Second are called 'toy'"):
        tasks.find("toy", [plugin])


def test_what_is_installed_can_not_take_a_name_of_ours(module, installed):
    ours = ("inpaint", "coopkeras.tasks.inpaint:Inpaint")
    module("second", GOOD.format(cls="Second", name="inpaint"))
    module("failing", "raise RuntimeError('no licence')")
    installed([("inpaint", "second:Second"), ("inpaint", "failing:Third"), ours])
    found, broken = tasks.available()
    assert tasks.find("inpaint") is found["inpaint"]
    assert found["inpaint"].__module__ == "coopkeras.tasks.inpaint"
    assert set(broken) == {"inpaint (second:Second)", "inpaint (failing:Third)"}
    assert "are called 'inpaint'" in broken["inpaint (second:Second)"]
    with pytest.raises(UserError, match="both coopkeras.tasks.inpaint:Inpaint and second:Second"):
        tasks.find("inpaint", ["second"])  # asked for by name: which one is meant?


# Rows -------------------------------------------------------------------------------------------


def test_a_row_holds_mean_and_spread():
    row = tasks.row(
        "ours",
        setting="M12",
        n=2,
        metrics={"psnr": ([1.0, 3.0], "dB", "higher"), "distance": (0.5, "", "lower")},
        variant="sample",
    )
    assert (row["method"], row["ours"], row["variant"], row["n"]) == ("ours", True, "sample", 2)
    assert row["metrics"]["psnr"] == {"value": 2.0, "sd": 1.0, "unit": "dB", "better": "higher"}
    assert row["metrics"]["distance"]["sd"] is None
