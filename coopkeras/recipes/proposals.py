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
ROUNDING = 1 / 255 / 12**0.5 * 2  # error of 8 bits
LEAST = 10  # examples at least, to fit to and to judge on
NEARLY = 1.1  # of the least error: as good
LEAST_MISSED = 0.01  # in units of the scale: no spread starts at 0
SHARES = (0.0, 0.25, 0.5, 0.75, 0.95)  # of the spectral fill beside the other, at first
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
    """Return whether a generator's network has all the fills that there are to choose from."""
    layers = {layer.name: layer for layer in generator.network.layers}
    names = {layer.name for layer in layers["encoder"].layers} if "encoder" in layers else set()
    return {"smooth_fill", "gaussian_fill", "spectral_fill"} <= names


def choose_fills(models, train, hide):
    """Choose the fills that networks correct, by examples of which some are held back.

    A Gaussian takes the place of the smooth fill if it is better on what is held back, and about
    as good as on what it was fitted to: what it knows by heart would mislead the generator. It is
    fitted to mirror images too, if that is better. What either leaves goes on by its own spectrum:
    of that the largest share that is nearly the best is taken at first, and learning goes on from
    there; it may be none. The spread starts at that of their errors. The last examples are held
    back: neighbours in one image stay together.

    Args:
        models: the `Generator`s whose networks have these fills.
        train: `data.Examples`.
        hide: function `(seeds int32 [n, 2], shape) -> {"visible": bool [n, ...]}`.

    Returns:
        name, share: "smooth" or "gaussian", and the share of the spectral fill.
    """
    count = len(train)
    first, last = _evenly(0, count * 9 // 10, FITTED), _evenly(count * 9 // 10, count, HELD_BACK)
    if min(len(first), len(last)) < LEAST:
        return "smooth", 0.0
    x, others = (train.gather(rows)["x"].numpy() for rows in (first, last))
    some = x[_evenly(0, len(x), HELD_BACK)]
    own, held_back = (_Filled(models[0], one, hide) for one in (some, others))
    gaussian = _gaussian(models[0], x, own, held_back)
    known = own.error("gaussian") > BY_HEART * held_back.error("gaussian")
    better = known and held_back.least("gaussian") < held_back.least("smooth")
    name = "gaussian" if better else "smooth"
    if better:
        gaussian = _mirrored(models[0], gaussian, x, own, held_back)
    errors = [own.error(name, share) * held_back.error(name, share) for share in SHARES]
    share = max(one for one, e in zip(SHARES, errors, strict=True) if e < NEARLY * min(errors))
    for model in models:
        _use(model, gaussian if better else None, share)
        bias = _layer(model, "decoder", "log_spread").bias
        bias.assign(np.full(bias.shape, held_back.log_spread(model, share)))
    return name, share


def _use(model, gaussian, share):
    """Have a network correct these fills."""
    fill = _layer(model, "encoder", "gaussian_fill")
    if gaussian:
        fill.fit(*gaussian.parameters())
    else:
        fill.forget()
    if share:
        _layer(model, "encoder", "spectral_fill").use()
        _layer(model, "decoder", "share").bias.assign([np.log(share / (1 - share))])


def _gaussian(model, x, *filled):
    """Return a Gaussian fitted to x, and have it fill each `_Filled`."""
    components = _layer(model, "encoder", "gaussian_fill").components
    gaussian = images.baselines.ConditionalGaussian(x, components=components)
    _fill_by(model, gaussian, *filled)
    return gaussian


def _fill_by(model, gaussian, *filled):
    _layer(model, "encoder", "gaussian_fill").fit(*gaussian.parameters())
    for one in filled:
        one.by("gaussian", model)


def _mirrored(model, gaussian, x, own, held_back):
    """Return one fitted to mirror images too, if that is better on what is held back."""
    error = held_back.least("gaussian")
    mirrored = _gaussian(model, np.concatenate([x, x[:, :, ::-1]]), own, held_back)
    if held_back.least("gaussian") < error:
        return mirrored
    _fill_by(model, gaussian, own, held_back)
    return gaussian


def _layer(model, part, name):
    return model.network.get_layer(part).get_layer(name)


def _evenly(start, stop, most):
    return np.unique(np.linspace(start, stop - 1, min(most, stop - start)).astype(int))


class _Filled:
    """What each fill makes of some examples."""

    def __init__(self, model, x, hide):
        rows = np.stack([np.zeros(len(x)), np.arange(len(x))], axis=1)
        visible = hide(tf.constant(rows, tf.int32), x.shape[1:])["visible"].numpy()
        known = visible[..., :1].astype(np.float32)
        visible = np.broadcast_to(visible, x.shape)
        seen = np.where(visible, x, 0.0)
        self.x, self.hidden = x, ~visible
        self.seen = {"seen": seen, "visible": known}
        self.fills, self.spectral = {}, {}
        self.by("smooth", model)

    def by(self, name, model):
        """Keep what the fills of a network make of the examples."""
        seen = list(self.seen.values())
        smooth, gaussian, spectral = (
            _layer(model, "encoder", f"{kind}_fill") for kind in ("smooth", "gaussian", "spectral")
        )
        filled, made = gaussian([*seen, smooth(seen)[0]])
        self.fills[name] = filled.numpy()
        self.spectral[name] = spectral.fill(*seen, made)[0].numpy()

    def least(self, name):
        """Return the least error of all shares of the spectral fill."""
        return min(self.error(name, share) for share in SHARES)

    def error(self, name, share=0.0):
        """Return the geometric mean of the examples' errors: as PSNR averages them."""
        filled = (1 - share) * self.fills[name] + share * self.spectral[name]
        squares = np.where(self.hidden, filled - self.x, 0) ** 2
        axes = tuple(range(1, squares.ndim))
        means = squares.sum(axes) / np.maximum(self.hidden.sum(axes), 1)
        return np.exp(np.mean(np.log(np.maximum(means, ROUNDING**2)))) ** 0.5

    def log_spread(self, model, share):
        """Return the logarithm of what a model's fills miss, in its own units."""
        code = model.network.get_layer("encoder").predict(self.seen, HELD_BACK // 4, verbose=0)
        missed = (code["filled"] + share * code["change"] - self.x) / code["scale"]
        mean = np.sum(missed**2, where=self.hidden) / max(1, self.hidden.sum())
        return np.log(max(mean, LEAST_MISSED**2)) / 2


def _optimizer(rate, updates, **how):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, updates), **how)
