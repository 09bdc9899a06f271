"""The models of the built-in tasks, made and compiled from their settings."""

import dataclasses
import math

import keras
import numpy as np

from coopkeras import data, networks
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import SCALE_BY_VALUE, STEP_BY_DEVIATION, Descriptor
from coopkeras.generator import NOISE_BY_DEVIATION, Generator


def images(config, size=None):
    """Return images to learn from and `judged` held-out ones, a `data.Split`.

    Args:
        config: an `ImageConfig`.
        size: side of an example, pixels; by default the config's.
    """
    split = data.split(
        config.data,
        size=size or config.size,
        channels=config.channels or None,
        crop="patches" if config.patches else "centre",
        held_out=config.held_out or None,
    )
    train = split.train.mirror() if config.mirror else split.train
    return data.Split(train, split.held_out.take(config.judged, seed=0))


def derive(config, spec, noise=1.0):
    """Return the config with what is 0 derived from the data: step size, scale, sigma.

        step_size = r d / 22,   descriptor_scale = 65 n / r^2,   noise_sigma = d / 3

    for n values of an example, d their deviation, r the noise. Then noise and drift are in
    proportion to what is learned: with a score that tells revised from observed by 1, 12 updates
    move a value by about d / 2 (measured on textures, d from 0.2 to 0.5), whatever r is.

    Args:
        config: a `ModelConfig`.
        spec: the `task.DataSpec` of the examples.
        noise: r, less than 1 for what should have less grain than a texture.
    """
    scale = SCALE_BY_VALUE * math.prod(spec.shape) / noise**2
    return dataclasses.replace(
        config,
        step_size=config.step_size or noise * STEP_BY_DEVIATION * spec.deviation,
        descriptor_scale=config.descriptor_scale or scale,
        noise_sigma=config.noise_sigma or NOISE_BY_DEVIATION * spec.deviation,
    )


def model(
    config,
    shape,
    network,
    *,
    descriptor_network=None,
    observation=None,
    prior=None,
    start="persistent",
    num_examples=None,
    keeps_z=False,
):
    """Return the compiled model of `config.method`.

    Args:
        config: a `ModelConfig`.
        shape: of one example.
        network: function that makes the generator's network; not called for a descriptor.
        descriptor_network: by default the network that the settings ask for.
        observation: what is seen of x, for conditional CoopNets and the chains of a descriptor.
        prior: of the generator's z; by default N(0, I).
        start: of the chains of a descriptor without a generator.
        num_examples: number of examples of which a generator keeps z.
        keeps_z: whether the generator of CoopNets does so too.
    """
    if config.method == "descriptor":
        chains = {"start": start, "num_chains": config.batch_size, "observation": observation}
        return descriptor(config, shape, descriptor_network, **chains)
    more = {"prior": prior, "num_examples": num_examples}
    if config.method == "generator":
        return generator(config, network(), **more)
    more["num_examples"] = num_examples if keeps_z else None
    return coopnets(config, shape, network(), descriptor_network, observation, **more)


def coopnets(config, shape, network, descriptor_network=None, observation=None, **more):
    """Return a compiled `CoopNets` with the generator's `network`; `more` is the generator's."""
    warmup = int(config.warmup_share * config.updates)
    model = CoopNets(
        _descriptor(config, shape, descriptor_network, start="data"),
        _generator(config, network, **more),
        observation=observation,
        observed_weight=config.observed_weight,
        warmup_updates=warmup,
        ema=config.ema,
        proposal_noise=config.proposal_noise,
        seed=config.seed,
    )
    rate = config.generator_learning_rate
    model.compile(
        _optimizer(config.descriptor_learning_rate, config.updates - warmup, 1.0),
        _optimizer(rate, warmup, alpha=1 / 30) if warmup else _optimizer(rate, config.updates),
    )
    return model


def generator(config, network, **more):
    """Return a compiled `Generator`."""
    model = _generator(config, network, **more)
    model.compile(_optimizer(config.generator_learning_rate, config.updates))
    return model


def descriptor(config, shape, descriptor_network=None, **more):
    """Return a compiled `Descriptor`, by default with the network that the settings ask for."""
    model = _descriptor(config, shape, descriptor_network, **more)
    model.compile(_optimizer(config.descriptor_learning_rate, config.updates, 1.0))
    return model


def generator_network(config, shape, doublings=None, classes=(), scene=None):
    """Return a network z -> x.

    Args:
        config: a `ModelConfig`.
        shape: of one example.
        doublings: how often the sides (of a clip, of a frame) double; by default as often as
            they do from about 4 pixels.
        classes: names of the classes on which it is conditioned.
        scene: frame `[height, width, c]` that a dynamic one shows from the start.
    """
    doublings = doublings or max(2, (max(shape[-3:-1]) - 1).bit_length() - 2)
    widths = [config.generator_width * min(4, 2**level) for level in range(doublings - 1)]
    form = config.generator_form
    network = networks.generator(shape, config.latent_dim, widths[::-1], form, classes=classes)
    if scene is not None and form == "dynamic":
        network.get_layer("scene").show(np.clip(scene, -0.95, 0.95))
    return network


def encoder_widths(width, shape, most=2):
    """Return the filters of each halving of an encoder, fine first, down to about 4 pixels.

    Args:
        width: of the finest.
        shape: of one example; of a clip, its frames count.
        most: deeper ones have up to so many times as many.

    Example:
        >>> encoder_widths(16, (32, 32, 1))
        [16, 32, 32]
    """
    halvings = max(2, min(shape[-3:-1]).bit_length() - 3)
    return [width * min(most, 2**level) for level in range(halvings)]


def as_learned(config, model):
    """Return the config with what was derived from the data as it is in a model.

    Args:
        config: a `ModelConfig`.
        model: the model of its method.
    """
    found = {}
    descriptor, generator = parts(model)
    if descriptor is not None:
        scale = getattr(descriptor.network.layers[-1], "scale", config.descriptor_scale)
        found = {"step_size": descriptor.step_size, "descriptor_scale": scale}
    if generator is not None:
        found["noise_sigma"] = generator.noise_sigma
    return dataclasses.replace(config, **found)


def parts(model):
    """Return (descriptor, generator) that draw, those of CoopNets averaged; None for none."""
    if isinstance(model, CoopNets):
        return model.ema_descriptor, model.ema_generator
    return (None, model) if isinstance(model, Generator) else (model, None)


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
        reference=config.reference,
        steps=config.steps,
        step_size=config.step_size,
        penalty=config.relative_penalty / config.descriptor_scale,
        seed=config.seed,
        **more,
    )


def _generator(config, network, **more):
    config.require(config.noise_sigma > 0, "noise_sigma", "greater than 0")
    return Generator(
        network,
        noise_sigma=config.noise_sigma,
        steps=config.infer_steps,
        step_size=config.infer_step_size,
        matched=False,
        seed=config.seed,
        **more,
    )


def _optimizer(rate, updates, clipnorm=None, alpha=0.0):
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates, alpha=alpha)
    return keras.optimizers.Adam(schedule, beta_1=0.5, clipnorm=clipnorm)
