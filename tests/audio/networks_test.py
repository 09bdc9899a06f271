"""Laws of the descriptor of envelopes."""

import numpy as np

from coopkeras import audio


def made(frames=300):
    """A network whose weights are not 0."""
    network = audio.networks.descriptor((frames, 4))
    rng = np.random.default_rng(0)
    network.set_weights([0.01 * rng.normal(size=w.shape) for w in network.get_weights()])
    return network


def envelopes(n=2, frames=300):
    return np.random.default_rng(1).uniform(-1, 1, [n, frames, 4]).astype(np.float32)


def test_it_starts_as_no_more_than_the_reference():
    assert not audio.networks.descriptor((64, 4))(envelopes(frames=64)).numpy().any()


def test_examples_do_not_mix():
    network, x = made(), envelopes()
    np.testing.assert_allclose(network(x)[:1], network(x[:1]), rtol=1e-4)


def test_it_is_the_same_at_all_times():
    x = np.zeros([2, 900, 4], np.float32)
    event = envelopes(1, 20)[0]
    x[0, 400:420] = x[1, 437:457] = event  # no multiple of any octave apart
    scores = made(900)(x).numpy()
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-3)


def test_sparse_and_steady_envelopes_of_equal_mean_can_be_told_apart():
    steady = np.full([1, 300, 4], -0.5, np.float32)
    sparse = np.where(np.arange(300)[None, :, None] % 10, -0.6, 0.4) * np.ones([1, 1, 4])
    assert np.isclose(sparse.mean(), steady.mean())
    network = made()
    assert abs(float((network(sparse) - network(steady))[0, 0])) > 1
