"""A stranger's task, installed in an environment of its own, works by name; bad ones harm none."""

import ast
import json
import pathlib
import shutil
import site
import subprocess
import sysconfig
import venv

import pytest

import coopkeras as ck

COLORIZE = pathlib.Path(__file__).parents[1] / "examples/colorize"
TINY = [
    "size=16",
    "batch_size=4",
    "judged=4",
    "latent_dim=4",
    "generator_width=4",
    "descriptor_width=4",
    "steps=2",
    "updates=2",
]
CALL = """
import sys
import numpy as np
import tensorflow as tf

colorize = tf.saved_model.load(sys.argv[1]).signatures["recover"]
seen = np.random.default_rng(0).uniform(-1, 1, [3, 16, 16, 1]).astype(np.float32)
seed = np.array([[0, 1], [0, 2], [0, 1]], np.int32)
x = colorize(seen=seen, seed=seed, temperature=np.float32([0, 1, 1]))["recovered"].numpy()
print("luma", np.abs(x @ np.float32([[0.299], [0.587], [0.114]]) - seen).max(), x.shape)
"""
BAD = {  # what other packages bring: {module: (its code, its entry point)}
    "failing": ("raise RuntimeError('no licence')", "failing = failing:Task"),
    "leaving": ("import sys; sys.exit('no licence')", "leaving = leaving:Task"),
    "copying": (
        "import colorize\nclass Inpaint(colorize.Colorize):\n    name = 'inpaint'\n",
        "inpaint = copying:Inpaint",
    ),
    "lacking": (
        "import coopkeras as ck\nclass Task(ck.Task):\n    name = summary = 'lacking'\n",
        "lacking = lacking:Task",
    ),
}


class Environment:
    """A virtual environment that also sees what is installed where the tests run."""

    def __init__(self, path):
        """Make it: without pip, which is seen too, and without a download."""
        self.path = path
        venv.create(path, system_site_packages=True, with_pip=False)
        self.packages = pathlib.Path(
            sysconfig.get_path("purelib", "venv", vars={"base": str(path)})
        )
        seen = "".join(f"import site; site.addsitedir({p!r})\n" for p in site.getsitepackages())
        (self.packages / "seen.pth").write_text(seen, "utf-8")

    def run(self, *arguments, folder):
        """Run its Python in a folder; return what it printed."""
        done = subprocess.run(
            [self.path / "bin/python", *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add(self, module, code, entry):
        """Put a module there with what a package's installation says of it."""
        (self.packages / f"{module}.py").write_text(code, "utf-8")
        told = self.packages / f"{module}-1.0.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (told / "entry_points.txt").write_text(f"[coopkeras.tasks]\n{entry}\n")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment where examples/colorize is installed, and bad packages beside it."""
    folder = tmp_path_factory.mktemp("plugin")
    environment = Environment(folder / "environment")
    source = shutil.copytree(COLORIZE, folder / "colorize")  # building leaves files beside it
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    environment.run("-m", "pip", "install", "--quiet", *offline, source, folder=folder)
    for module, (code, entry) in BAD.items():
        environment.add(module, code, entry)
    return environment


def test_the_list_has_it_and_names_the_bad_ones_with_their_reason(environment, tmp_path):
    out = environment.run("-m", "coopkeras.run", "--list", folder=tmp_path)
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    lines = {name: line.strip() for name, line in lines.items()}
    assert lines["colorize"] == "paint a grey image"
    assert lines["inpaint"] == "fill the hole of an image"
    assert lines["failing"] == "broken: failing:Task: RuntimeError: no licence"
    assert lines["leaving"] == "broken: leaving:Task: SystemExit: no licence"
    assert lines["inpaint (copying:Inpaint)"] == (
        "broken: both coopkeras.tasks.inpaint:Inpaint and copying:Inpaint are called 'inpaint'"
    )
    assert lines["lacking"].startswith("broken: lacking:Task: it lacks build, datasets")


@pytest.mark.slow
def test_it_learns_and_what_it_exports_is_served(environment, tmp_path):
    settings = [f"--set={setting}" for setting in TINY]
    environment.run("-m", "coopkeras.run", "--task=colorize", *settings, folder=tmp_path)
    results = json.loads((tmp_path / "runs/colorize/results.json").read_text("utf-8"))
    assert {row["method"] for row in results["rows"]} >= {
        "coopnets",
        "grey",
        "mean chroma of the luma",
    }
    assert (tmp_path / "runs/colorize/report.html").exists()
    out = environment.run("-c", CALL, results["export"], folder=tmp_path)
    word, difference, shape = out.split(maxsplit=2)
    assert (word, shape.strip()) == ("luma", "(3, 16, 16, 3)")
    assert float(difference) < 1e-5


@pytest.mark.slow
def test_it_passes_its_own_tests(environment, tmp_path):
    test = shutil.copy(COLORIZE / "colorize_test.py", tmp_path)
    out = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", test, folder=tmp_path)
    assert " passed" in out


def test_it_uses_public_names_only():
    tree = ast.parse((COLORIZE / "colorize.py").read_text("utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [node.module for node in imported if node.module.startswith("coopkeras")]
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    ours = [name.split(".") for name in names if name.startswith("ck.")]
    assert {room for _, room, *_ in ours} <= set(ck.__all__)
    assert not [name for name in ours if any(part.startswith("_") for part in name)]
