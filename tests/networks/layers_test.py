"""Laws of all networks: no example sees another, float32 at the end, and shapes that fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, seeds

SOUND, IMAGE, VIDEO = (48, 1), (28, 28, 1), (16, 18, 20, 2)
SMALL = (3, 4, 5)


def normal(n, shape, seed=0):
    return seeds.normal(seed, [n, *shape])


def inputs(n, shape, latent_dim=3):
    z, seen = normal(n, (latent_dim,), seed=1), normal(n, shape)
    visible = tf.cast(normal(n, (*shape[:-1], 1), seed=2) > 0, tf.float32)
    return {"z": z, "seen": seen * visible, "visible": visible}


def revising_inputs(n, shape, features=2):
    names = ("v", "x", "proposed", "log_spread")
    given = {name: normal(n, shape, seed) for seed, name in enumerate(names)}
    given["visible"] = normal(n, (*shape[:-1], 1), seed=4)
    given["features"] = normal(n, (*shape[:-1], features), seed=5)
    return given | {"angle": tf.fill([n, 1], 0.7)}


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
            assert recovery(inputs(2, tuple(x.shape[1:])))["x"].shape == x.shape


@pytest.mark.parametrize("shape", [SOUND, IMAGE, VIDEO])
def test_an_example_does_not_see_its_neighbours(shape):
    for network, batch in [
        (networks.descriptor(shape, channels=SMALL), normal(4, shape)),
        (networks.descriptor(shape, channels=SMALL, form="texture"), normal(4, shape)),
        (networks.generator(shape, latent_dim=3, channels=SMALL), normal(4, (3,))),
        (networks.recovery_generator(shape, 3, SMALL), inputs(4, shape)),
        (networks.recovery_generator(shape, 3, SMALL, smooth_fill=True), inputs(4, shape)),
        (networks.revising_descriptor(shape, 2, SMALL), revising_inputs(4, shape)),
    ]:
        together = network(batch, training=True)
        alone = network(tf.nest.map_structure(lambda t: t[-1:], batch), training=True)
        for a, b in zip(tf.nest.flatten(together), tf.nest.flatten(alone), strict=True):
            np.testing.assert_allclose(a[-1], b[0], rtol=1e-4, atol=1e-5)


def test_mixed_precision_ends_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert networks.descriptor(IMAGE, SMALL)(normal(1, IMAGE)).dtype == tf.float32
    assert networks.generator(IMAGE, 3, SMALL)(normal(1, (3,))).dtype == tf.float32
    given = inputs(1, IMAGE)
    known = given["visible"] == 1
    for smooth_fill in (False, True):
        made = networks.recovery_generator(IMAGE, 3, SMALL, smooth_fill)(given)
        assert made["log_spread"].dtype == tf.float32
        x = made["x"]
        assert x.dtype == tf.float32
        assert np.array_equal(x[known], given["seen"][known])


# Shapes and forms -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [SOUND, IMAGE, (None, None, None, 1), (16, None, 16, 1)])
def test_the_dynamic_form_is_that_of_clips(shape):
    with pytest.raises(ValueError, match="known height and width"):
        networks.descriptor(shape, form="dynamic")


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
