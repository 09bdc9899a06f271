"""Colorize: paint a grey image. A task from outside coopkeras, written with its public names.

Of a colour image its luma is seen, and p(x | luma) is learned by conditional CoopNets:

    luma = <w, x> at every pixel,   w = (0.299, 0.587, 0.114)
    x = luma (1, 1, 1) + chroma,    <w, chroma> = 0
"""

import dataclasses
from typing import ClassVar, final

import keras
import numpy as np
import tensorflow as tf

import coopkeras as ck

WEIGHTS = ck.images.LUMA  # of red, green and blue; their sum is 1
FITTED = 2000  # images that the baselines are fitted to
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
class Config(ck.recipes.ImageRecoveryConfig):
    """Settings of colorizing; the defaults are those of the embedded photographs."""

    METHODS: ClassVar[tuple] = ("coopnets",)

    data: str = "samples:photographs"
    channels: int = 3
    judged: int = 200
    updates: int = 500
    warmup_share: float = 0.6
    generator_width: int = 48
    generator_learning_rate: float = 2e-3
    descriptor_scale: float = 5e4
    descriptor_learning_rate: float = 7e-4
    relative_penalty: float = 1.0
    step_size: float = 0.01
    mirror: bool = True

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.channels == 3, "channels", "3, red, green and blue")


@final
class Colorize(ck.recipes.Recovery):
    """Learn the colours of grey images; judge on held-out images beside two baselines."""

    name: ClassVar[str] = "colorize"
    summary: ClassVar[str] = "paint a grey image"
    Config: ClassVar[type] = Config
    ONE_Z = True  # windows of one image agree on its colours

    def observation(self):
        """Return the luma of each pixel."""
        return Luma()

    def examples(self):
        """Return colour images."""
        split = ck.recipes.images(self.config)
        if np.ptp(split.train.take(FITTED).array(), axis=-1).any():
            return split
        raise ck.UserError(f"The images of {self.config.data} are grey: give others, with --data=.")

    def network(self, spec):
        """Return a network g: (z, seen) -> x, the grey image and a chroma painted on it."""
        config, seen = self.config, keras.Input(spec.shape, name="seen")
        z = keras.Input((config.latent_dim,), name="z")
        luma = sum(weight * seen[..., c : c + 1] for c, weight in enumerate(WEIGHTS))
        widths = ck.recipes.encoder_widths(config.generator_width, spec.shape)
        paint = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(
            ck.networks.encode_and_decode(seen, z, widths)
        )
        nearly_grey = keras.initializers.Identity(0.2)  # to begin with, as most images are
        mix = keras.layers.Dense(3, use_bias=False, kernel_initializer=nearly_grey, dtype="float32")
        return keras.Model({"z": z, "seen": seen}, luma + mix(paint), name="painter")

    def confine(self, x, seen, observation):
        """Return the colours that can be displayed, of the same luma."""
        return displayable(x, seen)

    def shown(self, seen, observation):
        """Return the grey image."""
        return seen

    def see(self, x):
        """Return the luma of an image, grey or coloured."""
        return Luma()(x)

    def baselines(self, train):
        """Return the grey image, and the mean chroma of each level of luma."""
        x = train.take(FITTED, seed=1).array()
        luma = Luma()(x).numpy()
        level, chroma = _level(luma).ravel(), (x - luma).reshape(-1, 3)
        count = np.maximum(np.bincount(level, minlength=LEVELS), 1)
        table = np.stack([np.bincount(level, c, LEVELS) for c in chroma.T] / count, axis=-1)

        def mean_chroma(x):
            luma = Luma()(x).numpy()
            return displayable(luma + table[_level(luma)].astype(np.float32), luma).numpy()

        grey = {"grey": lambda x: np.repeat(Luma()(x).numpy(), 3, axis=-1)}
        return grey | {"mean chroma of the luma": mean_chroma}


def displayable(x, luma):
    """Return x `[..., 3]` of a luma, its chroma reduced where values would leave [-1, 1].

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


def _level(luma):
    """Return which of the levels of luma each is, `[..., 1] -> [...]`."""
    return np.clip((luma[..., 0] + 1) / 2 * LEVELS, 0, LEVELS - 1).astype(int)
