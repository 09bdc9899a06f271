"""Super-resolution: enlarge an image two, three or four times."""

import dataclasses
from typing import ClassVar, final

import numpy as np

import coopkeras as ck

FACTORS = (2, 3, 4)
SMALLEST_SIZE = 20  # of an example: SSIM's window is 11 pixels, without 4 at each border
LEVELS = 255  # between black and white, in which consistency is told
WINDOW = 128  # pixels of a user's image that are enlarged at a time


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ImageRecoveryConfig):
    """Settings of super-resolution; the defaults are those of the embedded textures.

    Attributes:
        method: "coopnets", "generator" or "descriptor". The first is conditional: the generator
            proposes from the low-resolution image, the descriptor revises. The others are ABP,
            with inference from that image, and Langevin dynamics that keeps it true.
        factor: 2, 3 or 4, how many times larger; `size` is a multiple of it.
    """

    IMPLIED: ClassVar[dict] = {
        **ck.recipes.RecoveryConfig.IMPLIED,
        "factor": {3: {"size": 36}},
    }

    data: str = "samples:textures"
    factor: int = 2
    patches: bool = True
    generator_width: int = 48
    updates: int = 600
    warmup_share: float = 0.52
    descriptor_scale: float = 5e4
    descriptor_learning_rate: float = 7e-4
    relative_penalty: float = 1.0
    step_size: float = 0.01

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.factor in FACTORS, "factor", "2, 3 or 4")
        fits = self.size >= SMALLEST_SIZE and self.size % self.factor == 0
        self.require(fits, "size", f"a multiple of factor={self.factor}, {SMALLEST_SIZE} or more")


@final
class SuperResolution(ck.recipes.Recovery):
    """Learn to enlarge images; judge on held-out ones beside bicubic and Lanczos."""

    name: ClassVar[str] = "super_resolution"
    summary: ClassVar[str] = "enlarge an image two, three or four times"
    Config: ClassVar[type] = Config
    DRAWS = 4

    def observation(self):
        """Return the means over blocks of `factor` by `factor` pixels."""
        return ck.observation.Downsample(self.config.factor)

    def settings(self):
        """Return x2, x3 or x4."""
        return [f"x{self.config.factor}"]

    def network(self, spec):
        """Return a network that corrects the smoothed low-resolution image."""
        config = self.config
        return ck.networks.enlarging_generator(
            spec.shape, config.factor, config.latent_dim, config.generator_width
        )

    def confine(self, x, seen, observation):
        """Return the nearest values in [-1, 1] that are true to the low-resolution image."""
        return observation.confine(x, seen)

    def baselines(self, train):
        """Return bicubic and Lanczos enlargements of the low-resolution image.

        The last is no rival but the convention of published tables, where the low-resolution
        image is made by bicubic resizing too.
        """
        del train
        observation, factor = self.observation(), self.config.factor

        def enlarged(x, method="bicubic"):
            return _resized(observation(x).numpy(), factor, method)

        return {
            "bicubic": enlarged,
            "bicubic, made consistent": lambda x: observation.confine(
                enlarged(x), observation(x)
            ).numpy(),
            "lanczos": lambda x: enlarged(x, "lanczos"),
            "bicubic, both ways": lambda x: _resized(_resized(x, 1 / factor), factor),
        }

    def score(self, recovered, x, hidden, samples):
        """Return PSNR and SSIM of the luma, consistency, and what other recoveries have.

        A border of `factor` pixels does not count, except for consistency: the largest difference
        from the low-resolution image, in levels of 8 bits.
        """
        observation, inner = self.observation(), slice(self.config.factor, -self.config.factor)
        wrong = np.abs(observation(recovered) - observation(x)).max(axis=(1, 2, 3)) * LEVELS / 2
        made, truth = recovered[:, inner, inner], x[:, inner, inner]
        draws = None if samples is None else [one[:, inner, inner] for one in samples]
        lumas = ck.metrics.luma(made), ck.metrics.luma(truth)
        return {
            "psnr": (ck.metrics.psnr(*lumas), "dB", "higher"),
            "ssim": (ck.metrics.ssim(*lumas), "", "higher"),
            "consistency": (wrong.round(3), "levels", "lower"),
        } | {
            name: metric
            for name, metric in ck.metrics.of_recovery(made, truth, samples=draws).items()
            if name not in ("psnr", "ssim", "error")
        }

    def for_files(self, model):
        """Return the model for larger windows, with fewer borders, if it is the same everywhere."""
        side = self.config.factor * WINDOW
        fixed = self.config.method == "generator" or self.config.descriptor_form == "object"
        if fixed or side <= model.x_shape[0]:
            return model
        return ck.recipes.at_shape(self, model, (side, side, model.x_shape[-1]))

    def recovered_image(self, given, recover, shape):
        """Return an enlarged image; downsampling it gives back the input, bit for bit."""
        return ck.images.repair.enlarge(given.pixels, recover, shape, self.config.factor)


def _resized(x, scale, method="bicubic"):
    side = round(scale * x.shape[1])
    return np.stack([ck.images.resize(one, side, side, method) for one in x])
