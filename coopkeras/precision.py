"""Precision and XLA: what suits the processor that there is.

Measured: XLA on a CPU makes the Langevin loop of a ConvNet 4 to 30 times slower than a plain
graph; bfloat16 on a CPU with AMX makes it 3.5 to 4 times faster than float32.
"""

import keras
import tensorflow as tf


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
