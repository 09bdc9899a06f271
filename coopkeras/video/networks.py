"""A network that repairs clips: it corrects a rough fill, in units of how much each pixel moves."""

import keras
from keras import layers, ops

from coopkeras import networks

LARGEST_CORRECTION = 10.0  # deviations: without a bound learning may diverge
NEVER = 1e9  # frames ago, of what was never known


def recovery_generator(shape, latent_dim=16, channels=(16, 32, 64), scene=False):
    """Return a conditional network g: (z, seen, visible) -> x for clips.

        x = rough + spread * correction(rough, (rough - level) / spread, visible, z)

    The rough fill is that of `RoughFill`; level and spread are each pixel's mean and standard
    deviation in time: what stands still is corrected little, and what moves is all at one scale.
    The correction is that of an encoder-decoder, bounded. Known values pass through.

    Args:
        shape: (time, height, width, channels) of one example.
        latent_dim: length of z.
        channels: filters of each halving of time and space, fine first; multiples of 16 are
            fast on a CPU.
        scene: whether clips show one scene, whose mean frame the layer "rough_fill" keeps.

    Returns:
        network: functional model of a dict `{"z": [batch, latent_dim], "seen": [batch, *shape],
        "visible": [batch, *shape[:-1], 1]}` -> `[batch, *shape]`.

    Example:
        >>> recovery_generator((16, 32, 32, 1), channels=(8, 16)).output_shape
        (None, 16, 32, 32, 1)
    """
    inputs = {
        "z": keras.Input((latent_dim,), name="z"),
        "seen": keras.Input(shape, name="seen"),
        "visible": keras.Input((*shape[:-1], 1), name="visible"),
    }
    fill = RoughFill(scene, name="rough_fill", dtype="float32")
    rough, change, standard, spread = fill([inputs["seen"], inputs["visible"]])
    given = [rough, change, standard] if scene else [rough, standard]
    x = layers.Concatenate()([*given, inputs["visible"]])
    x = networks.encode_and_decode(x, inputs["z"], channels)
    small = keras.initializers.RandomNormal(stddev=0.02)
    x = layers.Conv3D(shape[-1], 3, padding="same", kernel_initializer=small, dtype="float32")(x)
    x = layers.Rescaling(1 / LARGEST_CORRECTION, dtype="float32")(x)
    x = layers.Activation("tanh", dtype="float32")(x)
    x = layers.Rescaling(LARGEST_CORRECTION, dtype="float32")(x)
    correction = layers.Multiply(dtype="float32")([x, spread])
    x = layers.Add(dtype="float32")([rough, correction])
    return keras.Model(inputs, networks.keep_known(x, inputs), name="clip_recovery_network")


@keras.saving.register_keras_serializable("coopkeras")
class RoughFill(layers.Layer):
    """Fills a clip in time; and where a pixel is never known, in space, what differs from a scene.

        x(t) = (b x(t - a) + a x(t + b)) / (a + b)      a, b: how long ago, how soon it is known

    Takes the pair seen `[batch, time, height, width, c]`, 0 where it is not visible, and visible
    `[batch, time, height, width, 1]`, of known sides. Returns four tensors: the fill; the fill less
    the scene; the fill less its level, over its spread; and the spread `[batch, 1, height, width,
    c]`. Level and spread are each pixel's mean and standard deviation over the times it is known;
    where it never is, the mean of its fill, and the standard deviation of all that is known.

    Args:
        scene: whether there is one: a weight `[height, width, c]`, not trained, at first 0.
        **kwargs: as for any layer.

    Example:
        >>> seen = keras.ops.reshape([0.0, 0.0, 0.0, 3.0], [1, 4, 1, 1, 1])
        >>> visible = keras.ops.reshape([1.0, 0.0, 0.0, 1.0], [1, 4, 1, 1, 1])
        >>> filled, _, _, spread = RoughFill()([seen, visible])
        >>> keras.ops.reshape(filled, [4]).numpy().round(3).tolist(), spread.numpy().round(1).item()
        ([0.0, 1.0, 2.0, 3.0], 1.5)
    """

    def __init__(self, scene=False, **kwargs):
        super().__init__(**kwargs)
        self.has_scene = scene

    def build(self, input_shape):
        if self.has_scene:
            shape = input_shape[0][2:]
            self.scene = self.add_weight(
                shape=shape, initializer="zeros", trainable=False, name="scene"
            )

    def call(self, inputs):
        seen, visible = inputs
        scene = ops.convert_to_tensor(self.scene) if self.has_scene else 0.0
        ever = ops.max(visible, axis=1, keepdims=True)
        filled = scene + _in_space(_in_time(seen, visible) - scene, ever)
        level, spread = networks.fills.moments(filled, ops.where(ever > 0, visible, 1.0), axis=1)
        _, contrast = networks.fills.moments(seen, visible, axis=(1, 2, 3))
        spread = ops.where(ever > 0, spread, contrast)
        return filled, filled - scene, (filled - level) / spread, spread

    def compute_output_shape(self, input_shape):
        shape = input_shape[0]
        return shape, shape, shape, (shape[0], 1, *shape[2:])

    def get_config(self):
        return super().get_config() | {"scene": self.has_scene}


def _in_time(seen, visible):
    """Interpolate each pixel between the times it is known; 0 if it never is."""
    seen, visible = (ops.unstack(x, axis=1) for x in (seen, visible))
    before, ago = _carried(seen, visible)
    after, ahead = _carried(seen[::-1], visible[::-1])
    pairs = zip(before, ago, after[::-1], ahead[::-1], strict=True)
    filled = [(soon * x + past * y) / ops.maximum(past + soon, 1.0) for x, past, y, soon in pairs]
    known = [ops.where(v > 0.5, x, y) for v, x, y in zip(visible, seen, filled, strict=True)]
    return ops.stack(known, axis=1)


def _carried(seen, visible):
    """Return for each frame what was known last of each pixel, and how many frames ago."""
    value, age, values, ages = 0.0 * seen[0], 0.0 * visible[0] + NEVER, [], []
    for frame, known in zip(seen, visible, strict=True):
        value, age = ops.where(known > 0.5, frame, value), ops.where(known > 0.5, 0.0, age + 1.0)
        values.append(value)
        ages.append(age)
    return values, ages


def _in_space(x, ever):
    """Fill smoothly the pixels of a clip that are never known: `ever` is 0 there, 1 elsewhere."""
    filled = networks.fills.smooth(_frames_as_channels(x), _frames_as_channels(ever))
    return ops.where(ever > 0, x, _channels_as_frames(filled, x.shape[1:]))


def _frames_as_channels(x):
    """Turn clips `[batch, time, height, width, c]` into images of `time * c` channels."""
    time, height, width, channels = x.shape[1:]
    return ops.reshape(ops.transpose(x, (0, 2, 3, 1, 4)), (-1, height, width, time * channels))


def _channels_as_frames(x, shape):
    """Turn images of `time * c` channels back into clips of the shape."""
    time, height, width, channels = shape
    return ops.transpose(ops.reshape(x, (-1, height, width, time, channels)), (0, 3, 1, 2, 4))
