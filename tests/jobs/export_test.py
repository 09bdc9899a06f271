"""An export is whole, plain and proven before it has a number."""

import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import toy

from coopkeras import jobs
from coopkeras.errors import UserError
from coopkeras.task import DataSpec

SPEC = tf.TensorSpec([None, 2], tf.float32, "x")


class Served(toy.Toy):
    """A task whose signatures are given, and whose model is one variable."""

    name = "served"

    def __init__(self, *functions, specs=(SPEC,), **named):
        super().__init__()
        self.weight = tf.Variable([1.0, 2.0])
        self.functions = {"serving_default": functions[0]} if functions else {}
        self.functions |= named
        self.specs = list(specs)

    def signatures(self, model):
        """Return the given functions, compiled."""
        return {
            name: function
            if hasattr(function, "get_concrete_function")
            else tf.function(function, input_signature=self.specs)
            for name, function in self.functions.items()
        }


@pytest.fixture
def unproven(monkeypatch):
    """Leave out the new process, where a test is about something else."""
    monkeypatch.setattr(jobs.export, "_replay", lambda *_: 0.0)


def double(x):
    return {"y": 2 * x}


def versions(root):
    return sorted(path.name for path in (root / "served").iterdir())


# What is written --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A trained toy's model and where it was exported to, proven in a new process."""
    task = toy.Toy()
    model = task.build(DataSpec((16, 16, 1), 10))
    return model, jobs.export.write(task, model, tmp_path_factory.mktemp("models"))


def test_it_gives_what_the_live_model_gives(exported):
    model, path = exported
    seeds = tf.constant([[0, 1], [5, 6], [0, 1]])
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    made = signature(seed=seeds)["x"]
    np.testing.assert_allclose(made, model.sample(3, seed=seeds), atol=1e-5)
    np.testing.assert_allclose(made[0], made[2], atol=1e-6)
    assert not np.allclose(made[0], made[1])


def test_it_holds_the_networks_and_nothing_of_training(exported):
    model, path = exported
    listed = tf.train.list_variables(str(path / "variables" / "variables"))
    saved = [shape for name, shape in listed if "served" in name]
    used = model.ema_descriptor.network.weights + model.ema_generator.network.weights
    # the last layer's bias moves the energy and not its gradient, so it is not served
    assert len(used) - 1 <= len(saved) <= len(used)
    assert not [name for name, _ in listed if "adam" in name.lower()]


def test_it_holds_its_settings(exported):
    _, path = exported
    written = json.loads((path / "assets.extra" / "config.json").read_text("utf-8"))
    assert written["task"] == "toy"
    assert written["config"]["size"] == 16
    assert written["largest_difference"] <= jobs.export.TOLERANCE
    assert written["signatures"]["serving_default"] == {
        "inputs": {"seed": "int32 [None, 2]"},
        "outputs": {"x": "float32 [None, 16, 16, 1]"},
    }


def test_anyone_may_read_it(exported):
    _, path = exported
    before = os.umask(0)
    os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o777 & ~before


def test_every_input_is_held_to_its_shape(unproven, tmp_path):
    """A wrong rank would reach the kernels of a server, which checks no shapes."""
    path = jobs.export.write(Served(double), None, tmp_path)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        signature = loaded.signature_def["serving_default"]
        graph = tf.compat.v1.get_default_graph().as_graph_def()
        ops = {node.op for function in graph.library.function for node in function.node_def}
        assert "EnsureShape" in ops
        y, x = signature.outputs["y"].name, signature.inputs["x"].name
        assert session.run(y, {x: [[1.0, 2.0]]}).tolist() == [[2.0, 4.0]]


# Its number -------------------------------------------------------------------------------------


def test_it_takes_the_next_free_number(unproven, tmp_path):
    assert jobs.export.write(Served(double), None, tmp_path) == tmp_path / "served" / "1"
    (tmp_path / "served" / "7").mkdir()
    (tmp_path / "served" / ".half").mkdir()
    (tmp_path / "served" / "notes.txt").write_text("mine")
    assert jobs.export.write(Served(double), None, tmp_path).name == "8"
    assert jobs.export.write(Served(double), None, tmp_path, name="mine") == tmp_path / "mine" / "1"
    assert versions(tmp_path) == [".half", "1", "7", "8", "notes.txt"]


def test_two_at_once_take_two_numbers(unproven, tmp_path, monkeypatch):
    rename = os.rename

    def late(aside, path):
        if not path.exists() and path.name == "1":  # the other one was a moment quicker
            path.mkdir()
            (path / "saved_model.pb").write_bytes(b"other")
        rename(aside, path)

    monkeypatch.setattr(os, "rename", late)
    assert jobs.export.write(Served(double), None, tmp_path).name == "2"
    assert (tmp_path / "served" / "1" / "saved_model.pb").read_bytes() == b"other"


def test_one_that_differs_elsewhere_gets_no_number(tmp_path, monkeypatch):
    script = tmp_path / "elsewhere.py"
    text = pathlib.Path(jobs.replay.__file__).read_text("utf-8")
    script.write_text(text.replace("value.numpy()", "value.numpy() + 0.5"))
    monkeypatch.setattr(jobs.replay, "__file__", str(script))
    with pytest.raises(UserError, match=r"`y` of signature 'serving_default' differs by 0\.[345]"):
        jobs.export.write(Served(double), None, tmp_path)
    assert versions(tmp_path) == []


def test_one_that_can_not_be_loaded_gets_no_number(tmp_path, monkeypatch):
    script = tmp_path / "elsewhere.py"
    script.write_text("raise SystemExit('no such op: IO>Decode')")
    monkeypatch.setattr(jobs.replay, "__file__", str(script))
    with pytest.raises(UserError, match="can't be used in a new process: no such op: IO>Decode"):
        jobs.export.write(Served(double), None, tmp_path)
    assert versions(tmp_path) == []


def test_nothing_is_left_when_it_is_stopped(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs.export, "_replay", stop)
    with pytest.raises(KeyboardInterrupt):
        jobs.export.write(Served(double), None, tmp_path)
    assert versions(tmp_path) == []


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UserError, match=r"file/served can't be written: Not a directory"):
        jobs.export.write(Served(double), None, tmp_path / "file")


# What a server can't run ------------------------------------------------------------------------


def python_inside(x):
    return {"y": tf.ensure_shape(tf.py_function(lambda x: x, [x], tf.float32), [None, 2])}


def numpy_in_a_loop(x):
    def body(row):
        return tf.numpy_function(lambda row: row, [row], tf.float32)

    return {"y": tf.ensure_shape(tf.map_fn(body, x), [None, 2])}


def random_state(x):
    return {"y": x + tf.random.normal(tf.shape(x))}


def compiled(x):
    return {"y": tf.function(lambda x: x + 1, jit_compile=True)(x)}


def scalar_output(x):
    return {"y": tf.reduce_sum(x)}


def unnamed(x):
    return x


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (python_inside, "EagerPyFunc"),
        (numpy_in_a_loop, "PyFunc"),
        (random_state, "RandomStandardNormal"),
        (compiled, "jit_compile=True"),
        (scalar_output, "`y` of signature 'serving_default' should have a leading batch"),
        (unnamed, "dict of named outputs"),
    ],
)
def test_what_a_server_can_not_run_is_named(function, said, tmp_path):
    with pytest.raises(UserError, match=said):
        jobs.export.write(Served(function), None, tmp_path)
    assert not (tmp_path / "served").exists()


def test_a_whole_signature_compiled_by_xla_is_named(tmp_path):
    whole = tf.function(double, input_signature=[SPEC], jit_compile=True)
    with pytest.raises(UserError, match="jit_compile=True"):
        jobs.export.write(Served(whole), None, tmp_path)


def test_a_scalar_input_is_named(tmp_path):
    def scaled(x, scale):
        return {"y": x * scale}

    specs = [SPEC, tf.TensorSpec([], tf.float32, "scale")]
    with pytest.raises(UserError, match="`scale` of signature"):
        jobs.export.write(Served(scaled, specs=specs), None, tmp_path)


def test_one_signature_is_the_default(tmp_path):
    with pytest.raises(UserError, match='"serving_default"; there are double'):
        jobs.export.write(Served(double=double), None, tmp_path)


# Example inputs ---------------------------------------------------------------------------------


def test_example_inputs_suit_the_signature():
    specs = [
        tf.TensorSpec([None, None, 3], tf.float32, "x"),
        tf.TensorSpec([None, 4, 1], tf.bool, "visible"),
        tf.TensorSpec([None, 2], tf.int32, "seed"),
        tf.TensorSpec([None], tf.int32, "steps"),
        tf.TensorSpec([None], tf.float32, "temperature"),
        tf.TensorSpec([None], tf.string, "picture_bytes"),
    ]

    @tf.function(input_signature=specs)
    def function(x, visible, seed, steps, temperature, picture_bytes):
        del x, visible, steps, temperature, picture_bytes
        return {"seed": seed}

    inputs = jobs.export.example_inputs(function.get_concrete_function())
    assert inputs["x"].shape == (2, 32, 3)
    assert np.abs(inputs["x"]).max() <= 1
    assert inputs["x"].min() < 0
    assert inputs["visible"].dtype == bool
    assert len(np.unique(inputs["seed"])) == 4
    assert inputs["steps"].tolist() == [3, 3]
    assert inputs["temperature"].min() >= 0
    assert tf.io.decode_png(inputs["picture_bytes"][0]).shape == (32, 32, 3)
