"""Conditional networks g: (z, seen, visible) -> x, which a recovery proposes from."""

import keras
from keras import layers

from coopkeras.networks.fills import GaussianFill, SmoothFill
from coopkeras.networks.layers import (
    Divide,
    PlusLog,
    StopGradient,
    check_shape,
    crop,
    enlarge,
    layer,
    near_zero,
)
from coopkeras.networks.spectral import SpectralFill

LARGEST_CORRECTION = 3.0  # deviations: without a bound learning may diverge
FIRST_LOG_SPREAD = -1.0


def recovery_generator(
    shape,
    latent_dim=32,
    channels=(32, 64, 128, 256),
    smooth_fill=False,
    components=0,
    spectral_fill=False,
):
    """Return a conditional network g: (z, seen, visible) -> x and its spread, an encoder-decoder.

        x = h(seen, visible, z),   or
        x = filled + share (by_spectrum - filled) + scale h(standard, visible, z)

    z shifts every level of the decoder. Known values pass through, so that all of the network
    serves the hidden ones. It is fully convolutional. Its layers "encoder" and "decoder" are models
    too: what is seen is encoded once, and decoded with each z.

    Args:
        shape: shape of one example, sides of 16 or more, or None for any multiple of
            `2 ** len(channels)`.
        latent_dim: length of z.
        channels: filters of each halving, fine first.
        smooth_fill: whether it corrects a smooth fill, at each example's own brightness and
            contrast: those of `networks.fills.SmoothFill`. That is better for
            patches of anything, and worse for faces, which are alike.
        components: principal components of a `networks.fills.GaussianFill`, which takes the
            place of the smooth fill once it is fitted; 0 has none.
        spectral_fill: whether there is a `networks.spectral.SpectralFill` too, once it is used.
            The network says for each place how much of it is taken, and corrects it in units of
            what it misses nearby. For images of known sides.

    Returns:
        network: functional model of a dict `{"z": [batch, latent_dim], "seen": [batch, *shape],
        "visible": [batch, *shape[:-1], 1]}` -> `{"x": [batch, *shape], "log_spread": [batch,
        *shape], "features": [batch, *shape[:-1], filters]}`. The spread's gradient ends at the
        features: learning it leaves x as it is.

    Raises:
        ValueError: if the shape is too small.

    Example:
        >>> recovery_generator((32, 32, 1), channels=(8, 16)).output["x"].shape
        (None, 32, 32, 1)

    Source:
        Xie, Zheng, Fang, Zhu, Wu, TPAMI 2021: the fast thinking initializer.
    """
    check_shape(shape, "texture")
    seen = {
        "seen": keras.Input(shape, name="seen"),
        "visible": keras.Input((*shape[:-1], 1), name="visible"),
    }
    z = keras.Input((latent_dim,), name="z")
    encoder = _encoder(seen, channels, smooth_fill, components, spectral_fill)
    code = {name: keras.Input(one.shape[1:], name=name) for name, one in encoder.output.items()}
    decoder = _decoder(z, code, shape, channels)
    inputs = {"z": z, **seen}
    return keras.Model(inputs, decoder({"z": z, **encoder(seen)}), name="recovery_network")


def _encoder(inputs, channels, smooth_fill, components, spectral_fill):
    """Return a model of what is seen -> what the decoder needs of it, once for all z."""
    x, kept, changes = inputs["seen"], dict(inputs), []
    if smooth_fill:
        fill = SmoothFill(name="smooth_fill", dtype="float32")
        filled, x, scale = fill([inputs["seen"], inputs["visible"]])
        standard = Divide(dtype="float32")
        if components:
            fill = GaussianFill(components, name="gaussian_fill")
            smooth, (filled, made) = filled, fill([inputs["seen"], inputs["visible"], filled])
            x = layers.Add()([x, standard([_difference(filled, smooth), scale])])
        if spectral_fill:
            fill = SpectralFill(name="spectral_fill")
            made = made if components else layers.Rescaling(0.0, dtype="float32")(filled)
            by_spectrum, error = fill([inputs["seen"], inputs["visible"], made, filled, scale])
            kept["change"] = _difference(by_spectrum, filled)
            changes = [standard([kept["change"], scale])]
            scale = error
        kept |= {"filled": filled, "scale": scale}
    x, skips = encode(layers.Concatenate()([x, *changes, inputs["visible"]]), channels)
    skips = {f"skip_{level}": skip for level, skip in enumerate(skips)}
    return keras.Model(inputs, {**kept, **skips, "deepest": x}, name="encoder")


def _difference(one, other):
    return layers.Subtract(dtype="float32")([one, other])


def _decoder(z, code, shape, channels):
    """Return a model of z and the code -> x, its log spread and the features of both."""
    rank, last = len(shape) - 1, {"dtype": "float32"}
    skips = [code[f"skip_{level}"] for level in range(len(channels))]
    features = decode(code["deepest"], skips, z, channels)
    if "filled" in code:
        last["kernel_initializer"] = "zeros"  # learning starts at the fill
    x = layer("Conv", rank, shape[-1], 3, 1, "tanh", **last)(features)
    free = StopGradient()(features)
    log_spread = layer("Conv", rank, 16, 3, 1, "leaky_relu")(free)
    small = {"kernel_initializer": near_zero(), "dtype": "float32"}
    bias = keras.initializers.Constant(FIRST_LOG_SPREAD)
    small |= {"bias_initializer": bias, "name": "log_spread"}
    log_spread = layer("Conv", rank, shape[-1], 3, 1, None, **small)(log_spread)
    if "filled" in code:
        x = layers.Rescaling(LARGEST_CORRECTION, dtype="float32")(x)
        parts = [code["filled"], layers.Multiply(dtype="float32")([x, code["scale"]])]
        if "change" in code:
            share = layer("Conv", rank, 1, 1, 1, "sigmoid", name="share", **last)(features)
            parts.append(layers.Multiply(dtype="float32")([share, code["change"]]))
        x = layers.Add(dtype="float32")(parts)
        log_spread = PlusLog(dtype="float32")([log_spread, code["scale"]])
    made = {"x": keep_known(x, code), "log_spread": log_spread, "features": features}
    return keras.Model({"z": z, **code}, made, name="decoder")


def inference_network(shape, latent_dim=32, channels=(32, 64, 128)):
    """Return an encoder that infers z of x: (x, seen, visible) -> mean and log variance of z.

    Args:
        shape: shape of one example, of known sides.
        latent_dim: length of z.
        channels: filters of each halving, fine first.

    Returns:
        network: functional model of a dict `{"x": [batch, *shape], "seen": [batch, *shape],
        "visible": [batch, *shape[:-1], 1]}` -> `{"mean", "log_variance"}`, `[batch, latent_dim]`.

    Example:
        >>> inference_network((32, 32, 1), 4, channels=(8, 16)).output["mean"].shape
        (None, 4)

    Source:
        Sohn, Lee, Yan, "Learning structured output representation", NIPS 2015.
    """
    rank = check_shape(shape, "texture")
    inputs = {
        "x": keras.Input(shape, name="x"),
        "seen": keras.Input(shape, name="seen"),
        "visible": keras.Input((*shape[:-1], 1), name="visible"),
    }
    x = layers.Concatenate()(list(inputs.values()))
    for filters in channels:
        x = layer("Conv", rank, filters, 4, 2, "leaky_relu")(x)
    if None in shape:
        x = getattr(layers, f"GlobalAveragePooling{rank}D")()(x)
    else:
        x = layers.Flatten()(x)
    last = {"kernel_initializer": near_zero(), "dtype": "float32"}
    mean = layers.Dense(latent_dim, **last)(x)
    log_variance = layers.Dense(latent_dim, **last)(x)
    made = {"mean": mean, "log_variance": log_variance}
    return keras.Model(inputs, made, name="inference_network")


def encode_and_decode(x, z, channels):
    """Return features of x `[batch, ..., filters]`: halved, doubled again, with what was skipped.

    Args:
        x: Keras tensor, `[batch, ..., c]`.
        z: Keras tensor, `[batch, latent_dim]`; it shifts every level of the decoder.
        channels: filters of each halving, fine first.
    """
    x, skips = encode(x, channels)
    return decode(x, skips, z, channels)


def encode(x, channels):
    """Return the features of x halved as often as there are channels, and those before each."""
    rank, skips = len(x.shape) - 2, []
    for filters in channels:
        skips.append(x)
        x = layer("Conv", rank, filters, 4, 2, "leaky_relu")(x)
    return x, skips


def decode(x, skips, z, channels):
    """Return features as fine as the first of `skips`; z shifts every level."""
    rank = len(x.shape) - 2
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
