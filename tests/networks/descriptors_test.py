"""Laws of the networks of descriptors: one response to an example, or the same one everywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, seeds

IMAGE = (28, 28, 1)
SHAPES = [(48, 1), (16, 16, 3), IMAGE, (50, 37, 3), (16, 18, 20, 2)]
SMALL = (3, 4, 5)


def normal(n, shape):
    return seeds.normal(0, [n, *shape])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_descriptor_gives_each_example_one_response(shape):
    network = networks.descriptor(shape, channels=SMALL)
    assert network.output_shape == (None, 1)
    assert network(normal(2, shape)).shape == (2, 1)


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


def test_the_responses_of_a_texture_are_the_same_everywhere():
    network = networks.descriptor((64, 64, 1), channels=(3, 4), form="texture")
    one = normal(1, (64, 64, 1))
    stride = 64 // network.output_shape[1]
    moved = network(tf.roll(one, 4 * stride, axis=1))
    inner = np.s_[:, 8:-8, 8:-8]
    np.testing.assert_allclose(moved[inner], tf.roll(network(one), 4, axis=1)[inner], atol=1e-5)


@pytest.mark.parametrize("form", ["object", "texture"])
def test_scale_multiplies_the_responses(form):
    plain, steep = (
        networks.descriptor(IMAGE, channels=SMALL, form=form, scale=s) for s in (1.0, 50.0)
    )
    steep.set_weights(plain.get_weights())
    x = normal(2, IMAGE)
    np.testing.assert_allclose(steep(x), 50 * plain(x), rtol=1e-5)


def test_relu_makes_the_descriptor_piecewise_linear():
    relu = networks.descriptor(IMAGE, channels=SMALL, activation="relu")
    layers = [layer for layer in relu.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.activation.__name__ for layer in layers} == {"relu"}
