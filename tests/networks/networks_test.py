"""Laws of the networks: shapes of every rank and size, and no example sees another."""

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


@pytest.mark.parametrize("shape", SHAPES)
def test_a_descriptor_gives_each_example_one_response(shape):
    network = networks.descriptor(shape, channels=SMALL)
    assert network.output_shape == (None, 1)
    assert network(normal(2, shape)).shape == (2, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["object", "texture"])
def test_a_generator_gives_the_shape_it_is_asked_for(shape, form):
    network = networks.generator(shape, latent_dim=3, channels=SMALL, form=form)
    assert network.output_shape == (None, *shape)
    x = network(normal(2, network.input_shape[1:]))
    assert x.shape == (2, *shape)
    assert abs(x).numpy().max() <= 1


def test_a_dynamic_generator_goes_on_as_long_as_its_z():
    networks_of = [
        networks.generator((length, 18, 32, 2), latent_dim=3, channels=SMALL, form="dynamic")
        for length in (16, 32, 30, None)
    ]
    z = normal(2, (36, 3))  # one a frame, and two more at each end
    assert [network.input_shape[1:] for network in networks_of] == [
        (20, 3),
        (36, 3),
        (34, 3),
        (None, 3),
    ]
    for network in networks_of[1:]:
        network.set_weights(networks_of[0].get_weights())
    short, long, cut, free = (
        network(z[:, : network.input_shape[1]]).numpy() for network in networks_of
    )
    assert (short.shape, long.shape) == ((2, 16, 18, 32, 2), (2, 32, 18, 32, 2))
    np.testing.assert_allclose(short, long[:, :16], atol=1e-5)  # no frame feels where it ends
    np.testing.assert_allclose(cut, long[:, :30], atol=1e-5)
    np.testing.assert_allclose(free, long, atol=1e-5)


def test_a_dynamic_generator_shows_the_scene_where_nothing_moves():
    network = networks.generator((16, 16, 16, 1), latent_dim=3, channels=SMALL, form="dynamic")
    for weight in network.weights:
        weight.assign(0 * weight)
    frame = np.linspace(-0.9, 0.9, 256, dtype=np.float32).reshape(16, 16, 1)
    network.get_layer("scene").show(frame)
    shown = network(normal(2, network.input_shape[1:])).numpy()
    np.testing.assert_allclose(shown, np.broadcast_to(frame, shown.shape), atol=1e-6)


def test_a_dynamic_descriptor_is_the_same_at_all_times_but_not_everywhere():
    short, long = (
        networks.descriptor((length, 16, 16, 1), channels=SMALL, form="dynamic")
        for length in (16, 64)
    )
    long.set_weights(short.get_weights())
    assert short.output_shape[2:] == long.output_shape[2:] == (1, 1, 1)
    one = normal(1, (64, 16, 16, 1))
    stride = 64 // long.output_shape[1]
    later = long(tf.roll(one, 2 * stride, axis=1))
    inner = np.s_[:, 6:-6]
    np.testing.assert_allclose(later[inner], tf.roll(long(one), 2, axis=1)[inner], atol=1e-5)
    aside = long(tf.roll(one, 4, axis=2))
    assert abs(aside - long(one))[inner].numpy().max() > 1e-3


@pytest.mark.parametrize("shape", [SOUND, IMAGE, (None, None, None, 1), (16, None, 16, 1)])
def test_the_dynamic_form_is_that_of_clips(shape):
    with pytest.raises(ValueError, match="known height and width"):
        networks.descriptor(shape, form="dynamic")


@pytest.mark.parametrize("smooth_fill", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_recovery_generator_returns_known_values_as_they_are(shape, smooth_fill):
    network = networks.recovery_generator(shape, 3, SMALL, smooth_fill)
    given = inputs(2, shape)
    x = network(given)
    assert x.shape == (2, *shape)
    known = np.broadcast_to(given["visible"] == 1, x.shape)
    assert np.array_equal(x.numpy()[known], given["seen"].numpy()[known])
    other = network({**given, "z": -given["z"]}).numpy()
    assert (other != x.numpy())[~known].mean() > 0.9  # z reaches every hidden value


@pytest.mark.parametrize("shape", SHAPES)
def test_brightness_and_contrast_pass_through_a_recovery_generator(shape):
    network = networks.recovery_generator(shape, 3, SMALL, smooth_fill=True)
    given = inputs(2, shape)
    seen = given["seen"] * given["visible"]
    x = network({**given, "seen": seen})
    other = network({**given, "seen": 0.5 * seen + 0.3 * given["visible"]})
    np.testing.assert_allclose(other, 0.5 * x + 0.3, atol=1e-3)


def test_the_correction_of_a_smooth_fill_is_bounded():
    network = networks.recovery_generator(IMAGE, 3, SMALL, smooth_fill=True)
    network.set_weights([100 * weight for weight in network.get_weights()])
    given = inputs(2, IMAGE)
    filled, _, spread = network.get_layer("smooth_fill")([given["seen"], given["visible"]])
    corrected = abs(network(given) - filled).numpy()
    assert (corrected <= 1.001 * networks.conditional.LARGEST_CORRECTION * spread).numpy().all()
    assert corrected.max() > 0.9 * networks.conditional.LARGEST_CORRECTION * spread.numpy().min()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_texture_is_of_any_size(rank):
    shape = (*[None] * rank, 2)
    descriptor = networks.descriptor(shape, channels=SMALL, form="texture")
    generator = networks.generator(shape, latent_dim=3, channels=(4, 3), form="texture")
    recoveries = [networks.recovery_generator(shape, 3, (3, 4), fill) for fill in (False, True)]
    for side in (16, 24):
        x = generator(normal(2, (*[side // 8] * rank, 3)))
        assert x.shape == (2, *[side] * rank, 2)
        assert descriptor(x).shape[0] == 2
        for recovery in recoveries:
            assert recovery(inputs(2, tuple(x.shape[1:]))).shape == x.shape


def test_the_responses_of_a_texture_are_the_same_everywhere():
    network = networks.descriptor((64, 64, 1), channels=(3, 4), form="texture")
    one = normal(1, (64, 64, 1))
    stride = 64 // network.output_shape[1]
    moved = network(tf.roll(one, 4 * stride, axis=1))
    inner = np.s_[:, 8:-8, 8:-8]
    np.testing.assert_allclose(moved[inner], tf.roll(network(one), 4, axis=1)[inner], atol=1e-5)


def test_context_lets_far_places_of_a_texture_go_together():
    def reach(context):
        network = networks.generator((256, 2), 3, channels=(4, 3), form="texture", context=context)
        z, other = (normal(1, (32, 3)).numpy() for _ in range(2))
        other[:] = z
        other[0, 16] += 1  # 8 values of x are made of one z
        differs = (network(z) - network(other)).numpy().any(axis=-1)[0]
        return np.ptp(np.flatnonzero(differs)) // 8

    assert reach(9) == reach(0) + 8


def test_a_texture_of_a_picture_has_no_grid():
    generator = networks.generator((128, 128, 1), 3, channels=(4, 3), form="texture")
    flat = generator(tf.tile(normal(1, (1, 1, 3)), [1, 16, 16, 1]))
    inner = flat[:, 48:-48, 48:-48]
    np.testing.assert_allclose(inner, tf.ones_like(inner) * inner[:, :1, :1], atol=1e-6)


@pytest.mark.parametrize("form", ["object", "texture"])
def test_scale_multiplies_the_responses(form):
    plain, steep = (
        networks.descriptor(IMAGE, channels=SMALL, form=form, scale=s) for s in (1.0, 50.0)
    )
    steep.set_weights(plain.get_weights())
    x = normal(2, IMAGE)
    np.testing.assert_allclose(steep(x), 50 * plain(x), rtol=1e-5)


@pytest.mark.parametrize("shape", [SOUND, IMAGE, VIDEO])
def test_an_example_does_not_see_its_neighbours(shape):
    def last(network, batch):
        return network(tf.nest.map_structure(lambda t: t[-1:], batch), training=True)[0]

    for network, batch in [
        (networks.descriptor(shape, channels=SMALL), normal(4, shape)),
        (networks.descriptor(shape, channels=SMALL, form="texture"), normal(4, shape)),
        (networks.generator(shape, latent_dim=3, channels=SMALL), normal(4, (3,))),
        (networks.recovery_generator(shape, 3, SMALL), inputs(4, shape)),
        (networks.recovery_generator(shape, 3, SMALL, smooth_fill=True), inputs(4, shape)),
    ]:
        together = network(batch, training=True)[-1]
        np.testing.assert_allclose(together, last(network, batch), rtol=1e-4, atol=1e-5)


def test_relu_makes_the_descriptor_piecewise_linear():
    relu = networks.descriptor(IMAGE, channels=SMALL, activation="relu")
    layers = [layer for layer in relu.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.activation.__name__ for layer in layers} == {"relu"}


def test_mixed_precision_ends_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert networks.descriptor(IMAGE, SMALL)(normal(1, IMAGE)).dtype == tf.float32
    assert networks.generator(IMAGE, 3, SMALL)(normal(1, (3,))).dtype == tf.float32
    given = inputs(1, IMAGE)
    known = given["visible"] == 1
    for smooth_fill in (False, True):
        x = networks.recovery_generator(IMAGE, 3, SMALL, smooth_fill)(given)
        assert x.dtype == tf.float32
        assert np.array_equal(x[known], given["seen"][known])


@pytest.mark.parametrize("smooth_fill", [False, True])
@pytest.mark.parametrize("shape", [SOUND, (16, 16, 3), VIDEO])
def test_networks_are_saved_and_loaded_by_keras(shape, smooth_fill, tmp_path):
    network = networks.recovery_generator(shape, 3, SMALL, smooth_fill)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert np.array_equal(again(inputs(2, shape)), network(inputs(2, shape)))


@pytest.mark.parametrize("make", ["descriptor", "generator", "recovery_generator"])
@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((32,), r"`shape` should be \(time, channels\)"),
        ((2, 16, 16, 16, 1), r"`shape` should be \(time, channels\)"),
        ((15, 32, 1), "sides of 16 or more; received"),
    ],
)
def test_a_wrong_shape_is_named(make, shape, says):
    with pytest.raises(ValueError, match=says):
        getattr(networks, make)(shape)


@pytest.mark.parametrize("make", ["descriptor", "generator"])
def test_a_wrong_form_is_named(make):
    with pytest.raises(ValueError, match='`form` should be "object", "texture"'):
        getattr(networks, make)(IMAGE, form="scene")
    with pytest.raises(ValueError, match='Use form="texture"'):
        getattr(networks, make)((None, None, 1))


def test_only_a_texture_has_a_context():
    with pytest.raises(ValueError, match='`context` is for form="texture"'):
        networks.generator(IMAGE, context=9)


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
