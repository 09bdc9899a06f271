"""BUILD lists every file with the dependencies that its imports have, and the rooms keep apart.

What a file imports is read from its syntax tree, imports inside functions included, so nothing
here needs TensorFlow or Bazel.
"""

import ast
import dataclasses
import functools
import graphlib
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("coopkeras", "tasks", "tests", "benchmarks")
FILES = sorted(
    path.relative_to(ROOT).as_posix() for f in FOLDERS for path in ROOT.glob(f"{f}/*.py")
)

# What is imported -> what is installed, where the names differ.
PACKAGES = {
    "PIL": "pillow",
    "absl": "absl_py",
    "google": "protobuf",
    "grpc": "grpcio",
    "skimage": "scikit_image",
    "tensorflow_serving": "tensorflow_serving_api",
}
OPTIONAL = {"tensorflow_datasets"}  # the extra `tfds`: not in constraints.txt, so not in BUILD

# Rooms that any room may use; rooms that use no others; the algorithms; all about running them.
FOUNDATION = {"errors", "fills", "seeds"}
ALONE = {"langevin", "media", "metrics", "networks", "observation"}
ALGORITHMS = {"coopnets", "descriptor", "generator"}
RUNNING = {"client", "data", "export", "report", "run", "serve", "task", "testing", "train"}


@dataclasses.dataclass(frozen=True)
class Target:
    """A rule of BUILD."""

    rule: str
    name: str
    srcs: tuple[str, ...]
    deps: tuple[str, ...]


def strings(node):
    """The labels of a list in BUILD; `requirement("keras")` reads as `@keras`."""
    for item in node.elts if node else ():
        yield f"@{item.args[0].value}" if isinstance(item, ast.Call) else item.value


@functools.cache
def targets():
    """The py_* rules of BUILD by name."""
    found = {}
    for statement in ast.parse((ROOT / "BUILD").read_text("utf-8")).body:
        call = getattr(statement, "value", None)
        rule = getattr(getattr(call, "func", None), "id", "")
        if rule.startswith("py_"):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            # tasks/ is copied to where setup.py installs it; the source is what is meant here.
            srcs = (src.replace("coopkeras/tasks/", "tasks/") for src in strings(given.get("srcs")))
            name = given["name"].value
            assert name not in found, f"BUILD has two targets called {name}"
            found[name] = Target(rule, name, tuple(srcs), tuple(strings(given.get("deps"))))
    return found


class Imports(ast.NodeVisitor):
    """The dotted names that a file imports: `from a import b` gives `a.b`."""

    def __init__(self):
        """Start with none."""
        self.names = set()

    def visit_If(self, node):
        """Pass over what only a type checker reads."""
        if ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING":
            node = ast.Module(body=node.orelse)
        self.generic_visit(node)

    def visit_Import(self, node):
        """`import a.b`."""
        self.names |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node):
        """`from a import b`."""
        assert not node.level, f"line {node.lineno}: imports are absolute here"
        self.names |= {f"{node.module}.{alias.name}" for alias in node.names}

    def visit_Call(self, node):
        """`importlib.import_module("a.b")`, `pytest.importorskip("a.b")`."""
        function = ast.unparse(node.func).split(".")[-1]
        if function in ("import_module", "importorskip") and isinstance(node.args[0], ast.Constant):
            self.names.add(node.args[0].value)
        self.generic_visit(node)


@functools.cache
def imports(file):
    """What `file` imports, as (our files, packages of others)."""
    visitor = Imports()
    visitor.visit(ast.parse((ROOT / file).read_text("utf-8")))
    ours, others = set(), set()
    for name in visitor.names:
        top = name.split(".")[0]
        if source := our_file(name, beside=file):
            ours.add(source)
        elif top not in sys.stdlib_module_names and top not in OPTIONAL:
            others.add(PACKAGES.get(top, top))
    return frozenset(ours), frozenset(others)


def our_file(name, beside):
    """The file of ours that holds what the dotted `name` names, or None."""
    path = name.replace("coopkeras.tasks", "tasks").split(".")
    folder = path[0] if path[0] in FOLDERS else beside.split("/")[0]
    module = path[1] if path[0] in FOLDERS and len(path) > 1 else path[0]
    if f"{folder}/{module}.py" in FILES:
        return f"{folder}/{module}.py"
    return f"{folder}/__init__.py" if path[0] in FOLDERS else None


def label(file, user):
    """The target that a `user` of `file` depends on."""
    if file == "coopkeras/__init__.py" and not user.startswith("coopkeras/"):
        return ":coopkeras"  # whose names are imported when they are first asked for
    return next((f":{name}" for name, target in targets().items() if file in target.srcs), None)


def expected_deps(file):
    """What the deps of the target of `file` should be."""
    ours, others = imports(file)
    deps = {label(source, user=file) or f"a target for {source}" for source in ours}
    deps |= {f"@{package}" for package in others}
    if file.endswith("_test.py"):
        deps -= {"@pytest"}  # bazel/pytest.bzl gives it to every test
    if file == "coopkeras/run.py":
        deps |= {":tasks"}  # found by their entry points
    if file == "tasks/__init__.py":
        deps |= {f":task_{pathlib.Path(f).stem}" for f in tasks()}
    return deps


def requirements():
    """What setup.py installs, extras included: `["numpy>=1.26.4,<2", ...]`."""
    call = ast.parse((ROOT / "setup.py").read_text("utf-8")).body[-1].value
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    extras = ast.literal_eval(given["extras_require"])
    return sum(extras.values(), ast.literal_eval(given["install_requires"]))


def room(file):
    """`coopkeras/langevin.py` -> `langevin`."""
    return pathlib.PurePath(file).stem


def rooms():
    """The files of the library, without `coopkeras/__init__.py`."""
    return [f for f in FILES if f.startswith("coopkeras/") and room(f) != "__init__"]


def tasks():
    """The files of the tasks, without `tasks/__init__.py`."""
    return [f for f in FILES if f.startswith("tasks/") and room(f) != "__init__"]


def reached(file):
    """The rooms that `file` imports, those that they import, and so on."""
    seen, ahead = set(), [file]
    while ahead:
        new = {f for f in imports(ahead.pop())[0] if f in rooms()} - seen
        seen |= new
        ahead += new
    return {room(f) for f in seen}


def test_every_file_has_one_target():
    listed = sorted(src for target in targets().values() for src in target.srcs)
    missing, gone = set(FILES) - set(listed), set(listed) - set(FILES)
    assert not missing, f"BUILD should have a target for {missing}"
    assert not gone, f"BUILD has targets for files that are not there: {gone}"
    assert listed == FILES, "a file has two targets in BUILD"


@pytest.mark.parametrize("file", FILES)
def test_deps_are_the_imports(file):
    target = next((target for target in targets().values() if file in target.srcs), None)
    assert target is not None, f"BUILD should have a target for {file}"
    assert target.srcs == (file,)
    missing = expected_deps(file) - set(target.deps)
    idle = set(target.deps) - expected_deps(file)
    assert not missing, f"BUILD: {target.name} should depend on {missing}, which {file} imports"
    assert not idle, f"BUILD: {target.name} depends on {idle}, which {file} does not import"
    assert len(set(target.deps)) == len(target.deps)


def test_the_whole_library_is_one_target_too():
    whole = {f":{room(f)}" for f in rooms()} - {":run"} | {":init"}
    assert sorted(targets()["coopkeras"].deps) == sorted(whole)


def test_tests_are_tests():
    for target in targets().values():
        assert (target.rule == "py_test") == any(src.endswith("_test.py") for src in target.srcs)


def test_every_package_is_declared_and_has_its_tested_version():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    tested = {line.split("==")[0].lower().replace("-", "_") for line in lines if "==" in line}
    declared = {re.match(r"[\w-]+", name)[0].replace("-", "_") for name in requirements()}
    assert declared - OPTIONAL <= tested
    for file in FILES:
        assert imports(file)[1] <= declared, f"{file} imports what setup.py does not declare"


def test_nobody_imports_run():
    users = [f for f in FILES if "coopkeras/run.py" in imports(f)[0]]
    assert [f for f in users if not f.startswith("tests/")] == []


def test_the_library_does_not_know_the_tasks():
    assert [f for f in rooms() if any(g.startswith("tasks/") for g in imports(f)[0])] == []


def test_tasks_import_only_the_library():
    for file in tasks():
        strangers = [f for f in imports(file)[0] if not f.startswith("coopkeras/")]
        assert strangers == [], f"{file} imports {strangers}"


def test_rooms_that_stand_alone():
    for file in rooms():
        if room(file) in FOUNDATION | ALONE:
            neighbours = reached(file) - FOUNDATION
            assert neighbours == set(), f"{file} imports {neighbours}"


def test_the_algorithms_do_not_know_how_they_are_run():
    for file in rooms():
        if room(file) in ALGORITHMS:
            assert reached(file) & RUNNING == set(), f"{file} imports {reached(file) & RUNNING}"


def test_no_room_imports_itself_in_a_circle():
    order = graphlib.TopologicalSorter({f: imports(f)[0] & set(rooms()) for f in rooms()})
    assert set(order.static_order()) == set(rooms())
