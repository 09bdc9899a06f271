"""Laws of drawing: batches and neighbours change nothing, and what is seen stays."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck
from coopkeras.recipes import sampling
from coopkeras.task import DataSpec

SHAPE = (16, 16, 1)
TINY = {"generator_width": 2, "descriptor_width": 2, "latent_dim": 2, "steps": 2, "infer_steps": 1}


def config_of(method, **settings):
    return ck.recipes.ModelConfig(method=method, **TINY, **settings)


def model_of(config):
    """Return the model of a method that recovers what a mask hides."""
    return ck.recipes.model(
        config,
        SHAPE,
        lambda: (
            ck.networks.recovery_generator(SHAPE, config.latent_dim, (2, 2))
            if config.method == "coopnets"
            else ck.recipes.generator_network(config, SHAPE)
        ),
        observation=ck.observation.Mask(),
        start="noise",
    )


def plain(config, shape=SHAPE):
    """Return the model of a method that draws from nothing."""
    network = functools.partial(ck.recipes.generator_network, config, shape, doublings=2)
    return ck.recipes.model(config, shape, network, start="noise")


# Recovering -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_every_method_recovers_and_keeps_what_is_seen(method, rng):
    config = config_of(method)
    x = rng.uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    visible = rng.random([3, 16, 16, 1]) < 0.5
    proposed, recovered = ck.recipes.recover(
        config, model_of(config), x * visible, ck.observation.Mask(visible), 0, 1.0
    )
    assert (proposed is not None) == (method == "coopnets")
    for made in (proposed, recovered):
        if made is not None:
            np.testing.assert_array_equal(made.numpy()[visible], x[visible])


@pytest.mark.parametrize("method", ["coopnets", "descriptor"])
def test_an_estimate_has_no_chance_in_it_and_a_sample_has(method, rng):
    config = config_of(method)
    model, mask = model_of(config), ck.observation.Mask(rng.random([2, 16, 16, 1]) < 0.5)
    seen = mask(tf.constant(rng.uniform(-1, 1, [2, *SHAPE]), tf.float32))
    recover = functools.partial(ck.recipes.recover, config, model, seen, mask)
    both = [recover(seed, tf.constant([0.0, 1.0]))[1].numpy() for seed in (0, 1)]
    np.testing.assert_array_equal(both[0][0], both[1][0])
    assert not np.array_equal(both[0][1], both[1][1])
    alone = recover(0, 0.0)[1].numpy()
    np.testing.assert_allclose(alone[0], both[0][0], atol=1e-6)


def test_the_estimate_of_a_descriptor_is_the_mean_of_its_samples():
    """Where f is flat the samples are noise about 0, of a variance that the steps leave."""
    config = config_of("descriptor")
    model, mask = model_of(config), ck.observation.Mask(np.zeros([1, 16, 16, 1], bool))
    model.network.layers[-2].set_weights([0 * w for w in model.network.layers[-2].get_weights()])
    seen = tf.zeros([1, *SHAPE])
    estimate = ck.recipes.recover(config, model, seen, mask, 0, 0.0)[1].numpy()
    samples = [ck.recipes.recover(config, model, seen, mask, n, 1.0)[1] for n in range(8)]
    ratio = np.mean(np.square(samples)) / np.mean(np.square(estimate))
    assert ratio == pytest.approx(sampling.DRAWS, rel=0.25)


def test_proposals_are_judged_where_there_are_any():
    def recover(seed, temperature):
        return ("proposed", seed, temperature), ("revised", seed, temperature)

    judged = {name: (one, draws) for name, one, draws in ck.recipes.variants(recover, 4)}
    assert judged["proposed estimate"] == (("proposed", 0, 0.0), None)
    assert judged["estimate"] == (("revised", 0, 0.0), None)
    assert judged["sample"][0] == ("revised", 0, 1.0)
    assert [draw[1] for draw in judged["proposed sample"][1]] == [0, 1, 2, 3]
    alone = {name: one for name, one, _ in ck.recipes.variants(lambda *how: (None, how), 4)}
    assert alone == {"estimate": (0, 0.0), "sample": (0, 1.0)}


# Rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
def test_batches_change_nothing(at_once, rng):
    x, y = rng.random([7, 2]), rng.random([7, 1])

    def draw(rows, x, y):
        return x + y, ck.seeds.normal(rows, [len(x), 2])

    total, drawn = sampling.in_rows(draw, at_once, 5, x, y)
    np.testing.assert_array_equal(total, x + y)
    rows = ck.seeds.fold(ck.seeds.as_seed(5), np.arange(7))
    np.testing.assert_array_equal(drawn, ck.seeds.normal(rows, [7, 2]))


def test_a_row_is_its_numbers_alone():
    def draw(rows, x):
        return None, ck.seeds.normal(rows, [len(x), 3])

    none, drawn = sampling.in_rows(draw, 2, 0, np.zeros(5), numbers=np.array([4, 0, 4, 1, 0]))
    assert none is None
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[1], drawn[4])
    assert len(np.unique(drawn, axis=0)) == 3
    other = sampling.in_rows(draw, 2, 1, np.zeros(5))[1]
    assert not np.isin(other, drawn).any()


@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_a_sample_does_not_depend_on_how_many_are_drawn(method):
    config = config_of(method)
    model = plain(config)
    few, more = (ck.recipes.sample_rows(config, model, count, 3) for count in (2, 3))
    assert (few[0] is None) == (more[0] is None) == (method != "coopnets")
    np.testing.assert_allclose(more[1][:2], few[1], atol=1e-5)
    assert not np.array_equal(more[1][0], more[1][1])


@pytest.mark.parametrize("method", ["coopnets", "generator"])
def test_a_sample_is_made_of_the_z_that_is_given(method):
    config = config_of(method, denoise_steps=0)
    model = plain(config)
    z = ck.seeds.normal(1, [3, 2])
    proposed, samples = ck.recipes.sample_rows(config, model, 3, 0, z=z)
    made = samples if proposed is None else proposed
    np.testing.assert_allclose(made, ck.recipes.parts(model)[1].generate(z), atol=1e-6)


# Other shapes -----------------------------------------------------------------------------------


class Texture:
    """As much of a task as is asked for: it builds a texture."""

    def __init__(self, config):
        self.config = config

    def build(self, spec):
        """Return the model; an unknown step size and scale are those of the examples."""
        return plain(ck.recipes.derive(self.config, spec), spec.shape)


def texture(method):
    forms = {"generator_form": "texture", "descriptor_form": "texture", "descriptor_layers": 2}
    task = Texture(config_of(method, step_size=0.0, descriptor_scale=0.0, **forms))
    return task, task.build(DataSpec((32, 32, 1), deviation=0.2))


@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_a_model_of_the_same_shape_is_itself(method):
    task, model = texture(method)
    assert ck.recipes.at_shape(task, model, model.x_shape) is model
    assert ck.recipes.at_shape(task, model, list(model.x_shape)) is model


def gradient(network, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        response = tf.reduce_sum(network(x))
    return tape.gradient(response, x)


@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_a_larger_model_draws_the_same_far_from_borders(method):
    task, model = texture(method)
    large = ck.recipes.at_shape(task, model, (96, 96, 1))
    assert type(large) is type(model)
    assert large.x_shape == (96, 96, 1)
    parts, large_parts = ck.recipes.parts(model), ck.recipes.parts(large)
    if parts[0] is not None:
        assert large_parts[0].step_size == parts[0].step_size
        x, part = ck.seeds.normal(0, [1, 96, 96, 1]), slice(32, 64)
        whole = gradient(large_parts[0].network, x)[:, part, part]
        alone, inner = gradient(parts[0].network, x[:, part, part]), slice(14, 18)
        np.testing.assert_allclose(
            whole[:, inner, inner], alone[:, inner, inner], rtol=1e-3, atol=1e-4
        )
    if parts[1] is not None:
        z = ck.seeds.normal(0, [1, *large_parts[1].z_shape])
        columns = large_parts[1].z_shape[0] // 3
        part = z[:, columns : 2 * columns, columns : 2 * columns]
        made, small = large_parts[1].generate(z), parts[1].generate(part)
        np.testing.assert_allclose(
            made[:, 46:50, 46:50], small[:, 14:18, 14:18], rtol=1e-4, atol=1e-5
        )
