"""What the three models share as Keras objects: batches, metrics, compiling, saving, precision.

Measured: XLA on a CPU makes the Langevin loop of a ConvNet 4 to 30 times slower than a plain
graph; bfloat16 on a CPU with AMX makes it 3.5 to 4 times faster than float32.
"""

import keras
import numpy as np
import tensorflow as tf

from coopkeras import seeds


def examples(batch):
    """Return x of a batch, `[batch, ...]` float32: the batch itself or its entry "x"."""
    if isinstance(batch, (tuple, list)):
        batch = batch[0]
    if isinstance(batch, dict):
        if "x" not in batch:
            raise ValueError(f'A batch should have an entry "x"; it has {sorted(batch)}.')
        batch = batch["x"]
    return tf.cast(batch, tf.float32)


def label(batch):
    """Return the entry "label" of a batch, int `[batch]`, or None."""
    batch = batch[0] if isinstance(batch, (tuple, list)) else batch
    return batch.get("label") if isinstance(batch, dict) else None


def next_seed(model):
    """Return the seed of this update, and count the update."""
    seed = seeds.fold(seeds.as_seed(model.seed), model.updates)
    model.updates.assign_add(1)
    return seed


def distance(a, b):
    """Return the root mean squared difference, a scalar."""
    return tf.sqrt(tf.reduce_mean((a - b) ** 2))


def means(*names):
    """Return a dict of running means by name."""
    return {name: keras.metrics.Mean(name=name) for name in names}


def report(model, **values):
    """Update the model's running means and return all of them."""
    for name, value in values.items():
        model.means[name].update_state(value)
    return {name: mean.result() for name, mean in model.means.items() if name in values}


def check_positive(**values):
    """Raise ValueError naming the first value that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"`{name}` should be greater than 0; received {value}.")


def compile_model(model, optimizer, jit_compile, kwargs):
    """Compile with an optimizer built at once, so that loading restores its state."""
    jit_compile = use_xla(jit_compile)
    keras.Model.compile(
        model, optimizer=keras.optimizers.get(optimizer), jit_compile=jit_compile, **kwargs
    )
    model.optimizer.build(model.network.trainable_variables)


def state(model):
    """Return every variable that learning needs to go on.

    These are weights, counters, chains, latents and the optimizers' own.

    Args:
        model: a built and compiled Keras model, or one that has such models as attributes.

    Returns:
        variables: list, in an order that depends on the model's construction alone.
    """
    metrics = {id(v) for metric in model.metrics for v in metric.variables}
    variables = [v for v in model.variables if id(v) not in metrics]
    for part in (model, *model.layers):
        optimizer, latents = getattr(part, "optimizer", None), getattr(part, "latents", None)
        variables += optimizer.variables if optimizer is not None else []
        variables += [latents] if latents is not None else []
    return variables


def copy(model):
    """Return a copy with the same weights that is not trained and keeps no training state."""
    changes = {"start": "data", "num_examples": None}
    config = model.get_config()
    config |= {name: value for name, value in changes.items() if name in config}
    twin = type(model).from_config(config)
    twin.network.set_weights(model.network.get_weights())
    twin.trainable = False
    return twin


def model_config(model, parts, names):
    """Return a config of serialised `parts` and plain `names`."""
    config = {"name": model.name}
    for part in parts:
        config[part] = keras.saving.serialize_keras_object(getattr(model, part))
    return config | {name: getattr(model, name) for name in names}


def revive(config, parts):
    """Return a config with its `parts` deserialised."""
    config = dict(config)
    for part in parts:
        config[part] = keras.saving.deserialize_keras_object(config[part])
    return config


def compile_config(model, names):
    """Return the serialised optimizers of a compiled model by name."""
    return {name: keras.saving.serialize_keras_object(getattr(model, name)) for name in names}


def compile_from(model, config, names):
    """Compile a model with the optimizers that `compile_config` described."""
    optimizers = {name: keras.saving.deserialize_keras_object(config[name]) for name in names}
    model.compile(**optimizers)


def in_batches(function, at_once, *arrays):
    """Apply a function to the rows of arrays, a batch at a time.

    Args:
        function: takes as many arrays, returns a sequence of arrays of as many rows.
        at_once: rows of a batch.
        *arrays: of equally many rows.

    Returns:
        results: list of arrays, the batches' results joined.

    Example:
        >>> halves = lambda x: (x[:, :1], x[:, 1:])
        >>> [part.shape for part in in_batches(halves, 2, np.ones([5, 3]))]
        [(5, 1), (5, 2)]
    """
    starts = range(0, len(arrays[0]), at_once)
    parts = [function(*(array[start : start + at_once] for array in arrays)) for start in starts]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def set_precision(precision):
    """Set Keras' global policy: "auto", "float32" or "mixed_bfloat16".

    Args:
        precision: "auto" is mixed_bfloat16 on a processor with AMX and on an accelerator,
            else float32.

    Returns:
        policy: the name of the policy that was set.

    Example:
        >>> set_precision("float32")
        'float32'
    """
    if precision == "auto":
        precision = "mixed_bfloat16" if has_accelerator() or _has_amx() else "float32"
    keras.mixed_precision.set_dtype_policy(precision)
    return precision


def use_xla(jit_compile="auto"):
    """Say whether to compile with XLA: "auto" is yes on GPU and TPU, no on CPU.

    Args:
        jit_compile: "auto", True or False.

    Returns:
        jit_compile: bool.

    Example:
        >>> use_xla(False)
        False
    """
    return has_accelerator() if jit_compile == "auto" else bool(jit_compile)


def has_accelerator():
    """Say whether TensorFlow sees a GPU or TPU."""
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def _has_amx():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            return "amx_bf16" in file.read()
    except OSError:
        return False
