"""The settings of models, of tasks on images and of recoveries."""

import dataclasses
from typing import ClassVar

from coopkeras import data
from coopkeras.task import TaskConfig


@dataclasses.dataclass(frozen=True)
class ModelConfig(TaskConfig):
    """Settings of descriptor, generator and CoopNets.

    Attributes:
        FORMS: those that the networks of a task may have.
        METHODS: those that a task has.
        READ_BY: the methods that read a setting, where not all do.
        method: "coopnets", "generator" (ABP) or "descriptor" (maximum likelihood).
        latent_dim: length of z.
        generator_form: "object" (from one z) or "texture" (from a map of z, `latent_dim`
            channels), of a generator without a condition.
        generator_width: filters of the generator's finest layer; deeper ones have more.
        descriptor_width: filters of the descriptor's first layer; deeper ones have up to 4 times
            as many.
        descriptor_layers: convolutions of the descriptor; each sees twice as wide as that before.
        descriptor_form: "texture" (the same everywhere) or "object".
        descriptor_scale: factor of the descriptor's score, the inverse of a temperature: the
            larger, the more of a revision is drift and the less is noise. 0 derives it from the
            data, where a task does so; see `derive`.
        reference: s of the descriptor, in units of x.
        steps: Langevin updates of a revision.
        step_size: noise of one update of a revision, in units of x; 0 derives it from the data.
        denoise_steps: updates without noise that end a sample of CoopNets, and that are all of an
            estimate's revision: each sharpens it, and costs PSNR.
        noise_sigma: sigma of the generator, in units of x; 0 derives it from the data.
        infer_steps: Langevin updates of an inference of z in learning.
        infer_step_size: noise of one update of an inference, in units of z.
        generator_learning_rate: of the generator; it falls to 0 along a cosine. With a warm-up it
            falls by its end, to a 30th, and stays: then the descriptor must be the faster learner.
        descriptor_learning_rate: of the descriptor; it falls to 0 along a cosine.
        observed_weight: share of the generator's lesson that is the observed example.
        warmup_share: share of the updates in which the generator of CoopNets learns alone, from
            the observed examples, before the two take turns.
        ema: decay of the exponential moving averages of the weights of CoopNets.
        proposal_noise: noise added to proposals of CoopNets before their revision, in units of x.
        relative_penalty: weight of the mean squared score, times `descriptor_scale`: 1 holds the
            score at about that scale.
    """

    FORMS: ClassVar[tuple] = ("texture", "object")
    METHODS: ClassVar[tuple] = ("coopnets", "generator", "descriptor")
    READ_BY: ClassVar[dict] = {
        **dict.fromkeys(
            (
                "latent_dim",
                "generator_form",
                "generator_width",
                "noise_sigma",
                "infer_steps",
                "infer_step_size",
                "generator_learning_rate",
            ),
            ("coopnets", "generator"),
        ),
        **dict.fromkeys(
            (
                "descriptor_width",
                "descriptor_layers",
                "descriptor_form",
                "descriptor_scale",
                "reference",
                "steps",
                "step_size",
                "descriptor_learning_rate",
                "relative_penalty",
            ),
            ("coopnets", "descriptor"),
        ),
        **dict.fromkeys(
            ("denoise_steps", "observed_weight", "warmup_share", "ema", "proposal_noise"),
            ("coopnets",),
        ),
    }
    EXPERT: ClassVar[tuple] = tuple(sorted(READ_BY.keys() - {"generator_width"}))

    method: str = "coopnets"
    latent_dim: int = 32
    generator_form: str = "object"
    generator_width: int = 64
    descriptor_width: int = 32
    descriptor_layers: int = 3
    descriptor_form: str = "texture"
    descriptor_scale: float = 1.0
    reference: float = 0.5
    steps: int = 10
    step_size: float = 0.03
    denoise_steps: int = 3
    noise_sigma: float = 0.3
    infer_steps: int = 1
    infer_step_size: float = 0.05
    generator_learning_rate: float = 1e-3
    descriptor_learning_rate: float = 3e-4
    observed_weight: float = 0.7
    warmup_share: float = 0.0
    ema: float = 0.99
    proposal_noise: float = 0.0
    relative_penalty: float = 0.0

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.method in self.METHODS, "method", f"one of {', '.join(self.METHODS)}")
        for name in ("generator_form", "descriptor_form"):
            self.require(getattr(self, name) in self.FORMS, name, " or ".join(self.FORMS))
        sizes = ("latent_dim", "generator_width", "descriptor_width", "descriptor_layers")
        self.at_least(**dict.fromkeys((*sizes, "steps", "infer_steps"), 1))
        self.at_least(descriptor_scale=0, step_size=0, noise_sigma=0)
        rates = ("generator_learning_rate", "descriptor_learning_rate")
        for name in ("reference", "infer_step_size", *rates):
            self.require(getattr(self, name) > 0, name, "greater than 0")
        self.require(0 <= self.observed_weight <= 1, "observed_weight", "between 0 and 1")
        for name in ("warmup_share", "ema"):
            self.require(0 <= getattr(self, name) < 1, name, "at least 0 and less than 1")
        self.at_least(relative_penalty=0, denoise_steps=0, proposal_noise=0)

    def unread(self):
        """Return the settings that the method does not read."""
        names = [name for name, methods in self.READ_BY.items() if self.method not in methods]
        return super().unread() | dict.fromkeys(names, f"method={self.method}")


@dataclasses.dataclass(frozen=True)
class ImageFields(TaskConfig):
    """Settings of a task on images, of whatever models.

    Attributes:
        judged: number of held-out images to judge on.
        patches: learn patches at the images' own scale, not whole images, resized. It is always so
            with textures and a single image.
        mirror: learn from left-right mirrored images too.
    """

    judged: int = 400
    patches: bool = False
    mirror: bool = False

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.at_least(judged=2)

    def judging(self):
        """Return the names of the settings that only judging reads."""
        return (*super().judging(), "judged")

    def at_own_scale(self):
        """Return whether patches are learned, and not whole images."""
        return self.patches or data.always_patches(self.data)


@dataclasses.dataclass(frozen=True)
class ImageConfig(ImageFields, ModelConfig):
    """Settings of a task on images."""


@dataclasses.dataclass(frozen=True)
class SynthesisConfig(ModelConfig):
    """Settings of a synthesis whose samples are drawn otherwise than in learning.

    Attributes:
        sampling_steps: Langevin updates of a sample; 0 is those of a revision in learning.
        denoise_step_share: step size of the `denoise_steps` that end a sample of CoopNets, as a
            share of `step_size`.
    """

    EXPERT: ClassVar[tuple] = ("sampling_steps", "denoise_step_share")
    READ_BY: ClassVar[dict] = {
        **ModelConfig.READ_BY,
        "sampling_steps": ("coopnets", "descriptor"),
        "denoise_step_share": ("coopnets",),
    }

    sampling_steps: int = 0
    denoise_step_share: float = 1.0

    def __post_init__(self):
        """Check the settings of sampling."""
        super().__post_init__()
        self.at_least(sampling_steps=0)
        self.require(self.denoise_step_share > 0, "denoise_step_share", "greater than 0")

    def predicting(self):
        """Return the names of the settings that predict reads."""
        return (*super().predicting(), "sampling_steps", "denoise_step_share")


@dataclasses.dataclass(frozen=True)
class RecoveryFields(TaskConfig):
    """Settings of a recovery, of whatever models.

    Attributes:
        samples: results that `--mode=predict` writes, each a draw; 0 writes the estimate.
        temperature: of these draws: 1 draws fair samples, less cleaner ones, 0 the estimate. It
            scales the variance of what is drawn; the estimate of `samples=0` has none.
    """

    samples: int = 0
    temperature: float = 1.0

    def __post_init__(self):
        """Check what is drawn."""
        super().__post_init__()
        self.at_least(samples=0, temperature=0)

    def conditional(self):
        """Return whether the generator is conditioned on what is seen."""
        return self.method == "coopnets"

    def hides(self):
        """Return whether learning hides a part of x; a generator alone learns from all of it."""
        return self.method != "generator"

    def predicting(self):
        """Return the names of the settings that predict reads."""
        return (*super().predicting(), "samples", "temperature")


@dataclasses.dataclass(frozen=True)
class RecoveryConfig(RecoveryFields, ModelConfig):
    """Settings of a recovery; the estimate and samples of every method."""

    IMPLIED: ClassVar[dict] = {
        "method": {
            "generator": {"latent_dim": 100, "infer_steps": 10, "infer_step_size": 0.1},
            "descriptor": {
                "steps": 30,
                "relative_penalty": 0.0,
                "descriptor_learning_rate": 3e-4,
            },
        }
    }

    def unread(self):
        """Return the settings that are not read: a conditional network has a form of its own."""
        form = {"generator_form": "a conditional generator"} if self.conditional() else {}
        return super().unread() | form


@dataclasses.dataclass(frozen=True)
class ImageRecoveryFields(RecoveryFields, ImageFields):
    """Settings of a recovery of images, of whatever models.

    Attributes:
        uncertainty: beside the result, `--mode=predict` writes how much draws differ, an image. It
            is the standard deviation of 8 draws at temperature 1, white where it is half of the
            range or more, black where all agree.
    """

    uncertainty: bool = False

    def predicting(self):
        """Return the names of the settings that predict reads."""
        return (*super().predicting(), "uncertainty")


@dataclasses.dataclass(frozen=True)
class ImageRecoveryConfig(ImageRecoveryFields, RecoveryConfig, ImageConfig):
    """Settings of a recovery of images."""


@dataclasses.dataclass(frozen=True)
class ProposalConfig(RecoveryFields):
    """Settings of a recovery whose descriptor revises about proposals; the rest is derived.

    Attributes:
        METHODS: those that a task has.
        READ_BY: the methods that read a setting, where not all do.
        method: "coopnets", "generator" (ABP) or "descriptor" (maximum likelihood).
        latent_dim: length of z.
        width: filters of the generator's finest layer; those of the descriptor are half as many.
        levels: levels of noise of a revision, an update each.
        descriptor_updates: updates of the descriptor for one of the generator; 0 is a regression.
        learning_rate: of both models; it falls to 0 along a cosine.
    """

    EXPERT: ClassVar[tuple] = ("latent_dim", "levels", "descriptor_updates", "learning_rate")
    METHODS: ClassVar[tuple] = ModelConfig.METHODS
    IMPLIED: ClassVar[dict] = {"method": {"generator": {"latent_dim": 100}}}
    READ_BY: ClassVar[dict] = {
        **dict.fromkeys(("latent_dim", "width"), ("coopnets", "generator")),
        **dict.fromkeys(("levels", "descriptor_updates", "learning_rate"), ("coopnets",)),
    }

    method: str = "coopnets"
    latent_dim: int = 32
    width: int = 64
    levels: int = 10
    descriptor_updates: int = 16
    learning_rate: float = 2e-3

    def __post_init__(self):
        """Check the settings of the models."""
        super().__post_init__()
        self.require(self.method in self.METHODS, "method", f"one of {', '.join(self.METHODS)}")
        self.at_least(latent_dim=1, width=2, levels=2, descriptor_updates=0)
        self.require(self.learning_rate > 0, "learning_rate", "greater than 0")

    def unread(self):
        """Return the settings that the method does not read."""
        names = [name for name, methods in self.READ_BY.items() if self.method not in methods]
        return super().unread() | dict.fromkeys(names, f"method={self.method}")

    def alone(self):
        """Return the `RecoveryConfig` of a generator or descriptor that learns alone."""
        names = [field.name for field in dataclasses.fields(RecoveryFields)]
        values = {name: getattr(self, name) for name in (*names, "method", "latent_dim")}
        if self.method == "generator":
            values["generator_width"] = self.width
        return RecoveryConfig(**RecoveryConfig.implied(values) | values)
