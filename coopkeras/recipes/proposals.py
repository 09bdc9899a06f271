"""CoopNets whose descriptor revises about proposals, made from few settings."""

import keras

from coopkeras import networks
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.recipes import build
from coopkeras.reference import Reference


def about_proposals(config, shape, network, observation):
    """Return compiled `CoopNets` about the proposals of a conditional network.

    Args:
        config: a `ProposalConfig`.
        shape: of one example.
        network: the generator's, with a spread, such as `networks.recovery_generator`.
        observation: A.
    """
    half = config.width // 2
    encoder = networks.inference_network(
        shape, config.latent_dim, build.encoder_widths(half, shape)
    )
    features = network.output["features"].shape[-1]
    anywhere = (*[None] * (len(shape) - 1), shape[-1])
    f = networks.revising_descriptor(anywhere, features, (half, half + half // 2, 3 * half))
    model = CoopNets(
        Descriptor(f, reference=Reference(config.levels), start="data", seed=config.seed),
        Generator(network, inference="encoder", encoder=encoder, seed=config.seed),
        observation=observation,
        descriptor_updates=config.descriptor_updates,
        ema=0.99,
        seed=config.seed,
    )
    updates = config.descriptor_updates * config.updates
    model.compile(
        _optimizer(config.learning_rate, updates, beta_1=0.9, beta_2=0.99, clipnorm=1.0),
        _optimizer(config.learning_rate, config.updates, beta_1=0.5),
    )
    return model


def _optimizer(rate, updates, **how):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, updates), **how)
