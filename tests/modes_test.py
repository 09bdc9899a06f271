"""Laws of the descriptor as a representation: cells, reconstructions, modes, classifiers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coopkeras import seeds
from coopkeras.descriptor import Descriptor
from coopkeras.langevin import gradient

S = 0.7


def pictures(n=6, seed=1):
    return seeds.normal(seed, [n, 8, 8, 1])


@pytest.fixture
def descriptor():
    """Return a descriptor whose network is piecewise linear: conv, conv, dense."""
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(5, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(4, 3, padding="same"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    network.set_weights([w + 0.05 for w in network.get_weights()])  # biases too
    return Descriptor(network, reference=S, start="noise")


def offset(descriptor, x):
    """Return `f(x) - <x, df/dx>`."""
    slope = gradient(descriptor.score, x)
    return (descriptor.score(x) - tf.reduce_sum(x * slope, axis=[1, 2, 3])).numpy()


def same_cell(descriptor, a, b):
    pairs = zip(descriptor.activations(a), descriptor.activations(b), strict=True)
    return np.all([tf.reduce_all(p == q, axis=[1, 2, 3]) for p, q in pairs], axis=0)


# Cells --------------------------------------------------------------------------------------


def test_activations_are_the_signs_of_each_relu_layer(descriptor):
    x = pictures()
    first, second = descriptor.activations(x)
    assert (first.shape, second.shape) == ((6, 4, 4, 5), (6, 4, 4, 4))
    assert first.dtype == tf.bool
    bottom = descriptor.network.layers[0](x)
    assert np.array_equal(first, bottom > 0)
    assert np.array_equal(second, descriptor.network.layers[1](bottom) > 0)


def test_a_network_without_relu_has_no_activations():
    network = keras.Sequential([keras.Input((3,)), layers.Dense(2, "leaky_relu")])
    descriptor = Descriptor(network, start="noise")
    assert descriptor.activations(tf.zeros([2, 3])) == []
    assert not descriptor.find_mode(tf.ones([2, 3]), steps=3).on_boundary.numpy().any()


def test_the_score_is_linear_inside_a_cell(descriptor):
    x = pictures(60)
    near, far = x + 2e-4 * pictures(60, seed=2), x + pictures(60, seed=2)
    inside = same_cell(descriptor, x, near)
    assert inside.sum() > 30
    constant = offset(descriptor, x)
    np.testing.assert_allclose(offset(descriptor, near)[inside], constant[inside], atol=2e-5)
    slope = gradient(descriptor.score, x).numpy()
    np.testing.assert_allclose(
        gradient(descriptor.score, near).numpy()[inside], slope[inside], atol=1e-6
    )
    assert not same_cell(descriptor, x, far).any()
    assert (abs(offset(descriptor, far) - constant) > 1e-2).mean() > 0.5


def test_reconstruct_is_the_top_down_pass_of_the_binary_activations(descriptor):
    x = pictures()
    first, second = (tf.cast(a, tf.float32) for a in descriptor.activations(x))
    conv1, conv2, top = (descriptor.network.layers[i].kernel for i in (0, 1, 4))
    down = tf.reshape(tf.reduce_sum(top, axis=1), [1, 4, 4, 4]) * second
    down = tf.nn.conv2d_transpose(down, conv2, [6, 4, 4, 5], 1, "SAME") * first
    down = tf.nn.conv2d_transpose(down, conv1, [6, 8, 8, 1], 2, "SAME")
    np.testing.assert_allclose(descriptor.reconstruct(x), S**2 * down, rtol=1e-4, atol=1e-6)


def test_reconstruct_of_a_dense_network_is_its_masked_transpose():
    network = keras.Sequential([keras.Input((3,)), layers.Dense(6, "relu"), layers.Dense(1)])
    descriptor = Descriptor(network, reference=S, start="noise")
    x = seeds.normal(0, [5, 3])
    first, _, second, _ = network.get_weights()
    expected = S**2 * (descriptor.activations(x)[0].numpy() * second[:, 0]) @ first.T
    np.testing.assert_allclose(descriptor.reconstruct(x), expected, rtol=1e-5, atol=1e-6)


# Modes --------------------------------------------------------------------------------------


def test_find_mode_never_goes_up(descriptor):
    x = pictures()
    energies = [descriptor.energy(x)]
    energies += [descriptor.find_mode(x, steps=steps).energy for steps in (1, 2, 5, 20, 100)]
    energies = np.array(energies)
    assert (np.diff(energies, axis=0) <= 0).all()
    assert (energies[-1] < energies[0] - 1).all()
    mode = descriptor.find_mode(x, steps=20)
    np.testing.assert_allclose(mode.energy, descriptor.energy(mode.x), rtol=1e-5)
    error = (descriptor.reconstruct(mode.x) - mode.x).numpy()
    np.testing.assert_allclose(mode.residual, np.sqrt((error**2).mean((1, 2, 3))), rtol=1e-4)


def test_where_the_score_is_convex_a_mode_is_an_auto_encoding_fixed_point():
    network = keras.Sequential([keras.Input((4,)), layers.Dense(30, "relu"), layers.Dense(1)])
    weights = network.get_weights()
    weights[1] = 0.3 * np.random.default_rng(0).normal(size=30)
    weights[2] = abs(weights[2])  # a positive sum of maxima is convex
    network.set_weights(weights)
    descriptor = Descriptor(network, reference=0.5, start="noise")
    x = seeds.normal(0, [40, 4])
    mode = descriptor.find_mode(x, steps=500)
    assert mode.residual.numpy().max() < 1e-3
    assert not mode.on_boundary.numpy().any()
    np.testing.assert_allclose(descriptor.reconstruct(mode.x), mode.x, atol=1e-3)


def test_a_mode_on_a_kink_says_so():
    # f(x) = -2 |x - 1| with s = 1: the energy x^2 / 2 + 2 |x - 1| is least at the kink x = 1.
    network = keras.Sequential([keras.Input((1,)), layers.Dense(2, "relu"), layers.Dense(1)])
    kernel, bias = np.array([[1.0, -1.0]]), np.array([-1.0, 1.0])
    network.set_weights([kernel, bias, np.array([[-2.0], [-2.0]]), np.zeros(1)])
    mode = Descriptor(network, reference=1.0, start="noise").find_mode([[-3.0], [0.1], [4.0]])
    np.testing.assert_allclose(mode.x, np.ones([3, 1]), atol=1e-2)
    assert mode.on_boundary.numpy().all()
    assert (mode.residual.numpy() > 0.5).all()


# Classifiers --------------------------------------------------------------------------------

ENDINGS = {
    "dense softmax": [layers.Dense(3, activation="softmax")],
    "softmax layer": [layers.Dense(3), layers.Softmax()],
    "softmax activation": [layers.Dense(3), layers.Activation("softmax")],
    "dense": [layers.Dense(3)],
    "no bias": [layers.Dense(3, use_bias=False), layers.Softmax()],
}


def classifier(*ending, functional=False):
    stack = [layers.Conv2D(4, 3, activation="relu"), layers.Flatten()]
    stack += [type(layer).from_config(layer.get_config()) for layer in ending]
    x = inputs = keras.Input((8, 8, 1))
    if not functional:
        return keras.Sequential([inputs, *stack])
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("functional", [False, True])
def test_the_descriptor_of_a_class_has_the_score_of_the_class(ending, functional):
    model, x = classifier(*ENDINGS[ending], functional=functional), pictures()
    outputs = model(x)
    softmax = ending != "dense"
    logits = tf.math.log(outputs) if softmax else outputs
    of = [Descriptor.from_classifier(model, c, start="noise", reference=S) for c in range(3)]
    scores = tf.stack([descriptor.score(x) for descriptor in of], axis=1)
    if softmax:  # a probability says nothing of what is common to all classes
        scores -= tf.reduce_logsumexp(scores, axis=1, keepdims=True)
    np.testing.assert_allclose(scores, logits, rtol=1e-4, atol=1e-5)
    one = lambda x: tf.gather(tf.stack([d.score(x) for d in of], axis=1), 1, axis=1)  # noqa: E731
    np.testing.assert_allclose(of[1].reconstruct(x), S**2 * gradient(one, x), rtol=1e-5)


@pytest.mark.parametrize("functional", [False, True])
def test_the_descriptor_of_a_class_is_saved(functional, tmp_path):
    model, x = classifier(*ENDINGS["softmax layer"], functional=functional), pictures()
    descriptor = Descriptor.from_classifier(model, 1, start="noise", reference=S)
    descriptor.save(tmp_path / "d.keras")
    again = keras.models.load_model(tmp_path / "d.keras")
    assert not again.compiled
    np.testing.assert_allclose(again(x), descriptor(x), rtol=1e-6)


def test_the_gradient_is_that_of_the_logit():
    model, x = classifier(*ENDINGS["dense"]), pictures()
    descriptor = Descriptor.from_classifier(model, 2, start="noise", reference=S)
    expected = S**2 * gradient(lambda x: model(x)[:, 2], x)
    np.testing.assert_allclose(descriptor.reconstruct(x), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("ending", "index", "says"),
    [
        ([layers.Dense(3, activation="relu")], 0, "should end in Dense class scores"),
        ([layers.Reshape((3, -1))], 0, r"last layer is '.*' \(Reshape\)"),
        ([layers.Dense(3)], 3, "`class_index` should be between 0 and 2; received 3"),
        ([layers.Dense(3)], -1, "`class_index` should be between 0 and 2; received -1"),
    ],
)
def test_what_is_no_classifier_and_no_class_is_named(ending, index, says):
    with pytest.raises(ValueError, match=says):
        Descriptor.from_classifier(classifier(*ending), index)
