"""What the pages say exists: links, flags, settings, and names in the examples."""

import ast
import dataclasses
import doctest
import importlib
import pathlib
import pkgutil
import re
import runpy
import shlex
import sys
import textwrap
import types

import numpy as np
import pytest

import coopkeras as ck
from coopkeras import registry, testing
from coopkeras.task import DataSpec

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("docs", "docs/tasks", "examples/*", "savedmodels")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md"))
SETTINGS, RECORDS = ROOT / "docs/settings.md", ROOT / "docs/results.md"
OWN = ROOT / "docs/write_a_task.md"
FLAGS = set(re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', (ROOT / "coopkeras/run.py").read_text()))
TASKS, _ = registry.available()
RECOVERY_LINES = 60


def blocks(page):
    """The examples of a page in Python, those in lists too."""
    found = re.findall(r"^( *)```python\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.M)
    return [textwrap.dedent(code) for _, code in found]


def commands(page):
    """The command lines of a page, as lists of words."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    return [
        shlex.split(line, comments=True)
        for line in re.findall(r"^.*-m coopkeras\.run.*$", text, re.M)
    ]


def fields(cls):
    """The settings of a task."""
    return {field.name for field in dataclasses.fields(cls.Config)}


def tables(page, heading=r"[^\n]*"):
    """The rows of the tables under a heading of a page, each a list of cells."""
    text = page.read_text("utf-8")
    sections = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.M)
    rows = [re.findall(r"^\|(.*)\|$", section, re.M) for section in sections]
    return [[cell.strip() for cell in row.split("|")] for some in rows for row in some]


def renamed():
    """The settings of 0.1 that have another name: `{(task, old): new}`, the task or "all"."""
    rows = tables(SETTINGS, r"Renamed[^\n]*")[2:]
    return {(name, old.strip("`")): new.strip("`") for name, old, new in rows}


def dropped():
    """The settings of 0.2 that are gone: `[(tasks, old names, new names)]`."""
    rows = tables(SETTINGS, r"Dropped[^\n]*")[2:]
    names = [[re.findall(r"`(\w+)`", cell) for cell in row[1:]] for row in rows]
    return [(row[0].split(", "), *pair) for row, pair in zip(rows, names, strict=True)]


def gone():
    """All names that settings had."""
    return {old for _, old in renamed()} | {name for _, old, _ in dropped() for name in old}


@pytest.fixture(params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def page(request):
    return request.param


def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_page_is_linked_from_another():
    linked = set()
    for page in PAGES:
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        linked |= {(page.parent / link).resolve() for link in links}
    assert [page for page in PAGES[1:] if page not in linked] == []


# Commands and settings ---------------------------------------------------------------------------


def test_flags_and_settings_exist(page):
    old = gone() if page == RECORDS else set()
    for words in commands(page):
        text = " ".join(words)
        assert set(re.findall(r"--(\w+)", text)) <= FLAGS | {"help"}, text
        name = next(iter(re.findall(r"--task=([a-z_]+)", text)), None)
        if name in TASKS:
            settings = set(re.findall(r"--set=(\w+)=", text)) - {"name"}
            assert settings <= fields(TASKS[name]) | old, text


def test_commands_are_understood(page):
    """Each setting of a command is the value that its Config gets."""
    if page == RECORDS:
        pytest.skip("its commands are records of what was run")
    for words in commands(page):
        flags = dict(re.findall(r"^--(\w+)=(.*)$", "\n".join(words), re.M))
        settings = [word.removeprefix("--set=") for word in words if word.startswith("--set=")]
        if flags.get("task") not in TASKS or "[" in " ".join(words):
            continue
        config, mode = TASKS[flags["task"]].Config, flags.get("mode", "train")
        if mode == "train":
            taken = config.parse(settings, data=flags.get("data"))
        else:
            learned = ["goal=synthesis"] if "--set=length=" in " ".join(words) else []
            taken = config.parse(learned).in_use(mode, settings)
        for name, text in (setting.split("=", 1) for setting in settings):
            value = getattr(taken, name)
            assert str(value).lower() == text.lower() or value == float(text), words


@pytest.mark.parametrize("name", sorted(TASKS))
def test_settings_of_a_task_are_described(name):
    page = ROOT / f"docs/tasks/{name}.md"
    if not page.exists():
        pytest.skip("a task of another package")
    own = {word for row in tables(page, "Settings") for word in re.findall(r"`(\w+)`", row[0])}
    rows = [
        row
        for part in ("every task", "models", "images", "recoveries")
        for row in tables(SETTINGS, f"Of {part}")
    ]
    shared = {word for row in rows for word in re.findall(r"`(\w+)`", row[0])}
    assert fields(TASKS[name]) <= own | shared
    assert own <= fields(TASKS[name])
    assert shared <= set().union(*map(fields, TASKS.values()))


def test_the_page_says_which_job_reads_a_setting():
    described = {row[0]: row[1:] for row in tables(SETTINGS, "Which job[^\n]*")}
    for name in [page.stem for page in ROOT.glob("docs/tasks/*.md")]:
        config = TASKS[name].Config.parse([])  # synthesis learns a texture by default
        for said, member in zip(described[name], ("judging", "predicting", "serving"), strict=True):
            assert set(re.findall(r"`(\w+)`", said)) == set(getattr(config, member)()), name


def test_implied_defaults_are_those_of_the_code():
    for names, when, implied in tables(SETTINGS, "Defaults[^\n]*")[2:]:
        for name in names.split(", "):
            for given in re.findall(r"`(\w+=\w+)`", when):
                found = TASKS[name].Config.parse([given])
                for text in re.findall(r"(\w+=[\w.-]+)", implied):
                    assert found.changed([text]) == found, (name, given, text)


def test_renamed_settings_are_gone_and_their_successors_known():
    for (name, old), new in renamed().items():
        for cls in TASKS.values() if name == "all" else [TASKS[name]]:
            assert old not in fields(cls)
        assert any(
            new in fields(cls) for cls in ([TASKS[name]] if name != "all" else TASKS.values())
        )


def test_dropped_settings_are_gone_and_their_successors_known():
    assert dropped()
    for tasks, old, new in dropped():
        for task in tasks:
            assert not set(old) & fields(TASKS[task])
            assert set(new) <= fields(TASKS[task])


def test_names_in_examples_exist(page):
    for block in blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute):
                check_name(ast.unparse(node))


def test_names_in_sentences_exist(page):
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.M)
    if page.name == "CHANGELOG.md":  # a table of names has the old one first
        text = re.sub(r"^\| *`ck\.[^|]*\|", "|", text, flags=re.M)
    for name in re.findall(r"\bck(?:\.\w+)+", text):
        check_name(name)


def check_name(dotted):
    """Check that each part of `ck.a.b` is offered by what is before it."""
    names = dotted.split(".")
    if names[0] == "ck" and all(name.isidentifier() for name in names):
        value = ck
        for name in names[1:]:
            assert hasattr(value, name), dotted
            value = getattr(value, name)


def test_the_picture_of_the_layout_is_that_of_the_imports():
    script = runpy.run_path(str(ROOT / "docs/architecture.py"))
    drawn = script["draw"](script["graph"]())
    assert script["PICTURE"].read_text("utf-8") == drawn, "run `python docs/architecture.py`"


# The tasks of docs/write_a_task.md ---------------------------------------------------------------


def module(name, base):
    """The code of the page that derives a class from `base`, as a module."""
    (code,) = [block for block in blocks(OWN) if f"({base})" in block]
    made = sys.modules[name] = types.ModuleType(name)
    exec(compile(code, f"{OWN.name}: {name}", "exec"), made.__dict__)
    return made


denoise, destripe = module("denoise", "ck.Task"), module("destripe", "ck.recipes.Recovery")
(CODE,) = [block for block in blocks(OWN) if "TaskConformance" in block]
LAWS = {}
exec(CODE, LAWS)


class TestDenoise(LAWS["TestDenoise"]):
    """The task that the page writes, at the settings that it gives."""


class TestDestripe(LAWS["TestDestripe"]):
    """The recovery that the page writes."""

    def inputs(self, task, folder):
        """Return two of the images, to save time."""
        return dict(list(super().inputs(task, folder).items())[:2])


class TestMask(LAWS["TestMask"]):
    """The observation that the page tests."""


def test_the_page_tests_its_tasks_as_we_do():
    for cls, own in ((TestDenoise, denoise.Denoise), (TestDestripe, destripe.Destripe)):
        assert cls.task_class is own
        assert issubclass(cls, testing.TaskConformance)
    assert issubclass(TestMask, testing.ObservationConformance)


def test_a_recovery_is_short():
    (code,) = [block for block in blocks(OWN) if "(ck.recipes.Recovery)" in block]
    assert len(code.splitlines()) <= RECOVERY_LINES


@pytest.mark.parametrize("name", ["denoise", "destripe"])
def test_the_tasks_of_the_page_use_public_names_only(name):
    (code,) = [b for b in blocks(OWN) if f'ClassVar[str] = "{name}"' in b]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "")]
            assert not [one for one in names if one.startswith("coopkeras.")]
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("ck."):
            value = ck
            for part in ast.unparse(node).split(".")[1:]:
                assert part in dir(value), ast.unparse(node)
                value = getattr(value, part)


def test_the_task_of_the_page_is_used_on_an_image(tmp_path):
    task = denoise.Denoise()
    ck.images.write(tmp_path / "in.png", np.zeros([20, 30, 3]))
    (path,) = task.predict(
        task.build(DataSpec((16, 16, 1), 4)), tmp_path / "in.png", tmp_path / "out.png"
    )
    assert ck.images.read_shape(path) == (16, 16, 1)


MODULES = sorted(module.name for module in pkgutil.walk_packages(ck.__path__, "coopkeras."))


@pytest.mark.parametrize("name", [m for m in MODULES if not m.startswith("coopkeras.tasks")])
def test_examples_of_docstrings_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name), extraglobs={"ck": ck})
    assert not failed
