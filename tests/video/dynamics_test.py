"""Laws of the linear dynamic: a known one is found again, and what is rolled out stays itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck
from coopkeras import seeds, video

A = np.array([[0.9, -0.3, 0.0], [0.3, 0.9, 0.0], [0.0, 0.2, 0.5]], np.float32)


def sequences(transition, n=60, time=100, noise=0.3):
    """Roll z_{t+1} - 1 = A (z_t - 1) + noise e out by hand, `[n, time, size]`."""
    random = np.random.default_rng(0)
    z = [random.normal(size=[n, len(transition)])]
    for _ in range(time + 50):
        z.append(z[-1] @ transition.T + noise * random.normal(size=z[0].shape))
    return 1 + np.stack(z[-time:], axis=1).astype(np.float32)


def covariance(z):
    return np.cov(z.reshape(-1, z.shape[-1]).T)


def test_a_known_dynamic_is_found_again():
    found = video.dynamics.transition(video.dynamics.moments(sequences(A)))
    np.testing.assert_allclose(found, A, atol=0.04)


def test_places_of_a_map_are_sequences_of_their_own():
    z = sequences(A)
    as_map = z.reshape(15, 4, 100, 3).transpose(0, 2, 1, 3)
    for one, other in zip(video.dynamics.moments(z), video.dynamics.moments(as_map), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("transition", [A, 1.01 * np.eye(2), -np.eye(2), 0 * np.eye(2)])
def test_no_dynamic_grows(transition):
    z = np.ones([4, 1, len(transition)]) * np.random.default_rng(1).normal(size=[4, 1, 1])
    z = np.concatenate([z @ np.linalg.matrix_power(transition.T, t) for t in range(8)], axis=1)
    found = video.dynamics.transition(
        video.dynamics.moments(z.astype(np.float32), mean=tf.zeros([len(transition)]))
    )
    assert abs(np.linalg.eigvals(found)).max() < 1


def test_what_is_rolled_out_neither_dies_down_nor_drifts():
    z = sequences(A)
    known = video.dynamics.moments(z)
    long = video.dynamics.roll(known, seeds.normal(seeds.as_seed(0), [200, 600, 3])).numpy()
    for part in (long[:, :20], long[:, -20:]):
        np.testing.assert_allclose(part.mean((0, 1)), z.mean((0, 1)), atol=0.25)
        np.testing.assert_allclose(covariance(part), covariance(z), atol=0.25)
    again = video.dynamics.transition(video.dynamics.moments(long))
    np.testing.assert_allclose(again, A, atol=0.05)


def test_a_row_is_the_same_alone_and_a_start_is_the_same_however_long():
    known = video.dynamics.moments(sequences(A))
    noise = seeds.normal(seeds.as_seed(0), [3, 9, 2, 3])
    z = video.dynamics.roll(known, noise)
    assert z.shape == noise.shape
    np.testing.assert_allclose(z[1:2], video.dynamics.roll(known, noise[1:2]), atol=1e-5)
    np.testing.assert_allclose(z[:, :4], video.dynamics.roll(known, noise[:, :4]), atol=1e-5)


def model(**kwargs):
    network = keras.Sequential([keras.Input((8, 2)), keras.layers.Dense(6)])
    prior = video.LinearDynamic()
    generator = ck.Generator(network, prior=prior, steps=5, step_size=0.1, **kwargs)
    generator.compile(keras.optimizers.Adam(0.01))
    return generator


def test_before_learning_z_is_standard_normal():
    z = model().prior.draw(2000, seeds.as_seed(0)).numpy()
    np.testing.assert_allclose(covariance(z), np.eye(2), atol=0.05)
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 0.02


def test_learning_finds_what_lasts_and_what_does_not():
    random = np.random.default_rng(0)
    lasting = np.repeat(random.normal(size=[64, 1, 1]), 8, axis=1)
    x = lasting * np.linspace(-1, 1, 6) + 0.7 * random.normal(size=[64, 8, 1]) * np.ones(6)
    generator = model(noise_sigma=0.3, num_examples=64)
    batch = {"x": tf.constant(x, tf.float32), "index": tf.range(64)}
    step = tf.function(generator.train_step)
    for _ in range(150):
        step(batch)
    found = np.sort(abs(np.linalg.eigvals(video.dynamics.transition(generator.prior.moments))))
    assert found[0] < 0.3
    assert found[1] > 0.8
    made = generator.sample(500, seed=0).numpy()
    memory = [
        np.mean((made[:, 1:] @ w) * (made[:, :-1] @ w)) for w in (np.linspace(-1, 1, 6), np.ones(6))
    ]
    assert memory[0] > 5 * abs(memory[1])


def test_it_is_saved_with_its_dynamic(tmp_path):
    generator = model()
    generator.prior.lagged.assign([[0.5, 0.1], [0.0, 0.5]])
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(generator.sample(3, seed=1), again.sample(3, seed=1))


def test_coopnets_propose_by_the_dynamic_that_was_learned():
    """The averaged copy, which proposes, follows the moments: one sign flips at every moment."""
    network = keras.Sequential([keras.Input((8, 2)), keras.layers.Dense(2)])
    prior = video.LinearDynamic()
    generator = ck.Generator(network, noise_sigma=0.1, steps=5, step_size=0.05, prior=prior)
    responses = keras.Sequential([keras.Input((8, 2)), keras.layers.Dense(1)])
    responses.layers[-1].kernel.assign(np.zeros([2, 1]))
    model = ck.CoopNets(ck.Descriptor(responses, start="data", step_size=0.01), generator, ema=0.9)
    model.compile(keras.optimizers.Adam(1e-6), keras.optimizers.Adam(0.02))
    random = np.random.default_rng(0)
    flips = random.normal(size=[64, 1, 2]) * (-1.0) ** np.arange(8)[:, None]
    batch = tf.constant(0.5 * flips, tf.float32)
    step = tf.function(model.train_step)
    for _ in range(200):
        step(batch)
    made = model.sample(200, seed=0, proposed=True)[0].numpy()
    before, after = made[:, :-1], made[:, 1:]
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] < -0.7
