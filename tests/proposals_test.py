"""Laws of CoopNets whose descriptor revises about the generator's proposals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, proposals, seeds
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.observation import Downsample, Mask
from coopkeras.reference import Reference

SHAPE = (16, 16, 1)


def about_proposals(observation=None, inference="encoder", updates=2):
    keras.utils.set_random_seed(0)
    g = networks.recovery_generator(SHAPE, latent_dim=3, channels=(4, 8), smooth_fill=True)
    f = networks.revising_descriptor(SHAPE, g.output["features"].shape[-1], channels=(4, 8))
    encoder = networks.inference_network(SHAPE, 3, (4, 8)) if inference == "encoder" else None
    return CoopNets(
        Descriptor(f, reference=Reference(levels=3, reach=4), start="data"),
        Generator(g, inference=inference, encoder=encoder, steps=2),
        observation=Mask() if observation is None else observation,
        descriptor_updates=updates,
        ema=0.5,
    )


def pictures(n=8, seed=0):
    return tf.tanh(seeds.normal(seed, [n, *SHAPE]))


def holes(n=8, side=5):
    """Return what is visible: a square hole in each, at a place of its own."""
    visible = np.ones((n, *SHAPE), bool)
    for row, one in enumerate(visible):
        one[1 + row : 1 + row + side, 2:7] = False
    return visible


def learned(model, **batch):
    model.compile()
    data = tf.data.Dataset.from_tensors({"x": pictures(), "visible": holes(), **batch}).repeat(3)
    model.fit(data, verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    return learned(about_proposals())


def test_learning_moves_all_that_there_is_to_learn_and_to_measure(model):
    fresh = about_proposals()
    for part in ("descriptor", "generator"):
        pairs = zip(
            getattr(model, part).trainable_parts, getattr(fresh, part).trainable_parts, strict=True
        )
        assert all((a.numpy() != b.numpy()).any() for a, b in pairs)
    reference = model.descriptor.reference
    assert reference.noise_gain.numpy() != 1
    assert (reference.left.numpy() != 1).any()
    assert reference.sides.numpy().tolist() == [13, 13]  # 5 and a rim of 4 on each side
    same = zip(reference.weights, model.ema_descriptor.reference.weights, strict=True)
    assert all(np.array_equal(a, b) for a, b in same)


def test_without_a_descriptor_that_learns_it_is_a_regression():
    fresh, model = about_proposals(updates=0), learned(about_proposals(updates=0))
    for a, b in zip(
        model.descriptor.trainable_parts, fresh.descriptor.trainable_parts, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert model.generator.updates == 3
    reference = model.descriptor.reference
    assert (reference.products.numpy() != fresh.descriptor.reference.products.numpy()).any()
    assert reference.noise_gain == 1


def test_updates_of_the_descriptor_see_large_boxes_in_turn(monkeypatch):
    monkeypatch.setattr(proposals, "DENOISED", 3 * 100)
    u, known = (
        tf.reshape(tf.range(8.0), [8, 1, 1, 1]) * tf.ones([8, 10, 10, 1]),
        tf.ones([8, 10, 10, 1]),
    )
    proposal = proposals.Proposal(u, u, u, 0 * known)
    observation, seen = Mask(np.zeros([8, 10, 10, 1], bool)), []
    for number in range(8):
        some, of_some, hide = proposals._in_turn(number, u, known, proposal, observation)
        np.testing.assert_array_equal(of_some.mean, some)
        np.testing.assert_array_equal(hide(some), some)
        seen += some[:, 0, 0, 0].numpy().tolist()
    assert seen == 3 * list(range(8))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_known_values_come_back_bit_for_bit(model, temperature):
    x, mask = pictures().numpy(), Mask(holes())
    for found in model.recover(mask(x), mask, temperature=temperature, proposed=True):
        assert np.array_equal(found.numpy()[holes()], x[holes()])
        assert (found.numpy() != x)[~holes()].all()


def test_a_row_is_the_same_alone_and_beside_larger_holes(model):
    x, visible = pictures().numpy(), holes()
    visible[-1, 1:15, 1:15] = False  # does not fit into the boxes of learning
    rows = seeds.fold(seeds.as_seed(0), np.arange(8))

    def recover(some):
        mask = Mask(visible[some])
        return model.recover(mask(x[some]), mask, seed=rows[some]).numpy()

    together = recover(slice(0, 8))
    for alone in (slice(2, 3), slice(7, 8)):
        np.testing.assert_allclose(recover(alone), together[alone], atol=2e-5)


def test_draws_differ_and_the_estimate_does_not(model):
    x, mask = pictures(), Mask(holes())

    def recover(seed, heat):
        return model.recover(mask(x), mask, seed=seed, temperature=heat).numpy()

    assert not np.array_equal(recover(0, 1.0), recover(1, 1.0))
    np.testing.assert_allclose(recover(0, 0.0), recover(1, 0.0), atol=1e-6)
    spread = [
        np.std([recover(seed, heat) for seed in range(4)], axis=0).mean() for heat in (0.1, 1)
    ]
    assert spread[0] < 0.6 * spread[1]


def test_it_is_saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x, mask = pictures(), Mask(holes())
    assert np.array_equal(again.recover(mask(x), mask), model.recover(mask(x), mask))
    assert np.array_equal(again.energy(x, mask(x), mask), model.energy(x, mask(x), mask))


def test_the_energy_is_least_likely_far_from_the_proposal(model):
    x, mask = pictures(), Mask(holes())
    estimate = model.recover(mask(x), mask, temperature=0.0)
    far = tf.where(holes(), x, 5.0)
    seen = mask(x)
    assert (model.energy(far, seen, mask) > model.energy(estimate, seen, mask)).numpy().all()
    with pytest.raises(ValueError, match="CoopNets.energy"):
        model.descriptor.energy(x)


@pytest.mark.slow
def test_what_is_not_known_teaches_nothing():
    known = np.ones((8, *SHAPE), bool)
    known[:, 8:] = False
    x = pictures()
    other = tf.where(known, x, -x)
    a, b = (learned(about_proposals(updates=1), x=each, known=known) for each in (x, other))
    pairs = zip(a.generator.network.weights, b.generator.network.weights, strict=True)
    assert all(np.allclose(one, two, atol=1e-6) for one, two in pairs)


@pytest.mark.parametrize("inference", [pytest.param("langevin", marks=pytest.mark.slow), "encoder"])
def test_downsampling_stays_true(inference):
    observation = Downsample(2)
    model = about_proposals(observation, inference, updates=1)
    model.compile()
    model.fit(tf.data.Dataset.from_tensors({"x": pictures()}).repeat(2), verbose=0)
    seen = observation(pictures())
    for found in model.recover(seen, observation, proposed=True):
        np.testing.assert_allclose(observation(found), seen, atol=1e-5)


@pytest.mark.slow
def test_mixed_precision_keeps_the_reference_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = learned(about_proposals(updates=1))
    assert all(w.dtype in ("float32", "int32") for w in model.descriptor.reference.weights)
    x, mask = pictures(), Mask(holes())
    assert np.isfinite(model.recover(mask(x), mask)).all()


@pytest.mark.slow
def test_it_learns_under_a_strategy():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = about_proposals(updates=2)
        model.compile()
    data = tf.data.Dataset.from_tensors({"x": pictures(), "visible": holes()}).repeat(2)
    assert np.isfinite(model.fit(data, verbose=0).history["misfit"]).all()


def test_an_estimate_takes_of_a_revision_what_was_right(model):
    x, observation, reference = pictures(), Mask(holes()), model.ema_descriptor.reference
    seen, kept = observation(x), reference.moves.numpy()
    made = {}
    for trust in (0.0, 0.5, 1.0):
        reference.moves.assign([trust, 1.0])
        made[trust] = model.recover(seen, observation, temperature=0.0, proposed=True)[1].numpy()
    drawn = model.recover(seen, observation, seed=0).numpy()
    reference.moves.assign(kept)
    np.testing.assert_allclose(made[0.5], (made[0.0] + made[1.0]) / 2, atol=1e-5)
    np.testing.assert_allclose(model.recover(seen, observation, seed=0), drawn, atol=1e-5)
    assert np.abs(made[1.0] - made[0.0]).max() > 1e-3


def test_an_estimate_with_noise_has_the_spread_that_the_generator_says(model):
    x, observation = pictures(1), Mask(holes(1))
    seen, n = observation(x), 400
    many = Mask(np.repeat(holes(1), n, axis=0))
    rows = seeds.fold(seeds.as_seed(0), tf.range(n))
    generator = model.ema_generator
    drawn = proposals.noisy_estimate(
        generator, many, many(tf.repeat(x, n, 0)), tf.repeat(x, n, 0), rows
    )
    code = generator.encode(generator.given(seen, observation, x))
    proposal = proposals.propose(generator, tf.zeros([1, 3]), code, observation, seen)
    hidden = ~holes(1)[0]
    drawn, mean, spread = (one.numpy() for one in (drawn, proposal.mean, proposal.spread))
    np.testing.assert_array_equal(drawn[0][~hidden], x.numpy()[0][~hidden])
    error = (drawn - mean)[:, hidden] / spread[0][hidden]
    np.testing.assert_allclose(np.mean(error), 0, atol=0.05)
    np.testing.assert_allclose(np.std(error), 1, atol=0.05)


@pytest.mark.parametrize("outliers", [0, 10])
def test_the_spread_is_that_of_most_errors(outliers, rng):
    """Of 20,000 errors 10 are a hundred times as large: a Gaussian of all is 2.4 times as wide."""
    error = 0.01 * rng.normal(size=20000)
    error[:outliers] = 1.0
    observed = tf.constant(error, tf.float32)[None, :, None]
    nothing = tf.zeros_like(observed)
    spreads = 0.01 * np.exp(np.linspace(-1, 1.5, 126))
    losses = [
        proposals._spread_loss(
            observed, 1 + nothing, proposals.Proposal(nothing, s + nothing, nothing, nothing)
        )
        for s in spreads
    ]
    assert spreads[np.argmin(losses)] == pytest.approx(0.01, rel=0.15)
