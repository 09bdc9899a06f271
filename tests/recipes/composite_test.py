"""Laws of a composite: one model, several uses, the first the most important."""

import dataclasses
from typing import ClassVar

import pytest

import coopkeras as ck


class Speaks(ck.recipes.Use):
    """A use that says what it was asked, as one of these words."""

    word: ClassVar[str]

    def judge(self, model, split):
        """Return two rows."""
        return [(self.word, model, split), (self.word, "baseline")]

    def draw(self, model, split):
        """Return one sheet of its own, and one that all uses have."""
        return {self.word: (model, split), "sheet": self.word}

    def predict(self, model, input_path, output_path, mask_path=None):
        """Return what it was given."""
        return [self.word, model, input_path, output_path, mask_path]

    def signatures(self, model):
        """Return a default, and a signature of its own."""
        return {"serving_default": self.word, self.word: model}


class Fill(Speaks):
    """A use that reads a file."""

    takes_input, word = True, "fill"


class Make(Speaks):
    """A use that makes something from nothing."""

    takes_input, word = False, "make"


class Both(ck.recipes.Composite):
    """A task with the uses that it is given."""

    name: ClassVar[str] = "both"
    summary: ClassVar[str] = "fill and make"
    Config: ClassVar[type] = ck.TaskConfig

    def __init__(self, *uses):
        super().__init__()
        self.given = uses

    def datasets(self):
        """Return nothing."""

    def build(self, spec):
        """Return nothing."""

    def uses(self):
        """Return those that were given."""
        return [use(self) for use in self.given]


def test_a_use_has_its_task_and_config():
    task = Both(Fill)
    (use,) = task.uses()
    assert use.task is task
    assert use.config is task.config


@pytest.mark.parametrize("uses", [(Fill, Make), (Make, Fill)])
def test_the_input_decides_which_use_predicts(uses):
    task = Both(*uses)
    assert not task.takes_input
    assert task.predict("model", "in.png", "out.png", "mask.png") == [
        *("fill", "model", "in.png", "out.png", "mask.png")
    ]
    assert task.predict("model", None, "out.png") == ["make", "model", None, "out.png", None]


def test_a_task_of_one_use_says_what_it_lacks():
    assert Both(Fill).takes_input
    with pytest.raises(ck.UserError, match="--task=both needs --input; received --input=None"):
        Both(Fill).predict("model", None, "out.png")
    with pytest.raises(ck.UserError, match="--task=both takes no --input; received --input=in.png"):
        Both(Make).predict("model", "in.png", "out.png")


def test_all_uses_are_judged_drawn_and_served_and_the_first_default_wins():
    task = Both(Make, Fill)
    assert [row[0] for row in task.judge("model", "split")] == ["make", "make", "fill", "fill"]
    assert list(task.draw("model", "split")) == ["make", "sheet", "fill"]
    served = task.signatures("model")
    assert served == {"serving_default": "make", "make": "model", "fill": "model"}


def test_a_use_lacks_nothing():
    class Half(ck.recipes.Use):
        """Only judged."""

        def judge(self, model, split):
            return []

    with pytest.raises(TypeError, match="draw"):
        Half(Both())


def test_the_uses_of_built_in_tasks_are_those_of_their_config():
    video = ck.registry.find("video")
    repair, synthesis, both = (
        video(video.Config.parse(settings)).uses()
        for settings in ([], ["goal=synthesis"], ["method=generator", "goal=repair"])
    )
    assert [use.takes_input for use in repair] == [True]
    assert [use.takes_input for use in synthesis] == [False]
    assert [use.takes_input for use in both] == [True, False]
    assert dataclasses.asdict(both[0].config) == dataclasses.asdict(both[1].config)
