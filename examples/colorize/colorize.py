"""Colorize: paint a grey picture. A task from outside coopkeras, written with its public names.

Of a colour picture its luma is seen, and p(x | luma) is learned by conditional CoopNets:

    luma = <w, x> at every pixel,   w = (0.299, 0.587, 0.114)
    x = luma (1, 1, 1) + chroma,    <w, chroma> = 0
"""

import dataclasses
import functools
from typing import ClassVar, final

import keras
import numpy as np
import tensorflow as tf

import coopkeras as ck

WEIGHTS = ck.images.LUMA  # of red, green and blue; their sum is 1
AT_ONCE = 100  # pictures coloured in one batch
LEVELS = 64  # of luma, in the baseline that looks at nothing else


@keras.saving.register_keras_serializable("colorize")
class Luma(ck.observation.Observation):
    """The luma of each pixel is seen: `seen = <w, x>`, `[batch, ..., 3] -> [batch, ..., 1]`.

    A A^T = |w|^2, so that A+ = A^T / |w|^2.

    Example:
        >>> Luma()(tf.ones([1, 4, 4, 3])).shape.as_list()
        [1, 4, 4, 1]
    """

    def __call__(self, x):
        return tf.reduce_sum(x * tf.constant(WEIGHTS), axis=-1, keepdims=True)

    def adjoint(self, seen):
        """Return `seen` times the weights."""
        return seen * tf.constant(WEIGHTS)

    def lift(self, seen):
        """Return the darkest colour with this luma: `A^T seen / |w|^2`."""
        return self.adjoint(seen) / np.square(WEIGHTS).sum()

    def visible(self, x):
        """Return a third: of three values one combination is known."""
        return tf.ones_like(x[..., :1]) / len(WEIGHTS)

    def get_config(self):
        """Return no arguments."""
        return {}


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ImageConfig):
    """Settings of colorizing; the defaults are those of the embedded photographs.

    Attributes:
        samples: colourings that `--mode=predict` writes; 0 is the estimate.
    """

    data: str = "samples:photographs"
    channels: int = 3
    judged: int = 200
    samples: int = 0
    updates: int = 500
    warmup: float = 0.6
    generator_width: int = 48
    generator_rate: float = 2e-3
    descriptor_scale: float = 5e4
    descriptor_rate: float = 7e-4
    penalty: float = 1.0
    step_size: float = 0.01
    flip: bool = True

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.method == "coopnets", "method", "coopnets")
        self.require(self.channels == 3, "channels", "3, red, green and blue")
        self.require(self.samples >= 0, "samples", "0 or more")


@final
class Colorize(ck.Task):
    """Learn the colours of grey pictures; judge on held-out pictures beside three baselines."""

    name: ClassVar[str] = "colorize"
    summary: ClassVar[str] = "paint a grey picture"
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return colour pictures to learn from and held-out ones."""
        split = ck.recipes.images(self.config)
        if not np.ptp(split.train.take(AT_ONCE).array(), axis=-1).any():
            raise ck.UserError(
                f"The pictures of `{self.config.data}` are grey, there is no colour to learn from; "
                f"give others with --data=."
            )
        return split

    def build(self, shape, count):
        """Return the compiled CoopNets."""
        config = self.config
        halvings = max(2, min(shape[:-1]).bit_length() - 3)  # to about 4 pixels
        widths = [config.generator_width] + [2 * config.generator_width] * (halvings - 1)
        network = painter(shape, config.latent_dim, widths)
        return ck.recipes.coopnets(config, shape, network, observation=Luma())

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return PSNR, error, patch distance and diversity, for all.

        Every method keeps the luma: what its PSNR counts is the chroma.
        """
        x = split.held_out.array()
        luma = Luma()(x).numpy()
        recover = functools.partial(self._paint, model, luma)
        rows = [
            _row("coopnets", painted, x, variant, samples)
            for variant, painted, samples in ck.recipes.recovery.variants("coopnets", recover)
        ]
        known = baselines(split.train.take(2000, seed=1).array())
        return rows + [_row(name, paint(luma), x) for name, paint in known.items()]

    def draw(self, model, split, count=10):
        """Return one contact sheet: seen, ours, baselines, truth."""
        x = split.held_out.array()
        x = x[:: max(1, len(x) // count)][:count]  # from all over the data
        luma = Luma()(x).numpy()
        rows = {"seen": luma, "estimate": self._paint(model, luma, 0, 0.0)[1]}
        for seed in range(3):
            rows[f"sample {seed + 1}"] = self._paint(model, luma, seed, 1.0)[1]
        known = baselines(split.train.take(2000, seed=1).array())
        rows |= {name: paint(luma) for name, paint in known.items() if name != "grey"}
        return {"colours": ck.images.gallery({**rows, "truth": x})}

    def _paint(self, model, luma, seed, temperature):
        """Return (proposed, painted) for an array of luma, a batch at a time."""
        seeds = ck.seeds.fold(ck.seeds.as_seed(seed), np.arange(len(luma)))
        paint = functools.partial(self._painted, model, temperature=temperature)
        return ck.base.in_batches(paint, AT_ONCE, luma, seeds)

    def _painted(self, model, seen, seed, temperature):
        """Return (proposed, painted): a sample where the temperature is 1, at 0 the estimate."""
        pair = ck.recipes.recovery.recover(self.config, model, seen, Luma(), seed, temperature)
        return [displayable(x, seen) for x in pair]

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Paint a picture of any size, grey or coloured (then its luma is painted anew).

        With `samples=K` K different colourings are written, numbered. Luma and alpha stay.
        """
        if mask_path:
            raise ck.UserError("--task=colorize paints the whole picture; leave out --mask.")
        pixels = ck.images.read(input_path)
        luma = Luma()(ck.images.to_float(ck.images.convert_channels(pixels, 3))).numpy()
        alpha = pixels[..., -1:] if pixels.shape[-1] in (2, 4) else pixels[..., :0]
        paths = ck.images.output_paths(output_path, self.config.samples)
        for number, path in enumerate(paths):
            picture = ck.images.to_uint8(self._paint_whole(model, luma, number))
            ck.images.write(path, np.concatenate([picture, alpha], axis=-1))
        return paths

    def _paint_whole(self, model, luma, number):
        """Paint one picture through windows; all share one z, so that their colours agree.

        What the windows paint is chroma. Resizing and averaging are linear: the luma stays.
        """
        seed = ck.seeds.fold(ck.seeds.as_seed(self.config.seed), number)
        temperature = 1.0 if self.config.samples else 0.0

        def paint(grey, _):
            seeds = tf.tile(seed[None], [len(grey), 1])
            return self._painted(model, grey[..., :1], seeds, temperature)[1] - grey

        size = model.x_shape[0]
        height, width = luma.shape[:2]
        share = 1 if self.config.at_own_scale() else size / min(height, width)
        small = ck.images.resize(luma, round(share * height), round(share * width))
        grey = np.repeat(np.clip(small, -1, 1), 3, axis=-1)  # resizing overshoots
        chroma = ck.images.windows.enlarge_patches(paint, grey, size, factor=1)
        return displayable(luma + ck.images.resize(chroma, height, width), luma).numpy()

    def signatures(self, model):
        """Return what is served: colorize (a sample or an estimate by row) and energy."""
        shape = model.x_shape
        inputs = {
            "seen": tf.TensorSpec([None, *shape[:-1], 1], tf.float32, "seen"),
            "seed": tf.TensorSpec([None, 2], tf.int32, "seed"),
            "temperature": tf.TensorSpec([None], tf.float32, "temperature"),
        }

        @tf.function(input_signature=list(inputs.values()))
        def colorize(seen, seed, temperature):
            seen = tf.ensure_shape(seen, inputs["seen"].shape)
            proposed, recovered = self._painted(model, seen, seed, temperature)
            return {"recovered": recovered, "proposed": proposed}

        energy = ck.recipes.energy_signature(model, shape)
        return {"serving_default": colorize, "colorize": colorize, "energy": energy}


def painter(shape, latent_dim, widths):
    """Return a network g: (z, seen) -> x, the grey picture and a chroma painted on it.

    Args:
        shape: shape of one example, (height, width, 3).
        latent_dim: length of z.
        widths: filters of each halving, fine first.

    Returns:
        network: functional model of a dict `{"z": [batch, latent_dim], "seen": [batch, *shape]}`,
        the lifted luma -> `[batch, *shape]`.
    """
    z, seen = keras.Input((latent_dim,), name="z"), keras.Input(shape, name="seen")
    luma = sum(weight * seen[..., c : c + 1] for c, weight in enumerate(WEIGHTS))
    paint = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(
        ck.networks.encode_and_decode(seen, z, widths)
    )
    nearly_grey = keras.initializers.Identity(0.2)  # to begin with, as most pictures are
    mix = keras.layers.Dense(3, use_bias=False, kernel_initializer=nearly_grey, dtype="float32")
    return keras.Model({"z": z, "seen": seen}, luma + mix(paint), name="painter")


def displayable(x, luma):
    """Return x with its chroma reduced, where it must be, to values in [-1, 1].

    Args:
        x: `[..., 3]`, its luma `luma`.
        luma: `[..., 1]` in [-1, 1].

    Returns:
        x: float32 `[..., 3]` in [-1, 1] of the same luma and hue.

    Example:
        >>> displayable([[1.0, 1.0, -2.0]], [[0.658]]).numpy().round(3).tolist()
        [[0.871, 0.871, -1.0]]
    """
    luma = tf.clip_by_value(luma, -1, 1)
    chroma = x - luma
    room = tf.where(chroma > 0, 1 - luma, 1 + luma)
    share = tf.math.divide_no_nan(room, tf.maximum(tf.abs(chroma), room))
    share = tf.reduce_min(share, axis=-1, keepdims=True)
    return tf.clip_by_value(luma + share * chroma, -1, 1)


def baselines(train):
    """Return colourings that need no learning of pictures, fitted to colour pictures.

    Args:
        train: `[n, height, width, 3]` in [-1, 1].

    Returns:
        baselines: `{name: function luma [..., 1] -> x [..., 3]}`.
    """
    luma = Luma()(train).numpy()
    chroma = train - luma
    level = _level(luma).ravel()
    count = np.maximum(np.bincount(level, minlength=LEVELS), 1)
    sums = [np.bincount(level, chroma[..., c].ravel(), LEVELS) for c in range(3)]
    tables = {
        "grey": np.zeros([LEVELS, 3]),
        "mean chroma": np.tile(chroma.mean((0, 1, 2)), [LEVELS, 1]),
        "mean chroma of the luma": np.stack(sums / count, axis=-1),
    }
    return {name: functools.partial(_look_up, table) for name, table in tables.items()}


def _look_up(table, luma):
    """Return the colours of luma `[..., 1]` by a table of the chroma of each level."""
    return displayable(luma + table[_level(luma)].astype(np.float32), luma).numpy()


def _level(luma):
    """Return which of the levels of luma each is, `[..., 1] -> [...]`."""
    return np.clip((luma[..., 0] + 1) / 2 * LEVELS, 0, LEVELS - 1).astype(int)


def _row(method, painted, x, variant=None, samples=None):
    """Judge one method's colours against the truth."""
    metrics = {
        "psnr": (ck.metrics.psnr(painted, x), "dB", "higher"),
        "error": (ck.metrics.error(painted, x), "range", "lower"),
        "patch_distance": (ck.metrics.sliced_wasserstein(painted, x), "", "lower"),
    }
    if samples is not None:
        metrics["diversity"] = (ck.metrics.diversity(np.stack(samples)), "", "higher")
    ours = variant is not None
    return ck.task.row(method, setting="", metrics=metrics, n=len(x), ours=ours, variant=variant)
