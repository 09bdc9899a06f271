"""Laws of the baselines: exact where arithmetic says so, and never a touch on what is known."""

import numpy as np
import pytest

from coopkeras import images, metrics


def _waves(rng, n, side=12, channels=1):
    """Smooth random pictures, `[n, side, side, channels]`."""
    at = np.arange(side) / side
    phase, turn = rng.uniform(0, 2 * np.pi, [2, n, 1, 1, channels])
    slope = np.cos(turn) * at[:, None, None] + np.sin(turn) * at[None, :, None]
    return (0.8 * np.sin(phase + 3 * slope)).astype(np.float32)


def _random_holes(rng, shape, size=5):
    visible = np.ones([*shape[:-1], 1], bool)
    for one in visible:
        top, left = rng.integers(0, shape[1] - size + 1, 2)
        one[top : top + size, left : left + size] = False
    return visible


def test_conditional_gaussian_is_the_exact_conditional_mean(rng):
    size = 6
    mixing = np.linalg.qr(rng.normal(size=[size, size]))[0] * [0.2, 0.15, 0.1, 0.05, 0.02, 0.01]
    train = (rng.normal(size=[3000, size]) @ mixing.T + 0.1).astype(np.float32)
    x = train[:50]
    visible = rng.random(x.shape) < 0.5
    filled = images.baselines.ConditionalGaussian(train, components=size, ridge=1).fill(x, visible)
    mean, covariance = train.mean(0, dtype=np.float64), np.cov(train.T, ddof=0)
    for one, v, out in zip(x, visible, filled, strict=True):
        across, within = covariance[np.ix_(~v, v)], covariance[np.ix_(v, v)]
        expected = mean[~v] + across @ np.linalg.solve(within, one[v] - mean[v])
        np.testing.assert_allclose(out[~v], expected, atol=2e-5)


def test_conditional_gaussian_of_pictures_is_the_dense_formula(rng):
    k = 3  # the fourth variance is far smaller
    train, x = _waves(rng, 300), _waves(rng, 4)
    visible = _random_holes(rng, x.shape)
    filled = images.baselines.ConditionalGaussian(train, components=k, ridge=2).fill(x, visible)
    rows = train.reshape(300, -1)
    values, vectors = np.linalg.eigh(np.cov(rows.T, ddof=0))
    noise = values[:-k].mean()
    shared = (vectors[:, -k:] * (values[-k:] - noise)) @ vectors[:, -k:].T
    covariance = shared + 2 * noise * np.eye(144)
    mean = rows.mean(0)
    for one, v, out in zip(x.reshape(4, -1), visible.reshape(4, -1), filled, strict=True):
        weights = np.linalg.solve(covariance[np.ix_(v, v)], one[v] - mean[v])
        expected = mean[~v] + covariance[np.ix_(~v, v)] @ weights
        np.testing.assert_allclose(out.reshape(-1)[~v], np.clip(expected, -1, 1), atol=1e-3)


def test_conditional_gaussian_with_nothing_known_is_the_mean(rng):
    train = _waves(rng, 100)
    filled = images.baselines.ConditionalGaussian(train, components=5, ridge=1).fill(
        train[:2], False
    )
    np.testing.assert_allclose(filled, np.stack([train.mean(0)] * 2), atol=1e-5)


def test_conditional_gaussian_chooses_what_fits_best(rng):
    maps = _waves(rng, 4, channels=2)
    train = np.tensordot(0.2 * rng.normal(size=[200, 4]), maps, axes=1)
    train += 0.1 * rng.normal(size=train.shape)
    chosen = images.baselines.ConditionalGaussian(train, components=(1, 4, 150), ridge=(1, 1e6))
    assert (chosen.components, chosen.ridge) == (4, 1)


def test_conditional_gaussian_is_seeded(rng):
    train, x = _waves(rng, 60), _waves(rng, 3)
    visible = _random_holes(rng, x.shape)
    fills = [images.baselines.ConditionalGaussian(train, seed=2).fill(x, visible) for _ in range(2)]
    np.testing.assert_array_equal(*fills)


@pytest.mark.parametrize("shape", [(40, 7), (40, 9, 2), (40, 4, 6, 6, 1)])
def test_conditional_gaussian_takes_any_rank(rng, shape):
    train = rng.uniform(-1, 1, shape)
    visible = rng.random(shape) < 0.5
    filled = images.baselines.ConditionalGaussian(train).fill(train, visible)
    assert filled.shape == shape
    assert np.isfinite(filled).all()


@pytest.mark.parametrize("train", [np.zeros([2, 4]), np.ones([10, 4]), [[0.5, -0.5]] * 6])
def test_conditional_gaussian_takes_data_that_do_not_vary(train):
    train = np.asarray(train)
    visible = np.arange(train.shape[1]) == 0
    filled = images.baselines.ConditionalGaussian(train).fill(train, visible)
    np.testing.assert_allclose(filled, train, atol=1e-6)


def test_conditional_gaussian_needs_two_examples():
    with pytest.raises(ValueError, match="at least two examples"):
        images.baselines.ConditionalGaussian(np.zeros([1, 4]))


def test_biharmonic_repairs_a_ramp_in_every_channel(rng):
    y, x = np.meshgrid(np.linspace(-0.9, 0.9, 16), np.linspace(-0.9, 0.9, 16), indexing="ij")
    pictures = np.stack([x, y, -x], axis=-1)[None].astype(np.float32)
    visible = np.ones([16, 16, 1], bool)
    visible[5:11, 4:12] = False
    filled = images.baselines.biharmonic(np.where(visible, pictures, np.nan), visible)
    np.testing.assert_allclose(filled, pictures, atol=1e-5)


def test_biharmonic_leaves_a_whole_picture_alone(rng):
    x = _waves(rng, 2)
    np.testing.assert_array_equal(images.baselines.biharmonic(x, True), x)


def test_biharmonic_of_nothing_is_mid_grey(rng):
    assert not images.baselines.biharmonic(_waves(rng, 2), False).any()


def test_mean_image_fills_with_the_mean(rng):
    train, x = _waves(rng, 30), _waves(rng, 2)
    visible = _random_holes(rng, x.shape)
    filled = images.baselines.mean_image(train)(x, visible)
    expected = np.broadcast_to(train.mean(0), x.shape)
    hole = np.broadcast_to(~visible, x.shape)
    np.testing.assert_allclose(filled[hole], expected[hole], atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "name", ["mean image", "biharmonic", "conditional gaussian", "full gaussian"]
)
def test_known_values_come_back_and_hidden_ones_are_not_looked_at(rng, name, channels):
    train, x = _waves(rng, 80, channels=channels), _waves(rng, 4, channels=channels)
    visible = _random_holes(rng, x.shape)
    baseline = images.baselines.inpaint_baselines(train)[name]
    fill = getattr(baseline, "fill", baseline)
    filled = fill(np.where(visible, x, np.nan), visible)
    known = np.broadcast_to(visible, x.shape)
    assert filled.dtype == np.float32
    assert filled.shape == x.shape
    assert filled[known].tobytes() == x[known].tobytes()
    assert np.abs(filled).max() <= 1
    np.testing.assert_array_equal(filled, fill(np.where(visible, x, 0.7), visible))


def test_on_smooth_pictures_the_baselines_rank_as_expected(rng):
    train, x = _waves(rng, 400), _waves(rng, 40)
    visible = _random_holes(rng, x.shape)
    score = {
        name: metrics.psnr(getattr(one, "fill", one)(x, visible), x, ~visible).mean()
        for name, one in images.baselines.inpaint_baselines(train).items()
    }
    assert score["mean image"] + 10 < score["biharmonic"]
    assert score["mean image"] + 10 < score["conditional gaussian"]
    assert score["mean image"] + 10 < score["full gaussian"]
