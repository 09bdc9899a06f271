"""Colorize obeys the laws of every task, and what it paints has the luma of what it was given."""

import numpy as np
import pytest
import tensorflow as tf
from colorize import Colorize, Config, Luma, displayable

import coopkeras as ck
from coopkeras.task import DataSpec

LUMA = np.array([0.299, 0.587, 0.114])
TINY = [
    "size=16",
    "batch_size=4",
    "judged=8",
    "latent_dim=4",
    "generator_width=4",
    "descriptor_width=4",
    "steps=2",
    "updates=1",
]


def random(*shape, scale=1.0):
    return np.random.default_rng(0).uniform(-scale, scale, shape).astype(np.float32)


class TestColorize(ck.testing.TaskConformance):
    """Painting grey images."""

    task_class = Colorize
    settings = TINY
    drawn = ["samples=2"]


class TestLuma(ck.testing.ObservationConformance):
    """What is seen of an image."""

    observation = Luma()
    shape = (8, 6, 3)


# What is painted --------------------------------------------------------------------------------


def test_a_colour_too_strong_is_weakened_and_keeps_its_luma():
    luma = random(50, 1)
    x = Luma().project(random(50, 3, scale=4.0), luma)
    shown = displayable(x, luma).numpy()
    assert np.abs(shown).max() <= 1
    np.testing.assert_allclose(Luma()(shown), luma, atol=1e-6)
    within = np.abs(x).max(axis=-1) <= 1
    np.testing.assert_allclose(shown[within], x[within], atol=1e-6)


def test_baselines_keep_the_luma():
    x = random(4, 8, 8, 3)
    found = Colorize().baselines(ck.data.examples.Examples.of(x))
    assert len(found) == 2
    for paint in found.values():
        np.testing.assert_allclose(Luma()(paint(x)), Luma()(x), atol=1e-5)


# A user's own image ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """A model that has learned nothing."""
    return Colorize(Config.parse(TINY)).build(DataSpec((16, 16, 3), 10))


@pytest.mark.parametrize("patches", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_predict_paints_an_image_and_keeps_luma_and_alpha(model, tmp_path, channels, patches):
    given = ck.images.to_uint8(random(20, 37, channels))
    ck.images.write(tmp_path / "in.png", given)
    task = Colorize(Config.parse(TINY, data="photos/").changed([f"patches={patches}"]))
    (path,) = task.predict(model, tmp_path / "in.png", tmp_path / "out.png")
    painted = ck.images.read(path)
    assert painted.shape == (20, 37, 4 if channels in (2, 4) else 3)
    alpha = given[..., -1:] if channels in (2, 4) else given[..., :0]
    np.testing.assert_array_equal(painted[..., 3:], alpha)
    colours = ck.images.convert_channels(given, 3)
    np.testing.assert_allclose(painted[..., :3] @ LUMA, colours @ LUMA, atol=0.51)


# Mistakes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["channels=1", "method=generator", "judged=1", "samples=-1"])
def test_a_wrong_setting_is_refused(setting):
    with pytest.raises(ck.UserError, match=setting.split("=")[0]):
        Config.parse([setting])


def test_grey_images_teach_no_colour():
    with pytest.raises(ck.UserError, match="are grey: give others"):
        Colorize(Config.parse(TINY, data="samples:faces")).datasets()


def test_a_mask_is_refused(model):
    with pytest.raises(ck.UserError, match="Leave it out"):
        Colorize().predict(model, "in.png", "out.png", "hole.png")


def test_the_served_recovery_has_the_luma_that_was_sent(model):
    served = Colorize(Config.parse(TINY)).signatures(model)["recover"]
    seen = tf.constant(random(2, 16, 16, 1))
    seeds, temperature = tf.constant([[0, 1], [0, 2]]), tf.constant([0.0, 1.0])
    outputs = served(seen=seen, seed=seeds, temperature=temperature)
    np.testing.assert_allclose(Luma()(outputs["recovered"]), seen, atol=1e-5)
