"""CoopNets whose descriptor revises about proposals, made from few settings."""

import keras
import numpy as np
import tensorflow as tf

from coopkeras import images, networks
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.recipes import build
from coopkeras.reference import Reference

FITTED = 8000  # examples at most that a fill is fitted to
HELD_BACK = 64  # examples at most that it is judged on
LEAST = 10  # examples at least, to fit to and to judge on
MUCH_WORSE = 1.2  # error of waves, as a multiple of that of the other fill
BY_HEART = 0.85  # error on own examples as a share of that on others, of a fill to be used


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
    f = networks.revising_descriptor(shape, features, (half, half + half // 2, 3 * half))
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


def has_fills(generator):
    """Return whether a generator's network has fills to choose from."""
    layers = {layer.name: layer for layer in generator.network.layers}
    return "encoder" in layers and any(
        layer.name == "gaussian_fill" for layer in layers["encoder"].layers
    )


def choose_fills(models, train, hide):
    """Choose the fills that networks correct, by examples of which some are held back.

    A Gaussian takes the place of the smooth fill if it is better on what is held back, and about
    as good as on what it was fitted to: what it knows by heart would mislead the generator. Waves
    are used unless they are much worse. The last examples are held back: neighbours in one image
    stay together.

    Args:
        models: the `Generator`s whose networks have these fills.
        train: `data.Examples`.
        hide: function `(seeds int32 [n, 2], shape) -> {"visible": bool [n, ...]}`.

    Returns:
        names: of the fills that are used, of "smooth", "gaussian" and "frequency".
    """
    count = len(train)
    first, last = _evenly(0, count * 9 // 10, FITTED), _evenly(count * 9 // 10, count, HELD_BACK)
    if min(len(first), len(last)) < LEAST:
        return ["smooth"]
    x, others = (train.gather(rows)["x"].numpy() for rows in (first, last))
    layer = _fill(models[0], "gaussian")
    gaussian = images.baselines.ConditionalGaussian(x, components=layer.components)
    some = x[_evenly(0, len(x), HELD_BACK)]
    own, held_back = (_errors(models[0], gaussian, one, hide) for one in (some, others))
    most = min(held_back["smooth"], own["gaussian"] / BY_HEART)
    names = ["gaussian" if held_back["gaussian"] < most else "smooth"]
    both = {name: np.hypot(own[name], held_back[name]) for name in own}
    if both["frequency"] < MUCH_WORSE * both[names[0]]:
        names.append("frequency")
    for model in models:
        if "gaussian" in names:
            mean, axes, ridge = gaussian.parameters()
            _fill(model, "gaussian").fit(mean, axes, ridge)
        if "frequency" in names:
            _fill(model, "frequency").use()
    return names


def _fill(model, name):
    return model.network.get_layer("encoder").get_layer(f"{name}_fill")


def _evenly(start, stop, most):
    return np.unique(np.linspace(start, stop - 1, min(most, stop - start)).astype(int))


def _errors(model, gaussian, x, hide):
    """Return the root mean squared errors of the fills on examples, by name."""
    rows = np.stack([np.zeros(len(x)), np.arange(len(x))], axis=1)
    visible = hide(tf.constant(rows, tf.int32), x.shape[1:])["visible"].numpy()
    known = visible[..., :1].astype(np.float32)
    visible = np.broadcast_to(visible, x.shape)
    seen = np.where(visible, x, 0.0)
    fills = {
        "smooth": _fill(model, "smooth")([seen, known])[0].numpy(),
        "frequency": _fill(model, "frequency").fill(seen, known).numpy(),
        "gaussian": gaussian.fill(x, visible),
    }
    return {name: np.sqrt(np.mean((fill - x)[~visible] ** 2)) for name, fill in fills.items()}


def _optimizer(rate, updates, **how):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, updates), **how)
