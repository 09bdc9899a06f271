"""What the pages say exists: links, flags, settings, and names in the examples."""

import ast
import dataclasses
import pathlib
import re
import sys
import textwrap
import types

import numpy as np
import pytest

import coopkeras as ck
from coopkeras import task, testing

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("docs", "examples/*")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PAGES += sorted(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md"))
FLAGS = set(re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', (ROOT / "coopkeras/run.py").read_text()))


def blocks(page):
    """The examples of a page in Python, those in lists too."""
    found = re.findall(r"^( *)```python\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.M)
    return [textwrap.dedent(code) for _, code in found]


@pytest.fixture(params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def page(request):
    return request.param


def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_flags_and_settings_exist(page):
    commands = re.findall(r"^.*-m coopkeras\.run.*$", page.read_text("utf-8"), re.MULTILINE)
    tasks, _ = task.available()
    known = {f.name for cls in tasks.values() for f in dataclasses.fields(cls.Config)}
    for command in commands:
        assert set(re.findall(r"--(\w+)", command)) <= FLAGS | {"help"}, command
        settings = set(re.findall(r"--set=(\w+)=", command)) - {"name"}
        assert settings <= known, command


def test_names_in_examples_exist(page):
    for block in blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute):
                names = ast.unparse(node).split(".")
                if names[0] != "ck" or not all(name.isidentifier() for name in names):
                    continue
                value = ck
                for name in names[1:]:
                    assert hasattr(value, name), ast.unparse(node)
                    value = getattr(value, name)


def test_settings_of_the_tasks_are_described():
    text = (ROOT / "docs/tasks.md").read_text("utf-8")
    tasks, _ = task.available()
    for cls in tasks.values():
        for field in dataclasses.fields(cls.Config):
            assert re.search(rf"\b{field.name}\b", text), f"{cls.name}: {field.name}"


# The task of docs/tasks.md ----------------------------------------------------------------------


def denoise():
    """The code of the page as a module."""
    (code,) = [block for block in blocks(ROOT / "docs/tasks.md") if "(ck.Task)" in block]
    module = sys.modules["denoise"] = types.ModuleType("denoise")
    exec(compile(code, "docs/tasks.md", "exec"), module.__dict__)
    return module


class TestDenoise(testing.TaskConformance):
    """The task that the page writes, at the settings that it gives."""

    task_class = denoise().Denoise
    settings = ["size=16", "batch_size=4", "latent_dim=4", "generator_width=4"]


def test_the_page_tests_the_task_as_we_do():
    (code,) = [block for block in blocks(ROOT / "docs/tasks.md") if "TaskConformance" in block]
    namespace = {}
    exec(code, namespace)
    assert namespace["TestDenoise"].settings == TestDenoise.settings
    assert namespace["TestDenoise"].task_class is TestDenoise.task_class


def test_the_task_of_the_page_is_used_on_a_picture(tmp_path):
    task = TestDenoise.task_class()
    ck.images.write(tmp_path / "in.png", np.zeros([20, 30, 3]))
    (path,) = task.predict(task.build((16, 16, 1), 4), tmp_path / "in.png", tmp_path / "out.png")
    assert ck.images.read_shape(path) == (16, 16, 1)
