"""Laws of precision: what is asked for is set; what is left open follows the machine."""

import keras
import pytest

from coopkeras import base


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_a_policy_is_set_by_its_name(name):
    assert base.set_precision(name) == name
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
    monkeypatch.setattr(base, "has_accelerator", lambda: accelerator)
    monkeypatch.setattr(base, "_has_amx", lambda: amx)
    assert base.set_precision("auto") == name
    assert base.use_xla("auto") is accelerator
    assert base.use_xla() is accelerator


def test_xla_is_as_asked():
    assert base.use_xla(True) is True
    assert base.use_xla(False) is False


def test_this_machine_has_an_answer():
    assert base.has_accelerator() in (True, False)
    assert base._has_amx() in (True, False)
