"""What --help shows of a task: every setting that is read, once, in its group, in a line or two."""

import dataclasses
import re
from typing import ClassVar

import pytest
import toy

import coopkeras as ck
from coopkeras.errors import UserError
from coopkeras.jobs import settings


@dataclasses.dataclass(frozen=True)
class Config(toy.Config):
    """Settings of a toy with more.

    Attributes:
        width: of the networks,
            in filters. More is said of it here.
        speed: not too fast.
        plots: what is drawn in judging.
        copies: results that predict writes.

    Example:
        >>> Config(width=3)
    """

    EXPERT: ClassVar[tuple] = ("speed",)

    width: int = 4
    speed: float = 1e-3
    plots: bool = True
    copies: int = 1

    def unread(self):
        """Return a setting that wide networks do not read."""
        return {"batch_size": "width=9"} if self.width == 9 else {}

    def judging(self):
        """Return what judging reads."""
        return ("plots",)

    def predicting(self):
        """Return what predict reads."""
        return ("copies",)


class More(ck.Task):
    """A toy with more settings."""

    name, summary, Config = "more", "pictures", Config


def listing(*given, expert=False):
    """The lines of a task's help by the name that each begins with."""
    text = settings.listing(More, Config.parse(given), expert)
    names = {field.name for field in dataclasses.fields(Config)}
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    return {line.split()[0]: line for line in lines if line.split()[0] in names}


def test_meanings_are_first_sentences_of_the_nearest_class():
    meanings = settings.meanings(Config)
    assert meanings["width"] == "of the networks, in filters"
    assert meanings["data"] == "not used: the pictures are made here"  # not that of all tasks
    assert meanings["seed"] == "every random number is derived from it"
    assert set(meanings) == {field.name for field in dataclasses.fields(Config)}


def test_a_line_has_name_value_and_meaning():
    assert listing()["width"].split(maxsplit=2) == ["width", "4", "of the networks, in filters"]
    assert listing()["plots"].split()[1] == "true"
    assert listing("width=7")["width"].split()[1] == "7"


def test_settings_stand_in_the_group_of_what_reads_them():
    config = Config()
    assert settings.names(config, "judging") == ["plots"]
    assert settings.names(config, "predict") == ["copies"]
    assert {"data", "seed", "width"} <= set(settings.names(config, "learning"))


def test_experts_see_more():
    hidden = {"speed", "log_every", "precision"}
    assert not hidden & listing().keys()
    assert listing(expert=True).keys() == listing().keys() | hidden
    assert "3 more for experts: --help=expert" in settings.listing(More, Config())
    assert "experts" not in settings.listing(More, Config(), expert=True)


def test_what_is_not_read_is_named_with_its_reason():
    assert "batch_size" in listing()
    assert "batch_size" not in listing("width=9", expert=True)
    assert "not read with width=9: batch_size" in settings.listing(More, Config(width=9))


def test_a_narrow_terminal_gets_narrow_lines(monkeypatch):
    for columns in (70, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        text = settings.listing(toy.Toy, toy.Config(), expert=True)
        assert max(map(len, text.splitlines())) <= columns


def test_a_task_explains_itself_given_other_settings(capsys):
    settings.explain("toy", plugins=["toy"], given=["size=64"], flags={"seed": 3, "data": None})
    out = capsys.readouterr().out
    assert out.startswith(f"toy: {toy.Toy.summary}\n")
    assert re.search(r"^  size +64 ", out, re.M)
    assert re.search(r"^  seed +3 ", out, re.M)
    with pytest.raises(UserError, match="did you mean 'size'"):
        settings.explain("toy", plugins=["toy"], given=["sze=64"])
