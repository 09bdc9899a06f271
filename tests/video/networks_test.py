"""The network that repairs clips: a rough fill that is right where it can be, then corrected."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import seeds, video
from coopkeras.video.baselines import linear_in_time

SHAPE = (16, 16, 20, 2)


def given(text, n=2, seed=0):
    """Clips with what `text` describes hidden: z, seen, visible."""
    draw = video.holes.parse(text)
    rows = [draw(seeds.fold(seeds.as_seed(seed), row), SHAPE) for row in range(n)]
    visible = tf.cast(tf.stack(rows), tf.float32)
    x = seeds.normal(seeds.as_seed(seed), [n, *SHAPE])
    return {"z": tf.ones([n, 3]), "seen": x * visible, "visible": visible}


def rough_fill(inputs, scene=None):
    layer = video.networks.RoughFill(scene is not None)
    layer.build((inputs["seen"].shape, inputs["visible"].shape))
    if scene is not None:
        layer.scene.assign(scene)
    return [x.numpy() for x in layer([inputs["seen"], inputs["visible"]])]


@pytest.mark.parametrize("text", ["frames:4", "moving:7", "box:6x3"])
def test_what_is_known_at_times_is_interpolated_as_by_the_baseline(text):
    inputs = given(text)
    filled, change, standard, spread = rough_fill(inputs)
    expected = linear_in_time(inputs["seen"].numpy(), inputs["visible"].numpy() > 0)
    once = inputs["visible"].numpy().any(1, keepdims=True)
    for one in (filled, change):
        np.testing.assert_allclose(*(np.where(once, x, 0) for x in (one, expected)), atol=1e-5)
    known = np.ma.array(standard, mask=np.broadcast_to(inputs["visible"] == 0, standard.shape))
    np.testing.assert_allclose(known.mean(1).compressed(), 0, atol=1e-4)
    assert spread.shape == (2, 1, *SHAPE[1:])


def test_a_pixel_that_is_never_known_lies_between_its_neighbours():
    inputs = given("square:8")
    hidden = inputs["visible"].numpy() == 0
    flat = inputs | {"seen": 0.25 * inputs["visible"] * tf.ones(SHAPE)}
    np.testing.assert_allclose(rough_fill(flat)[0], 0.25, atol=1e-5)
    across = tf.linspace(-1.0, 1.0, SHAPE[2])[:, None] * tf.ones(SHAPE)
    filled = rough_fill(inputs | {"seen": across * inputs["visible"]})[0]
    assert abs(filled - across.numpy())[np.broadcast_to(hidden, filled.shape)].mean() < 0.15


def test_a_scene_fills_what_does_not_move():
    inputs = given("square:8")
    scene = seeds.normal(seeds.as_seed(5), SHAPE[1:])
    filled, change, _, _ = rough_fill(inputs | {"seen": scene * inputs["visible"]}, scene)
    np.testing.assert_allclose(filled, np.broadcast_to(scene, filled.shape), atol=1e-5)
    np.testing.assert_allclose(change, 0, atol=1e-5)


@pytest.mark.parametrize("scene", [False, True])
def test_the_network_keeps_what_is_known_and_comes_back_from_a_file(scene, tmp_path):
    network = video.networks.recovery_generator(SHAPE, 3, channels=(4, 6), scene=scene)
    inputs = given("moving:7")
    made = network(inputs).numpy()
    known = np.broadcast_to(inputs["visible"].numpy() > 0, made.shape)
    np.testing.assert_array_equal(made[known], inputs["seen"].numpy()[known])
    rough = rough_fill(inputs)[0]
    assert abs(made - rough).mean() < 0.2  # it starts as a small correction
    assert (network(inputs | {"z": 0 * inputs["z"]}).numpy() != made)[~known].mean() > 0.9
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again(inputs).numpy(), made)


def test_a_correction_is_bounded():
    network = video.networks.recovery_generator(SHAPE, 3, channels=(4, 6))
    network.set_weights([100 * weight for weight in network.get_weights()])
    inputs = given("moving:7")
    rough, _, _, spread = rough_fill(inputs)
    corrected = abs(network(inputs).numpy() - rough)
    bound = video.networks.LARGEST_CORRECTION * np.broadcast_to(spread, rough.shape)
    assert (corrected <= bound * 1.001).all()
    assert corrected.max() > 0.9 * bound.min()
