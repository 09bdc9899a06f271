"""Laws of choosing fills: what is better on held-back examples is used, nothing known by heart."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from coopkeras import data, networks
from coopkeras.generator import Generator
from coopkeras.recipes import proposals

SHAPE = 16, 16, 1


def hide(seeds, shape):
    """The same square for each."""
    visible = np.ones([len(seeds), *shape[:-1], 1], bool)
    visible[:, 4:10, 5:12] = False
    return {"visible": tf.constant(visible)}


def planes(rng, count):
    """Sums of two pictures that all share, with much noise in common: 2 components say all."""
    shared = rng.normal(size=[2, *SHAPE]).astype(np.float32)
    return np.einsum("nk,k...->n...", rng.uniform(-0.3, 0.3, [count, 2]), shared)


def stripes(rng, count):
    """Waves along the columns, each of its own phase and speed."""
    columns = np.arange(SHAPE[1])[None, None, :, None] * np.ones([1, *SHAPE])
    speed, phase = (rng.uniform(*ends, [count, 1, 1, 1]) for ends in ((0.8, 1.6), (0, 6.3)))
    return 0.8 * np.cos(speed * columns + phase)


def blobs(rng, count):
    """Smooth noise, of more dimensions than there are examples."""
    return 0.4 * ndimage.gaussian_filter(rng.normal(size=[count, *SHAPE]), [0, 1.5, 1.5, 0]) * 5


@pytest.mark.parametrize(
    ("make", "count", "components", "gaussian", "spectral"),
    [
        (planes, 200, 8, True, None),
        (stripes, 200, 8, None, True),
        (blobs, 110, 90, False, None),  # known by heart
        (planes, 20, 8, False, False),  # too few to say
    ],
)
def test_fills_are_chosen_by_what_they_do(make, count, components, gaussian, spectral, rng):
    x = make(rng, count).astype(np.float32)
    network = networks.recovery_generator(
        SHAPE,
        latent_dim=2,
        channels=(4, 8),
        smooth_fill=True,
        components=components,
        spectral_fill=True,
    )
    name, share = proposals.choose_fills([Generator(network)], data.Examples.of(x), hide)
    assert gaussian is None or (name == "gaussian") is gaussian
    assert spectral is None or (share > 0) is spectral
    encoder = network.get_layer("encoder")
    assert (encoder.get_layer("gaussian_fill").ridge > 0) == (name == "gaussian")
    assert (encoder.get_layer("spectral_fill").used > 0) == (share > 0)
    decoder = network.get_layer("decoder")
    assert np.isclose(keras.ops.sigmoid(decoder.get_layer("share").bias[0]), share or 0.5)


def test_the_spread_starts_at_that_of_the_errors(rng):
    x = (planes(rng, 400) + 0.05 * rng.normal(size=[400, *SHAPE])).astype(np.float32)
    network = networks.recovery_generator(
        SHAPE, latent_dim=2, channels=(4, 8), smooth_fill=True, components=8, spectral_fill=True
    )
    proposals.choose_fills([Generator(network)], data.Examples.of(x), hide)
    visible = hide(np.zeros([400, 2]), SHAPE)["visible"].numpy()
    seen = {"seen": np.where(visible, x, 0), "visible": visible.astype(np.float32)}
    made = network.predict({"z": np.zeros([400, 2], np.float32), **seen}, verbose=0)
    relative = ((made["x"] - x) / np.exp(made["log_spread"]))[~visible]
    assert 0.5 < np.sqrt(np.mean(relative**2)) < 2


@pytest.mark.parametrize("side", [16, 0])
def test_a_fill_that_misses_nothing_has_a_spread(side):
    network = networks.recovery_generator(
        SHAPE, latent_dim=2, channels=(4, 8), smooth_fill=True, components=8, spectral_fill=True
    )
    x = data.Examples.of(np.full([120, *SHAPE], 0.5, np.float32))

    def square(seeds, shape):
        return {"visible": hide(seeds, shape)["visible"] | (side == 0)}

    proposals.choose_fills([Generator(network)], x, square)
    assert np.isfinite(network.get_layer("decoder").get_layer("log_spread").bias.numpy()).all()
