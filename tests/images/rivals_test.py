"""Rivals touch nothing that is known, look at nothing that is hidden, and may be absent."""

import logging
import sys
import types

import numpy as np
import pytest

from coopkeras import images, metrics

RIVALS = ("fsr fast", "fsr best", "patchmatch")


@pytest.fixture
def found():
    pytest.importorskip("cv2")
    pytest.importorskip("patchmatch")
    return images.rivals.rivals()


@pytest.mark.parametrize("shape", [(2, 16, 16, 1), (1, 9, 14, 3)])
@pytest.mark.parametrize("name", RIVALS)
def test_known_values_come_back_and_hidden_ones_are_not_looked_at(rng, found, name, shape):
    x = rng.uniform(-1, 1, shape).astype(np.float32)
    visible = np.ones([*shape[:3], 1], bool)
    visible[:, 3:7, 4:9] = False
    filled = found[name].fill(np.where(visible, x, np.nan), visible)
    known = np.broadcast_to(visible, shape)
    assert (filled.dtype, filled.shape) == (x.dtype, x.shape)
    assert filled[known].tobytes() == x[known].tobytes()
    assert np.abs(filled).max() <= 1
    np.testing.assert_array_equal(filled, found[name].fill(np.where(visible, x, 0.7), visible))


@pytest.mark.parametrize("name", RIVALS)
def test_stripes_are_continued(found, name):
    x = np.tile(np.where(np.arange(32) % 8 < 4, -0.5, 0.5), [1, 32, 1])[..., None]
    visible = np.ones([32, 32, 1], bool)
    visible[12:20, 12:20] = False
    filled = found[name].fill(x, visible)
    grey = np.where(visible, x, 0)
    assert metrics.psnr(filled, x, ~visible)[0] > metrics.psnr(grey, x, ~visible)[0] + 2


@pytest.mark.parametrize("name", RIVALS)
def test_all_or_nothing_hidden(rng, found, name):
    x = rng.uniform(-1, 1, [1, 12, 12, 1])
    np.testing.assert_array_equal(found[name].fill(x, True), x)
    assert np.abs(found[name].fill(x, False)).max() < 0.01  # mid grey


def test_what_is_absent_is_left_out_with_a_line_that_says_how_to_install(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "patchmatch", None)
    with caplog.at_level(logging.WARNING):
        assert images.rivals.rivals() == {}
    (line,) = caplog.messages
    assert "pip install coopkeras[rivals]" in line
    assert "OpenCV" in line
    assert "PatchMatch" in line


def test_another_wheel_of_opencv_is_named(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "cv2", types.ModuleType("cv2"))
    wheels = {"cv2": ["opencv-python", images.rivals.WHEEL]}
    monkeypatch.setattr(images.rivals.importlib.metadata, "packages_distributions", lambda: wheels)
    with caplog.at_level(logging.WARNING):
        assert not {"fsr fast", "fsr best"} & set(images.rivals.rivals())
    assert "pip uninstall opencv-python" in caplog.text


def test_a_library_that_can_not_be_loaded_is_left_out(monkeypatch, caplog):
    broken = types.ModuleType("patchmatch")
    broken.patch_match = types.SimpleNamespace(patchmatch_available=False)
    monkeypatch.setitem(sys.modules, "patchmatch", broken)
    with caplog.at_level(logging.WARNING):
        assert "patchmatch" not in images.rivals.rivals()
    assert "compiled library" in caplog.text
