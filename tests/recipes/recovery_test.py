"""Laws of recovering in batches, and of what is judged."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck

SHAPE = (16, 16, 1)
TINY = {"generator_width": 2, "descriptor_width": 2, "latent_dim": 2, "steps": 2, "infer_steps": 1}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def model_of(config):
    """The model of a method, for masks."""
    mask = ck.observation.Mask()
    if config.method == "descriptor":
        return ck.recipes.descriptor(config, SHAPE, start="noise", observation=mask)
    if config.method == "generator":
        return ck.recipes.generator(config, ck.recipes.generator_network(config, SHAPE))
    network = ck.networks.recovery_generator(SHAPE, config.latent_dim, (2, 2))
    return ck.recipes.coopnets(config, SHAPE, network, observation=mask)


@pytest.mark.parametrize("method", ck.recipes.METHODS)
def test_every_method_recovers_and_keeps_what_is_seen(method, rng):
    config = ck.recipes.ModelConfig(method=method, **TINY)
    x = rng.uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    visible = rng.random([3, 16, 16, 1]) < 0.5
    pair = ck.recipes.recovery.recover(
        config, model_of(config), x * visible, ck.observation.Mask(visible), 0, 1.0
    )
    for recovered in pair:
        np.testing.assert_array_equal(recovered.numpy()[visible], x[visible])


@pytest.mark.parametrize("method", ["coopnets", "descriptor"])
def test_an_estimate_has_no_chance_in_it_and_a_sample_has(method, rng):
    config = ck.recipes.ModelConfig(method=method, **TINY)
    model, mask = model_of(config), ck.observation.Mask(rng.random([2, 16, 16, 1]) < 0.5)
    seen = mask(tf.constant(rng.uniform(-1, 1, [2, *SHAPE]), tf.float32))
    recover = functools.partial(ck.recipes.recovery.recover, config, model, seen, mask)
    both = [recover(seed, tf.constant([0.0, 1.0]))[1].numpy() for seed in (0, 1)]
    np.testing.assert_array_equal(both[0][0], both[1][0])
    assert not np.array_equal(both[0][1], both[1][1])
    alone = recover(0, 0.0)[1].numpy()
    np.testing.assert_allclose(alone[0], both[0][0], atol=1e-6)


def test_the_estimate_of_a_descriptor_is_the_mean_of_its_samples(rng):
    """Where f is flat the samples are noise about 0, of a variance that the steps leave."""
    config = ck.recipes.ModelConfig(method="descriptor", **TINY)
    model, mask = model_of(config), ck.observation.Mask(np.zeros([1, 16, 16, 1], bool))
    model.network.layers[-2].set_weights([0 * w for w in model.network.layers[-2].get_weights()])
    seen = tf.zeros([1, *SHAPE])
    estimate = ck.recipes.recovery.recover(config, model, seen, mask, 0, 0.0)[1].numpy()
    samples = [ck.recipes.recovery.recover(config, model, seen, mask, n, 1.0)[1] for n in range(8)]
    ratio = np.mean(np.square(samples)) / np.mean(np.square(estimate))
    assert ratio == pytest.approx(ck.recipes.recovery.DRAWS, rel=0.25)


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
def test_batches_change_nothing(at_once, rng):
    x, y = rng.random([7, 2]), rng.random([7, 1])
    total, difference = ck.base.in_batches(lambda a, b: (a + b, a - b), at_once, x, y)
    np.testing.assert_array_equal(total, x + y)
    np.testing.assert_array_equal(difference, x - y)


def test_proposals_are_judged_where_there_are_any():
    def recover(seed, temperature):
        return ("proposed", seed, temperature), ("revised", seed, temperature)

    judged = {
        name: (one, draws) for name, one, draws in ck.recipes.recovery.variants("coopnets", recover)
    }
    assert judged["proposed estimate"] == (("proposed", 0, 0.0), None)
    assert judged["estimate"] == (("revised", 0, 0.0), None)
    assert judged["sample"][0] == ("revised", 0, 1.0)
    assert [draw[1] for draw in judged["proposed sample"][1]] == [0, 1, 2, 3]
    alone = {name: one for name, one, _ in ck.recipes.recovery.variants("generator", recover)}
    assert alone == {"estimate": ("revised", 0, 0.0), "sample": ("revised", 0, 1.0)}
