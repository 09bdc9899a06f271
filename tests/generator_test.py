"""Laws of the generator, against the linear Gaussian model x = W z + b + sigma e.

p(z | A x) is normal with precision I + W^T P W / sigma^2, P = A+ A, and mean that precision's
inverse times W^T P (x - b) / sigma^2. Its maximum likelihood W is probabilistic PCA.
"""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import base, seeds, video
from coopkeras.generator import Generator
from coopkeras.observation import Downsample, Mask, Nothing, Projection
from coopkeras.prior import Prior, StandardNormal

SIGMA = 0.5
SHAPE = (4, 4, 1)


def linear(size=4, latent_dim=2, use_bias=True):
    dense = keras.layers.Dense(size, use_bias=use_bias, bias_initializer="normal")
    return keras.Sequential([keras.Input((latent_dim,)), dense])


def pictures_network(latent_dim=3):
    """Return a linear network to small pictures."""
    dense = keras.layers.Dense(16, bias_initializer=keras.initializers.RandomNormal(stddev=0.3))
    return keras.Sequential([keras.Input((latent_dim,)), dense, keras.layers.Reshape(SHAPE)])


def posterior_mean(generator, x, projection=None):
    """Return the mean of z given what is seen of x `[n, d]`, in closed form."""
    w, b = (weight.astype("float64") for weight in generator.network.get_weights())
    projection = np.eye(w.shape[1]) if projection is None else projection
    precision = np.eye(len(w)) + w @ projection @ w.T / generator.noise_sigma**2
    error = np.asarray(x - b).T / generator.noise_sigma**2
    return np.linalg.solve(precision, w @ projection @ error).T


def normal(*shape, seed=0):
    return seeds.normal(seed, shape)


def still():
    """Return an optimizer that moves nothing."""
    return keras.optimizers.SGD(0.0)


def weights_after(generator, batches):
    generator.compile(keras.optimizers.Adam(0.01))
    for batch in batches:
        generator.train_step(batch)
    return generator.network.get_weights()


# The model ----------------------------------------------------------------------------------


def test_a_sample_is_the_network_at_prior_noise():
    generator = Generator(linear(), noise_sigma=SIGMA)
    x = generator.sample(5, seed=3)
    assert np.array_equal(x, generator.network(generator.prior.draw(5, seeds.as_seed(3))))
    assert np.array_equal(generator.sample(5, seed=3), x)
    assert not np.array_equal(generator.sample(5, seed=4), x)
    z = generator.prior.draw(5, seeds.fold(0, tf.range(5)))
    assert np.array_equal(generator(z), generator.generate(z))


@pytest.mark.parametrize(
    "wrong", [{"noise_sigma": 0.0}, {"step_size": -0.1}, {"inference": "exact"}]
)
def test_a_wrong_argument_is_named(wrong):
    with pytest.raises(ValueError, match=f"`{[*wrong][0]}` should be"):
        Generator(linear(), **wrong)


# Inference ----------------------------------------------------------------------------------

OBSERVATIONS = {
    "everything": None,
    "mask": Mask(np.random.default_rng(1).random(SHAPE) < 0.4),
    "downsample": Downsample(2),
    "projection": Projection(5, seed=2, shape=SHAPE),
    "nothing": Nothing(),
}


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_descent_ends_at_the_posterior_mean_of_what_is_seen(name):
    observation = OBSERVATIONS[name]
    generator = Generator(pictures_network(), noise_sigma=SIGMA, step_size=0.2, steps=600)
    x = normal(3, *SHAPE)
    seen = x if observation is None else observation(x)
    z = generator.infer(seen, observation, temperature=0.0)
    A = (observation or Mask())(tf.reshape(tf.eye(16), [16, *SHAPE])).numpy().reshape(16, -1).T
    expected = posterior_mean(generator, x.numpy().reshape(3, 16), np.linalg.pinv(A) @ A)
    np.testing.assert_allclose(z, expected, atol=1e-3)


def test_langevin_draws_from_the_posterior():
    generator, n, d = Generator(linear(), noise_sigma=SIGMA, step_size=0.3), 20000, 0.3
    x = tf.repeat(normal(1, 4), n, axis=0)
    z = generator.infer(x, steps=80).numpy()
    w = generator.network.get_weights()[0]
    precision = np.eye(2) + w @ w.T / SIGMA**2
    covariance = np.linalg.inv(precision - d**2 / 4 * precision @ precision)
    np.testing.assert_allclose(z.mean(0), posterior_mean(generator, x)[0], atol=0.03)
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.03)


def test_inference_is_of_its_seed_and_descent_of_none():
    x, z = normal(5, 4), normal(5, 2, seed=1)
    noisy, quiet = (Generator(linear(), inference=name) for name in ("langevin", "descent"))
    assert np.array_equal(noisy.infer(x, z=z, seed=1), noisy.infer(x, z=z, seed=1))
    assert not np.array_equal(noisy.infer(x, z=z, seed=1), noisy.infer(x, z=z, seed=2))
    assert np.array_equal(quiet.infer(x, z=z, seed=1), quiet.infer(x, z=z, seed=2))
    assert quiet.default_optimizer().weight_decay > 0
    assert not noisy.default_optimizer().weight_decay


def test_what_is_hidden_has_no_influence_on_inference():
    visible = np.random.default_rng(0).random((1, *SHAPE)) < 0.5
    x = normal(2, *SHAPE).numpy()
    generator = Generator(pictures_network())
    mask = Mask(visible)
    z = [generator.infer(np.where(visible, x, hidden), mask, seed=1) for hidden in (0, 99, np.nan)]
    assert np.array_equal(z[0], z[1])
    assert np.array_equal(z[0], z[2])


def test_masks_of_the_same_kind_share_a_graph():
    generator, x = Generator(pictures_network()), normal(2, *SHAPE)
    for seed in range(3):
        mask = Mask(np.random.default_rng(seed).random((1, *SHAPE)) < 0.5)
        generator.infer(x, mask, seed=seed, steps=seed, temperature=seed / 2)
    assert generator._infer.experimental_get_tracing_count() == 1


def test_recover_keeps_known_values_and_finds_the_others():
    generator, n = Generator(pictures_network(), noise_sigma=0.1, steps=600, step_size=0.05), 20
    x = generator.sample(n, seed=1).numpy()
    visible = np.random.default_rng(0).random((n, *SHAPE)) < 0.6
    hidden = np.where(visible, x, 7.0)
    recovered = generator.recover(hidden, Mask(visible), temperature=0.0).numpy()
    assert np.array_equal(recovered[visible], x[visible])
    assert np.sqrt(((recovered - x)[~visible] ** 2).mean()) < 0.15 * x.std()


# Alternating back-propagation ---------------------------------------------------------------


@pytest.mark.parametrize("d", [0.1, 0.2])
def test_it_reaches_probabilistic_principal_component_analysis(d):
    """W W^T -> U (L - sigma^2 I) U^T, U and L the largest axes of the data's covariance.

    That is for small steps; chains of step size d have the posterior precision M - d^2 M^2 / 4 in
    place of M = I + W^T W / sigma^2, and where learning settles 1 / M = sigma^2 / L + d^2 / 4.
    """
    n, variances, sigma = 2000, np.array([4.0, 2.0, 0.5, 0.3]), 0.7
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    x = np.random.default_rng(0).normal(size=(n, 4))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, ddof=0))).T
    x = (x * np.sqrt(variances) @ axes.T).astype("float32")  # exactly this covariance

    network = linear(use_bias=False)
    generator = Generator(network, noise_sigma=sigma, steps=10, step_size=d, num_examples=n)
    rate = keras.optimizers.schedules.CosineDecay(0.05, 250)
    generator.compile(keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9))
    batch = {"x": x, "index": np.arange(n)}
    generator.fit(tf.data.Dataset.from_tensors(batch).repeat(250), verbose=0)

    def covariance(variances):
        return axes[:, :2] @ np.diag(variances) @ axes[:, :2].T

    learned = network.get_weights()[0].T @ network.get_weights()[0]
    precision = 1 / (sigma**2 / variances[:2] + d**2 / 4)
    np.testing.assert_allclose(learned, covariance(sigma**2 * (precision - 1)), atol=0.06)
    if d == 0.1:
        np.testing.assert_allclose(learned, covariance(variances[:2] - sigma**2), atol=0.08)


def incomplete_data(n=300):
    """Return data of two factors in ten values, and what is seen of it: 60 %."""
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 2)) @ random.normal(size=(2, 10))
    return x.astype("float32"), random.random((n, 10)) < 0.6


def test_it_learns_from_incomplete_data_what_was_never_seen():
    x, visible = incomplete_data()
    generator = Generator(linear(10), noise_sigma=0.3, steps=10, step_size=0.1, num_examples=len(x))
    batch = {"x": np.where(visible, x, 99.0), "visible": visible, "index": np.arange(len(x))}
    rate = keras.optimizers.schedules.CosineDecay(0.1, 150)
    generator.compile(keras.optimizers.Adam(rate, beta_1=0.5))
    generator.fit(tf.data.Dataset.from_tensors(batch).repeat(150), verbose=0)
    z = generator.infer(x, Mask(visible), steps=300, step_size=0.05, temperature=0.0)
    error = (generator.generate(z) - x).numpy()[~visible]
    assert np.sqrt((error**2).mean()) < 0.25 * x.std()


@pytest.mark.parametrize("hidden", [5.0, np.nan])
def test_hidden_values_never_reach_the_weights(hidden):
    x, visible = incomplete_data(20)

    def learned(x):
        keras.utils.set_random_seed(0)
        batch = {"x": x, "visible": visible}
        return weights_after(Generator(linear(10), steps=3), [batch] * 3)

    for a, b in zip(learned(x), learned(np.where(visible, x, hidden)), strict=True):
        assert np.array_equal(a, b)


def test_it_learns_from_projections():
    x, _ = incomplete_data()
    projection = Projection(5, seed=0)
    generator = Generator(linear(10), noise_sigma=0.3, steps=10, observation=projection)
    generator.compile(keras.optimizers.Adam(0.03, beta_1=0.5))
    history = generator.fit(x, batch_size=100, epochs=30, verbose=0).history["reconstruction"]
    assert history[-1] < 0.5 * history[0]


def test_the_reported_error_is_that_of_the_reconstruction():
    generator, x = Generator(linear(), noise_sigma=SIGMA), normal(50, 4)
    generator.compile(still())
    z = generator.prior.draw(50, seeds.as_seed(0))
    error = generator.learn([(0.5, z, x, Mask())])
    expected = np.sqrt(np.mean((generator.generate(z) - x) ** 2))
    np.testing.assert_allclose(error, expected, rtol=1e-5)


# Warm start ---------------------------------------------------------------------------------


def test_latents_follow_their_examples_through_shuffling_and_batching():
    n, x = 30, normal(30, 4)
    generator = Generator(linear(), noise_sigma=SIGMA, num_examples=n, inference="descent")
    generator.compile(still())
    data = tf.data.Dataset.from_tensor_slices({"x": x, "index": tf.range(n)})
    for size, seed in [(10, 0), (7, 1), (30, 2)] * 4:
        generator.fit(data.shuffle(n, seed=seed).batch(size), epochs=2, verbose=0)
    np.testing.assert_allclose(generator.latents, posterior_mean(generator, x), atol=1e-3)


def test_latents_start_from_the_prior_and_only_those_of_the_batch_move():
    generator = Generator(linear(), num_examples=5000)
    first = generator.latents.numpy()
    assert first.std() == pytest.approx(1, abs=0.03)
    generator.compile(still())
    generator.train_step({"x": normal(3, 4), "index": tf.constant([7, 4000, 9], tf.int64)})
    moved = (generator.latents.numpy() != first).any(1)
    assert np.flatnonzero(moved).tolist() == [7, 9, 4000]


@pytest.mark.parametrize("batch", [{"x": tf.zeros([3, 4])}, tf.zeros([3, 4])])
def test_a_warm_start_needs_the_index(batch):
    generator = Generator(linear(), num_examples=10)
    generator.compile()
    with pytest.raises(ValueError, match='give batches {"x":, "index":}'):
        generator.train_step(batch)


def test_a_cold_start_needs_no_index_and_keeps_nothing():
    generator = Generator(linear(), steps=2)
    assert generator.latents is None
    before = generator.network.get_weights()[0]
    after = weights_after(generator, [normal(6, 4)])[0]
    assert not np.array_equal(before, after)


def test_latents_are_in_a_checkpoint(tmp_path):
    def made():
        keras.utils.set_random_seed(0)
        generator = Generator(linear(), steps=2, num_examples=6)
        generator.compile(keras.optimizers.Adam(0.01))
        return generator

    batch = {"x": normal(6, 4), "index": tf.range(6)}
    one, two = made(), made()
    one.train_step(batch)
    path = tf.train.Checkpoint(model=one).write(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=two).read(path).assert_consumed()
    assert np.array_equal(one.latents, two.latents)
    one.train_step(batch)
    two.train_step(batch)
    assert np.array_equal(one.latents, two.latents)
    assert np.array_equal(one.network.get_weights()[0], two.network.get_weights()[0])


# Conditional on what is seen ----------------------------------------------------------------


def conditional(names=("seen", "visible")):
    shapes = {"z": (2,), "seen": SHAPE, "visible": (*SHAPE[:-1], 1)}
    inputs = {name: keras.Input(shapes[name], name=name) for name in ("z", *names)}
    parts = [keras.layers.Flatten()(tensor) for tensor in inputs.values()]
    x = keras.layers.Dense(16)(keras.layers.Concatenate()(parts))
    return keras.Model(inputs, keras.layers.Reshape(SHAPE)(x))


@pytest.mark.parametrize("name", [name for name in OBSERVATIONS if OBSERVATIONS[name]])
def test_a_conditional_network_is_told_what_is_seen_as_an_image(name):
    generator, observation = Generator(conditional()), OBSERVATIONS[name]
    x = normal(3, *SHAPE)
    given = generator.given(observation(x), observation, like=x)
    assert sorted(given) == ["seen", "visible"]
    lifted = tf.broadcast_to(observation.lift(observation(x)), x.shape)
    assert np.array_equal(given["seen"], lifted)
    assert np.array_equal(given["visible"], observation.visible(x))
    assert generator.generate(normal(3, 2), given).shape == x.shape


def test_a_network_is_told_no_more_than_it_asks():
    x = normal(3, *SHAPE)
    only_seen = Generator(conditional(names=("seen",)))
    assert [*only_seen.given(x, Mask(), like=x)] == ["seen"]
    assert (only_seen.conditional, only_seen.z_shape) == (True, (2,))
    plain = Generator(pictures_network())
    assert plain.given(x, Mask(), like=x) is None
    assert (plain.conditional, plain.z_shape) == (False, (3,))
    with pytest.raises(ValueError, match=r"use `CoopNets.recover`"):
        only_seen.sample(3)


def test_a_conditional_generator_learns_with_abp():
    generator = Generator(conditional(), observation=Mask(), steps=2)
    visible = np.random.default_rng(0).random((8, *SHAPE)) < 0.5
    before = generator.network.get_weights()[0]
    after = weights_after(generator, [{"x": normal(8, *SHAPE), "visible": visible}])[0]
    assert not np.array_equal(before, after)


# Priors -------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tests")
class Shifted(Prior):
    """A user's own prior: z ~ N(m, I), m the mean of the z that were inferred last."""

    def build(self, z_shape):
        self.z_shape = tuple(z_shape)
        self.mean = self.add_weight(shape=z_shape, trainable=False, name="mean")

    def draw(self, n, seed):
        return self.mean + seeds.normal(seed, [n, *self.z_shape])

    def learn(self, z, updates):
        self.mean.assign(tf.reduce_mean(z, axis=0))


PRIORS = [StandardNormal, Shifted, video.LinearDynamic]


def of_sequences(prior, **kwargs):
    network = keras.Sequential([keras.Input((4, 2)), keras.layers.Dense(3)])
    return Generator(network, prior=prior, steps=2, **kwargs)


@pytest.mark.parametrize("prior", PRIORS)
def test_a_prior_draws_z_of_the_generator_each_row_by_itself(prior):
    prior = of_sequences(prior()).prior
    rows = seeds.fold(0, tf.range(5))
    z = prior.draw(5, rows)
    assert z.shape == (5, 4, 2)
    assert z.dtype == tf.float32
    np.testing.assert_allclose(prior.draw(2, rows[1:3]), z[1:3], atol=1e-6)


@pytest.mark.parametrize("prior", PRIORS)
def test_what_a_prior_learns_is_state_and_is_saved(prior, tmp_path):
    generator = of_sequences(prior())
    before = [weight.numpy() for weight in generator.prior.weights]
    weights_after(generator, [normal(8, 4, 3)])
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    kept = {id(weight) for weight in base.state(generator)}
    for weight, old, new in zip(generator.prior.weights, before, again.prior.weights, strict=True):
        assert id(weight) in kept
        assert not np.array_equal(weight, old)
        assert np.array_equal(weight, new)
    np.testing.assert_array_equal(again.sample(3, seed=1), generator.sample(3, seed=1))


def test_a_prior_learns_from_the_z_of_the_first_lesson():
    generator = of_sequences(Shifted())
    generator.compile()
    lessons = [(0.5, normal(6, 4, 2, seed=n), normal(6, 4, 3), Mask()) for n in (1, 2)]
    generator.learn(lessons)
    np.testing.assert_allclose(generator.prior.mean, np.mean(lessons[0][1], axis=0), rtol=1e-6)


def test_mixed_precision_keeps_what_a_prior_learns_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    generator = of_sequences(Shifted())
    weights_after(generator, [normal(8, 4, 3)])
    assert generator.prior.mean.dtype == "float32"
    assert generator.prior.draw(2, seeds.as_seed(0)).dtype == tf.float32


# Keras --------------------------------------------------------------------------------------


def test_saving_keeps_the_network_and_the_optimizer_and_not_the_latents(tmp_path):
    network = linear()
    generator = Generator(
        network, noise_sigma=0.2, num_examples=50000, steps=2, observation=Mask([[True] * 4])
    )
    data = tf.data.Dataset.from_tensor_slices({"x": normal(8, 4), "index": tf.range(8)}).batch(4)
    generator.compile(keras.optimizers.Adam(0.01))
    generator.fit(data, verbose=0)
    path = tmp_path / "model.keras"
    generator.save(path)
    assert all(f.file_size < 4 * 50000 for f in zipfile.ZipFile(path).infolist())
    again = keras.saving.load_model(path)
    assert np.array_equal(again.latents, Generator(network, num_examples=50000).latents)
    assert (again.noise_sigma, again.observation) == (0.2, Mask())
    assert again.optimizer.iterations.numpy() == again.updates.numpy() == 2
    again.latents.assign(generator.latents)
    for model in (again, generator):
        model.fit(data, verbose=0)
    for a, b in zip(again.network.weights, generator.network.weights, strict=True):
        assert np.array_equal(a, b)


def test_validation_reports_and_learns_nothing():
    generator = Generator(linear(), steps=2)
    generator.compile()
    x = normal(20, 4)
    history = generator.fit(x, validation_data=(x,), epochs=2, verbose=0).history
    assert {*history} == {"reconstruction", "movement", "val_reconstruction"}
    weights = generator.network.get_weights()
    first = generator.evaluate(x, verbose=0, return_dict=True)
    assert generator.evaluate(x, verbose=0, return_dict=True) == first
    assert all(map(np.array_equal, weights, generator.network.get_weights()))


def test_mixed_precision_keeps_z_and_x_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    generator = Generator(linear(), steps=2)
    assert generator.network(normal(2, 2)).dtype == tf.bfloat16
    weights_after(generator, [normal(6, 4)])
    assert generator.infer(normal(2, 4)).dtype == generator.sample(2).dtype == tf.float32


# Without numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("steepness", [1.0, 30.0, 1000.0])
def test_an_inference_without_a_step_size_does_not_diverge(steepness):
    network = linear()
    network.set_weights([steepness * weight for weight in network.get_weights()])
    generator = Generator(network, noise_sigma=0.1, steps=50)
    x = generator.sample(20, seed=1)
    z = generator.infer(x, seed=2)
    assert np.isfinite(z).all()
    assert base.distance(generator.generate(z), x) < 0.2 * np.std(x) + 0.2
    alone = generator.infer(x[3:4], z=generator.prior.draw(1, seeds.as_seed(0)), temperature=0.0)
    several = tf.tile(generator.prior.draw(1, seeds.as_seed(0)), [20, 1])
    both = generator.infer(x, z=several, temperature=0.0)
    np.testing.assert_allclose(both[3], alone[0], rtol=1e-3, atol=1e-3)


def test_an_inference_without_a_step_size_draws_from_the_posterior():
    generator = Generator(linear(), noise_sigma=SIGMA, steps=200)
    x = tf.tile(normal(1, 4), [4000, 1])
    z = generator.infer(x).numpy()
    np.testing.assert_allclose(z.mean(0), posterior_mean(generator, x[:1])[0], atol=0.05)


def test_an_example_is_matched_with_the_z_that_explains_it():
    z, hidden = normal(30, 2), np.arange(4) < 2
    generator = Generator(linear(), noise_sigma=1e-3)
    x = generator.generate(z)
    assert np.array_equal(generator.match(z, x[::-1]), z[::-1])
    seen = np.where(hidden, np.nan, x)
    assert np.array_equal(generator.match(z, seen, Mask(~hidden)), z)
    vague = Generator(linear(), noise_sigma=1e4)
    rows = vague.match(z, tf.tile(x[:1], [3000, 1])).numpy()
    assert np.unique(rows, axis=0).shape == (30, 2)  # all are equally likely
