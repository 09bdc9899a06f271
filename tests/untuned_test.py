"""The library without a number: eight Gaussians are learned by each model's defaults."""

import keras
import numpy as np
import pytest

from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator

CENTRES = 0.8 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)


def mlp(outputs):
    layers = [keras.layers.Dense(64, "leaky_relu") for _ in range(2)]
    return keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(outputs)])


MODELS = {
    "descriptor": lambda seed: Descriptor(mlp(1), seed=seed),
    "generator": lambda seed: Generator(mlp(2), seed=seed),
    "coopnets": lambda seed: CoopNets(
        Descriptor(mlp(1), start="data", seed=seed), Generator(mlp(2), seed=seed), seed=seed
    ),
}


def shares(name, seed, epochs, scale=1.0):
    """Return the shares of samples within 0.2 of each mode, after 64 updates an epoch."""
    keras.utils.set_random_seed(seed)
    random, model = np.random.default_rng(seed), MODELS[name](seed)
    x = CENTRES[random.integers(8, size=4096)] + 0.05 * random.normal(size=(4096, 2))
    model.compile()
    model.fit((scale * x).astype("float32"), batch_size=64, epochs=epochs, verbose=0)
    samples = model.sample(512, seed=seed).numpy() / scale
    distances = np.linalg.norm(samples[:, None] - CENTRES, axis=2)
    near = distances.min(axis=1) < 0.2
    return np.bincount(distances.argmin(axis=1)[near], minlength=8) / len(samples)


@pytest.mark.parametrize(("name", "share"), [("descriptor", 0.6), ("generator", 0.4)])
def test_defaults_soon_find_the_modes(name, share):
    found = shares(name, seed=0, epochs=5)
    assert found.sum() > share
    assert (found > 0.01).sum() >= 7


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "share"), [("descriptor", 0.8), ("generator", 0.6), ("coopnets", 0.9)]
)
def test_defaults_learn_eight_gaussians(name, share, seed):
    found = shares(name, seed, epochs=20)
    assert found.sum() > share
    assert found.min() > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_what_is_derived_follows_the_scale_of_the_data(name):
    found = shares(name, seed=0, epochs=20, scale=5.0)
    assert found.sum() > 0.6
    assert found.min() > 0.01
