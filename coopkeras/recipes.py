"""What the built-in tasks share: settings, pictures, and the models made from them."""

import dataclasses
import math
from typing import ClassVar

import keras
import tensorflow as tf

from coopkeras import data, networks
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.task import TaskConfig

SCALE_BY_VALUE = 65.0
STEP_BY_DEVIATION = 1 / 22
NOISE_BY_DEVIATION = 1 / 3
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
class PictureConfig(ModelConfig):
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


def pictures(config, size=None):
    """Return pictures to learn from and `judged` held-out ones, a `data.Split`.

    Args:
        config: a `PictureConfig`.
        size: side of an example, pixels; by default the config's.
    """
    split = data.split(
        config.data,
        size=size or config.size,
        channels=config.channels or None,
        crop="patches" if config.patches else "centre",
        held_out=config.held_out or None,
    )
    train = split.train.flip() if config.flip else split.train
    return data.Split(train, split.held_out.take(config.judged, seed=0))


def by_data(config, shape, deviation, noise=1.0):
    """Return the config with what is 0 by the data: step size, descriptor's scale, sigma.

        step_size = r d / 22,   descriptor_scale = 65 n / r^2,   noise_sigma = d / 3

    for n values of an example, d their deviation, r the noise. Then noise and drift are in
    proportion to what is learned: with a score that tells revised from observed by 1, 12 updates
    move a value by about d / 2 (measured on textures, d from 0.2 to 0.5), whatever r is.

    Args:
        config: a `ModelConfig`.
        shape: of one example.
        deviation: standard deviation of the values of the examples, `Task.deviation`.
        noise: r, less than 1 for what should have less grain than a texture.
    """
    scale = SCALE_BY_VALUE * math.prod(shape) / noise**2
    return dataclasses.replace(
        config,
        step_size=config.step_size or noise * STEP_BY_DEVIATION * deviation,
        descriptor_scale=config.descriptor_scale or scale,
        noise_sigma=config.noise_sigma or NOISE_BY_DEVIATION * deviation,
    )


def coopnets(
    config, shape, network, descriptor_network=None, num_examples=None, kind=Generator, **more
):
    """Return a compiled `CoopNets` with the generator's `network`.

    `descriptor_network` is by default the texture or object network that the settings ask for;
    of `num_examples` examples, if given, the generator, a `kind` of one, keeps z.
    """
    model = CoopNets(
        _descriptor(config, shape, descriptor_network, start="data"),
        _generator(config, network, kind, num_examples=num_examples),
        observed_weight=config.observed_weight,
        warmup=_warmup(config),
        average=config.average,
        proposal_noise=config.proposal_noise,
        seed=config.seed,
        **more,
    )
    together = config.updates - _warmup(config)
    model.compile(
        _optimizer(config.descriptor_rate, together, 1.0),
        _optimizer(config.generator_rate, _warmup(config), alpha=1 / 30)
        if _warmup(config)
        else _optimizer(config.generator_rate, config.updates),
    )
    return model


def generator(config, network, kind=Generator, **more):
    """Return a compiled `Generator`, or a `kind` of one."""
    model = _generator(config, network, kind, **more)
    model.compile(_optimizer(config.generator_rate, config.updates))
    return model


def descriptor(config, shape, descriptor_network=None, **more):
    """Return a compiled `Descriptor`; its network as for `coopnets`."""
    model = _descriptor(config, shape, descriptor_network, **more)
    model.compile(_optimizer(config.descriptor_rate, config.updates, 1.0))
    return model


def generator_network(config, shape, doublings=None, classes=0):
    """Return a network z -> x.

    Args:
        config: a `ModelConfig`.
        shape: of one example.
        doublings: how often the sides (of a clip, of a frame) double; by default as often as
            they do from about 4 pixels.
        classes: number of classes of which it is told one.
    """
    doublings = doublings or max(2, (max(shape[-3:-1]) - 1).bit_length() - 2)
    widths = [config.generator_width * min(4, 2**level) for level in range(doublings - 1)]
    form = config.generator_form
    return networks.generator(shape, config.latent_dim, widths[::-1], form, classes=classes)


def energy_signature(model, shape):
    """Return the served function `x [batch, *shape] -> {"energy": [batch]}`."""
    part = model.averaged_descriptor if isinstance(model, CoopNets) else model
    spec = tf.TensorSpec([None, *shape], tf.float32, "x")

    @tf.function(input_signature=[spec])
    def energy(x):
        return {"energy": part.energy(tf.ensure_shape(x, spec.shape))}

    return energy


def _descriptor(config, shape, network, **more):
    for name in ("descriptor_scale", "step_size"):
        config.require(getattr(config, name) > 0, name, "greater than 0")
    if network is None:
        levels = range(config.descriptor_layers)
        channels = [config.descriptor_width * min(4, 2**level) for level in levels]
        network = networks.descriptor(
            shape, channels, config.descriptor_form, scale=config.descriptor_scale
        )
    return Descriptor(
        network,
        reference_sigma=config.reference_sigma,
        steps=config.steps,
        step_size=config.step_size,
        penalty=config.penalty / config.descriptor_scale,
        seed=config.seed,
        **more,
    )


def _generator(config, network, kind=Generator, **more):
    config.require(config.noise_sigma > 0, "noise_sigma", "greater than 0")
    return kind(
        network,
        noise_sigma=config.noise_sigma,
        steps=config.infer_steps,
        step_size=config.infer_step_size,
        seed=config.seed,
        **more,
    )


def _optimizer(rate, updates, clipnorm=None, alpha=0.0):
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates, alpha=alpha)
    return keras.optimizers.Adam(schedule, beta_1=0.5, clipnorm=clipnorm)


def _warmup(config):
    return int(config.warmup * config.updates)
