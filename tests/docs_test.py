"""What the pages say exists: links, flags, settings, and names in the examples."""

import ast
import dataclasses
import pathlib
import re

import pytest

import coopkeras as ck
from coopkeras import task

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FLAGS = set(re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', (ROOT / "coopkeras/run.py").read_text()))


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param


def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
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
    for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
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
