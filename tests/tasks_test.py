"""Every task of the registry obeys the laws; so does a task of someone else's."""

import pytest
import toy

from coopkeras import task as tasks
from coopkeras import testing

TINY = {
    "inpaint": [
        "size=16",
        "batch_size=4",
        "holes=square:6",
        "judged=8",
        "latent_dim=4",
        "generator_width=4",
        "descriptor_width=4",
        "steps=2",
        "infer_steps=1",
    ],
    "synthesis": [
        "size=16",
        "batch_size=4",
        "judged=8",
        "latent_dim=4",
        "generator_width=4",
        "descriptor_width=4",
        "steps=2",
        "infer_steps=1",
    ],
}


def test_every_built_in_task_is_held_to_the_laws():
    found, broken = tasks.available()
    assert not broken
    assert set(TINY) == set(found)


class TestToy(testing.TaskConformance):
    """A task that is not installed."""

    task_class = toy.Toy


class TestInpaint(testing.TaskConformance):
    """Filling holes."""

    task_class = tasks.find("inpaint")
    settings = TINY["inpaint"]


class TestSynthesis(testing.TaskConformance):
    """Drawing new pictures."""

    task_class = tasks.find("synthesis")
    settings = TINY["synthesis"]


@pytest.mark.parametrize("method", ["generator", "descriptor"])
@pytest.mark.parametrize("name", sorted(TINY))
def test_the_other_methods_build(name, method):
    cls = tasks.find(name)
    task = cls(cls.Config.parse([*TINY[name], f"method={method}"]))
    assert task.signatures(task.build((16, 16, 1), 10))
