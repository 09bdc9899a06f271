"""The descriptor of envelopes: fixed filters and features, learned weights of them (FRAME)."""

import keras
from keras import layers, ops

OCTAVES = 7  # moving averages over 2, 4, ... 128 frames
HINGED = (0, 4)  # octaves whose distributions count
HINGES = 24  # from -1 to 1
UNIT = 0.1  # standard deviation of an envelope, about


def descriptor(shape, scale=1.0):
    """Return the network f of a descriptor of envelopes.

        f(u) = sum_t sum_j  m_j' A_j m_j + sum_i B_ji . relu(s_j - i)

    s_j are moving averages of the envelopes over 2^j frames and m_j = s_{j-1} - s_j their
    octaves of modulation. The A_j learn how bands move and move together, the B_ji, potentials
    linear between thresholds i, how each band is distributed: its sparsity. No others are
    learned, and it is the same at all times.

    Args:
        shape: (frames, features).
        scale: factor of f.

    Returns:
        network: functional model `[batch, frames, features] -> [batch, 1]`.

    Example:
        >>> descriptor((64, 32)).output_shape
        (None, 1)

    Source:
        Lu, Zhu, Wu, AAAI 2016 (learned weights of fixed filters); McDermott and Simoncelli,
        Neuron 2011 (which features tell a texture).
    """
    inputs = keras.Input(shape, name="x")
    x = EnvelopeStatistics(dtype="float32")(inputs)
    x = layers.Rescaling(scale, dtype="float32")(x)
    return keras.Model(inputs, x, name="descriptor_network")


@keras.saving.register_keras_serializable("coopkeras")
class EnvelopeStatistics(layers.Layer):
    """The weighted sum of statistics of envelopes; see `descriptor`. At first its weights are 0.

    Example:
        >>> EnvelopeStatistics()(ops.zeros([2, 16, 3])).numpy().tolist()
        [[0.0], [0.0]]
    """

    def build(self, shape):
        features = shape[-1]
        zeros = {"initializer": "zeros", "dtype": "float32"}
        self.quadratic = [
            self.add_weight(shape=(features, features), name=f"quadratic_{octave}", **zeros)
            for octave in range(1, OCTAVES + 1)
        ]
        self.hinges = [
            self.add_weight(shape=(features, HINGES), name=f"hinges_{octave}", **zeros)
            for octave in HINGED
        ]

    def call(self, x):
        smooth = [x]
        for octave in range(1, OCTAVES + 1):
            smooth.append(ops.average_pool(x, 2**octave + 1, 1, "same"))
        total = 0.0
        for finer, coarser, weights in zip(smooth, smooth[1:], self.quadratic, strict=False):
            moving = (finer - coarser) / UNIT
            total += ops.sum(ops.matmul(moving, weights) * moving, axis=(1, 2))
        thresholds = ops.linspace(-1.0, 1.0, HINGES)
        for octave, weights in zip(HINGED, self.hinges, strict=True):
            over = ops.relu(smooth[octave][..., None] - thresholds) / UNIT
            total += ops.sum(over * weights, axis=(1, 2, 3))
        return total[:, None]
