"""Laws of precision: a policy is set by its name, auto follows the machine."""

import keras
import pytest

from coopkeras import precision


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_a_policy_is_set_by_its_name(name):
    assert precision.set_precision(name) == name
    assert keras.config.dtype_policy().name == name
    assert keras.layers.Dense(1).dtype_policy.name == name


@pytest.mark.parametrize(
    ("accelerator", "amx", "name"),
    [
        (False, False, "float32"),
        (False, True, "mixed_bfloat16"),
        (True, False, "mixed_bfloat16"),
    ],
)
def test_auto_follows_the_machine(monkeypatch, accelerator, amx, name):
    monkeypatch.setattr(precision, "has_accelerator", lambda: accelerator)
    monkeypatch.setattr(precision, "_has_amx", lambda: amx)
    assert precision.set_precision("auto") == name
    assert precision.use_xla("auto") is accelerator
    assert precision.use_xla() is accelerator


def test_xla_is_as_asked():
    assert precision.use_xla(True) is True
    assert precision.use_xla(False) is False


def test_this_machine_has_an_answer():
    assert precision.has_accelerator() in (True, False)
    assert precision._has_amx() in (True, False)
