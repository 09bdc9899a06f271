"""Conditional networks g: (z, seen, visible) -> x, which a recovery proposes from."""

import keras
from keras import layers

from coopkeras.networks.fills import SmoothFill
from coopkeras.networks.layers import check_shape, crop, enlarge, layer, near_zero

LARGEST_CORRECTION = 3.0  # deviations: without a bound learning may diverge


def recovery_generator(shape, latent_dim=32, channels=(32, 64, 128, 256), smooth_fill=False):
    """Return a conditional network g: (z, seen, visible) -> x, an encoder-decoder.

        x = h(seen, visible, z),   or   x = filled + spread * h(standard, visible, z)

    z shifts every level of the decoder. Known values pass through, so that all of the network
    serves the hidden ones. It is fully convolutional.

    Args:
        shape: shape of one example, sides of 16 or more, or None for any multiple of
            `2 ** len(channels)`.
        latent_dim: length of z.
        channels: filters of each halving, fine first.
        smooth_fill: whether it corrects a smooth fill, at each example's own brightness and
            contrast: those of `networks.fills.SmoothFill`. That is better for
            patches of anything, and worse for faces, which are alike.

    Returns:
        network: functional model of a dict `{"z": [batch, latent_dim], "seen": [batch, *shape],
        "visible": [batch, *shape[:-1], 1]}` -> `[batch, *shape]`.

    Raises:
        ValueError: if the shape is too small.

    Example:
        >>> recovery_generator((32, 32, 1), channels=(8, 16)).output_shape
        (None, 32, 32, 1)

    Source:
        Xie, Zheng, Fang, Zhu, Wu, TPAMI 2021: the fast thinking initializer.
    """
    rank = check_shape(shape, "texture")
    inputs = {
        "z": keras.Input((latent_dim,), name="z"),
        "seen": keras.Input(shape, name="seen"),
        "visible": keras.Input((*shape[:-1], 1), name="visible"),
    }
    x, last = inputs["seen"], {"dtype": "float32"}
    if smooth_fill:
        fill = SmoothFill(name="smooth_fill", dtype="float32")
        filled, x, spread = fill([inputs["seen"], inputs["visible"]])
        last["kernel_initializer"] = near_zero()
    x = layers.Concatenate()([x, inputs["visible"]])
    x = encode_and_decode(x, inputs["z"], channels)
    x = layer("Conv", rank, shape[-1], 3, 1, "tanh", **last)(x)
    if smooth_fill:
        x = layers.Rescaling(LARGEST_CORRECTION, dtype="float32")(x)
        x = layers.Multiply(dtype="float32")([x, spread])
        x = layers.Add(dtype="float32")([filled, x])
    return keras.Model(inputs, keep_known(x, inputs), name="recovery_network")


def encode_and_decode(x, z, channels):
    """Return features of x `[batch, ..., filters]`: halved, doubled again, with what was skipped.

    Args:
        x: Keras tensor, `[batch, ..., c]`.
        z: Keras tensor, `[batch, latent_dim]`; it shifts every level of the decoder.
        channels: filters of each halving, fine first.
    """
    rank, skips = len(x.shape) - 2, []
    for filters in channels:
        skips.append(x)
        x = layer("Conv", rank, filters, 4, 2, "leaky_relu")(x)
    x = _shift(x, z)
    x = layer("Conv", rank, channels[-1], 3, 1, "leaky_relu")(x)
    finest = max(1, channels[0] // 2)
    for filters, skip in zip((*channels[:-1][::-1], finest), skips[::-1], strict=True):
        x = crop(enlarge(rank, filters)(x), skip.shape[1:], rank)
        x = layers.LeakyReLU(0.2)(_shift(x, z))
        x = layers.Concatenate()([x, skip])
    return x


def keep_known(x, inputs):
    """Return x with the values of `inputs["seen"]` where `inputs["visible"]`."""
    known = layers.Multiply(dtype="float32")([inputs["seen"], inputs["visible"]])
    hidden = layers.Rescaling(-1.0, offset=1.0, dtype="float32")(inputs["visible"])
    return layers.Add(dtype="float32")([known, layers.Multiply(dtype="float32")([x, hidden])])


def enlarging_generator(shape, factor, latent_dim=32, channels=64, blocks=3):
    """Return a conditional network g: (z, seen) -> x, a low-resolution image made sharp.

        x = smooth(seen) + correction(seen, z)

    Most of it works on the grid of the low-resolution image, in residual blocks that z shifts.
    It is fully convolutional.

    Args:
        shape: shape of one example, sides of 16 or more and multiples of `factor`, or None for
            any such.
        factor: int >= 2, of `observation.Downsample`.
        latent_dim: length of z.
        channels: filters of each convolution on that grid; finer ones have half as many.
        blocks: number of residual blocks.

    Returns:
        network: functional model of a dict `{"z": [batch, latent_dim], "seen": [batch, *shape]}`,
        each value of the low-resolution image repeated over its block, -> `[batch, *shape]`.

    Raises:
        ValueError: if the shape is too small or no multiple of the factor.

    Example:
        >>> enlarging_generator((32, 32, 1), factor=2, channels=8).output_shape
        (None, 32, 32, 1)

    Source:
        Lim et al., Enhanced deep residual networks for single image super-resolution, 2017.
    """
    rank = check_shape(shape, "texture")
    if any(side is not None and side % factor for side in shape[:-1]):
        raise ValueError(
            f"`shape` should have sides that are multiples of factor={factor}; "
            f"received {tuple(shape)}."
        )
    z, seen = keras.Input((latent_dim,), name="z"), keras.Input(shape, name="seen")
    small = getattr(layers, f"AveragePooling{rank}D")(factor, dtype="float32")(seen)
    x = layer("Conv", rank, channels, 3, 1, "leaky_relu")(small)
    for _ in range(blocks):
        y = layers.LeakyReLU(0.2)(_shift(layer("Conv", rank, channels, 3, 1, None)(x), z))
        x = layers.Add()([x, layer("Conv", rank, channels, 3, 1, None)(y)])
    for times in (2, 2) if factor == 4 else (factor,):
        x = getattr(layers, f"UpSampling{rank}D")(times)(x)  # repeats: what is flat stays flat
        x = _shift(layer("Conv", rank, max(1, channels // 2), 3, 1, None)(x), z)
        x = layers.LeakyReLU(0.2)(x)
    x = layer("Conv", rank, shape[-1], 3, 1, None, kernel_initializer=near_zero(), dtype="float32")(
        x
    )
    odd = factor + 1 - factor % 2  # blocks averaged over an odd width: linear interpolation, nearly
    smooth = getattr(layers, f"AveragePooling{rank}D")(odd, 1, padding="same", dtype="float32")
    x = layers.Add(dtype="float32")([smooth(seen), x])
    return keras.Model({"z": z, "seen": seen}, x, name="enlarging_network")


def _shift(x, z):
    """Add a linear function of z to every place of x, small at first: z should help, not hurt."""
    shift = layers.Dense(x.shape[-1], kernel_initializer=near_zero())(z)
    return layers.Add()([x, layers.Reshape([1] * (len(x.shape) - 2) + [x.shape[-1]])(shift)])
