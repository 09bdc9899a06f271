"""Laws of the sampler, against the arithmetic of the discretised chain.

x' = (I - d^2 L / 2) x + d e  has the stationary covariance C, C^-1 = L - d^2 L^2 / 4.
"""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import seeds
from coopkeras.descriptor import Descriptor
from coopkeras.langevin import curvature, gradient, langevin

traced = tf.function(langevin)


def square(x):
    return 0.5 * tf.reduce_sum(tf.reshape(x, [tf.shape(x)[0], -1]) ** 2, axis=1)


def quartic(x):
    """Return an energy that is neither even nor quadratic, for x `[batch, 1]`."""
    x = x[:, 0]
    return x**4 / 4 + x**2 / 2 - x


def network(width=3):
    layers = [keras.layers.Conv2D(width, 3, activation="leaky_relu"), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((6, 6, 1)), *layers])


def images(n, seed=1):
    return seeds.normal(seed, [n, 6, 6, 1])


# Where the chain settles --------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.5])
def test_the_variance_without_a_network_is_that_of_the_discretised_chain(policy, ratio):
    keras.config.set_dtype_policy(policy)
    s, d = 0.5, 0.5 * ratio
    still = network()
    still.set_weights([0 * weight for weight in still.get_weights()])
    descriptor = Descriptor(still, reference=s, steps=30, step_size=d, start="noise")
    x = descriptor.sample(4000).numpy()
    expected = s**2 / (1 - d**2 / (4 * s**2))
    assert x.var() == pytest.approx(expected, rel=4 * np.sqrt(2 / x.size))  # < 1.5 %
    assert abs(x.mean()) < 4 * np.sqrt(expected / x.size)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_linear_network_moves_the_mean_and_not_the_variance(policy):
    keras.config.set_dtype_policy(policy)
    s, d, b = 0.5, 0.5, np.array([1.0, -0.5, 2.0])  # b is exact in bfloat16
    linear = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    linear.set_weights([b[:, None], np.array([0.25])])
    descriptor = Descriptor(linear, reference=s, steps=40, step_size=d, start="noise")
    x = descriptor.sample(60000).numpy()
    expected = s**2 / (1 - d**2 / (4 * s**2))
    assert x.mean(0) == pytest.approx(s**2 * b, abs=4 * np.sqrt(expected / len(x)))
    assert x.var(0) == pytest.approx(np.full(3, expected), rel=4 * np.sqrt(2 / len(x)))


def test_the_covariance_of_a_quadratic_energy_is_the_discretised_fixed_point():
    precision, d = np.array([[2.0, 0.8, 0.0], [0.8, 1.0, -0.3], [0.0, -0.3, 0.7]]), 1.0
    matrix = tf.constant(precision, tf.float32)

    def energy(x):
        return 0.5 * tf.reduce_sum(x * (x @ matrix), axis=1)

    x = traced(energy, tf.zeros([100000, 3]), steps=80, step_size=d, seed=0).numpy()
    expected = np.linalg.inv(precision - d**2 / 4 * precision @ precision)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(x))
    assert (abs(np.cov(x.T) - expected) < 4 * error).all()
    assert abs(expected - np.linalg.inv(precision)).max() > 20 * error.max()  # it matters


def test_temperature_scales_the_variance():
    x = traced(square, tf.zeros([100000, 1]), steps=40, step_size=1.0, seed=0, temperature=0.25)
    assert np.var(x) == pytest.approx(0.25 * 4 / 3, rel=4 * np.sqrt(2 / 100000))


def test_the_moments_agree_with_mala_and_with_the_integral():
    tfp = pytest.importorskip("tensorflow_probability")
    grid = np.linspace(-8, 8, 20001)
    density = np.exp(-(grid**4 / 4 + grid**2 / 2 - grid))
    x = traced(quartic, tf.zeros([40000, 1]), steps=300, step_size=0.15, seed=0)
    kernel = tfp.mcmc.MetropolisAdjustedLangevinAlgorithm(lambda x: -quartic(x), step_size=0.3)
    mala = tf.function(tfp.mcmc.sample_chain, autograph=False)(
        50, tf.zeros([20000, 1]), kernel=kernel, trace_fn=None, seed=seeds.as_seed(1)
    )
    for power in (1, 2, 3, 4):
        exact = (density * grid**power).sum() / density.sum()
        assert np.mean(x**power) == pytest.approx(exact, abs=0.02)
        assert np.mean(x**power) == pytest.approx(np.mean(mala[-1] ** power), abs=0.03)


# A pure function of the seed ----------------------------------------------------------------


@pytest.mark.parametrize("rows", [False, True])
def test_steps_then_more_steps_are_all_the_steps(rows):
    energy = Descriptor(network(), start="noise").energy
    seed = seeds.fold(3, tf.range(4)) if rows else [0, 3]
    settings = {"step_size": 0.3, "seed": seed}
    run = tf.function(
        lambda x, steps, first: langevin(energy, x, steps=steps, first_step=first, **settings)
    )
    whole = run(images(4), tf.constant(7), tf.constant(0))
    half = run(images(4), tf.constant(3), tf.constant(0))
    assert np.array_equal(run(half, tf.constant(4), tf.constant(3)), whole)
    assert not np.array_equal(run(half, tf.constant(4), tf.constant(0)), whole)


def test_the_same_seed_gives_the_same_chain_eager_and_traced_and_another_does_not():
    energy = Descriptor(network(), start="noise").energy
    settings = {"steps": 5, "step_size": 0.3}
    eager = langevin(energy, images(3), seed=7, **settings)
    assert np.array_equal(langevin(energy, images(3), seed=7, **settings), eager)
    assert np.array_equal(traced(energy, images(3), seed=7, **settings), eager)
    assert not np.array_equal(traced(energy, images(3), seed=8, **settings), eager)


def test_a_chain_is_unchanged_when_its_neighbours_change():
    energy = Descriptor(network(), start="noise").energy
    rows, settings = seeds.fold(0, tf.range(5)), {"steps": 6, "step_size": 0.3}
    x = traced(energy, images(5), seed=rows, **settings).numpy()
    mixed = tf.concat([images(2, seed=9), images(5)[2:3], images(2, seed=8)], axis=0)
    others = tf.concat([rows[3:], rows[2:3], rows[:2]], axis=0)
    assert np.array_equal(traced(energy, mixed, seed=others, **settings)[2], x[2])
    alone = traced(energy, images(5)[2:3], seed=rows[2:3], **settings)
    np.testing.assert_allclose(alone[0], x[2], rtol=1e-4, atol=1e-5)


def test_with_one_seed_too_a_chain_ignores_where_its_neighbours_are():
    energy, settings = Descriptor(network(), start="noise").energy, {"steps": 6, "step_size": 0.3}
    far = tf.concat([images(4)[:1], 50 + images(4)[1:]], axis=0)
    a, b = (traced(energy, x, seed=0, **settings) for x in (images(4), far))
    assert np.array_equal(a[0], b[0])


def test_a_saved_sampler_gives_the_same_array_in_another_process(tmp_path):
    module = tf.Module()
    module.descriptor = Descriptor(network(), start="noise")

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32)])
    def sample(seed, steps):
        start = seeds.normal(seed, [4, 6, 6, 1])
        return langevin(module.descriptor.energy, start, steps=steps, step_size=0.3, seed=seed)

    module.sample = sample
    tf.saved_model.save(module, tmp_path / "saved", signatures={"sample": sample})
    script = """import sys, numpy as np, tensorflow as tf
sample = tf.saved_model.load(sys.argv[1]).signatures["sample"]
x = sample(seed=tf.constant([0, 5]), steps=tf.constant(9))
np.save(sys.argv[2], list(x.values())[0])"""
    paths = [str(tmp_path / "saved"), str(tmp_path / "x.npy")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True, cwd=tmp_path)
    assert np.array_equal(np.load(tmp_path / "x.npy"), sample(seeds.as_seed(5), 9))


# The graph ----------------------------------------------------------------------------------


def test_the_graph_does_not_grow_with_the_steps():
    energy = Descriptor(network(), start="noise").energy

    def size(steps):
        graph = traced.get_concrete_function(
            energy, tf.TensorSpec([2, 6, 6, 1]), steps=steps, step_size=0.1, seed=0
        ).graph.as_graph_def()
        return len(graph.node) + sum(len(f.node_def) for f in graph.library.function)

    assert size(2) == size(500) < 400


def test_new_steps_sizes_temperatures_and_seeds_are_not_traced_again():
    traces = []

    @tf.function
    def run(x, steps, step_size, temperature, seed):
        traces.append(x.shape)
        return langevin(
            square, x, steps=steps, step_size=step_size, temperature=temperature, seed=seed
        )

    for steps, size, temperature, seed in [(3, 0.1, 1.0, 0), (8, 0.2, 0.0, 1), (0, 1.0, 2.0, 2)]:
        numbers = (tf.constant(number) for number in (steps, size, temperature))
        run(tf.ones([2, 3]), *numbers, seeds.as_seed(seed))
    assert len(traces) == 1


# What each argument does --------------------------------------------------------------------


def test_temperature_zero_is_gradient_descent():
    energy, x = Descriptor(network(), start="noise").energy, images(3)
    expected = x
    for _ in range(5):
        expected = expected - 0.3**2 / 2 * gradient(energy, expected)
    for seed in (0, 1):
        x = langevin(energy, images(3), steps=5, step_size=0.3, seed=seed, temperature=0.0)
        np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-7)
    descent = {"steps": 4, "step_size": 1.0, "temperature": 0.0}
    x = traced(square, tf.constant([[3.0, -8.0]]), seed=0, **descent)
    assert x.numpy().tolist() == [[3 / 16, -0.5]]  # halved by each update, exactly


def test_project_is_applied_to_the_start_and_after_each_update():
    flat = lambda x: tf.reduce_sum(0 * x, axis=1)  # noqa: E731
    settings = {"step_size": 1.0, "seed": 0, "temperature": 0.0, "project": lambda x: x / 2}
    for steps in (0, 1, 5):
        x = traced(flat, tf.constant([[64.0]]), steps=steps, **settings)
        assert x.numpy().item() == 64 / 2 ** (steps + 1)


def test_no_gradient_flows_through_the_sampler():
    x, weight = tf.ones([2, 3]), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        energy = lambda x: weight * square(x)  # noqa: E731
        total = tf.reduce_sum(langevin(energy, x, steps=2, step_size=0.3, seed=0))
    assert tape.gradient(total, [x, weight]) == [None, None]


def test_each_row_may_have_its_own_steps_step_size_and_temperature():
    steps, sizes, temperatures = [0, 2, 5], [0.1, 0.2, 0.3], [1.0, 0.0, 0.5]
    start = seeds.normal(0, [3, 2, 2])
    together = traced(
        square,
        start,
        steps=tf.constant(steps),
        step_size=tf.constant(sizes),
        seed=0,
        temperature=tf.constant(temperatures),
    )
    for row, (k, size, temperature) in enumerate(zip(steps, sizes, temperatures, strict=True)):
        own = langevin(square, start, steps=k, step_size=size, seed=0, temperature=temperature)
        np.testing.assert_allclose(together[row], own[row], rtol=1e-6)
    assert np.array_equal(together[0], start[0])  # done before the first update


def test_the_state_is_float32_whatever_the_start():
    x = langevin(square, np.ones([2, 2]), steps=1, step_size=0.1, seed=0)
    assert x.dtype == tf.float32


def test_the_gradient_of_an_example_does_not_depend_on_how_many_there_are():
    x = images(5)
    energy = Descriptor(network(), start="noise").energy
    np.testing.assert_allclose(gradient(energy, x)[:1], gradient(energy, x[:1]), rtol=1e-4)


def test_the_curvature_is_the_largest_of_a_quadratic_energy_and_of_the_row_alone():
    root = np.random.default_rng(0).normal(size=(5, 5)) * [9, 3, 1, 1, 0.1]
    hessian = tf.constant(root @ root.T, tf.float32)
    energy = lambda x: tf.reduce_sum(x * (x @ hessian), axis=1) / 2  # noqa: E731
    x = seeds.normal(0, [20, 5])
    found, largest = curvature(energy, x), np.linalg.eigvalsh(hessian).max()
    assert np.all(found < 1.01 * largest)
    assert np.all(found > 0.3 * largest)
    assert np.mean(found) > 0.8 * largest
    np.testing.assert_allclose(curvature(energy, x[3:4]), found[3:4], rtol=1e-3)
