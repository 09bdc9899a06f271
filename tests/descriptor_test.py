"""Laws of the descriptor: per-example energies, its chains, maximum likelihood, Keras' ways."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import seeds
from coopkeras.descriptor import Descriptor
from coopkeras.observation import Downsample, Mask

SHAPE = (6, 6, 1)


@keras.saving.register_keras_serializable("coopkeras_test")
class Quadratic(keras.layers.Layer):
    """f(x) = <b, x> - x^T L x / 2 with L symmetric, both learned from 0."""

    def build(self, shape):
        self.b = self.add_weight(shape=(shape[-1],), initializer="zeros", name="b")
        self.root = self.add_weight(shape=(shape[-1],) * 2, initializer="zeros", name="root")

    @property
    def matrix(self):
        return (self.root + tf.transpose(self.root)) / 2

    def call(self, x):
        return tf.linalg.matvec(x, self.b) - tf.reduce_sum(x * (x @ self.matrix), axis=1) / 2

    def compute_output_shape(self, shape):
        return shape[:1]


def small(activation="leaky_relu", seed=0):
    keras.utils.set_random_seed(seed)
    conv = keras.layers.Conv2D(3, 3, strides=2, activation=activation)
    return keras.Sequential([keras.Input(SHAPE), conv, keras.layers.Flatten(), dense()])


def dense():
    return keras.layers.Dense(2, kernel_initializer="he_normal")


def flat(**kwargs):
    """Return a descriptor of vectors with f = 0."""
    zeros = keras.layers.Dense(1, kernel_initializer="zeros")
    return Descriptor(keras.Sequential([keras.Input((4,)), zeros]), **kwargs)


def pictures(n=8, seed=1):
    return seeds.normal(seed, [n, *SHAPE])


def still():
    """Return an optimizer that moves nothing."""
    return keras.optimizers.SGD(0.0)


# Energy -------------------------------------------------------------------------------------


def test_energy_is_the_reference_minus_the_sum_of_all_responses():
    descriptor, x = Descriptor(small(), reference=0.5), pictures()
    responses = descriptor.network(x).numpy().sum(1)
    expected = (x.numpy() ** 2).sum((1, 2, 3)) / (2 * 0.25) - responses
    np.testing.assert_allclose(descriptor.energy(x), expected, rtol=1e-5)
    np.testing.assert_allclose(descriptor(x), expected, rtol=1e-5)


def test_the_energy_of_a_row_is_that_of_the_row_alone():
    descriptor, x = Descriptor(small()), pictures()
    together = descriptor.energy(x)
    assert together.shape == (8,)
    alone = [descriptor.energy(x[i : i + 1])[0] for i in range(8)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"start": "zeros"}, {"reference": 0.0}, {"step_size": -1.0}])
def test_a_wrong_argument_is_named(wrong):
    with pytest.raises(ValueError, match=f"`{[*wrong][0]}` should be"):
        flat(**wrong)


# Maximum likelihood -------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["persistent", "noise"])
def test_maximum_likelihood_learns_a_gaussian(start):
    """Where it settles the chain's two moments are the data's: C^-1 = L - d^2 L^2 / 4."""
    d, mean = 0.6, np.array([0.8, -0.4, 0.2])
    covariance = np.array([[1.0, 0.3, 0.0], [0.3, 0.7, -0.2], [0.0, -0.2, 0.8]])
    x = np.random.default_rng(0).normal(size=(500, 3))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, ddof=0))).T
    x = (x @ np.linalg.cholesky(covariance).T + mean).astype("float32")  # exactly these moments

    quadratic = Quadratic()
    descriptor = Descriptor(
        keras.Sequential([keras.Input((3,)), quadratic]),
        reference=1.5,
        steps=4 if start == "persistent" else 25,
        step_size=d,
        start=start,
        num_chains=2000,
    )
    rate = keras.optimizers.schedules.CosineDecay(1.0, 200)
    descriptor.compile(keras.optimizers.SGD(rate))
    descriptor.fit(tf.data.Dataset.from_tensors(x).repeat(200), verbose=0)

    precision = quadratic.matrix.numpy() + np.eye(3) / 1.5**2
    learned = np.linalg.inv(precision - d**2 / 4 * precision @ precision)
    np.testing.assert_allclose(learned, covariance, atol=0.02)
    np.testing.assert_allclose(np.linalg.solve(precision, quadratic.b), mean, atol=0.02)
    assert abs(np.linalg.inv(precision) - covariance).max() > 0.08  # the step size matters
    samples = descriptor.sample(20000, start=tf.zeros([20000, 3]), steps=40).numpy()
    np.testing.assert_allclose(samples.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.04)


def test_the_step_is_the_difference_of_the_mean_gradients():
    descriptor = Descriptor(small(), start="data", penalty=0.0)
    descriptor.compile(keras.optimizers.SGD(0.01))
    observed, revised = pictures(6), pictures(4, seed=2)
    before = [variable.numpy() for variable in descriptor.network.trainable_variables]
    with tf.GradientTape() as tape:
        up = tf.reduce_mean(descriptor.score(observed)) - tf.reduce_mean(descriptor.score(revised))
    ascent = tape.gradient(up, descriptor.network.trainable_variables)
    descriptor.learn(observed, revised)
    after = descriptor.network.trainable_variables
    for old, new, slope in zip(before, after, ascent, strict=True):
        np.testing.assert_allclose(new - old, 0.01 * slope, rtol=1e-3, atol=1e-6)


def test_the_penalty_keeps_scores_near_zero():
    x, ends = pictures(64), {}
    for penalty in (0.0, 10.0):
        descriptor = Descriptor(small(), start="data", penalty=penalty)
        descriptor.compile(keras.optimizers.SGD(1e-3))
        for _ in range(30):
            descriptor.learn(x, x)  # nothing else to learn
        ends[penalty] = np.abs(descriptor.score(x)).mean()
    assert ends[10.0] < 0.5 * ends[0.0]


# Chains -------------------------------------------------------------------------------------


def test_persistent_chains_go_on_from_where_they_were():
    descriptor = flat(start="persistent", num_chains=20000, steps=3, step_size=0.3, reference=0.5)
    descriptor.compile(still())
    first = descriptor.chains.numpy()
    assert first.std() == pytest.approx(0.5, rel=0.02)
    descriptor.train_step(threes())
    second = descriptor.chains.numpy()
    keep = (1 - 0.3**2 / (2 * 0.5**2)) ** 3
    assert (first * second).mean() / (first**2).mean() == pytest.approx(keep, abs=0.02)
    descriptor.train_step(threes())
    third = descriptor.chains.numpy()
    assert (second * third).mean() / (second**2).mean() == pytest.approx(keep, abs=0.02)
    assert abs(np.corrcoef((second - keep * first).flat, (third - keep * second).flat)[0, 1]) < 0.02


def threes():
    return tf.fill([50, 4], 3.0)


def test_the_movement_is_how_far_persistent_chains_went():
    descriptor = flat(start="persistent", num_chains=5, steps=3)
    descriptor.compile(still())
    before = descriptor.chains.numpy()
    moved = float(tf.function(descriptor.train_step)(threes())["movement"])
    gone = np.sqrt(np.mean((descriptor.chains.numpy() - before) ** 2))
    assert moved == pytest.approx(gone, rel=1e-4)
    assert gone > 0


@pytest.mark.parametrize("start", ["noise", "data"])
def test_other_starts_keep_no_chains_and_start_as_they_say(start):
    descriptor = flat(start=start, num_chains=5000, steps=1, step_size=1e-4, reference=0.5)
    descriptor.compile(still())
    assert descriptor.chains is None
    gap = float(descriptor.train_step(threes())["energy_gap"])
    energy_of_data, energy_of_noise = 4 * 9 / (2 * 0.25), 4 / 2
    expected = {"data": 0, "noise": energy_of_noise - energy_of_data}[start]
    assert gap == pytest.approx(expected, abs=0.1)


def test_chains_that_start_from_observed_examples_keep_what_is_observed():
    descriptor = flat(start="noise", steps=2, step_size=0.3, observation=Downsample(1))
    descriptor.compile(still())
    logs = descriptor.train_step(threes())  # factor 1: everything is seen
    assert abs(logs["energy_gap"]) < 1e-3
    assert logs["movement"] < 1e-6
    with pytest.raises(ValueError, match="Persistent chains belong to no example"):
        flat(start="persistent", observation=Mask())


def test_a_texture_of_any_size_learns():
    conv = keras.layers.Conv2D(2, 3, activation="relu")
    descriptor = Descriptor(
        keras.Sequential([keras.Input((None, None, 1)), conv]), start="data", steps=2
    )
    descriptor.compile()
    descriptor.fit(pictures(), batch_size=4, verbose=0)
    assert descriptor.energy(tf.zeros([2, 9, 11, 1])).shape == (2,)


# Samples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["persistent", "noise"])
def test_a_sample_is_of_its_seed(start):
    descriptor = Descriptor(small(), start=start, steps=3)
    a, b, c = (descriptor.sample(4, seed=seed) for seed in (0, 0, 1))
    assert a.shape == (4, *SHAPE)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_sampling_starts_as_learning_does():
    persistent = Descriptor(small(), start="persistent", num_chains=5)
    chains = {chain.tobytes() for chain in persistent.chains.numpy()}
    assert {x.tobytes() for x in persistent.sample(50, steps=0).numpy()} == chains
    noise = flat(start="noise", reference=0.3).sample(20000, steps=0)
    assert np.std(noise) == pytest.approx(0.3, rel=0.02)
    data = Descriptor(small(), start="data")
    assert np.array_equal(data.sample(8, start=pictures(), steps=0), pictures())
    with pytest.raises(ValueError, match="give `start=`"):
        data.sample(8)


def test_more_steps_are_not_traced_again():
    descriptor = Descriptor(small(), start="noise")
    for seed, steps in enumerate([1, 2, 5]):
        descriptor.sample(4, seed=seed, steps=steps, temperature=steps / 5)
    assert descriptor._traced_revise.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_recover_keeps_what_is_seen_and_draws_the_rest(temperature):
    visible = np.random.default_rng(0).random(SHAPE) < 0.5
    descriptor, mask, x = Descriptor(small(), start="noise"), Mask(visible), pictures()
    recovered = descriptor.recover(mask(x), mask, seed=0, temperature=temperature).numpy()
    assert np.array_equal(recovered[:, visible], x.numpy()[:, visible])
    other = descriptor.recover(mask(x), mask, seed=1, temperature=temperature).numpy()
    assert np.array_equal(recovered, other) == (temperature == 0.0)
    rough = descriptor.recover(mask(x), mask, start=0.5 * x, steps=0, temperature=temperature)
    assert np.array_equal(rough, np.where(visible, x, 0.5 * x))


# Keras --------------------------------------------------------------------------------------


def test_saving_keeps_the_chains_and_the_optimizer(tmp_path):
    descriptor = Descriptor(small(), num_chains=4, steps=2, start="persistent", penalty=0.1)
    descriptor.compile(keras.optimizers.Adam(1e-3))
    batches = tf.data.Dataset.from_tensor_slices(pictures(24)).batch(8)
    descriptor.fit(batches, verbose=0)
    descriptor.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.chains, descriptor.chains)
    assert [again.penalty, again.steps, again.start] == [0.1, 2, "persistent"]
    descriptor.fit(batches, verbose=0)
    again.fit(batches, verbose=0)
    assert again.updates.numpy() == descriptor.updates.numpy() == 6
    assert np.array_equal(again.chains, descriptor.chains)
    for a, b in zip(again.network.weights, descriptor.network.weights, strict=True):
        assert np.array_equal(a, b)


def test_the_same_seed_learns_the_same_and_another_does_not():
    def learned(seed):
        descriptor = Descriptor(small(), num_chains=4, steps=2, seed=seed)
        descriptor.compile(keras.optimizers.Adam(1e-3))
        for batch in range(2):
            descriptor.train_step(pictures(seed=batch))
        return descriptor.network.get_weights()[0]

    assert np.array_equal(learned(0), learned(0))
    assert not np.array_equal(learned(0), learned(1))


def test_validation_reports_and_learns_nothing():
    descriptor = Descriptor(small(), num_chains=4, steps=2)
    descriptor.compile()
    data = tf.data.Dataset.from_tensor_slices({"x": pictures()}).batch(4)
    history = descriptor.fit(data, validation_data=data, epochs=2, verbose=0).history
    assert {*history} == {"energy_gap", "movement", "val_energy_gap", "val_movement"}
    assert all(np.isfinite(value).all() for value in history.values())
    weights, chains = descriptor.network.get_weights(), descriptor.chains.numpy()
    first = descriptor.evaluate(data, verbose=0, return_dict=True)
    assert descriptor.evaluate(data, verbose=0, return_dict=True) == first
    assert all(map(np.array_equal, weights, descriptor.network.get_weights()))
    assert np.array_equal(chains, descriptor.chains)


def test_mixed_precision_computes_in_bfloat16_and_keeps_everything_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    descriptor = Descriptor(small(), num_chains=4, steps=2)
    descriptor.compile()
    assert descriptor.network(pictures()).dtype == tf.bfloat16
    before = descriptor.network.get_weights()
    descriptor.fit(pictures(), verbose=0)
    assert descriptor.chains.dtype == descriptor.network.weights[0].dtype == "float32"
    assert descriptor.energy(pictures()).dtype == descriptor.sample(2).dtype == tf.float32
    assert not np.array_equal(before[0], descriptor.network.get_weights()[0])
