"""Inpainting: fill the hole of an image."""

import dataclasses
import functools
from typing import ClassVar, final

import coopkeras as ck

FITTED = 20000  # images at most that the baselines are fitted to; fewer of large ones

COMPONENTS = 512  # of the Gaussian that may fill what is hidden, at most


@dataclasses.dataclass(frozen=True)
class Config(
    ck.recipes.HolesFields,
    ck.recipes.OneImageFields,
    ck.recipes.ImageRecoveryFields,
    ck.recipes.ProposalConfig,
):
    """Settings of inpainting; the defaults are those of the embedded textures.

    Attributes:
        method: "coopnets", "generator" or "descriptor". The first is conditional: the generator
            proposes from the visible pixels, the descriptor revises. The others are ABP, with
            inference on the visible pixels, and Langevin dynamics with these pinned.
        holes: what is hidden in training: square:12, blocks:0.5, strokes:0.3 or mixed. Of several
            with commas each image draws one; see `images.holes.parse`.
    """

    data: str = "samples:textures"
    updates: int = 160

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
        """Return a network that corrects fills: smooth, a Gaussian's, by their own spectrum."""
        return ck.networks.recovery_generator(
            spec.shape,
            self.config.latent_dim,
            ck.recipes.encoder_widths(self.config.width, spec.shape),
            smooth_fill=True,
            components=min(COMPONENTS, spec.count // 4),
            spectral_fill=True,
        )

    def baselines(self, train):
        """Return the mean image, biharmonic, conditional Gaussians, and rivals if installed."""
        return _fitted(train)


@functools.lru_cache(maxsize=1)  # judging and drawing ask for the same
def _fitted(train):
    count = min(FITTED, ck.images.gaussian.examples_needed(train.shape))
    fitted = ck.images.baselines.inpaint_baselines(train.take(count, seed=1).array())
    return fitted | ck.images.rivals.rivals()
