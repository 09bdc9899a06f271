"""BUILD lists every file with the dependencies that its imports have, and imports run one way.

What a file imports is read from its syntax tree, imports inside functions included, so nothing
here needs TensorFlow or Bazel. A unit is a file on top of coopkeras/ or one of its subpackages.
"""

import ast
import dataclasses
import functools
import graphlib
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("coopkeras", "tasks", "tests", "benchmarks")
FILES = sorted(
    path.relative_to(ROOT).as_posix() for f in FOLDERS for path in ROOT.glob(f"{f}/**/*.py")
)

# What is imported -> what is installed, where the names differ.
PACKAGES = {
    "PIL": "pillow",
    "absl": "absl_py",
    "cv2": "opencv_contrib_python_headless",
    "google": "protobuf",
    "grpc": "grpcio",
    "patchmatch": "pypatchmatch",
    "skimage": "scikit_image",
    "tensorflow_serving": "tensorflow_serving_api",
}
OPTIONAL = {"tensorflow_datasets"}  # the extra `tfds`: not in constraints.txt, so not in BUILD

# Who may import whom, besides itself and `init`, which is coopkeras/__init__.py.
GROUND = {"base", "errors", "precision", "rates", "seeds", "windows"}
THESIS = {
    "coopnets",
    "descriptor",
    "generator",
    "langevin",
    "boxes",
    "modes",
    "observation",
    "prior",
    "proposals",
    "reference",
}
MEDIA = {"audio", "images", "video"}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(THESIS, THESIS | GROUND),
    "networks": set(),
    "metrics": set(),
    "task": GROUND,
    "images": THESIS | GROUND,
    "audio": THESIS | GROUND,
    "video": THESIS | GROUND | {"images", "networks"},
    "data": GROUND | MEDIA,
    "recipes": THESIS | GROUND | MEDIA | {"data", "metrics", "networks", "task"},
    "registry": GROUND | {"task"},
    "jobs": GROUND | {"registry", "task"},
    "testing": GROUND | {"jobs", "recipes", "task"},
    "run": GROUND | {"jobs"},
}
KEPT_FROM_TASKS = {"jobs", "registry", "run", "testing"}


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
    if path[0] not in FOLDERS:
        path = [beside.split("/")[0], *path]  # a script's neighbour, or tests/toy.py
    for length in range(len(path), 0, -1):
        place = "/".join(path[:length])
        for file in (f"{place}.py", f"{place}/__init__.py"):
            if file in FILES and (length > 1 or name.split(".")[0] in FOLDERS):
                return file
    return None


def unit(file):
    """`coopkeras/langevin.py` -> `langevin`, `coopkeras/images/files.py` -> `images`."""
    place = pathlib.PurePath(file).parts
    return "init" if file == "coopkeras/__init__.py" else place[1].removesuffix(".py")


def label(file, user):
    """The target that a `user` of `file` depends on."""
    if file == "coopkeras/__init__.py" and not user.startswith("coopkeras/"):
        return ":coopkeras"  # whose names are imported when they are first asked for
    return next((f":{name}" for name, target in targets().items() if file in target.srcs), None)


def expected_deps(target):
    """What the deps of a target should be, by the imports of its files."""
    deps = set()
    for file in target.srcs:
        ours, others = imports(file)
        deps |= {label(source, user=file) or f"a target for {source}" for source in ours}
        deps |= {f"@{package}" for package in others}
    if target.rule == "py_test":
        deps -= {"@pytest"}  # bazel/pytest.bzl gives it to every test
    if target.name == "run":
        deps |= {":tasks"}  # found by their entry points
    if target.name == "tasks":
        deps |= {f":task_{pathlib.Path(f).stem}" for f in tasks()}
    return deps - {f":{target.name}"}


def requirements():
    """What setup.py installs, extras included: `["numpy>=1.26.4,<2", ...]`."""
    call = ast.parse((ROOT / "setup.py").read_text("utf-8")).body[-1].value
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    extras = ast.literal_eval(given["extras_require"])
    return sum(extras.values(), ast.literal_eval(given["install_requires"]))


def library():
    """The files of the library, without `coopkeras/__init__.py`."""
    return [f for f in FILES if f.startswith("coopkeras/") and unit(f) != "init"]


def tasks():
    """The files of the tasks, without `tasks/__init__.py`."""
    return [f for f in FILES if f.startswith("tasks/") and not f.endswith("__init__.py")]


def subpackages():
    """The folders of the library."""
    return sorted({unit(f) for f in library() if f.count("/") == 2})


def exported(package):
    """The names that a subpackage's `public(...)` offers: (files, names in them)."""
    tree = ast.parse((ROOT / f"coopkeras/{package}/__init__.py").read_text("utf-8"))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.func.id == "public")
    homes = ast.literal_eval(call.args[1])
    return set(homes), {name for names in homes.values() for name in names}


def test_every_file_has_one_target():
    listed = sorted(src for target in targets().values() for src in target.srcs)
    missing, gone = set(FILES) - set(listed), set(listed) - set(FILES)
    assert not missing, f"BUILD should have a target for {missing}"
    assert not gone, f"BUILD has targets for files that are not there: {gone}"
    assert listed == FILES, "a file has two targets in BUILD"


@pytest.mark.parametrize("name", sorted(targets()))
def test_deps_are_the_imports(name):
    target = targets()[name]
    if name == "coopkeras":
        return
    missing = expected_deps(target) - set(target.deps)
    idle = set(target.deps) - expected_deps(target)
    assert not missing, f"BUILD: {name} should depend on {missing}, which it imports"
    assert not idle, f"BUILD: {name} depends on {idle}, which it does not import"
    assert len(set(target.deps)) == len(target.deps)


def test_a_subpackage_is_one_target():
    for package in subpackages():
        files = sorted(f for f in library() if unit(f) == package)
        assert sorted(targets()[package].srcs) == files


def test_the_whole_library_is_one_target_too():
    whole = {f":{unit(f)}" for f in library()} - {":run"} | {":init"}
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


@pytest.mark.parametrize("file", library())
def test_imports_run_one_way(file):
    own = unit(file)
    found = {unit(f) for f in imports(file)[0] if f.startswith("coopkeras/")} - {own, "init"}
    assert found <= MAY_IMPORT[own], f"{file} imports {found - MAY_IMPORT[own]}"


def test_no_file_imports_itself_in_a_circle():
    order = graphlib.TopologicalSorter({f: imports(f)[0] & set(library()) for f in library()})
    assert set(order.static_order()) == set(library())


def test_the_library_does_not_know_the_tasks():
    assert [f for f in library() if any(g.startswith("tasks/") for g in imports(f)[0])] == []


def test_tasks_import_only_the_library():
    for file in tasks():
        strangers = [f for f in imports(file)[0] if not f.startswith("coopkeras/")]
        assert strangers == [], f"{file} imports {strangers}"
        assert not {unit(f) for f in imports(file)[0]} & KEPT_FROM_TASKS


@pytest.mark.parametrize("package", subpackages())
def test_what_a_subpackage_offers_is_there_and_named_unlike_its_files(package):
    """A function named like a file would be hidden by it as soon as the file is imported."""
    folder = ROOT / "coopkeras" / package
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    offered, names = exported(package)
    assert offered <= files
    assert not names & files


def test_importing_coopkeras_imports_nothing_heavy():
    heavy = {"keras", "numpy", "tensorflow"}
    code = f"import coopkeras, sys; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
