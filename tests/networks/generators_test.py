"""Laws of the networks of generators: the shape asked for, and what goes on as long as its z."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, seeds

IMAGE = (28, 28, 1)
SHAPES = [(48, 1), (16, 16, 3), IMAGE, (50, 37, 3), (16, 18, 20, 2)]
SMALL = (3, 4, 5)


def normal(n, shape, seed=0):
    return seeds.normal(seed, [n, *shape])


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


def test_only_a_texture_has_a_context():
    with pytest.raises(ValueError, match='`context` is for form="texture"'):
        networks.generator(IMAGE, context=9)
