"""Recoveries of hidden values: a hole is drawn for each example, from a description."""

import dataclasses

import tensorflow as tf

from coopkeras import images, seeds
from coopkeras.observation import Mask
from coopkeras.recipes.recovery import Recovery
from coopkeras.recipes.settings import RecoveryConfig, RecoveryFields

TRIES = 4  # holes that are drawn for an example of which a part is not known


@dataclasses.dataclass(frozen=True)
class HolesFields(RecoveryFields):
    """Settings of a recovery of hidden values, of whatever models.

    Attributes:
        holes: what is hidden in training; of several with commas each example draws one.
        judged_holes: what is hidden in judging, a part of the table each; by default `holes`.
    """

    holes: str = "square:12"
    judged_holes: str = ""

    def check_holes(self, parse, shape):
        """Raise a UserError unless all holes are understood and fit into an example.

        Args:
            parse: of the medium, such as `images.holes.parse`.
            shape: of one example.
        """
        for text in (self.holes, *self.judged_settings()):
            parse(text)(seeds.as_seed(0), shape)

    def judging(self):
        """Return the names of the settings that only judging reads."""
        return (*super().judging(), "judged_holes")

    def judged_settings(self):
        """Return what is hidden in judging, a list of descriptions."""
        return (self.judged_holes or self.holes).split(",")


@dataclasses.dataclass(frozen=True)
class HolesConfig(HolesFields, RecoveryConfig):
    """Settings of a recovery of hidden values."""


class HolesRecovery(Recovery):
    """A `Recovery` of hidden values; its Config derives from `HolesConfig`.

    Attributes:
        HOLES: module whose `draw` draws the holes of the medium.
    """

    HOLES = images.holes
    takes_mask = True

    def observation(self):
        """Return the mask of each example's own hole."""
        return Mask()

    def hide(self, setting, row_seeds, shape):
        """Return a hole for each example."""
        return {"visible": self.HOLES.draw(setting or self.config.holes, row_seeds, shape)}

    def hide_of(self, batch, row_seeds, shape):
        """Return a hole for each example; of one known in part, the draw most of which is known."""
        if "known" not in batch:
            return self.hide(None, row_seeds, shape)
        draws = [seeds.fold(row_seeds, number) for number in range(TRIES)]
        holes = tf.stack([~self.hide(None, one, shape)["visible"] for one in draws], axis=1)
        known = tf.math.count_nonzero(holes & batch["known"][:, None], axis=range(2, 4 + 1))
        share = known / tf.math.count_nonzero(holes, axis=range(2, 4 + 1))
        return {"visible": ~tf.gather(holes, tf.argmax(share, axis=1), batch_dims=1)}

    def settings(self):
        """Return the holes of judging."""
        return self.config.judged_settings()
