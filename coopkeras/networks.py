"""Networks: functions that return functional Keras models.

Each takes the shape of one example, `(time, c)` for sound, `(height, width, c)` for an image or
`(time, height, width, c)` for video, and works out the rank. Nothing here mixes the examples of
a batch.
"""

import keras
from keras import layers

from coopkeras.fills import SmoothFill

START_SIZE = 4
SMALLEST_SIZE = 16
LABEL_SCALE = 4.0  # learned faster than z, so that z is left what the class does not say
LARGEST_CORRECTION = 3.0  # deviations: without a bound learning may diverge
MOVING = 2  # finest layers of a dynamic generator, which see the frames before and after


def descriptor(shape, channels=(64, 128, 256), form="object", activation="leaky_relu", scale=1.0):
    """Return a bottom-up network f: x -> top responses, whose sum is f(x).

    Args:
        shape: shape of one example, sides of 16 or more (None for any size in texture form).
        channels: filters of each convolution. Averages over 2 pixels follow each while
            sides are above 4: strides instead would leave their grid in the gradient in x, and
            so in what the descriptor revises.
        form: "object" ends in one dense response to the whole example; "texture" is fully
            convolutional, its responses the same everywhere; "dynamic" (video) sees all of
            space at once, and is the same at all times.
        activation: "relu" makes f piecewise linear (`Descriptor.activations`).
        scale: factor of the responses; Langevin dynamics with little noise needs a steep f.

    Returns:
        network: functional model `[batch, *shape] -> [batch, 1]` (object) or a response map; a
        dynamic one has a response for every few frames.

    Raises:
        ValueError: if the shape is too small or the form unknown.

    Example:
        >>> descriptor((32, 32, 3), channels=(16, 32)).output_shape
        (None, 1)

    Source:
        Xie, Lu, Gao, Zhu, Wu, TPAMI 2018 (published code): 64@5, 128@3, 256@3; stationary in time,
        or in space and time: Xie, Zhu, Wu, CVPR 2017.
    """
    rank = _check(shape, form)
    x = inputs = keras.Input(shape, name="x")
    for number, filters in enumerate(channels):
        x = _layer("Conv", rank, filters, 3 if number else 5, 1, activation)(x)
        sides = x.shape[1:-1][-2:]  # of a clip, those of a frame
        if min(side or 64 for side in sides) > START_SIZE:
            x = getattr(layers, f"AveragePooling{rank}D")(2, padding="same")(x)
    if form == "object":
        x = layers.Flatten()(x)
        x = layers.Dense(1, dtype="float32", name="response")(x)
    else:
        width = (1, *x.shape[2:-1]) if form == "dynamic" else 1
        x = getattr(layers, f"Conv{rank}D")(1, width, dtype="float32", name="responses")(x)
    x = layers.Rescaling(scale, dtype="float32")(x)
    return keras.Model(inputs, x, name="descriptor_network")


def generator(shape, latent_dim=100, channels=(256, 128, 64), form="object", classes=0, context=0):
    """Return a top-down network g: z -> x.

    Args:
        shape: shape of one example, sides of 16 or more (None for any size in texture form).
        latent_dim: length of z, or in texture form the channels of the map of z, or in dynamic
            form the length of each z of a sequence.
        channels: filters of each enlargement but the last, coarse first. An object starts from
            a dense layer; a texture from a map of z `2 ** (len(channels) + 1)` times
            smaller than x: a larger map gives a larger texture; that of a picture is enlarged by
            interpolation, which leaves no grid. A dynamic one (video) starts
            from a sequence of z, one a frame, each through the same dense layer: a longer
            sequence gives a longer clip. Its two finest layers look at neighbouring frames too,
            and so it has two z more at each end, whose frames are cut off. What they make moves
            in front of a `Scene` that stays.
        form: "object", "texture" or "dynamic".
        classes: number of classes of which an object is told one, besides z; 0 tells nothing.
        context: width of a convolution of a texture's map of z before it is enlarged, which lets
            places that far apart go together though their z are independent; 0 has none.

    Returns:
        network: functional model z -> `[batch, *shape]` in [-1, 1]; with classes, of a dict
        `{"z": [batch, latent_dim], "label": [batch, classes]}`.

    Raises:
        ValueError: if the shape is too small, the form unknown, a texture is to have classes, or
            anything else a context.

    Example:
        >>> generator((28, 28, 1), latent_dim=10, channels=(32, 16)).output_shape
        (None, 28, 28, 1)

    Source:
        Han, Lu, Zhu, Wu, AAAI 2017 (published code).
    """
    rank = _check(shape, form)
    if classes and form != "object":
        raise ValueError(f'`classes` are for form="object"; received form={form!r}.')
    if context and form != "texture":
        raise ValueError(f'`context` is for form="texture"; received form={form!r}.')
    small = [side and -(-side // 2 ** (len(channels) + 1)) for side in shape[:-1]]
    if form == "texture":
        x = inputs = keras.Input((*small, latent_dim), name="z")
        if context:
            x = _normed(_layer("Conv", rank, channels[0], context, 1, None)(x))
    else:
        moments = [shape[0] and shape[0] + 2 * MOVING] if form == "dynamic" else []
        x = inputs = keras.Input((*moments, latent_dim), name="z")
        small[: len(moments)] = moments
        if classes:
            inputs = {"z": inputs, "label": keras.Input((classes,), name="label")}
            label = layers.Rescaling(LABEL_SCALE)(inputs["label"])
            x = layers.Concatenate()([inputs["z"], label])
        filters = channels[0] * _product(small[len(moments) :])
        x = layers.Dense(filters, activation="leaky_relu")(x)
        x = layers.Reshape([-1 if side is None else side for side in (*small, channels[0])])(x)
    for number, filters in enumerate(channels):
        finer = len(channels) - number  # layers that follow
        x = _normed(_enlarge(rank, filters, form, finer)(x))
    x = _enlarge(rank, shape[-1], form, dtype="float32")(x)
    if form == "dynamic":
        x = layers.Cropping3D((MOVING, 0, 0), dtype="float32")(x)
    x = _crop(x, shape, rank)
    if form == "dynamic":
        x = Scene(name="scene", dtype="float32")(x)
    x = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, x, name="generator_network")


@keras.saving.register_keras_serializable("coopkeras")
class Scene(layers.Layer):
    """Adds a frame that stays, to what moves: trainable, `[height, width, c]`, at first 0.

    Example:
        >>> Scene()(keras.ops.ones([1, 5, 4, 4, 3])).shape
        TensorShape([1, 5, 4, 4, 3])
    """

    def build(self, input_shape):
        self.frame = self.add_weight(shape=input_shape[2:], initializer="zeros", name="frame")

    def call(self, inputs):
        return inputs + self.frame

    def show(self, frame):
        """Set the frame that tanh makes of it, values in (-1, 1)."""
        self.frame.assign(keras.ops.arctanh(frame))


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
            contrast: the filled, standard and spread of `fills.SmoothFill`. That is better for
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
    rank = _check(shape, "texture")
    inputs = {
        "z": keras.Input((latent_dim,), name="z"),
        "seen": keras.Input(shape, name="seen"),
        "visible": keras.Input((*shape[:-1], 1), name="visible"),
    }
    x, last = inputs["seen"], {"dtype": "float32"}
    if smooth_fill:
        fill = SmoothFill(name="smooth_fill", dtype="float32")
        filled, x, spread = fill([inputs["seen"], inputs["visible"]])
        last["kernel_initializer"] = _small()
    x = layers.Concatenate()([x, inputs["visible"]])
    x = encode_and_decode(x, inputs["z"], channels)
    x = _layer("Conv", rank, shape[-1], 3, 1, "tanh", **last)(x)
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
        x = _layer("Conv", rank, filters, 4, 2, "leaky_relu")(x)
    x = _shift(x, z)
    x = _layer("Conv", rank, channels[-1], 3, 1, "leaky_relu")(x)
    finest = max(1, channels[0] // 2)
    for filters, skip in zip((*channels[:-1][::-1], finest), skips[::-1], strict=True):
        x = _crop(_enlarge(rank, filters)(x), skip.shape[1:], rank)
        x = layers.LeakyReLU(0.2)(_shift(x, z))
        x = layers.Concatenate()([x, skip])
    return x


def keep_known(x, inputs):
    """Return x with the values of `inputs["seen"]` where `inputs["visible"]`."""
    known = layers.Multiply(dtype="float32")([inputs["seen"], inputs["visible"]])
    hidden = layers.Rescaling(-1.0, offset=1.0, dtype="float32")(inputs["visible"])
    return layers.Add(dtype="float32")([known, layers.Multiply(dtype="float32")([x, hidden])])


def enlarging_generator(shape, factor, latent_dim=32, channels=64, blocks=3):
    """Return a conditional network g: (z, seen) -> x, a low-resolution picture made sharp.

        x = smooth(seen) + correction(seen, z)

    Most of it works on the grid of the low-resolution picture, in residual blocks that z shifts.
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
        each value of the low-resolution picture repeated over its block, -> `[batch, *shape]`.

    Raises:
        ValueError: if the shape is too small or no multiple of the factor.

    Example:
        >>> enlarging_generator((32, 32, 1), factor=2, channels=8).output_shape
        (None, 32, 32, 1)

    Source:
        Lim et al., Enhanced deep residual networks for single image super-resolution, 2017.
    """
    rank = _check(shape, "texture")
    if any(side is not None and side % factor for side in shape[:-1]):
        raise ValueError(
            f"`shape` should have sides that are multiples of factor={factor}; "
            f"received {tuple(shape)}."
        )
    z, seen = keras.Input((latent_dim,), name="z"), keras.Input(shape, name="seen")
    small = getattr(layers, f"AveragePooling{rank}D")(factor, dtype="float32")(seen)
    x = _layer("Conv", rank, channels, 3, 1, "leaky_relu")(small)
    for _ in range(blocks):
        y = layers.LeakyReLU(0.2)(_shift(_layer("Conv", rank, channels, 3, 1, None)(x), z))
        x = layers.Add()([x, _layer("Conv", rank, channels, 3, 1, None)(y)])
    for times in (2, 2) if factor == 4 else (factor,):
        x = getattr(layers, f"UpSampling{rank}D")(times)(x)  # repeats: what is flat stays flat
        x = _shift(_layer("Conv", rank, max(1, channels // 2), 3, 1, None)(x), z)
        x = layers.LeakyReLU(0.2)(x)
    x = _layer("Conv", rank, shape[-1], 3, 1, None, kernel_initializer=_small(), dtype="float32")(x)
    odd = factor + 1 - factor % 2  # blocks averaged over an odd width: linear interpolation, nearly
    smooth = getattr(layers, f"AveragePooling{rank}D")(odd, 1, padding="same", dtype="float32")
    x = layers.Add(dtype="float32")([smooth(seen), x])
    return keras.Model({"z": z, "seen": seen}, x, name="enlarging_network")


def _shift(x, z):
    """Add a linear function of z to every place of x, small at first: z should help, not hurt."""
    shift = layers.Dense(x.shape[-1], kernel_initializer=_small())(z)
    return layers.Add()([x, layers.Reshape([1] * (len(x.shape) - 2) + [x.shape[-1]])(shift)])


def _small():
    return keras.initializers.RandomNormal(stddev=0.02)


def _layer(kind, rank, filters, width, stride, activation, transpose=False, **kwargs):
    name = f"{kind}{rank}D" + ("Transpose" if transpose else "")
    return getattr(layers, name)(
        filters, width, stride, padding="same", activation=activation, **kwargs
    )


def _enlarge(rank, filters, form="object", finer=0, **kwargs):
    """Return a layer that doubles each side; of a dynamic clip, those of its frames.

    A texture of pictures is interpolated before it is convolved, which leaves no grid: where all
    is the same it stays the same. `finer` is the number of layers that follow.
    """
    if form == "texture" and rank == 2:
        interpolate = layers.UpSampling2D(2, interpolation="bilinear")
        convolve = _layer("Conv", rank, filters, 3, 1, None, **kwargs)
        return lambda x: convolve(interpolate(x))
    width, stride = 4, 2
    if form == "dynamic":
        width, stride = (3 if finer < MOVING else 1, 4, 4), (1, 2, 2)
    return _layer("Conv", rank, filters, width, stride, None, transpose=True, **kwargs)


def _normed(x):
    """Normalise over the channels of a place, then let through what is above 0, nearly."""
    return layers.LeakyReLU(0.2)(layers.LayerNormalization()(x))


def _crop(x, shape, rank):
    """Cut the end of the sides that enlarging made too long."""
    extra = [0 if b is None else a - b for a, b in zip(x.shape[1:-1], shape[:-1], strict=True)]
    if not any(extra):
        return x
    cropping = [(0, more) for more in extra]
    cropping = cropping if rank > 1 else cropping[0]
    return getattr(layers, f"Cropping{rank}D")(cropping, dtype=x.dtype)(x)


def _check(shape, form):
    rank = len(shape) - 1
    if rank not in (1, 2, 3):
        raise ValueError(
            "`shape` should be (time, channels), (height, width, channels) or "
            f"(time, height, width, channels); received {tuple(shape)}."
        )
    if form not in ("object", "texture", "dynamic"):
        raise ValueError(f'`form` should be "object", "texture" or "dynamic"; received {form!r}.')
    if form == "dynamic" and (rank != 3 or None in shape[1:]):
        raise ValueError(
            f'`form="dynamic"` needs (time, height, width, channels) with known height and width; '
            f"received {tuple(shape)}."
        )
    if any(side is not None and side < SMALLEST_SIZE for side in shape[:-1]):
        raise ValueError(
            f"`shape` should have sides of {SMALLEST_SIZE} or more; received {tuple(shape)}."
        )
    if form == "object" and None in shape:
        raise ValueError(
            f'`form="object"` needs known sides; received {tuple(shape)}. Use form="texture".'
        )
    return rank


def _product(sides):
    product = 1
    for side in sides:
        product *= side
    return product
