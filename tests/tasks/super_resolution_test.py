"""Super-resolution: what is seen stays true, of any size, type and channels; and errors."""

import numpy as np
import pytest
import tensorflow as tf
import toy

from coopkeras import images, registry
from coopkeras.errors import UserError
from coopkeras.observation import Downsample
from coopkeras.task import DataSpec

CLS = registry.find("super_resolution")
TINY = ["latent_dim=4", "generator_width=4", "descriptor_width=4", "steps=2", "judged=4"]
SIZES = {2: 20, 3: 21, 4: 20}


def make(factor=2, channels=1, settings=()):
    """A task and its model, whose last layer is made loud: it proposes what should not stay."""
    settings = [*TINY, f"factor={factor}", f"size={SIZES[factor]}", *settings]
    task = CLS(CLS.Config.parse(toy.read(CLS.Config, settings)))
    model = task.build(DataSpec((SIZES[factor], SIZES[factor], channels), 4))
    if task.config.method == "coopnets":
        loud = model.ema_generator.network.layers[-2]
        kernel, bias = loud.get_weights()
        loud.set_weights([20 * kernel, bias])
    return task, model


@pytest.fixture(scope="module")
def small():
    """A task and model of factor 2, of grey pictures."""
    return make()


def means(pixels, factor):
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // factor, factor, width // factor, factor, channels)
    return blocks.mean(axis=(1, 3), dtype=np.float64)


def random_bytes(*shape, dtype=np.uint8):
    top = np.iinfo(dtype).max
    x = np.random.default_rng(0).integers(0, top, shape, dtype, endpoint=True)
    x[: len(x) // 3] = np.where(x[: len(x) // 3] > top // 2, top, 0)  # nothing to spare there
    return x


def enlarge(task, model, pixels, folder):
    """Write, predict, and read what was written."""
    images.write(folder / "in.png", pixels)
    paths = task.predict(model, folder / "in.png", folder / "out.png")
    return [images.read(path, depth=16) for path in paths]


@pytest.mark.parametrize(
    ("factor", "method"), [(2, "coopnets"), (4, "coopnets"), (3, "generator"), (3, "descriptor")]
)
def test_what_is_seen_stays_true(factor, method):
    task, model = make(factor, settings=[f"method={method}"])
    side = SIZES[factor] // factor
    seen = np.random.default_rng(0).uniform(-1, 1, [3, side, side, 1]).astype("float32")
    for temperature in (0.0, 1.0):
        for made in task.recover(model, seen, {}, 0, temperature):
            if made is None:
                assert method != "coopnets"
                continue
            assert made.shape == (3, *[SIZES[factor]] * 2, 1)
            assert np.abs(made).max() <= 1
            np.testing.assert_allclose(Downsample(factor)(made), seen, atol=1e-5)


def test_an_estimate_has_no_chance_in_it_and_a_sample_has(small):
    task, model = small
    seen = np.zeros([1, 10, 10, 1], np.float32)
    one, other = (task.recover(model, seen, {}, seed, 0.0)[1] for seed in range(2))
    np.testing.assert_array_equal(one, other)
    one, other = (task.recover(model, seen, {}, seed, 1.0)[1] for seed in range(2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 90, 1), (33, 20, 3)])
def test_a_picture_of_any_size_is_given_back_by_downsampling(small, shape, tmp_path):
    pixels = random_bytes(*shape)
    (enlarged,) = enlarge(*small, pixels, tmp_path)
    assert enlarged.shape == (2 * shape[0], 2 * shape[1], shape[2])
    assert enlarged.dtype == pixels.dtype
    np.testing.assert_array_equal(means(enlarged, 2), pixels)


@pytest.mark.parametrize(
    ("factor", "model_channels", "channels"),
    [(2, 3, 1), (2, 1, 4), (3, 1, 3), (4, 3, 2)],
)
def test_grey_colour_and_alpha_stay_what_they_are(factor, model_channels, channels, tmp_path):
    pixels = random_bytes(12, 9, channels)
    (enlarged,) = enlarge(*make(factor, model_channels), pixels, tmp_path)
    assert enlarged.shape == (12 * factor, 9 * factor, channels)
    np.testing.assert_array_equal(means(enlarged, factor).round(9), pixels)


def test_16_bits_stay_16_bits(small, tmp_path):
    pixels = random_bytes(12, 9, 1, dtype=np.uint16)
    (enlarged,) = enlarge(*small, pixels, tmp_path)
    assert enlarged.dtype == np.uint16
    np.testing.assert_array_equal(means(enlarged, 2), pixels)


@pytest.mark.slow
def test_windows_make_what_the_whole_picture_at_once_would(small, tmp_path):
    task, model = small
    pixels = np.random.default_rng(0).integers(64, 192, [130, 100, 1], np.uint8)
    (enlarged,) = enlarge(task, model, pixels, tmp_path)
    at_once = task.build(DataSpec((260, 200, 1), 1))
    at_once.set_weights(model.get_weights())
    expected = task.recover(at_once, images.to_float(pixels)[None], {}, 0, 0.0)[1][0]
    wrong = np.abs(enlarged.astype(int) - images.to_uint8(expected))
    assert wrong[32:-32, 32:-32].max() <= 1  # rounded to keep the means


@pytest.mark.slow
def test_a_model_of_one_size_only_takes_any_size_too(tmp_path):
    task, model = make(settings=["descriptor_form=object"])
    pixels = random_bytes(33, 20, 1)
    (enlarged,) = enlarge(task, model, pixels, tmp_path)
    np.testing.assert_array_equal(means(enlarged, 2), pixels)


@pytest.mark.slow
def test_a_larger_window_makes_what_a_smaller_one_makes_far_from_its_border(small):
    task, model = small
    model_48 = task.build(DataSpec((48, 48, 1), 1))
    model_48.set_weights(model.get_weights())
    wide = task.for_files(model)
    side = wide.x_shape[0] // 2
    seen = np.random.default_rng(1).uniform(-0.5, 0.5, [1, side, side, 1]).astype("float32")
    cut = slice(side // 2 - 12, side // 2 + 12)
    large = task.recover(wide, seen, {}, 0, 0.0)[0]
    small = task.recover(model_48, seen[:, cut, cut], {}, 0, 0.0)[0]
    middle = slice(side - 4, side + 4)
    np.testing.assert_allclose(large[:, middle, middle], small[:, 20:28, 20:28], atol=1e-4)


@pytest.mark.slow
def test_samples_are_numbered_and_differ(tmp_path):
    task, model = make(settings=["samples=2"])
    one, other = enlarge(task, model, random_bytes(12, 9, 1), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"in.png", "out-1.png", "out-2.png"}
    assert not np.array_equal(one, other)


def test_served_pictures_are_true_too(small):
    task, model = small
    recover = task.signatures(model)["serving_default"]
    seen = np.random.default_rng(0).uniform(-1, 1, [2, 10, 10, 1]).astype("float32")
    made = recover(
        seen=tf.constant(seen),
        seed=tf.constant([[0, 1], [0, 2]]),
        temperature=tf.constant([0.0, 1.0]),
    )
    assert set(made) == {"recovered", "proposed"}
    for x in made.values():
        np.testing.assert_allclose(Downsample(2)(x), seen, atol=1e-5)


def test_baselines_are_what_they_say(small):
    task, model = small
    rows = task.judge(model, task.datasets())
    assert {row["setting"] for row in rows} == {"x2"}
    scores = {row["method"]: row["metrics"] for row in rows if not row["ours"]}
    value = {name: {key: m["value"] for key, m in got.items()} for name, got in scores.items()}
    assert value["bicubic, made consistent"]["psnr"] > value["bicubic"]["psnr"]
    assert value["bicubic, both ways"]["psnr"] > value["bicubic"]["psnr"] - 1
    assert value["lanczos"]["psnr"] != value["bicubic"]["psnr"]
    assert value["bicubic"]["consistency"] > 1
    assert value["bicubic, made consistent"]["consistency"] == 0
    for row in rows:
        assert not row["ours"] or row["metrics"]["consistency"]["value"] == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["factor=5"], "`factor` should be 2, 3 or 4; received 5"),
        (["factor=4", "size=30"], "multiple of factor=4, 20 or more; received 30"),
        (["size=16"], "multiple of factor=2, 20 or more; received 16"),
        (["judged=1"], "`judged` should be at least 2"),
        (["samples=-1"], "`samples` should be 0 or more"),
    ],
)
def test_wrong_settings_are_said_in_one_line(settings, words):
    with pytest.raises(UserError, match=words) as caught:
        CLS.Config.parse(settings)
    assert "\n" not in str(caught.value)


def test_factor_3_brings_a_size_that_fits():
    assert CLS.Config.parse(["factor=3"]).size == 36
    assert CLS.Config.parse(["factor=3", "size=48"]).size == 48


def test_wrong_files_are_said_in_one_line(small, tmp_path):
    task, model = small
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    out = tmp_path / "out.png"
    for name, words in [
        ("empty.png", "not a whole image"),
        ("text.png", "not a whole image"),
        ("none.png", "no such image"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            task.predict(model, tmp_path / name, out)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="received --mask=hole.png"):
        task.predict(model, tmp_path / "none.png", out, "hole.png")
    assert not out.exists()
