"""A recovery of a stranger's own: he says what is seen, and obeys the laws of every task."""

import dataclasses
import functools
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import DataSpec

SIZE = 16


@keras.saving.register_keras_serializable("recovery_test")
class RowMeans(ck.observation.Observation):
    """The mean of each row of an image is seen: `[batch, h, w, c] -> [batch, h, 1, c]`."""

    def __call__(self, x):
        return tf.reduce_mean(x, axis=2, keepdims=True)

    def adjoint(self, seen):
        """Return a share of each mean for every value of its row."""
        return tf.repeat(seen, SIZE, axis=2) / SIZE

    def lift(self, seen):
        """Return rows that are their means."""
        return tf.repeat(seen, SIZE, axis=2)

    def visible(self, x):
        """Return the share of each value that is known."""
        return tf.ones_like(x[..., :1]) / x.shape[2]

    def get_config(self):
        """Return no arguments."""
        return {}


@keras.saving.register_keras_serializable("recovery_test")
class Mean(ck.observation.Observation):
    """The mean of the channels is seen: `[batch, h, w, c] -> [batch, h, w, 1]`."""

    def __call__(self, x):
        return tf.reduce_mean(x, axis=-1, keepdims=True)

    def adjoint(self, seen):
        """Return a share for each channel."""
        return tf.repeat(seen, 3, axis=-1) / 3

    def lift(self, seen):
        """Return grey."""
        return tf.repeat(seen, 3, axis=-1)

    def visible(self, x):
        """Return a third: of three values one combination is known."""
        return tf.ones_like(x[..., :1]) / 3

    def get_config(self):
        """Return no arguments."""
        return {}


class TestRowMeans(ck.testing.ObservationConformance):
    """What is seen where a camera moved along its rows."""

    observation = RowMeans()
    shape = (8, SIZE, 2)


class TestMean(ck.testing.ObservationConformance):
    """What is seen without colours."""

    observation = Mean()
    shape = (4, 6, 3)


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ImageRecoveryConfig):
    """Settings of a recovery of colours."""

    data: str = "samples:photographs"
    channels: int = 3
    size: int = SIZE
    precision: str = "float32"


def paint(shape, latent_dim):
    """Return a network of one layer that paints on what is seen."""
    z, seen = keras.Input((latent_dim,), name="z"), keras.Input(shape, name="seen")
    flat = keras.layers.Dense(shape[-1])(z)
    painted = keras.layers.Conv2D(shape[-1], 3, padding="same")(seen)
    more = keras.layers.Reshape([1, 1, shape[-1]])(flat)
    return keras.Model({"z": z, "seen": seen}, painted + more)


class Colours(ck.recipes.Recovery):
    """The least that a recovery says."""

    name: ClassVar[str] = "colours"
    summary: ClassVar[str] = "give an image its colours"
    Config: ClassVar[type] = Config

    def observation(self):
        """Return the mean of the channels."""
        return Mean()

    def network(self, spec):
        """Return a network of one layer."""
        return paint(spec.shape, self.config.latent_dim)

    def baselines(self, train):
        """Return grey."""
        return {"grey": lambda x: np.repeat(x.mean(axis=-1, keepdims=True), 3, axis=-1)}

    def see(self, x):
        """Return the mean of the channels of a user's image."""
        return Mean()(x)


TINY = ["batch_size=4", "judged=6", "latent_dim=2", "descriptor_width=2", "steps=1"]


@pytest.mark.slow
class TestColours(ck.testing.TaskConformance):
    """A recovery from the public names alone."""

    task_class = Colours
    settings = TINY
    drawn = ["samples=2"]


class Careless(Colours):
    """What it recovers disagrees with what was seen."""

    def confine(self, x, seen, observation):
        """Halve the values."""
        return x / 2


def test_a_recovery_that_disagrees_with_what_was_seen_is_caught():
    law = ck.testing.TaskConformance().test_what_is_recovered_agrees_with_what_was_seen
    task, model = make(Colours, "data=samples:photographs")
    law(task, (model, task.datasets(), None))
    with pytest.raises(AssertionError):
        law(Careless(task.config), (model, task.datasets(), None))


# A user's file ----------------------------------------------------------------------------------


def make(cls=Colours, *settings):
    """Return a task and its model, not trained."""
    task = cls(cls.Config.parse([*TINY, *settings]))
    return task, task.build(DataSpec((SIZE, SIZE, 3), 10))


@pytest.fixture(scope="module")
def colours():
    return make()


def random(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("shape", [(SIZE, SIZE, 3), (SIZE + 5, 41, 3), (9, 11, 4)])
@pytest.mark.parametrize("patches", ["true", "false"])
def test_a_recovered_image_agrees_with_what_was_seen(shape, patches, colours, tmp_path):
    task, model = Colours(Colours.Config.parse([*TINY, f"patches={patches}"])), colours[1]
    pixels = np.full(shape, 128, np.uint8)  # so that all colours can be displayed
    pixels[..., :3] = random(*shape[:-1], 1) // 4 + 96
    ck.images.write(tmp_path / "in.png", pixels)
    (path,) = task.predict(model, tmp_path / "in.png", tmp_path / "out.png")
    made = ck.images.read(path)
    assert made.shape == shape
    np.testing.assert_array_equal(made[..., 3:], pixels[..., 3:])
    seen, known = (x[..., :3].mean(axis=-1) for x in (made, pixels))
    assert abs(seen - known).max() <= 1  # rounded


def test_rows_are_recovered_by_their_numbers_and_what_is_seen_stays(colours):
    task, model = colours
    x = np.random.default_rng(0).uniform(-0.3, 0.3, [3, SIZE, SIZE, 3]).astype(np.float32)
    seen = Mean()(x).numpy()
    recover = functools.partial(task.recover, model, seen, {}, 0, 1.0)
    proposed, recovered = recover()
    for made in (proposed, recovered):
        assert made.shape == x.shape
        assert abs(made).max() <= 1
    swapped = task.recover(model, seen[::-1], {}, 0, 1.0, numbers=np.arange(3)[::-1])[1]
    np.testing.assert_allclose(swapped[::-1], recovered, atol=1e-5)
    estimates = [task.recover(model, seen, {}, seed, 0.0)[1] for seed in (0, 1)]
    np.testing.assert_array_equal(*estimates)


class Agreeing(Colours):
    """All windows of a file share one z."""

    ONE_Z = True


@pytest.mark.parametrize(("cls", "alike"), [(Colours, False), (Agreeing, True)])
def test_windows_of_one_image_share_z_only_where_they_should(
    cls, alike, colours, tmp_path, monkeypatch
):
    task, model = cls(cls.Config.parse([*TINY, "patches=true", "samples=2"])), colours[1]
    ck.images.write(tmp_path / "in.png", random(SIZE, 3 * SIZE, 3))
    given = []

    def recover(model, seen, hidden, seed, temperature, numbers=None):
        given.append((tuple(ck.seeds.as_seed(seed).numpy()), numbers))
        return None, np.repeat(seen, 3, axis=-1)

    monkeypatch.setattr(task, "recover", recover)
    task.predict(model, tmp_path / "in.png", tmp_path / "out.png")
    draws = {seed for seed, _ in given}
    assert len(draws) == 2
    for draw in draws:
        numbers = np.concatenate([each for seed, each in given if seed == draw])
        assert len(numbers) > 3
        assert len(np.unique(numbers)) == (1 if alike else len(numbers))


def test_an_estimate_is_one_file_and_samples_are_numbered(colours, tmp_path):
    ck.images.write(tmp_path / "in.png", random(SIZE, SIZE, 3))
    for settings, names in [([], ["out"]), (["samples=1"], ["out"]), (["samples=2"], None)]:
        task = Colours(Colours.Config.parse([*TINY, *settings]))
        paths = task.predict(colours[1], tmp_path / "in.png", tmp_path / "out.png")
        assert [path.stem for path in paths] == (names or ["out-1", "out-2"])


def test_a_mask_of_what_is_seen_whole_is_refused(colours, tmp_path):
    task, model = colours
    with pytest.raises(ck.UserError, match="--task=colours works on all of an image.*Leave it out"):
        task.predict(model, "in.png", tmp_path / "out.png", "mask.png")


class Blurred(Colours):
    """Rows of which the means are known."""

    def observation(self):
        """Return the means of rows."""
        return RowMeans()


def test_what_is_seen_may_be_of_any_shape():
    task, model = make(Blurred)
    served = task.signatures(model)["recover"]
    seen = np.random.default_rng(0).uniform(-0.2, 0.2, [2, SIZE, 1, 3]).astype(np.float32)
    made = served(
        seen=tf.constant(seen),
        seed=tf.constant([[0, 1], [0, 2]]),
        temperature=tf.constant([0.0, 1.0]),
    )
    assert made["recovered"].shape == made["proposed"].shape == (2, SIZE, SIZE, 3)


# What is drawn for each example -----------------------------------------------------------------


class Coin:
    """Fills with grey, and draws black or white."""

    def fill(self, x, visible):
        """Fill with grey."""
        return np.where(visible, x, 0)

    def draw(self, x, visible, seed, k):
        """Draw one value a draw."""
        sides = np.where(np.random.default_rng(seed).random(k) < 0.5, -1, 1)
        return np.stack([np.where(visible, x, side) for side in sides]).astype(np.float32)


class Slow(Coin):
    """Is judged on a part."""

    at_most = 4
    draw = property()  # it has none


class Patched(Colours):
    """Each example has a hidden stripe of its own; judged on two widths."""

    def observation(self):
        """Return the mask of each example's own stripe."""
        return ck.observation.Mask()

    def settings(self):
        """Return a narrow stripe and a wide one."""
        return ["2", "5"]

    def named(self, setting):
        """Return the width in words."""
        return f"{setting} wide"

    def hide(self, setting, row_seeds, shape):
        """Return a stripe that each row's seed places."""
        start = tf.abs(tf.convert_to_tensor(row_seeds)[:, 1:]) % (shape[1] - 5)
        across = tf.range(shape[1])[None] - start
        hidden = (across >= 0) & (across < int(setting or 3))
        return {"visible": tf.tile(~hidden[:, None, :, None], [1, shape[0], 1, 1])}

    def network(self, spec):
        """Return a network that fills."""
        return ck.networks.recovery_generator(spec.shape, self.config.latent_dim, (2, 2))

    def baselines(self, train):
        """Return black."""
        return {"black": lambda x, visible: np.where(visible, x, -1)}


@pytest.fixture(scope="module")
def split():
    return Patched(Patched.Config.parse(TINY)).datasets()


def test_each_example_to_learn_from_hides_what_its_seed_says(split):
    first, again = (next(iter(split.train.batches(4, seed=0)))["visible"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first.numpy().reshape(4, -1), axis=0)) > 1
    plain = Patched(Patched.Config(method="generator", **{"judged": 6})).datasets()
    assert "visible" not in next(iter(plain.train.batches(4, seed=0)))


def test_each_setting_is_judged_on_what_it_hides_the_same_for_ever(split):
    task, x = Patched(), split.held_out.array(limit=3)
    for setting, width in (("2", 2), ("5", 5)):
        (hidden, seen), (again, _) = task.observed(setting, x), task.observed(setting, x)
        assert (~hidden["visible"]).sum(axis=(1, 2, 3)).tolist() == [SIZE * width] * 3
        np.testing.assert_array_equal(again["visible"], hidden["visible"])
        assert not seen[~np.broadcast_to(hidden["visible"], x.shape)].any()


def test_rows_are_those_of_each_setting_ours_and_the_baselines(split):
    task = Patched(Patched.Config.parse(TINY))
    rows = task.judge(task.build(DataSpec(split.train.shape, 4)), split)
    each = [("coopnets", "proposed estimate"), ("coopnets", "estimate")]
    each += [("coopnets", "proposed sample"), ("coopnets", "sample"), ("black", None)]
    found = [(row["setting"], row["method"], row["variant"]) for row in rows]
    assert found == [(f"{width} wide", *one) for width in "25" for one in each]
    assert all(("diversity" in row["metrics"]) == ("sample" in str(row["variant"])) for row in rows)
    for row in rows:
        paired = {told["to"] for told in row.get("paired", {}).values()}
        assert paired == ({"proposed sample"} if row["variant"] == "sample" else set())
        assert all(
            metric["se"] is not None
            for name, metric in row["metrics"].items()
            if name != "patch_distance"
        )


def test_a_baseline_with_a_distribution_is_judged_by_its_draws_too(split, monkeypatch):
    task = Patched(Patched.Config.parse(TINY))
    monkeypatch.setattr(task, "baselines", lambda train: {"coin": Coin(), "slow": Slow()})
    rows = task.judge(task.build(DataSpec(split.train.shape, 4)), split)
    fill, drawn, slow = (row for row in rows if not row["ours"] and row["setting"] == "2 wide")
    assert [row["method"] for row in (fill, drawn, slow)] == ["coin", "coin, drawn", "slow"]
    assert [row["n"] for row in (fill, drawn, slow)] == [6, 6, 4]
    assert "psnr" in fill["metrics"]
    assert "spread_skill" in drawn["metrics"]
    assert "crps" in drawn["paired"]
    assert not {"paired"} & {*fill, *slow}


def test_sheets_show_what_is_seen_white_where_nothing_is(split):
    task, x = Patched(), split.held_out.array(limit=2)
    hidden, seen = task.observed("5", x)
    shown = task.shown(seen, task.observation().bind(hidden))
    visible = np.broadcast_to(hidden["visible"], x.shape)
    np.testing.assert_array_equal(shown[visible], x[visible])
    assert (shown[~visible] == 1).all()


def write_damaged(folder):
    """Write an image and a mask of its hole; return their pixels."""
    pixels, mask = random(20, 24, 3), np.zeros([20, 24, 1], np.uint8)
    mask[4:9, 5:10] = 255
    ck.images.write(folder / "in.png", pixels)
    ck.images.write(folder / "mask.png", mask)
    return pixels, mask


def test_masks_are_opened_as_images_with_holes(tmp_path):
    task, model = make(Patched)
    pixels, mask = write_damaged(tmp_path)
    (path,) = task.predict(model, tmp_path / "in.png", tmp_path / "out.png", tmp_path / "mask.png")
    made, known = ck.images.read(path), np.broadcast_to(mask == 0, pixels.shape)
    np.testing.assert_array_equal(made[known], pixels[known])
    assert (made != pixels)[~known].any()


def predict(model, folder, *settings):
    """Fill a hole with a model; return the paths."""
    task, given = Patched(Patched.Config.parse([*TINY, *settings])), folder / "in.png"
    return task.predict(model, given, folder / "out.png", folder / "mask.png")


def test_uncertainty_is_one_image_beside_the_results_black_where_known(tmp_path):
    model, (_, mask) = make(Patched)[1], write_damaged(tmp_path)
    estimate = ck.images.read(*predict(model, tmp_path))
    path, beside = predict(model, tmp_path, "uncertainty=true")
    np.testing.assert_array_equal(ck.images.read(path), estimate)
    assert beside.name == "out_uncertainty.png"
    made = ck.images.read(beside)
    assert made.shape == mask.shape
    assert not made[mask == 0].any()
    assert made[mask > 0].all()
    *paths, again = predict(model, tmp_path, "uncertainty=true", "samples=2")
    assert [one.name for one in paths] == ["out-1.png", "out-2.png"]
    assert again.name == "out_uncertainty-2.png"  # the first one is kept
    np.testing.assert_array_equal(ck.images.read(again), made)


def test_uncertainty_is_that_of_the_draws_that_samples_writes(tmp_path):
    model, _ = make(Patched)[1], write_damaged(tmp_path)
    *paths, beside = predict(model, tmp_path, "uncertainty=true", "samples=8")
    made = ck.images.uncertainty.of_draws(map(ck.images.read, paths))
    np.testing.assert_array_equal(ck.images.read(beside), made)


def test_the_temperature_leads_from_the_estimate_to_samples(tmp_path):
    model, (_, mask) = make(Patched)[1], write_damaged(tmp_path)
    estimate, spread = ck.images.read(*predict(model, tmp_path)), []
    for temperature in (0, 0.25, 1):
        drawn = predict(model, tmp_path, f"temperature={temperature}", "samples=8")
        drawn = [ck.images.read(path) for path in drawn]
        spread.append(ck.images.uncertainty.of_draws(drawn)[mask > 0].mean())
        if not temperature:
            assert all(np.array_equal(one, estimate) for one in drawn)
    assert spread[0] == 0
    assert 0.3 < spread[1] / spread[2] < 0.7  # the square root
