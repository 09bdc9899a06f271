"""The models of the built-in tasks, made and compiled from their settings."""

import dataclasses
import math

import keras
import tensorflow as tf

from coopkeras import data, networks
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator

SCALE_BY_VALUE = 65.0
STEP_BY_DEVIATION = 1 / 22
NOISE_BY_DEVIATION = 1 / 3


def images(config, size=None):
    """Return images to learn from and `judged` held-out ones, a `data.Split`.

    Args:
        config: a `ImageConfig`.
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


def derive(config, shape, deviation, noise=1.0):
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
