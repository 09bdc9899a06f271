"""Inpainting: fill the hole of an image."""

import dataclasses
import functools
from typing import ClassVar, final

import coopkeras as ck

FITTED = 20000  # images at most that the baselines are fitted to; fewer of large ones


@dataclasses.dataclass(frozen=True)
class Config(
    ck.recipes.HolesFields,
    ck.recipes.OneImageFields,
    ck.recipes.ImageFields,
    ck.recipes.ProposalConfig,
):
    """Settings of inpainting; the defaults are those of the embedded textures.

    Attributes:
        method: "coopnets" (conditional: the generator proposes from the visible pixels, the
            descriptor revises), "generator" (ABP, inference on the visible pixels) or
            "descriptor" (Langevin dynamics with the visible pixels pinned).
        holes: such as square:12; see `images.holes.parse`.
    """

    data: str = "samples:textures"
    updates: int = 440

    def __post_init__(self):
        """Check that the holes fit."""
        super().__post_init__()
        self.check_holes(ck.images.holes.parse, (self.size, self.size, 1))


@final
class Inpaint(ck.recipes.HolesRecovery):
    """Learn to fill holes; judge on held-out images beside baselines and rivals."""

    name: ClassVar[str] = "inpaint"
    summary: ClassVar[str] = "fill the hole of an image"
    completes: ClassVar[bool] = True
    Config: ClassVar[type] = Config

    @classmethod
    def config_of_file(cls, path, mask_path, output_path, settings, **flags):
        """Return the config to learn from what is known of an image."""
        of_file = ck.recipes.one_image.config_of_file
        return of_file(cls.Config, path, mask_path, output_path, settings, **flags)

    def examples(self):
        """Return images, or patches of the one image that is known in part."""
        one = self.config.mask
        return ck.recipes.one_image.examples(self.config) if one else super().examples()

    def named(self, setting):
        """Return M12 for a square of 12 pixels."""
        return setting.replace("square:", "M")

    def network(self, spec):
        """Return a network that fills holes; one of patches corrects a smooth fill."""
        config, widths = (
            self.config,
            ck.recipes.encoder_widths(self.config.width, spec.shape),
        )
        smooth = config.at_own_scale()
        return ck.networks.recovery_generator(
            spec.shape, config.latent_dim, widths, smooth_fill=smooth
        )

    def baselines(self, train):
        """Return the mean image, biharmonic, conditional Gaussians, and rivals if installed."""
        return _fitted(train)


@functools.lru_cache(maxsize=1)  # judging and drawing ask for the same
def _fitted(train):
    count = min(FITTED, ck.images.gaussian.examples_needed(train.shape))
    fitted = ck.images.baselines.inpaint_baselines(train.take(count, seed=1).array())
    return fitted | ck.images.rivals.rivals()
