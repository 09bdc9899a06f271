"""Call a SavedModel as a stranger would: with TensorFlow and nothing else of this library.

    python replay.py <saved model> <folder>

reads the inputs of each signature from `<folder>/<signature>.inputs.npz` and writes what the
signature returns to `<folder>/<signature>.outputs.npz`. `export` runs it in a process of its own.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf


def main(saved_model, folder):
    """Call every signature on its recorded inputs and record its outputs."""
    signatures = tf.saved_model.load(saved_model).signatures
    for name, signature in signatures.items():
        with np.load(pathlib.Path(folder, f"{name}.inputs.npz")) as inputs:
            outputs = signature(**{key: tf.constant(inputs[key]) for key in inputs})
        arrays = {key: value.numpy() for key, value in outputs.items()}
        np.savez(pathlib.Path(folder, f"{name}.outputs.npz"), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
