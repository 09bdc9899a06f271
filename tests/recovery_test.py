"""Laws of recovering in batches, and of what is judged."""

import numpy as np
import pytest

import coopkeras as ck

SHAPE = (16, 16, 1)
TINY = {"generator_width": 2, "descriptor_width": 2, "latent_dim": 2, "steps": 2, "infer_steps": 1}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def model_of(config):
    if config.method == "descriptor":
        return ck.recipes.descriptor(config, SHAPE, observation=ck.observation.Mask())
    network = ck.recipes.generator_network(config, SHAPE)
    if config.method == "generator":
        return ck.recipes.generator(config, network)
    return ck.recipes.coopnets(config, SHAPE, network)


@pytest.mark.parametrize("method", ck.recipes.METHODS)
def test_every_method_recovers_and_keeps_what_is_seen(method, rng):
    config = ck.recipes.ModelConfig(method=method, **TINY)
    x = rng.uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    visible = rng.random([3, 16, 16, 1]) < 0.5
    pair = ck.recovery.recover(
        config, model_of(config), x * visible, ck.observation.Mask(visible), 0, 1.0
    )
    for recovered in pair:
        np.testing.assert_array_equal(recovered.numpy()[visible], x[visible])


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
def test_batches_change_nothing(at_once, rng):
    x, y = rng.random([7, 2]), rng.random([7, 1])
    total, difference = ck.recovery.in_batches(lambda a, b: (a + b, a - b), at_once, x, y)
    np.testing.assert_array_equal(total, x + y)
    np.testing.assert_array_equal(difference, x - y)


def test_proposals_are_judged_where_there_are_any():
    def recover(seed, temperature):
        return ("proposed", seed, temperature), ("revised", seed, temperature)

    judged = {name: (one, draws) for name, one, draws in ck.recovery.variants("coopnets", recover)}
    assert judged["proposed estimate"] == (("proposed", 0, 0.0), None)
    assert judged["estimate"] == (("revised", 0, 0.0), None)
    assert judged["sample"][0] == ("revised", 0, 1.0)
    assert [draw[1] for draw in judged["proposed sample"][1]] == [0, 1, 2, 3]
    alone = {name: one for name, one, _ in ck.recovery.variants("generator", recover)}
    assert alone == {"estimate": ("revised", 0, 0.0), "sample": ("revised", 0, 1.0)}
