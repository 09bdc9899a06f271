"""Bottom-up networks f: x -> responses, whose sum is the score of a descriptor.

Each function takes the shape of one example, `(time, c)` for sound, `(height, width, c)` for an
image or `(time, height, width, c)` for video, and works out the rank. Nothing here mixes the
examples of a batch.
"""

import keras
from keras import layers

from coopkeras.networks.layers import Modulate, Total, Waves, check_shape, layer, near_zero

START_SIZE = 4


def descriptor(shape, channels=(32, 64, 128), form="object", activation="leaky_relu", scale=1.0):
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
    rank = check_shape(shape, form)
    x = inputs = keras.Input(shape, name="x")
    for number, filters in enumerate(channels):
        x = layer("Conv", rank, filters, 3 if number else 5, 1, activation)(x)
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


def revising_descriptor(shape, features, channels=(32, 48, 96)):
    """Return a bottom-up network f of a residual and of the proposal that it corrects.

    Two convolutions at each scale, which the level shifts and scales; every scale responds.

    Args:
        shape: shape of one example; the network takes any sides, such as those of a box of it.
        features: number of the generator's features at each place.
        channels: filters of each scale, fine first.

    Returns:
        network: functional model of a dict `{"v": [batch, *shape], "x": [batch, *shape],
        "proposed": [batch, *shape], "log_spread": [batch, *shape], "visible": [batch,
        *shape[:-1], 1], "features": [batch, *shape[:-1], features], "angle": [batch, 1]}` ->
        `[batch, 1]`: v is the noisy residual in units of its spread, x = proposed + spread v, the
        angle that of the noise.

    Example:
        >>> revising_descriptor((32, 32, 1), features=8, channels=(8, 16)).output_shape
        (None, 1)
    """
    rank = check_shape(shape, "texture")
    sides = [None] * rank
    names = ("v", "x", "proposed", "log_spread")
    inputs = {name: keras.Input((*sides, shape[-1]), name=name) for name in names}
    inputs["visible"] = keras.Input((*sides, 1), name="visible")
    inputs["features"] = keras.Input((*sides, features), name="features")
    inputs["angle"] = keras.Input((1,), name="angle")
    level = layers.Dense(64, activation="swish")(Waves(dtype="float32")(inputs["angle"]))
    context = layer("Conv", rank, 8, 1, 1, None)(inputs["features"])
    x = layers.Concatenate()([*(inputs[name] for name in (*names, "visible")), context])
    responses = []
    for scale, filters in enumerate(channels):
        if scale:
            x = getattr(layers, f"AveragePooling{rank}D")(2, padding="same")(x)
        for _ in range(2):
            x = layer("Conv", rank, filters, 3, 1, None)(x)
            x = layers.Activation("swish")(_modulated(x, level))
        response = layer(
            "Conv", rank, 1, 1, 1, None, use_bias=False, kernel_initializer=near_zero()
        )
        responses.append(Total(dtype="float32")(response(x)))
    return keras.Model(inputs, layers.Add(dtype="float32")(responses), name="descriptor_network")


def _modulated(x, level):
    """Return `(1 + scale) x + shift`, a linear function of the level for each channel."""
    both = layers.Dense(2 * x.shape[-1], kernel_initializer=near_zero())(level)
    both = layers.Reshape([1] * (len(x.shape) - 2) + [2 * x.shape[-1]])(both)
    return Modulate()([x, both])
