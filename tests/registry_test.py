"""The registry: tasks are found by name, broken ones are named, and ours can't be broken."""

import importlib.metadata

import pytest
import toy

from coopkeras import registry
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


@pytest.fixture
def installed(monkeypatch):
    """A function that makes entry points: `{name: "module:Class"}`."""

    def make(entries):
        points = [
            importlib.metadata.EntryPoint(name, value, registry.GROUP) for name, value in entries
        ]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)

    return make


def test_the_built_in_tasks_are_found_as_any_other():
    found, broken = registry.available()
    assert {"inpaint", "synthesis"} <= set(found)
    assert not broken


def test_an_unknown_task_lists_the_known_ones(installed):
    installed([("toy", "toy:Toy")])
    with pytest.raises(UserError, match="no task 'tyo'; the tasks are toy"):
        registry.find("tyo")


def test_a_plugin_is_found_without_being_installed(module):
    plugin = module("good_plugin", GOOD.format(cls="Good", name="good"))
    assert registry.find("good", [plugin, plugin]).__name__ == "Good"


def test_a_plugin_may_be_a_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "good_package"
    package.mkdir()
    (package / "__init__.py").write_text("from good_package.inner import Good\n")
    (package / "inner.py").write_text(GOOD.format(cls="Good", name="packed"))
    assert registry.find("packed", ["good_package"]).name == "packed"


def test_a_plugin_that_fails_is_named_with_its_reason(module):
    plugin = module("bad_plugin", "raise RuntimeError('no licence')")
    with pytest.raises(UserError, match="--plugin=bad_plugin .* RuntimeError: no licence"):
        registry.find("toy", [plugin])
    with pytest.raises(UserError, match="--plugin=not_there .* No module named"):
        registry.find("toy", ["not_there"])


def test_a_plugin_that_fails_leaves_the_list_whole(module):
    module("bad_plugin", "raise RuntimeError('no licence')")
    module("leaving", "raise SystemExit('no licence')")
    good = module("good_plugin", GOOD.format(cls="Good", name="good"))
    found, broken = registry.available(["bad_plugin", "leaving", good])
    assert {"good", "inpaint"} <= set(found)
    assert broken == {
        "--plugin=bad_plugin": "can't be imported: RuntimeError: no licence",
        "--plugin=leaving": "can't be imported: SystemExit: no licence",
    }


def test_a_plugin_without_a_task_is_named(module):
    plugin = module("empty_plugin", "from toy import Toy\n")
    with pytest.raises(UserError, match="empty_plugin defines no subclass"):
        registry.find("toy", [plugin])


def test_a_broken_task_does_not_break_the_others(installed):
    installed([("gone", "not_there:Task"), ("strange", "json:loads"), ("toy", "toy:Toy")])
    assert registry.find("toy") is toy.Toy
    _, broken = registry.available()
    assert "ModuleNotFoundError" in broken["gone"]
    assert "not a subclass" in broken["strange"]
    with pytest.raises(UserError, match="Task 'gone' can't be used: not_there:Task"):
        registry.find("gone")


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
    found, broken = registry.available()
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
        registry.find("toy", [plugin])


def test_what_is_installed_can_not_take_a_name_of_ours(module, installed):
    ours = ("inpaint", "coopkeras.tasks.inpaint:Inpaint")
    module("second", GOOD.format(cls="Second", name="inpaint"))
    module("failing", "raise RuntimeError('no licence')")
    installed([("inpaint", "second:Second"), ("inpaint", "failing:Third"), ours])
    found, broken = registry.available()
    assert registry.find("inpaint") is found["inpaint"]
    assert found["inpaint"].__module__ == "coopkeras.tasks.inpaint"
    assert set(broken) == {"inpaint (second:Second)", "inpaint (failing:Third)"}
    assert "are called 'inpaint'" in broken["inpaint (second:Second)"]
    with pytest.raises(UserError, match="both coopkeras.tasks.inpaint:Inpaint and second:Second"):
        registry.find("inpaint", ["second"])  # asked for by name: which one is meant?
