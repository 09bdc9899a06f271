"""Laws of recoveries of hidden values: holes are described, drawn by seeds, and fit."""

import dataclasses

import numpy as np
import pytest

import coopkeras as ck
from coopkeras.recipes import HolesConfig


@dataclasses.dataclass(frozen=True)
class Config(HolesConfig):
    """Holes in images of 16 by 16 pixels."""

    size: int = 16
    holes: str = "square:6"

    def __post_init__(self):
        """Check the holes."""
        super().__post_init__()
        self.check_holes(ck.images.holes.parse, (self.size, self.size, 1))


class Fill(ck.recipes.HolesRecovery):
    """A recovery of which only the holes are asked for."""

    name, summary, Config = "fill", "fill holes", Config

    def network(self, spec):
        """Return nothing."""

    def baselines(self, train):
        """Return none."""


def test_holes_of_judging_are_those_of_training_unless_others_are_given():
    assert Config(holes="square:6,square:4").judged_settings() == ["square:6", "square:4"]
    assert Config(judged_holes="square:3").judged_settings() == ["square:3"]
    assert "judged_holes" in Config().judging()


@pytest.mark.parametrize("setting", ["holes=square:40", "judged_holes=square:40", "holes=round:3"])
def test_holes_that_do_not_fit_are_refused(setting):
    with pytest.raises(ck.UserError) as caught:
        Config.parse([setting])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("setting", "side"), [(None, 6), ("square:3", 3)])
def test_each_row_hides_what_its_seed_says(setting, side):
    rows = ck.seeds.fold(ck.seeds.as_seed(0), np.arange(4))
    one, again = (Fill().hide(setting, rows, (16, 16, 1))["visible"].numpy() for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert (~one).sum(axis=(1, 2, 3)).tolist() == [side**2] * 4
    alone = Fill().hide(setting, rows[2:3], (16, 16, 1))["visible"]
    np.testing.assert_array_equal(one[2:3], alone)
