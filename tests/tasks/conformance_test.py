"""Every task of the registry obeys the laws; so does a task of someone else's."""

import pytest
import tensorflow as tf
import toy

from coopkeras import task as tasks
from coopkeras import testing

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
    "audio": ["size=64", "sample_rate=4000", "gaps=0.05", *SMALL],
    "inpaint": ["size=16", "holes=square:6", *SMALL],
    "super_resolution": ["size=20", *SMALL],
    "synthesis": ["size=32", "patch=16", *SMALL],
    "video": ["size=16", "scale=0", "holes=frames:4", *SMALL, "batch_size=2", "judged=2"],
}
SHAPES = {  # of one example, where it is no picture
    "audio": (64, 32),
    "video": (16, 16, 16, 1),
}


def test_every_built_in_task_is_held_to_the_laws():
    found, broken = tasks.available()
    ours = {name for name, cls in found.items() if cls.__module__.startswith(f"{tasks.GROUP}.")}
    assert not set(TINY) & set(broken)
    assert set(TINY) == ours


class TestAudio(testing.TaskConformance):
    """Making sound and filling gaps."""

    task_class = tasks.find("audio")
    settings = TINY["audio"]


class TestInpaint(testing.TaskConformance):
    """Filling holes."""

    task_class = tasks.find("inpaint")
    settings = TINY["inpaint"]


class TestSuperResolution(testing.TaskConformance):
    """Enlarging pictures."""

    task_class = tasks.find("super_resolution")
    settings = TINY["super_resolution"]


class TestSynthesis(testing.TaskConformance):
    """Drawing new pictures."""

    task_class = tasks.find("synthesis")
    settings = TINY["synthesis"]


class TestVideo(testing.TaskConformance):
    """Repairing a clip."""

    task_class = tasks.find("video")
    settings = TINY["video"]


@pytest.mark.parametrize("method", ["generator", "descriptor"])
@pytest.mark.parametrize("name", sorted(TINY))
def test_the_other_methods_build(name, method):
    cls = tasks.find(name)
    task = cls(cls.Config.parse([*TINY[name], f"method={method}"]))
    assert task.signatures(task.build(SHAPES.get(name, (16, 16, 1)), 10))


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
    model = task.build((16, 16, 1), 10)
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
