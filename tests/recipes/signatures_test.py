"""Laws of what is served: named inputs, a row for each row, and no part that is not there."""

import gc

import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck
from coopkeras import jobs

SHAPE = (16, 16, 1)
TINY = {"generator_width": 2, "descriptor_width": 2, "latent_dim": 2, "steps": 1}


def test_a_model_that_only_its_signature_knows_is_kept():
    def served():
        weight = tf.Variable(0.5)
        return ck.recipes.sample_signature(
            lambda seed: (None, weight * tf.ones([tf.shape(seed)[0], *SHAPE]))
        )

    sample = served()["sample"]
    gc.collect()
    guarded = jobs.export.concrete(sample)
    assert len(guarded.variables) == 1
    assert (guarded(seed=tf.zeros([2, 2], tf.int32))["sample"].numpy() == 0.5).all()


def model_of(method):
    config = ck.recipes.ModelConfig(method=method, **TINY)
    return ck.recipes.model(
        config, SHAPE, lambda: ck.recipes.generator_network(config, SHAPE), start="noise"
    )


def seeds(count):
    return tf.constant([[0, number] for number in range(count)])


def sampled(proposes):
    """Return what serves noise, a row for each label."""

    def draw(seed, label):
        x = 2 * ck.seeds.normal(seed, [tf.shape(label)[0], 3])
        return (x / 2 if proposes else None), x

    return ck.recipes.sample_signature(draw, label=tf.TensorSpec([None], tf.int32))


@pytest.mark.parametrize("proposes", [True, False])
def test_a_sample_has_named_inputs_and_lies_in_the_range(proposes):
    served = sampled(proposes)
    assert set(served) == {"serving_default", "sample"}
    assert served["serving_default"] is served["sample"]
    assert jobs.export.inputs_of(served["sample"]).keys() == {"seed", "label"}
    made = served["sample"](seed=seeds(50), label=tf.zeros([50], tf.int32))
    assert set(made) == ({"sample", "proposed"} if proposes else {"sample"})
    assert made["sample"].shape == (50, 3)
    assert abs(made["sample"]).numpy().max() == 1


def test_a_recovery_is_an_estimate_or_a_sample_by_row():
    def recovered(seen, seed, temperature):
        noise = ck.seeds.normal(seed, [tf.shape(seen)[0], 2])
        return None, seen + temperature[:, None] * noise

    served = ck.recipes.recover_signature(recovered, seen=tf.TensorSpec([None, 2], tf.float32))
    assert set(served) == {"serving_default", "recover"}
    assert jobs.export.inputs_of(served["recover"]).keys() == {"seed", "temperature", "seen"}
    seen = tf.ones([2, 2])
    made = served["recover"](seed=seeds(2), temperature=tf.constant([0.0, 1.0]), seen=seen)
    assert set(made) == {"recovered"}
    np.testing.assert_array_equal(made["recovered"][0], seen[0])
    assert (made["recovered"][1] != seen[1]).numpy().all()


def test_a_generator_has_no_energy():
    assert ck.recipes.energy_signature(model_of("generator")) == {}


@pytest.mark.parametrize("method", ["coopnets", "descriptor"])
def test_the_energy_is_that_of_what_was_sent(method):
    model = model_of(method)
    (energy,) = ck.recipes.energy_signature(model).values()
    x = ck.seeds.normal(0, [3, *SHAPE])
    descriptor = ck.recipes.parts(model)[0]
    np.testing.assert_allclose(energy(x)["energy"], descriptor.energy(x), rtol=1e-5)
    halved = ck.recipes.energy_signature(
        model, lambda sent: sent / 2, tf.TensorSpec([None, *SHAPE], tf.float32, "sent")
    )["energy"]
    assert jobs.export.inputs_of(halved.get_concrete_function()).keys() == {"sent"}
    np.testing.assert_allclose(halved(x)["energy"], descriptor.energy(x / 2), rtol=1e-5)


def test_what_is_served_is_what_a_server_takes():
    served = sampled(True) | ck.recipes.energy_signature(model_of("descriptor"))
    jobs.export.check({name: jobs.export.concrete(one) for name, one in served.items()})
