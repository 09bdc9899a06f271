"""Colorize obeys the laws of every task, and what it paints has the luma of what it was given."""

import numpy as np
import pytest
import tensorflow as tf
from colorize import Colorize, Config, Luma, baselines, displayable

import coopkeras as ck

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
    """Painting grey pictures."""

    task_class = Colorize
    settings = TINY


# What is seen -----------------------------------------------------------------------------------


def test_luma_is_linear_and_its_adjoint_is_one():
    x, y, seen = random(2, 8, 8, 3), random(2, 8, 8, 3)[::-1], random(2, 8, 8, 1)
    luma = Luma()
    np.testing.assert_allclose(luma(2 * x - y), 2 * luma(x) - luma(y), atol=1e-6)
    inner = np.sum(luma(x) * seen), np.sum(x * luma.adjoint(seen))
    np.testing.assert_allclose(*inner, rtol=1e-5)
    np.testing.assert_allclose(luma(luma.lift(seen)), seen, atol=1e-6)


def test_the_projection_is_exact_idempotent_and_orthogonal():
    x, seen = random(2, 8, 8, 3), random(2, 8, 8, 1)
    projected = Luma().project(x, seen)
    np.testing.assert_allclose(Luma()(projected), seen, atol=1e-6)
    np.testing.assert_allclose(Luma().project(projected, seen), projected, atol=1e-6)
    unseen = x - Luma().lift(Luma()(x))  # any move that leaves the luma as it is
    assert abs(np.sum((projected - x) * unseen)) < 1e-3


def test_an_equal_luma_is_the_same_to_a_traced_function():
    assert Luma() == Luma.from_config(Luma().get_config())
    assert Luma().template is Luma().template


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
    luma = Luma()(x).numpy()
    for paint in baselines(x).values():
        np.testing.assert_allclose(Luma()(paint(luma)), luma, atol=1e-5)


# A person's own picture -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """A model that has learned nothing."""
    return Colorize(Config.parse(TINY)).build((16, 16, 3), 10)


@pytest.mark.parametrize("patches", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_predict_paints_a_picture_and_keeps_luma_and_alpha(model, tmp_path, channels, patches):
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


def test_samples_are_numbered_and_differ(model, tmp_path):
    ck.images.write(tmp_path / "in.png", random(16, 16, 1))
    task = Colorize(Config.parse([*TINY, "samples=2"]))
    paths = task.predict(model, tmp_path / "in.png", tmp_path / "out.png")
    assert [path.name for path in paths] == ["out-1.png", "out-2.png"]
    assert not np.array_equal(*map(ck.images.read, paths))


# Mistakes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["channels=1", "method=generator", "judged=1", "samples=-1"])
def test_a_wrong_setting_is_refused(setting):
    with pytest.raises(ck.UserError, match=setting.split("=")[0]):
        Config.parse([setting])


def test_grey_pictures_teach_no_colour():
    with pytest.raises(ck.UserError, match="no colour to learn from"):
        Colorize(Config.parse(TINY, data="samples:faces")).datasets()


def test_a_mask_is_refused(model):
    with pytest.raises(ck.UserError, match="leave out --mask"):
        Colorize().predict(model, "in.png", "out.png", "hole.png")


def test_the_served_recovery_has_the_luma_that_was_sent(model):
    served = Colorize(Config.parse(TINY)).signatures(model)["colorize"]
    seen = tf.constant(random(2, 16, 16, 1))
    outputs = served(seen, tf.constant([[0, 1], [0, 2]]), tf.constant([0.0, 1.0]))
    np.testing.assert_allclose(Luma()(outputs["recovered"]), seen, atol=1e-5)
