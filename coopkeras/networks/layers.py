"""What the networks are built of: layers of any rank, and checks of shapes."""

import keras
from keras import layers, ops

SMALLEST_SIZE = 16
LABEL_SCALE = 4.0  # learned faster than z, so that z is left what the class does not say
MOVING = 2  # finest layers of a dynamic generator, which see the frames before and after


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


@keras.saving.register_keras_serializable("coopkeras")
class ClassLabel(layers.Layer):
    """Scales the label of a class, 1 at the class and 0 elsewhere, and knows the classes' names.

    Args:
        class_names: list of str.
        **kwargs: as for any layer.

    Example:
        >>> ClassLabel(["cat", "dog"])(keras.ops.array([[0.0, 1.0]])).numpy().tolist()
        [[0.0, 4.0]]
    """

    def __init__(self, class_names, **kwargs):
        super().__init__(**kwargs)
        self.class_names = list(class_names)

    def call(self, inputs):
        return LABEL_SCALE * inputs

    def get_config(self):
        return super().get_config() | {"class_names": self.class_names}


@keras.saving.register_keras_serializable("coopkeras")
class StopGradient(layers.Layer):
    """Passes values on, and no gradient back."""

    def call(self, inputs):
        return ops.stop_gradient(inputs)


@keras.saving.register_keras_serializable("coopkeras")
class Divide(layers.Layer):
    """Divides the first of a pair by the second, which is broadcast."""

    def call(self, inputs):
        x, by = inputs
        return x / by

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("coopkeras")
class PlusLog(layers.Layer):
    """Takes x `[batch, ...]` and scales above 0, `[batch, 1, ...]`, to `x + log(scale)`.

    Keras's own `Add` takes `[batch, 1, 1, 1]` for a bias of the first side, where that is as long
    as the batch.
    """

    def call(self, inputs):
        x, scale = inputs
        return x + ops.log(scale)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("coopkeras")
class Waves(layers.Layer):
    """Turns an angle `[batch, 1]` in (0, pi/2) into cosines of its multiples, `[batch, 8]`."""

    def call(self, inputs):
        return ops.cos(inputs * ops.arange(1.0, 16.0, 2.0))


@keras.saving.register_keras_serializable("coopkeras")
class Modulate(layers.Layer):
    """Takes x and a pair (scale, shift) along the channels to `(1 + scale) x + shift`."""

    def call(self, inputs):
        x, both = inputs
        scale, shift = ops.split(both, 2, axis=-1)
        return (1.0 + scale) * x + shift

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("coopkeras")
class Total(layers.Layer):
    """Adds up all values of each example: `[batch, ...] -> [batch, 1]`."""

    def call(self, inputs):
        return ops.sum(inputs, axis=tuple(range(1, len(inputs.shape))))[:, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)


def near_zero():
    """Return an initializer for what should do little at first."""
    return keras.initializers.RandomNormal(stddev=0.02)


def layer(kind, rank, filters, width, stride, activation, transpose=False, **kwargs):
    """Return a convolution of the rank, such as `layer("Conv", 2, 8, 3, 1, "relu")`."""
    name = f"{kind}{rank}D" + ("Transpose" if transpose else "")
    return getattr(layers, name)(
        filters, width, stride, padding="same", activation=activation, **kwargs
    )


def enlarge(rank, filters, form="object", finer=0, **kwargs):
    """Return a layer that doubles each side; of a dynamic clip, those of its frames.

    A texture of images is interpolated before it is convolved, which leaves no grid: where all
    is the same it stays the same. `finer` is the number of layers that follow.
    """
    if form == "texture" and rank == 2:
        interpolate = layers.UpSampling2D(2, interpolation="bilinear")
        convolve = layer("Conv", rank, filters, 3, 1, None, **kwargs)
        return lambda x: convolve(interpolate(x))
    width, stride = 4, 2
    if form == "dynamic":
        width, stride = (3 if finer < MOVING else 1, 4, 4), (1, 2, 2)
    return layer("Conv", rank, filters, width, stride, None, transpose=True, **kwargs)


def normed(x):
    """Normalise over the channels of a place, then let through what is above 0, nearly."""
    return layers.LeakyReLU(0.2)(layers.LayerNormalization()(x))


def crop(x, shape, rank):
    """Cut the end of the sides that enlarging made too long."""
    extra = [0 if b is None else a - b for a, b in zip(x.shape[1:-1], shape[:-1], strict=True)]
    if not any(extra):
        return x
    cropping = [(0, more) for more in extra]
    cropping = cropping if rank > 1 else cropping[0]
    return getattr(layers, f"Cropping{rank}D")(cropping, dtype=x.dtype)(x)


def check_shape(shape, form):
    """Return the rank of an example; raise ValueError for a shape or form that no network has."""
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
