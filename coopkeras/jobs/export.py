"""Export: a model as TF Serving takes it, called again in a new process before it has a name.

    <root>/<name>/<version>/saved_model.pb            named signatures, plain TensorFlow ops
    <root>/<name>/<version>/variables/                the networks' weights and nothing of training
    <root>/<name>/<version>/assets.extra/config.json  the settings of the run that made it

A version is written aside, in a folder that no server looks into, and renamed when it is proven:
a folder with a number is whole.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid

import numpy as np
import tensorflow as tf

import coopkeras
from coopkeras import base
from coopkeras.errors import UserError
from coopkeras.jobs import replay
from coopkeras.jobs.workdir import writing

TOLERANCE = 1e-4

_PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
_RANDOM_OPS = {
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "RngReadAndSkip",
    "StatefulStandardNormalV2",
    "StatefulUniform",
    "StatefulUniformInt",
    "TruncatedNormal",
}
_XLA = ("_XlaMustCompile", "_tf_xla_compile")  # attributes that jit_compile=True leaves


def write(task, model, root, name=None):
    """Export a model to `<root>/<name>/<version>/`, the next free version.

    Args:
        task: the `Task` that says what is served (`task.signatures(model)`).
        model: its model.
        root: folder of all exported models.
        name: the model's name; by default the task's.

    Returns:
        path: a `pathlib.Path`, the folder of the new version.

    Raises:
        UserError: if a signature is one that TF Serving can't run, if the reloaded model differs
            from this one, or if the folder can't be written.
    """
    folder = pathlib.Path(root, name or task.name)
    functions = {key: _guard(function) for key, function in task.signatures(model).items()}
    check(functions)
    aside = folder / f".{uuid.uuid4().hex}"
    with writing(folder):
        aside.mkdir(parents=True)
    try:
        with writing(aside):
            _save(functions, aside)
            difference = _replay(functions, aside)
            _describe(task, functions, difference, aside)
        return _rename(aside, folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def check(functions):
    """Hold concrete functions to what a stock TF Serving runs.

    Args:
        functions: dict of name -> concrete function with named inputs and outputs.

    Raises:
        UserError: naming the signature and what is wrong with it.
    """
    if "serving_default" not in functions:
        raise UserError(
            f'One signature should be called "serving_default"; there are '
            f"{', '.join(sorted(functions)) or 'none'}."
        )
    for name, function in functions.items():
        specs = {**inputs_of(function), **outputs_of(function)}
        for key, spec in specs.items():
            if spec.shape.rank in (None, 0) or spec.shape[0] is not None:
                raise UserError(
                    f"`{key}` of signature {name!r} should have a leading batch dimension; its "
                    f"shape is {spec.shape}."
                )
        if unservable := sorted(set(_unservable(function.graph.as_graph_def()))):
            raise UserError(
                f"Signature {name!r} holds what a TF Serving can't run or repeat: "
                f"{', '.join(unservable)}. Use plain TensorFlow ops and stateless random ones. "
                f"Of an unknown number of channels Keras compiles a convolution: state it."
            )


def concrete(function):
    """Return what a task serves as a concrete function."""
    if hasattr(function, "get_concrete_function"):
        return base.concrete(function)
    return function


def inputs_of(function):
    """Return the inputs of a concrete function, `{name: tf.TensorSpec}`."""
    return {spec.name: spec for spec in tf.nest.flatten(function.structured_input_signature)}


def outputs_of(function):
    """Return the outputs of a concrete function, `{name: tf.TensorSpec}`."""
    outputs = function.structured_outputs
    if not isinstance(outputs, dict):
        raise UserError(f"A signature should return a dict of named outputs; received {outputs}.")
    return {name: tf.TensorSpec(output.shape, output.dtype) for name, output in outputs.items()}


def example_inputs(function, batch=2, seed=0):
    """Make inputs that suit a concrete function, for a look at whether it works.

    Args:
        function: a concrete function with named inputs.
        batch: number of rows.
        seed: int.

    Returns:
        inputs: dict of NumPy arrays: floats in [-1, 1], settings (one float a row) in [0, 1],
            booleans at random, seeds at random, other integers 3, strings small PNG images.
            Unknown sides are 32.
    """
    draw = np.random.default_rng(seed)
    inputs = {}
    for name, spec in inputs_of(function).items():
        shape = [batch, *(32 if side is None else side for side in spec.shape[1:])]
        if spec.dtype.is_floating:
            array = draw.uniform(-1 if len(shape) > 1 else 0, 1, shape)
        elif spec.dtype.is_bool:
            array = draw.uniform(size=shape) < 0.5
        elif spec.dtype == tf.string:
            image = tf.io.encode_png(draw.integers(0, 256, [32, 32, 3], np.uint8)).numpy()
            array = np.broadcast_to(np.array(image, object), shape)
        elif name == "seed":
            array = draw.integers(0, 2**31, shape)
        else:
            array = np.full(shape, 3)
        inputs[name] = np.asarray(array, spec.dtype.as_numpy_dtype)
    return inputs


# Its parts --------------------------------------------------------------------------------------


def _guard(function):
    """Return a concrete function that refuses inputs of another shape.

    A server does not check shapes itself, and a wrong rank in a convolution ends it.
    """
    specs = inputs_of(concrete(function))

    @tf.function(autograph=False)
    def serve(**inputs):
        return function(
            **{key: tf.ensure_shape(value, specs[key].shape) for key, value in inputs.items()}
        )

    return base.concrete(
        serve,
        **{key: tf.TensorSpec(spec.shape, spec.dtype, name=key) for key, spec in specs.items()},
    )


def _unservable(graph):
    """Return the ops of a graph and its functions that a stock server lacks or can't repeat."""
    functions = graph.library.function
    for node in (*graph.node, *(node for function in functions for node in function.node_def)):
        if node.op in _PYTHON_OPS | _RANDOM_OPS or ">" in node.op:  # IO>..., Addons>...
            yield node.op
        if any(node.attr[key].b for key in _XLA if key in node.attr):
            yield "jit_compile=True"
    if any(function.attr[key].b for function in functions for key in _XLA if key in function.attr):
        yield "jit_compile=True"


def _save(functions, path):
    """Write the SavedModel with the variables that its functions read, and no others."""
    module = tf.Module()
    module.served = list({id(v): v for f in functions.values() for v in f.variables}.values())
    tf.saved_model.save(module, str(path), signatures=functions)


def _replay(functions, path):
    """Call each signature here and in a new process; return the largest difference."""
    with tempfile.TemporaryDirectory() as folder:
        expected = {}
        for name, function in functions.items():
            inputs = example_inputs(function)
            np.savez(pathlib.Path(folder, f"{name}.inputs.npz"), **inputs)
            expected[name] = function(**{key: tf.constant(value) for key, value in inputs.items()})
        _run(path, folder)
        return max(
            _difference(name, outputs, pathlib.Path(folder, f"{name}.outputs.npz"))
            for name, outputs in expected.items()
        )


def _run(path, folder):
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true", **os.environ}
    done = subprocess.run(
        # -P: the folder of the script, full of our rooms, is no place to import from
        [sys.executable, "-P", replay.__file__, str(path), folder],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"The exported model can't be used in a new process: {last}")


def _difference(name, outputs, path):
    """Return the largest difference between live and reloaded outputs, if it is small enough."""
    largest = 0.0
    with np.load(path) as reloaded:
        for key, value in outputs.items():
            live, again = value.numpy(), reloaded[key]
            if value.dtype.is_floating:
                live, again = live.astype(np.float64), again.astype(np.float64)
                error = np.where(live == again, 0.0, np.abs(live - again))  # infinities too
                error = np.where(np.isnan(live) & np.isnan(again), 0.0, error)
                difference = float(np.max(error / np.maximum(1.0, np.abs(live)), initial=0.0))
            else:
                difference = float(not np.array_equal(live, again))
            if not difference <= TOLERANCE:
                raise UserError(
                    f"`{key}` of signature {name!r} differs by {difference:.3g} when the model is "
                    f"loaded in a new process (at most {TOLERANCE:g} is allowed)."
                )
            largest = max(largest, difference)
    return largest


def _describe(task, functions, difference, path):
    """Write the settings and the signatures into the export."""
    content = {
        "task": task.name,
        "version": coopkeras.__version__,
        "config": dataclasses.asdict(task.config),
        "largest_difference": difference,
        "signatures": {
            name: {
                "inputs": {key: _say(spec) for key, spec in inputs_of(function).items()},
                "outputs": {key: _say(spec) for key, spec in outputs_of(function).items()},
            }
            for name, function in functions.items()
        },
    }
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _say(spec):
    return f"{spec.dtype.name} {spec.shape.as_list()}"


def _rename(aside, folder):
    """Give the folder the next free number; another export may take one meanwhile."""
    while True:
        numbers = [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
        path = folder / str(max(numbers, default=0) + 1)
        try:
            os.rename(aside, path)
        except OSError:
            if not path.exists():
                raise
        else:
            return path
