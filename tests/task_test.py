"""Settings are parsed by type, and tasks are found by name; what is wrong is said."""

import dataclasses

import numpy as np
import pytest

import coopkeras
from coopkeras import task as tasks
from coopkeras.errors import UserError


@dataclasses.dataclass(frozen=True)
class Config(coopkeras.TaskConfig):
    """One field of each type."""

    whole: int = 1
    real: float = 0.5
    maybe: float | None = None
    yes: bool = False
    word: str = "a"


# Settings ---------------------------------------------------------------------------------------


def test_settings_take_the_type_of_their_field():
    config = Config.parse(["whole=3", "real=1e-3", "maybe=2", "yes=true", "word=x=y"])
    assert (config.whole, config.real, config.maybe) == (3, 1e-3, 2.0)
    assert (config.yes, config.word) == (True, "x=y")
    assert Config.parse(["maybe=None"]).maybe is None
    assert Config.parse(["yes=0"]).yes is False


def test_a_flag_is_set_unless_it_was_not_given():
    config = Config.parse(["size=64"], data="photos/", seed=None)
    assert (config.data, config.seed, config.size) == ("photos/", 0, 64)


def test_changed_keeps_the_rest():
    config = Config.parse(["whole=3"]).changed(["word=b"], seed=4)
    assert (config.whole, config.word, config.seed) == (3, "b", 4)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("hole=3", "whole"),  # the known names are listed
        ("whole", "name=value"),
        ("whole=1.5", "`whole` should be of type int"),
        ("real=much", "`real` should be of type float"),
        ("yes=perhaps", "`yes` should be of type bool"),
        ("maybe=x", "float or NoneType"),
        ("size=8", "`size` should be at least 16; received 8"),
        ("updates=0", "`updates` should be at least 1"),
        ("channels=2", "`channels` should be 1, 3"),
        ("precision=half", "mixed_bfloat16"),
        ("minutes=-1", "`minutes` should be 0 or more; received -1"),
        ("minutes=inf", "`minutes` should be 0 or more; received inf"),
    ],
)
def test_a_wrong_setting_is_one_line_that_says_what_is_right(setting, said):
    with pytest.raises(UserError) as caught:
        Config.parse([setting])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_training_has_one_length():
    with pytest.raises(UserError, match="^`minutes` and `updates` both say how long") as caught:
        Config.parse(["minutes=2", "updates=9"])
    assert "\n" not in str(caught.value)
    assert Config.parse(["minutes=0", "updates=9"]).updates == 9
    assert Config.parse(["minutes=2"]).minutes == 2


@pytest.mark.parametrize("wrong", [{"whole": "3"}, {"whole": True}, {"word": 1}, {"yes": 1}])
def test_fields_are_checked_in_python_too(wrong):
    with pytest.raises(UserError, match="should be of type"):
        Config(**wrong)


def test_types_may_be_written_as_text(module):
    name = module(
        "lazily_typed",
        "from __future__ import annotations\nimport dataclasses\nimport coopkeras\n"
        "@dataclasses.dataclass(frozen=True)\nclass C(coopkeras.TaskConfig):\n    n: int = 1\n",
    )
    assert __import__(name).C.parse(["n=2"]).n == 2


# Rows -------------------------------------------------------------------------------------------


def test_a_row_holds_mean_and_spread():
    row = tasks.row(
        "ours",
        setting="M12",
        n=2,
        metrics={"psnr": ([1.0, 3.0], "dB", "higher"), "distance": (0.5, "", "lower")},
        variant="sample",
    )
    assert (row["method"], row["ours"], row["variant"], row["n"]) == ("ours", True, "sample", 2)
    told = {"unit": "dB", "better": "higher"}
    assert row["metrics"]["psnr"] == {"value": 2.0, "sd": 1.0, "se": pytest.approx(0.5**0.5)} | told
    assert row["metrics"]["distance"]["sd"] is row["metrics"]["distance"]["se"] is None
    assert "paired" not in row


def test_one_number_may_have_a_standard_error_and_a_target():
    ratio = (0.9, "", "higher", {"se": 0.02, "target": 1.0})
    alone = (0.9, "", "higher", {"se": float("nan"), "target": 1.0})
    row = tasks.row("ours", setting="", n=2, metrics={"ratio": ratio, "alone": alone})
    expected = {"value": 0.9, "sd": None, "se": 0.02, "unit": "", "better": "higher", "target": 1}
    assert row["metrics"] == {"ratio": expected, "alone": expected | {"se": None}}


def test_paired_differences_leave_out_what_makes_an_example_hard():
    hard = np.array([1.0, 5.0, 30.0])
    ours = {"error": (hard - [0.1, 0.2, 0.3], "", "lower"), "distance": (1.0, "", "lower")}
    proposals = {"error": (hard, "", "lower"), "distance": (2.0, "", "lower")}
    row = tasks.row("ours", setting="", n=3, metrics=ours, proposals=("proposed", proposals))
    (name,), (told,) = row["paired"].keys(), row["paired"].values()
    assert (name, told["to"]) == ("error", "proposed")
    assert told["difference"] == pytest.approx(-0.2)
    assert told["se"] == pytest.approx(np.std([0.1, 0.2, 0.3]) / 3**0.5)
    assert told["se"] < row["metrics"]["error"]["se"] / 50
