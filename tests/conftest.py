"""Every test starts from the same state: quiet logs, one seed, Keras' own precision."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def fresh_keras():
    """Seed what draws initial weights; put back the precision that a test has set.

    Keras is not imported for it: that takes seconds, and some tests don't need it.
    """
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(0)
    yield
    if keras := sys.modules.get("keras"):
        keras.config.set_dtype_policy("float32")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that makes an importable module of a text."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, text):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        return name

    return make


@pytest.fixture
def rng():
    """Random numbers, the same in every test."""
    return np.random.default_rng(0)
