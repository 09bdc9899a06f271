"""The settings of models and of tasks on images."""

import dataclasses
from typing import ClassVar

from coopkeras import data
from coopkeras.task import TaskConfig

METHODS = ("coopnets", "generator", "descriptor")


@dataclasses.dataclass(frozen=True)
class ModelConfig(TaskConfig):
    """Settings of descriptor, generator and CoopNets.

    Attributes:
        FORMS: those that the networks of a task may have.
        method: "coopnets", "generator" (ABP) or "descriptor" (maximum likelihood).
        latent_dim: length of z.
        generator_form: "object" (from one z) or "texture" (from a map of z, `latent_dim` channels),
            of a generator that is told nothing but z.
        generator_width: filters of the generator's finest layer; deeper ones have more.
        descriptor_width: filters of the descriptor's first layer; deeper ones have up to 4 times
            as many.
        descriptor_layers: convolutions of the descriptor; each sees twice as wide as that before.
        descriptor_form: "texture" (the same everywhere) or "object".
        descriptor_scale: factor of the descriptor's score, the inverse of a temperature: the
            larger, the more of a revision is drift and the less is noise. 0, which the syntheses
            know, is by the data, as `by_data` has it.
        reference_sigma: s of the descriptor, in units of x.
        steps: Langevin updates of a revision.
        step_size: noise of one update of a revision, in units of x; 0 as above.
        settle: updates without noise that end a sample of CoopNets, taking the last noise out,
            and that are all of an estimate's revision: each sharpens it, and costs PSNR.
        noise_sigma: sigma of the generator, in units of x; 0 as above.
        infer_steps: Langevin updates of an inference of z in learning.
        infer_step_size: noise of one update of an inference, in units of z.
        generator_rate: learning rate; it falls to 0 along a cosine. With a warm-up it falls by
            its end, to a 30th, and stays: then the descriptor must be the faster learner.
        descriptor_rate: learning rate of the descriptor; it falls to 0 along a cosine.
        observed_weight: share of the generator's lesson that is the observed example.
        warmup: share of the updates in which the generator of CoopNets learns alone, from the
            observed examples, before the two take turns.
        average: decay of the averaged weights of CoopNets.
        proposal_noise: noise that proposals of CoopNets get before they are revised, in units of x.
        penalty: weight of the mean squared score, where 1 holds the descriptor's score at
            about `descriptor_scale`.
    """

    FORMS: ClassVar[tuple] = ("texture", "object")

    method: str = "coopnets"
    latent_dim: int = 32
    generator_form: str = "object"
    generator_width: int = 64
    descriptor_width: int = 32
    descriptor_layers: int = 3
    descriptor_form: str = "texture"
    descriptor_scale: float = 1.0
    reference_sigma: float = 0.5
    steps: int = 10
    step_size: float = 0.03
    settle: int = 3
    noise_sigma: float = 0.3
    infer_steps: int = 1
    infer_step_size: float = 0.05
    generator_rate: float = 1e-3
    descriptor_rate: float = 3e-4
    observed_weight: float = 0.7
    warmup: float = 0.0
    average: float = 0.99
    proposal_noise: float = 0.0
    penalty: float = 0.0

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.method in METHODS, "method", f"one of {', '.join(METHODS)}")
        for name in ("generator_form", "descriptor_form"):
            self.require(getattr(self, name) in self.FORMS, name, " or ".join(self.FORMS))
        sizes = ("latent_dim", "generator_width", "descriptor_width", "descriptor_layers")
        for name in (*sizes, "steps", "infer_steps"):
            self.require(getattr(self, name) >= 1, name, "at least 1")
        positive = ("reference_sigma", "infer_step_size")
        for name in ("descriptor_scale", "step_size", "noise_sigma"):
            self.require(getattr(self, name) >= 0, name, "0 or more")
        for name in (*positive, "generator_rate", "descriptor_rate"):
            self.require(getattr(self, name) > 0, name, "greater than 0")
        self.require(0 <= self.observed_weight <= 1, "observed_weight", "between 0 and 1")
        self.require(0 <= self.warmup < 1, "warmup", "at least 0 and less than 1")
        self.require(0 <= self.average < 1, "average", "at least 0 and less than 1")
        for name in ("penalty", "settle", "proposal_noise"):
            self.require(getattr(self, name) >= 0, name, "0 or more")


@dataclasses.dataclass(frozen=True)
class ImageConfig(ModelConfig):
    """Settings of a task on pictures.

    Attributes:
        judged: number of held-out pictures to judge on.
        patches: cut patches at the pictures' own scale, as is always done with textures and a
            single picture; False resizes whole pictures.
        flip: learn from left-right mirrored pictures too.
    """

    judged: int = 400
    patches: bool = False
    flip: bool = False

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.judged >= 2, "judged", "at least 2")

    def at_own_scale(self):
        """Return whether patches are learned, and not whole pictures."""
        return self.patches or data.always_patches(self.data)
