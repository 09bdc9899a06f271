"""Every task of the registry obeys the laws; so does a task of someone else's."""

import numpy as np
import pytest
import tensorflow as tf
import toy

from coopkeras import audio, images, registry, testing, video
from coopkeras.errors import UserError
from coopkeras.task import DataSpec

SMALL = [
    "batch_size=4",
    "judged=8",
    "latent_dim=4",
    "generator_width=4",
    "descriptor_width=4",
    "steps=2",
    "infer_steps=1",
]
TINY = {
    "audio": [
        "size=64",
        "sample_rate=4000",
        "judged_gaps=0.05",
        "seconds=0.5",
        *SMALL[:4],
        *SMALL[5:],
    ],
    "inpaint": [
        "size=16",
        "holes=square:6",
        "width=4",
        "levels=2",
        "descriptor_updates=1",
        *SMALL[:3],
    ],
    "super_resolution": ["size=20", *SMALL],
    "synthesis": ["size=32", "patch=16", *SMALL],
    "video": ["size=16", "scale=0", "holes=frames:4", *SMALL, "batch_size=2", "judged=2"],
}
SHAPES = {  # of one example, where it is no image
    "audio": (64, 32),
    "video": (16, 16, 16, 1),
}


def test_every_built_in_task_is_held_to_the_laws():
    found, broken = registry.available()
    ours = {name for name, cls in found.items() if cls.__module__.startswith(f"{registry.GROUP}.")}
    assert not set(TINY) & set(broken)
    assert set(TINY) == ours


def noise(*shape):
    return np.random.default_rng(0).uniform(-0.9, 0.9, shape)


class TestAudio(testing.TaskConformance):
    """Making sound and filling gaps."""

    task_class = registry.find("audio")
    settings = TINY["audio"]
    masked = True

    def inputs(self, task, folder):
        """Return nothing, for new sound, and a second with a gap of a tenth."""
        rate = task.config.sample_rate
        paths = folder / "in.wav", folder / "mask.wav"
        gap = np.zeros([rate, 1])
        gap[rate // 2 :][: rate // 10] = 0.5
        for path, x in zip(paths, (noise(rate, 1), gap), strict=True):
            audio.write(path, audio.Sound(x, rate, "i16"))
        return {"new": (None, None), "gap": paths}

    def read(self, path):
        """Return the samples of a sound, and the pixels of a sheet."""
        return audio.read(path).x if path.suffix == ".wav" else super().read(path)


class TestInpaint(testing.TaskConformance):
    """Filling holes."""

    task_class = registry.find("inpaint")
    settings = TINY["inpaint"]
    drawn = ["samples=2"]
    masked = True

    @pytest.fixture(scope="class", autouse=True)
    def few(self):
        """Fit the baselines to few images, to save time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{self.task_class.__module__}.FITTED", 300)
            yield


class TestSuperResolution(testing.TaskConformance):
    """Enlarging images."""

    task_class = registry.find("super_resolution")
    settings = TINY["super_resolution"]
    drawn = ["samples=2"]

    def inputs(self, task, folder):
        """Return the image with colours and alpha alone, to save time."""
        return dict([super().inputs(task, folder).popitem()])


class TestSynthesis(testing.TaskConformance):
    """Drawing new images."""

    task_class = registry.find("synthesis")
    settings = TINY["synthesis"]


class TestVideo(testing.TaskConformance):
    """Repairing a clip."""

    task_class = registry.find("video")
    settings = TINY["video"]
    drawn = ["samples=2"]
    masked = True
    output = "out.mkv"

    def inputs(self, task, folder):
        """Return a clip and the box to fill in all of its frames."""
        paths = folder / "in.mkv", folder / "mask.mkv"
        box = -np.ones([18, 23, 21, 1])
        box[:, 5:10, 4:12] = 1
        for path, pixels in zip(paths, (noise(18, 23, 21, 1), box), strict=True):
            video.write(path, pixels)
        return {"clip": paths}

    def read(self, path):
        """Return the pixels of a clip, or of an image."""
        return video.read(path).pixels if path.suffix == ".mkv" else super().read(path)


@pytest.mark.parametrize("method", ["generator", "descriptor"])
@pytest.mark.parametrize("name", sorted(TINY))
def test_the_other_methods_build(name, method):
    cls = registry.find(name)
    settings = toy.read(cls.Config, [*TINY[name], f"method={method}"])
    task = cls(cls.Config.parse(settings))
    assert task.signatures(task.build(DataSpec(SHAPES.get(name, (16, 16, 1)), 10)))


# The laws bite ----------------------------------------------------------------------------------


def laws():
    return testing.TaskConformance()


def concrete(function, *specs):
    return {"serving_default": tf.function(function).get_concrete_function(*specs)}


def test_a_judge_without_a_baseline_is_caught():
    class Alone(toy.Toy):
        def judge(self, model, split):
            return super().judge(model, split)[:1]

    task = Alone()
    model = task.build(DataSpec((16, 16, 1), 10))
    laws().test_it_is_judged_beside_a_baseline(toy.Toy(), (model, task.datasets(), None))
    with pytest.raises(AssertionError):
        laws().test_it_is_judged_beside_a_baseline(task, (model, task.datasets(), None))


def test_a_signature_that_ignores_its_seed_is_caught():
    seed = tf.TensorSpec([None, 2], tf.int32, "seed")
    laws().test_the_seed_decides(concrete(lambda seed: {"x": seed}, seed))
    with pytest.raises(AssertionError):
        laws().test_the_seed_decides(concrete(lambda seed: {"x": 0 * seed}, seed))


def test_rows_that_depend_on_their_neighbours_are_caught():
    x = tf.TensorSpec([None, 2], tf.float32, "x")
    laws().test_every_output_has_a_row_for_every_row(concrete(lambda x: {"y": 2 * x}, x))
    with pytest.raises(AssertionError):
        laws().test_every_output_has_a_row_for_every_row(
            concrete(lambda x: {"y": x - tf.reduce_mean(x)}, x)
        )


class Mute(toy.Toy):
    """It writes nothing."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Return a path where nothing is."""
        images.read(input_path)
        return [output_path]


class Elsewhere(toy.Toy):
    """It writes where it was not asked to."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Predict beside the output."""
        return super().predict(model, input_path, output_path.with_stem("elsewhere"))


class Stubborn(toy.Toy):
    """It ignores its seed."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Predict with seed 0."""
        task = toy.Toy(self.config.changed([], seed=0))
        return task.predict(model, input_path, output_path)


class Restless(toy.Toy):
    """It predicts something else at every call."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Predict with a seed of its own."""
        task = toy.Toy(self.config.changed([], seed=int(np.random.default_rng().integers(1 << 30))))
        return task.predict(model, input_path, output_path)


class Destructive(toy.Toy):
    """It overwrites its input."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Predict into the input."""
        super().predict(model, input_path, input_path)
        return super().predict(model, input_path, output_path)


class Credulous(toy.Toy):
    """It takes any file."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Predict, whether or not the input can be read."""
        try:
            return super().predict(model, input_path, output_path)
        except UserError:
            images.write(output_path, np.zeros([16, 16, 1]))
            return [output_path]


class Hasty(toy.Toy):
    """It leaves an empty file behind when its input is wrong."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Open the output, then read the input."""
        output_path.touch()
        return super().predict(model, input_path, output_path)


class Copy(toy.Toy):
    """It gives back what it was given, hole and all."""

    def predict(self, model, input_path, output_path, mask_path=None):
        """Copy the input."""
        images.write(output_path, images.read(input_path))
        return [output_path]


class OfToy(testing.TaskConformance):
    """The laws of the toy."""

    task_class = toy.Toy

    def inputs(self, task, folder):
        """Return one of the images."""
        return dict([super().inputs(task, folder).popitem()])


class OfMasked(OfToy):
    """The laws of a task that would keep what is known."""

    masked = True


@pytest.fixture(scope="module")
def toy_model():
    """A model that has learned nothing."""
    return toy.Toy().build(DataSpec((16, 16, 1), 10))


WRITES = "test_predict_writes_what_it_returns"
KEEPS = "test_predict_keeps_what_is_known"
SEED = "test_the_seed_decides_what_is_predicted"
INPUT = "test_predict_leaves_its_input_as_it_is"
REFUSES = "test_predict_refuses_what_it_can_not_read"


def hold(task, model, law, folder):
    """Hold one task to one law of `predict`."""
    laws = OfMasked() if law == KEEPS else OfToy()
    predicted = laws.predictions(task, model, folder)
    more = (
        (task, (model, None, None), predicted, folder) if law in (SEED, REFUSES) else (predicted,)
    )
    getattr(laws, law)(*more)


@pytest.mark.parametrize("law", [WRITES, INPUT, SEED, REFUSES])
def test_the_toy_predicts_by_the_laws(law, toy_model, tmp_path):
    hold(toy.Toy(), toy_model, law, tmp_path)


@pytest.mark.parametrize(
    ("cls", "law"),
    [
        (Mute, WRITES),
        (Elsewhere, WRITES),
        (Stubborn, SEED),
        (Restless, SEED),
        (Destructive, INPUT),
        (Credulous, REFUSES),
        (Hasty, REFUSES),
        (toy.Toy, KEEPS),
        (Copy, KEEPS),
    ],
)
def test_a_wrong_predict_is_caught(cls, law, toy_model, tmp_path):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        hold(cls(), toy_model, law, tmp_path)
