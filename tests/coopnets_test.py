"""Laws of cooperative learning: both learn, neither through the sampler, and modes are covered."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import networks, seeds
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.observation import Downsample, Mask, Nothing

SHAPE = (16, 16, 1)


def dense(inputs, outputs, width=64):
    layers = [keras.layers.Dense(size, "leaky_relu") for size in (width, width)]
    return keras.Sequential([keras.Input((inputs,)), *layers, keras.layers.Dense(outputs)])


def plane(width=8, steps=(3, 2), **kwargs):
    """Return a model of points in the plane."""
    keras.utils.set_random_seed(0)
    descriptor = Descriptor(
        dense(2, 1, width), start="data", reference=1.0, steps=steps[0], step_size=0.1
    )
    generator = Generator(
        dense(2, 2, width), noise_sigma=0.15, steps=steps[1], step_size=0.05, matched=False
    )
    return CoopNets(descriptor, generator, **kwargs)


def conditional(**kwargs):
    """Return a conditional model of small pictures."""
    keras.utils.set_random_seed(0)
    f = networks.descriptor(SHAPE, channels=(4, 8))
    g = networks.recovery_generator(SHAPE, latent_dim=3, channels=(4, 8))
    kwargs = {"observation": Mask(), **kwargs}
    return CoopNets(Descriptor(f, start="data", steps=3), Generator(g, steps=2), **kwargs)


def points(n=40, seed=0):
    return seeds.normal(seed, [n, 2])


def pictures(n=6, seed=0):
    return tf.tanh(seeds.normal(seed, [n, *SHAPE]))


def visible(n=6, seed=0):
    return np.random.default_rng(seed).random((n, *SHAPE)) < 0.6


def compiled(model, rate=0.01):
    model.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return model


def weights(*models):
    return [weight.numpy() for model in models for weight in model.network.weights]


def same(a, b):
    return all(map(np.array_equal, a, b))


# Learning -----------------------------------------------------------------------------------


def test_a_mixture_of_eight_gaussians_is_covered():
    angles = 2 * np.pi * np.arange(8) / 8
    centres, sigma = 0.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.08
    random = np.random.default_rng(0)
    x = centres[random.integers(8, size=20000)] + sigma * random.normal(size=(20000, 2))
    model = plane(width=64, steps=(15, 8), ema=0.99)
    adam = [keras.optimizers.Adam(5e-3, beta_1=0.5, clipnorm=clip) for clip in (1.0, None)]
    model.compile(*adam)
    data = tf.data.Dataset.from_tensor_slices(x.astype("float32")).batch(200)
    model.fit(data.repeat().take(300), verbose=0)

    samples = model.sample(1000).numpy()
    distances = np.linalg.norm(samples[:, None] - centres, axis=2)
    near = distances.min(axis=1) < 3 * sigma
    shares = np.bincount(distances.argmin(axis=1)[near], minlength=8) / len(samples)
    assert shares.min() > 0.03
    assert near.mean() > 0.5


@pytest.mark.parametrize("observed_weight", [0.0, 0.5, 1.0])
def test_an_update_is_the_five_steps_with_what_was_sampled_held_constant(observed_weight):
    model, twin = (compiled(plane(observed_weight=observed_weight)) for _ in range(2))
    x = points()
    model.train_step(x)

    generator, descriptor = twin.generator, twin.descriptor
    g0, d1, g1, g1_observed = seeds.split(seeds.fold(0, 0), 4)
    z = generator.prior.draw(40, g0)
    revised = descriptor.revise(generator.generate(z).numpy(), seed=d1).numpy()
    inferred = generator.infer(revised, z=z, seed=g1).numpy()
    inferred_of_x = generator.infer(x, z=z, seed=g1_observed).numpy()
    up, down = twin.observed_weight, 1 - twin.observed_weight
    with tf.GradientTape(persistent=True) as tape:
        fall = tf.reduce_mean(descriptor.score(revised)) - tf.reduce_mean(descriptor.score(x))
        teach = tf.reduce_sum((generator.generate(inferred) - revised) ** 2)
        reconstruct = tf.reduce_sum((generator.generate(inferred_of_x) - x) ** 2)
        regress = (down * teach + up * reconstruct) / (2 * 0.15**2 * 40)
    for now, then, loss in [
        (model.descriptor, descriptor, fall),
        (model.generator, generator, regress),
    ]:
        old = then.network.trainable_variables
        expected = [
            w - 0.01 * slope for w, slope in zip(old, tape.gradient(loss, old), strict=True)
        ]
        for a, b in zip(now.network.trainable_variables, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_no_gradient_flows_through_the_revision():
    model = plane()
    with tf.GradientTape() as tape:
        proposed = model.generator.generate(points())
        revised = model.descriptor.revise(proposed, seed=0)
        inferred = model.generator.infer(revised, seed=1)
        total = tf.reduce_sum(revised) + tf.reduce_sum(inferred)
    assert set(tape.gradient(total, model.trainable_variables)) == {None}


def test_both_optimizers_move_their_own_network_alone():
    for moving in (0, 1):
        model = plane()
        optimizers = [keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0)]
        optimizers[moving] = keras.optimizers.SGD(0.01)
        model.compile(*optimizers)
        before = [weights(model.descriptor), weights(model.generator)]
        model.train_step(points())
        after = [weights(model.descriptor), weights(model.generator)]
        assert not same(before[moving], after[moving])
        assert same(before[1 - moving], after[1 - moving])
        assert [optimizer.iterations.numpy() for optimizer in optimizers] == [1, 1]


def test_the_descriptor_waits_while_the_generator_warms_up():
    model = compiled(plane(warmup_updates=2))
    first = [weights(model.descriptor), weights(model.generator)]
    model.fit(points(80), batch_size=40, verbose=0)  # two updates
    second = [weights(model.descriptor), weights(model.generator)]
    assert same(first[0], second[0])
    assert not same(first[1], second[1])
    model.fit(points(40), batch_size=40, verbose=0)
    assert not same(second[0], weights(model.descriptor))


def test_averages_lag_behind_and_are_what_is_used():
    model = compiled(plane(ema=0.9), rate=0.1)
    mean = weights(model.descriptor, model.generator)
    for update in (1, 2, 3):
        model.train_step(points(seed=update))
        decay = min(0.9, (1 + update) / (10 + update))
        live = weights(model.descriptor, model.generator)
        mean = [decay * a + (1 - decay) * b for a, b in zip(mean, live, strict=True)]
    averaged = weights(model.ema_descriptor, model.ema_generator)
    for a, b in zip(averaged, mean, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    z = model.ema_generator.prior.draw(4, seeds.fold(0, 0))
    proposed, _ = model.sample(4, seed=0, proposed=True)
    np.testing.assert_allclose(proposed, model.ema_generator.network(z), rtol=1e-6, atol=1e-7)
    samples = model.sample(len(points()), seed=model.seed)
    np.testing.assert_allclose(model(points()), samples, rtol=1e-6)


def test_only_the_two_networks_are_trained():
    model = plane()
    expected = model.descriptor.network.trainable_variables
    expected += model.generator.network.trainable_variables
    assert {id(v) for v in model.trainable_variables} == {id(v) for v in expected}


def test_the_same_seed_learns_the_same_and_another_does_not():
    def learned(seed):
        model = compiled(plane(seed=seed))
        for batch in range(2):
            model.train_step(points(seed=batch))
        return weights(model.descriptor, model.generator)

    assert same(learned(0), learned(0))
    assert not same(learned(0), learned(1))


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_a_share_is_between_0_and_1(wrong):
    with pytest.raises(ValueError, match="`observed_weight` should be between 0 and 1"):
        plane(observed_weight=wrong)


# Samples ------------------------------------------------------------------------------------


def test_a_sample_is_of_its_seed_and_is_not_traced_again():
    model = plane()
    proposed, revised = model.sample(5, seed=3, proposed=True)
    assert np.array_equal(model.sample(5, seed=3), revised)
    assert not np.array_equal(model.sample(5, seed=4), revised)
    assert not np.array_equal(proposed, revised)
    assert np.array_equal(model.sample(5, seed=3, steps=0), proposed)
    model.sample(5, seed=3, steps=9, temperature=0.5)
    assert model._traced_revise.experimental_get_tracing_count() == 1


def test_a_conditional_model_only_recovers():
    with pytest.raises(ValueError, match=r"use `recover\(seen, observation\)`"):
        conditional().sample(3)


def test_a_revision_starts_from_the_proposal_and_noise():
    model = plane(proposal_noise=0.5)
    proposed, start = model.sample(4000, steps=0, proposed=True)
    noise = (start - proposed).numpy()
    np.testing.assert_allclose(np.cov(noise.T), 0.25 * np.eye(2), atol=0.02)  # 5 / sqrt(4000) / 4
    proposed, start = model.sample(5, steps=0, temperature=0.0, proposed=True)
    assert np.array_equal(start, proposed)


# Recovery -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("temperature", "noise"), [(0.0, 0.0), (1.0, 0.0), (1.0, 0.3)])
def test_known_values_come_back_bit_for_bit(temperature, noise):
    model, x = conditional(proposal_noise=noise), pictures().numpy()
    mask = Mask(visible())
    seen = np.where(visible(), x, 55.0)  # what is hidden may be anything
    proposed, revised = model.recover(seen, mask, temperature=temperature, proposed=True)
    for result in (proposed.numpy(), revised.numpy()):
        assert np.array_equal(result[visible()], x[visible()])
        assert np.isfinite(result).all()
    other = np.where(visible(), x, np.nan)
    assert np.array_equal(model.recover(other, mask, temperature=temperature), revised)


def test_an_estimate_is_of_no_seed_and_a_sample_is_of_its_own():
    model, seen, mask = conditional(), pictures(), Mask(visible())
    run = lambda seed, temperature: model.recover(  # noqa: E731
        seen, mask, seed=seed, temperature=temperature
    )
    assert np.array_equal(run(0, 0.0), run(1, 0.0))
    assert np.array_equal(run(0, 1.0), run(0, 1.0))
    assert not np.array_equal(run(0, 1.0), run(1, 1.0))


def test_recovering_again_is_not_traced_again():
    model = conditional()
    for seed, temperature in enumerate([0.0, 1.0, 0.5]):
        model.recover(
            pictures(seed=seed),
            Mask(visible(seed=seed)),
            seed=seed,
            steps=seed,
            temperature=temperature,
        )
    assert model._traced_recover.experimental_get_tracing_count() == 1


def test_a_row_with_its_own_seed_recovers_the_same_beside_others():
    model, rows = conditional(), seeds.fold(0, tf.range(6))
    whole = model.recover(pictures(), Mask(visible()), seed=rows)
    turned = model.recover(pictures()[::-1], Mask(visible()[::-1]), seed=rows[::-1])
    np.testing.assert_allclose(turned[::-1], whole, rtol=1e-4, atol=1e-5)
    alone = model.recover(pictures()[4:5], Mask(visible()[4:5]), seed=rows[4:5])
    np.testing.assert_allclose(alone[0], whole[4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("observation", [Downsample(2), Mask(visible(1))])
def test_an_unconditional_model_recovers_what_agrees_with_the_seen(observation):
    f = networks.descriptor(SHAPE, channels=(4,))
    g = networks.generator(SHAPE, latent_dim=3, channels=(4,))
    model = CoopNets(Descriptor(f, start="data", steps=3), Generator(g, steps=2))
    seen = observation(pictures())
    recovered = model.recover(seen, observation)
    np.testing.assert_allclose(observation(recovered), seen, atol=1e-5)
    with pytest.raises(ValueError, match="needs an observation"):
        model.recover(seen)  # it learned with nothing seen
    with pytest.raises(ValueError, match="needs an observation"):
        model.recover(seen, Nothing())


def test_a_conditional_model_learns_from_holes_of_its_batch():
    model = conditional()
    model.compile()
    batch = {"x": pictures(), "visible": visible()}
    data = tf.data.Dataset.from_tensors(batch).repeat(2)
    before = [weights(model.descriptor), weights(model.generator)]
    history = model.fit(data, validation_data=data, verbose=0).history
    assert not same(before[0], weights(model.descriptor))
    assert not same(before[1], weights(model.generator))
    names = {"energy_gap", "movement", "reconstruction"}
    assert {*history} == names | {f"val_{name}" for name in names}
    assert all(np.isfinite(values).all() for values in history.values())


# Keras --------------------------------------------------------------------------------------


def test_saving_keeps_both_models_their_averages_and_optimizers(tmp_path):
    model = conditional(ema=0.9, observed_weight=0.3, warmup_updates=1)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(2e-3))
    batch = {"x": pictures(), "visible": visible()}
    for _ in range(2):
        model.train_step(batch)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert [again.ema, again.observed_weight, again.warmup_updates] == [0.9, 0.3, 1]
    assert again.observation == Mask()
    seen, mask = pictures(), Mask(visible())
    assert np.array_equal(again.recover(seen, mask, seed=1), model.recover(seen, mask, seed=1))
    assert float(again.generator.optimizer.learning_rate) == pytest.approx(2e-3)
    for each in (model, again):
        each.train_step(batch)
    assert same(*(weights(m.descriptor, m.generator, m.ema_generator) for m in (model, again)))


def test_a_checkpoint_holds_all_that_learning_needs(tmp_path):
    models = [compiled(plane(seed=2)) for _ in range(2)]
    models[0].train_step(points(seed=1))
    path = tf.train.Checkpoint(model=models[0]).write(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=models[1]).read(path).assert_consumed()
    for model in models:
        model.train_step(points())
    assert same(*(weights(m.descriptor, m.generator, m.ema_descriptor) for m in models))


def test_mixed_precision_keeps_results_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = conditional()
    model.compile()
    batch = {"x": pictures(), "visible": visible()}
    before = weights(model.generator)
    model.train_step(batch)
    recovered = model.recover(pictures(), Mask(visible()))
    assert recovered.dtype == tf.float32
    assert np.array_equal(recovered.numpy()[visible()], pictures().numpy()[visible()])
    assert not same(before, weights(model.generator))


def test_more_inference_explains_more_of_what_is_seen():
    keras.utils.set_random_seed(0)
    f = networks.descriptor(SHAPE, channels=(4,))
    g = networks.generator(SHAPE, latent_dim=8, channels=(4,))
    model = CoopNets(Descriptor(f, start="data"), Generator(g, steps=1, step_size=0.1))
    seen, mask = model.generator.sample(6, seed=5), Mask(visible())
    errors = []
    for infer_steps in (None, 100):
        how = {"steps": 0, "temperature": 0.0, "infer_steps": infer_steps}
        errors.append(np.mean((model.recover(seen, mask, **how) - seen) ** 2))
    assert errors[1] < 0.9 * errors[0]


def test_predict_recovers_what_is_seen_or_samples():
    x = tf.random.stateless_uniform([6, 16, 16, 1], [0, 1], -1, 1)
    visible = tf.random.stateless_uniform([6, 16, 16, 1], [0, 2]) < 0.5
    model = CoopNets(
        Descriptor(networks.descriptor((16, 16, 1), (4,)), start="data", steps=2),
        Generator(networks.recovery_generator((16, 16, 1), 2, (4, 4))),
        observation=Mask(),
    )
    model.compile()
    recovered = model.predict({"x": x, "visible": visible}, verbose=0)
    np.testing.assert_array_equal(recovered[visible], x.numpy()[visible])
    plain = CoopNets(
        Descriptor(networks.descriptor((16, 16, 1), (4,)), start="data", steps=2),
        Generator(networks.generator((16, 16, 1), 2, (4,))),
    )
    plain.compile()
    samples = plain.predict(x, verbose=0)
    rows = seeds.fold(0, tf.range(6))
    np.testing.assert_allclose(samples, plain.sample(6, seed=rows), atol=1e-5)


def test_every_row_of_a_predict_has_noise_of_its_own_and_the_same_again():
    model = plane()
    samples = model.predict(np.zeros([22, 2]), batch_size=8, verbose=0)
    assert len(np.unique(samples.round(5), axis=0)) == 22
    assert np.array_equal(model.predict(np.zeros([22, 2]), batch_size=8, verbose=0), samples)
    other = model.predict(np.zeros([22, 2]), batch_size=22, verbose=0)
    np.testing.assert_allclose(other, samples, atol=1e-5)
    assert np.array_equal(model.predict_on_batch(np.zeros([8, 2])), samples[:8])


def test_every_batch_of_an_evaluation_has_noise_of_its_own():
    for model in (plane().descriptor, plane().generator):
        model.compile()
        found = [model.evaluate(points(8), batch_size=8, verbose=0) for _ in range(2)]
        twice = model.evaluate(tf.tile(points(8), [2, 1]), batch_size=8, verbose=0)
        assert np.array_equal(*found)
        assert not np.allclose(twice, found[0], rtol=1e-6)
