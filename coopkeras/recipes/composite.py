"""Composite: one trained model with several uses."""

import abc
import typing

from coopkeras.errors import UserError
from coopkeras.task import Task


class Use(abc.ABC):
    """One use of a composite's model; its members are those of a `Task`.

    Attributes:
        takes_input: whether its `predict` reads a user's file.

    Args:
        task: the `Composite` that it belongs to.
    """

    takes_input: typing.ClassVar[bool]

    def __init__(self, task):
        self.task, self.config = task, task.config

    @abc.abstractmethod
    def judge(self, model, split):
        """Return its rows of results.json."""

    @abc.abstractmethod
    def draw(self, model, split):
        """Return what there is to see and hear of it, by caption."""

    @abc.abstractmethod
    def predict(self, model, input_path, output_path, mask_path=None):
        """Write what it makes; return the list of files written."""

    @abc.abstractmethod
    def signatures(self, model):
        """Return what it serves."""


class Composite(Task):
    """A task with several uses of one model: all judged, drawn and served, one on a user's file.

    A subclass gives `datasets`, `build` and `uses`, most important use first.
    """

    @abc.abstractmethod
    def uses(self):
        """Return the list of uses."""

    @property
    def takes_input(self):
        """Return whether predict needs a file to read."""
        return all(use.takes_input for use in self.uses())

    @property
    def takes_mask(self):
        """Return whether predict needs a mask."""
        return self.takes_input and any(getattr(use, "takes_mask", False) for use in self.uses())

    def judge(self, model, split):
        """Return the rows of all uses."""
        return [row for use in self.uses() for row in use.judge(model, split)]

    def draw(self, model, split):
        """Return what all uses draw."""
        return {name: one for use in self.uses() for name, one in use.draw(model, split).items()}

    def predict(self, model, input_path, output_path, mask_path=None):
        """Let the use that takes a file, or the one that takes none, write what it makes."""
        for use in self.uses():
            if use.takes_input == bool(input_path):
                return use.predict(model, input_path, output_path, mask_path)
        raise UserError(
            f"This model of --task={self.name} {'needs' if self.takes_input else 'takes no'} "
            f"--input; received --input={input_path}."
        )

    def signatures(self, model):
        """Return what all uses serve; the default is that of the first use."""
        served = {}
        for use in self.uses():
            served = use.signatures(model) | served
        return served
