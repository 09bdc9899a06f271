"""Top-down networks g: z -> x, one function for sound, images and video."""

import keras
from keras import layers

from coopkeras.networks.layers import (
    MOVING,
    ClassLabel,
    Scene,
    check_shape,
    crop,
    enlarge,
    layer,
    normed,
)


def generator(shape, latent_dim=100, channels=(128, 64, 32), form="object", classes=(), context=0):
    """Return a top-down network g: z -> x.

    Args:
        shape: shape of one example, sides of 16 or more (None for any size in texture form).
        latent_dim: length of z, or in texture form the channels of the map of z, or in dynamic
            form the length of each z of a sequence.
        channels: filters of each enlargement but the last, coarse first. An object starts from
            a dense layer; a texture from a map of z `2 ** (len(channels) + 1)` times
            smaller than x: a larger map gives a larger texture; that of an image is enlarged by
            interpolation, which leaves no grid. A dynamic one (video) starts
            from a sequence of z, one a frame, each through the same dense layer: a longer
            sequence gives a longer clip. Its two finest layers look at neighbouring frames too,
            and so it has two z more at each end, whose frames are cut off. What they make moves
            in front of a `Scene` that stays.
        form: "object", "texture" or "dynamic".
        classes: names of the classes, on one of which an object is conditioned; () for none.
        context: width of a convolution of a texture's map of z before it is enlarged, which lets
            places that far apart go together though their z are independent; 0 has none.

    Returns:
        network: functional model z -> `[batch, *shape]` in [-1, 1]; with classes, of a dict
        `{"z": [batch, latent_dim], "label": [batch, number of classes]}`.

    Raises:
        ValueError: if the shape is too small, the form unknown, a texture is to have classes, or
            anything else a context.

    Example:
        >>> generator((28, 28, 1), latent_dim=10, channels=(32, 16)).output_shape
        (None, 28, 28, 1)

    Source:
        Han, Lu, Zhu, Wu, AAAI 2017 (published code).
    """
    rank = check_shape(shape, form)
    if classes and form != "object":
        raise ValueError(f'`classes` are for form="object"; received form={form!r}.')
    if context and form != "texture":
        raise ValueError(f'`context` is for form="texture"; received form={form!r}.')
    small = [side and -(-side // 2 ** (len(channels) + 1)) for side in shape[:-1]]
    if form == "texture":
        x = inputs = keras.Input((*small, latent_dim), name="z")
        if context:
            x = normed(layer("Conv", rank, channels[0], context, 1, None)(x))
    else:
        moments = [shape[0] and shape[0] + 2 * MOVING] if form == "dynamic" else []
        x = inputs = keras.Input((*moments, latent_dim), name="z")
        small[: len(moments)] = moments
        if classes:
            inputs = {"z": inputs, "label": keras.Input((len(classes),), name="label")}
            label = ClassLabel(classes)(inputs["label"])
            x = layers.Concatenate()([inputs["z"], label])
        filters = channels[0] * _product(small[len(moments) :])
        x = layers.Dense(filters, activation="leaky_relu")(x)
        x = layers.Reshape([-1 if side is None else side for side in (*small, channels[0])])(x)
    for number, filters in enumerate(channels):
        finer = len(channels) - number  # layers that follow
        x = normed(enlarge(rank, filters, form, finer)(x))
    x = enlarge(rank, shape[-1], form, dtype="float32")(x)
    if form == "dynamic":
        x = layers.Cropping3D((MOVING, 0, 0), dtype="float32")(x)
    x = crop(x, shape, rank)
    if form == "dynamic":
        x = Scene(name="scene", dtype="float32")(x)
    x = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, x, name="generator_network")


def _product(sides):
    product = 1
    for side in sides:
        product *= side
    return product
