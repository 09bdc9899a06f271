"""Laws of the conditional networks: known values pass, z reaches the rest, at any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, observation, seeds

SOUND, IMAGE, VIDEO = (48, 1), (28, 28, 1), (16, 18, 20, 2)
SHAPES = [SOUND, (16, 16, 3), IMAGE, (50, 37, 3), VIDEO]
SMALL = (3, 4, 5)


def normal(n, shape, seed=0):
    return seeds.normal(seed, [n, *shape])


def inputs(n, shape, latent_dim=3):
    z, seen = normal(n, (latent_dim,), seed=1), normal(n, shape)
    visible = tf.cast(normal(n, (*shape[:-1], 1), seed=2) > 0, tf.float32)
    return {"z": z, "seen": seen * visible, "visible": visible}


def learned(network):
    """The network with weights that are not those that it starts with."""
    rng = np.random.default_rng(0)
    moved = [w + 0.01 * rng.normal(size=w.shape) for w in network.get_weights()]
    network.set_weights(moved)
    return network


@pytest.mark.parametrize("shape", SHAPES)
def test_learning_starts_at_the_fill(shape):
    network = networks.recovery_generator(shape, 3, SMALL, smooth_fill=True)
    given = inputs(2, shape)
    fill = network.get_layer("encoder").get_layer("smooth_fill")
    filled = fill([given["seen"], given["visible"]])[0]
    np.testing.assert_allclose(network(given)["x"], filled, atol=1e-6)


@pytest.mark.parametrize("smooth_fill", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_recovery_generator_returns_known_values_as_they_are(shape, smooth_fill):
    network = learned(networks.recovery_generator(shape, 3, SMALL, smooth_fill))
    given = inputs(2, shape)
    x = network(given)["x"]
    assert x.shape == (2, *shape)
    known = np.broadcast_to(given["visible"] == 1, x.shape)
    assert np.array_equal(x.numpy()[known], given["seen"].numpy()[known])
    other = network({**given, "z": -given["z"]})["x"].numpy()
    assert (other != x.numpy())[~known].mean() > 0.9  # z reaches every hidden value


def test_what_is_seen_is_encoded_once_and_decoded_with_each_z():
    network = networks.recovery_generator(IMAGE, 3, SMALL, smooth_fill=True)
    given = inputs(2, IMAGE)
    code = network.get_layer("encoder")({name: given[name] for name in ("seen", "visible")})
    for z in (given["z"], 2 * given["z"]):
        decoded, whole = network.get_layer("decoder")({"z": z, **code}), network({**given, "z": z})
        for name in ("x", "log_spread", "features"):
            assert np.array_equal(decoded[name], whole[name])


def test_learning_the_spread_leaves_x_as_it_is():
    network = networks.recovery_generator(IMAGE, 3, SMALL)
    with tf.GradientTape(persistent=True) as tape:
        made = network(inputs(2, IMAGE))
        spread = tf.reduce_sum(made["log_spread"] ** 2)
    gradients = tape.gradient(spread, network.trainable_variables)
    of_x = tape.gradient(made["x"], network.trainable_variables)
    pairs = list(zip(gradients, of_x, strict=True))
    assert all(a is None or b is None for a, b in pairs)
    assert any(a is not None for a, _ in pairs)


def test_an_example_has_its_own_spread_where_there_are_as_many_as_rows(rng):
    """Keras's `Add` takes one value for each example for a bias of the rows, where it can."""
    network = networks.recovery_generator((16, 16, 1), 3, channels=(4, 8), smooth_fill=True)
    given = {
        "z": rng.normal(size=[16, 3]),
        "seen": rng.normal(size=[16, 16, 16, 1]) * np.linspace(0.1, 1, 16)[:, None, None, None],
        "visible": np.ones([16, 16, 16, 1]),
    }
    given = {name: one.astype("float32") for name, one in given.items()}
    together = network(given)
    for row in range(16):
        alone = network({name: one[row : row + 1] for name, one in given.items()})
        for name, one in alone.items():
            np.testing.assert_allclose(together[name][row], one[0], atol=1e-4)


def test_an_inference_network_sees_all_that_it_is_given():
    network = networks.inference_network((16, 16, 1), 3, (4, 4))
    given = {"x": normal(2, (16, 16, 1), seed=3), **inputs(2, (16, 16, 1))}
    given.pop("z")
    law = network(given)
    assert {name: tuple(one.shape) for name, one in law.items()} == {
        "mean": (2, 3),
        "log_variance": (2, 3),
    }
    for name in given:
        other = network({**given, name: 1 - given[name]})
        assert (other["mean"].numpy() != law["mean"].numpy()).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_brightness_and_contrast_pass_through_a_recovery_generator(shape):
    network = networks.recovery_generator(shape, 3, SMALL, smooth_fill=True)
    given = inputs(2, shape)
    seen = given["seen"] * given["visible"]
    made = network({**given, "seen": seen})
    other = network({**given, "seen": 0.5 * seen + 0.3 * given["visible"]})
    np.testing.assert_allclose(other["x"], 0.5 * made["x"] + 0.3, atol=1e-3)
    halved = made["log_spread"] + np.log(0.5)
    np.testing.assert_allclose(other["log_spread"], halved, atol=1e-2)


def test_the_correction_of_a_smooth_fill_is_bounded():
    network = learned(networks.recovery_generator(IMAGE, 3, SMALL, smooth_fill=True))
    network.set_weights([100 * weight for weight in network.get_weights()])
    given = inputs(2, IMAGE)
    filled, _, spread = network.get_layer("encoder").get_layer("smooth_fill")(
        [given["seen"], given["visible"]]
    )
    corrected = abs(network(given)["x"] - filled).numpy()
    assert (corrected <= 1.001 * networks.conditional.LARGEST_CORRECTION * spread).numpy().all()
    assert corrected.max() > 0.9 * networks.conditional.LARGEST_CORRECTION * spread.numpy().min()


@pytest.mark.parametrize("smooth_fill", [False, True])
@pytest.mark.parametrize("shape", [SOUND, (16, 16, 3), VIDEO])
def test_networks_are_saved_and_loaded_by_keras(shape, smooth_fill, tmp_path):
    network = networks.recovery_generator(shape, 3, SMALL, smooth_fill)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    for name, made in network(inputs(2, shape)).items():
        assert np.array_equal(again(inputs(2, shape))[name], made)


# Enlarging ----------------------------------------------------------------------------------


def lifted(n, shape, factor, seed=0):
    small = normal(n, (*(side // factor for side in shape[:-1]), shape[-1]), seed)
    return observation.Downsample(factor).lift(small)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("shape", [(48, 1), (36, 24, 3), (24, 24, 24, 2)])
def test_an_enlarging_generator_adds_to_what_is_seen_smoothed(shape, factor):
    network = networks.enlarging_generator(shape, factor, latent_dim=3, channels=4, blocks=2)
    assert network.output_shape == (None, *shape)
    seen = lifted(2, shape, factor)
    given = {"z": normal(2, (3,), seed=1), "seen": seen}
    x = network(given)
    assert (network({**given, "z": -given["z"]}).numpy() != x.numpy()).mean() > 0.9
    last = network.layers[-2]
    last.set_weights([0 * value for value in last.get_weights()])
    smooth = network({**given, "seen": tf.ones_like(seen)})
    np.testing.assert_allclose(smooth, 1, atol=1e-6)
    assert np.square(np.diff(network(given), axis=1)).sum() < np.square(np.diff(seen, axis=1)).sum()


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_an_enlarging_generator_leaves_no_grid_on_what_is_flat(factor):
    network = networks.enlarging_generator((72, 72, 1), factor, latent_dim=3, channels=4, blocks=1)
    x = network({"z": normal(1, (3,)), "seen": tf.fill([1, 72, 72, 1], 0.3)})
    np.testing.assert_allclose(x[:, 32:40, 32:40], x[0, 36, 36, 0], atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_enlarging_generator_takes_any_size(rank):
    network = networks.enlarging_generator((*[None] * rank, 2), 2, latent_dim=3, channels=4)
    for side in (16, 22):
        seen = lifted(1, (*[side] * rank, 2), 2)
        assert network({"z": normal(1, (3,)), "seen": seen}).shape == seen.shape


def test_an_enlarging_generator_keeps_examples_apart_and_ends_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = networks.enlarging_generator((24, 24, 1), 2, latent_dim=3, channels=4)
    given = {"z": normal(3, (3,)), "seen": lifted(3, (24, 24, 1), 2)}
    x = network(given, training=True)
    assert x.dtype == tf.float32
    alone = network(tf.nest.map_structure(lambda t: t[1:2], given), training=True)
    np.testing.assert_allclose(x[1:2], alone, atol=1e-3)


def test_an_enlarging_generator_is_saved_and_loaded_by_keras(tmp_path):
    network = networks.enlarging_generator((24, 24, 1), 2, latent_dim=3, channels=4)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    given = {"z": normal(2, (3,)), "seen": lifted(2, (24, 24, 1), 2)}
    assert np.array_equal(again(given), network(given))


@pytest.mark.parametrize(
    ("shape", "says"), [((32, 33, 1), "multiples of factor=2"), ((8, 8, 1), "sides of 16 or more")]
)
def test_a_wrong_shape_to_enlarge_to_is_named(shape, says):
    with pytest.raises(ValueError, match=says):
        networks.enlarging_generator(shape, 2)
