"""Prior: what a generator draws z from, N(0, I) or a law that learns from the inferred z."""

import abc

import keras

from coopkeras import seeds


class Prior(keras.layers.Layer, abc.ABC):
    """What a generator draws z from: a Keras layer that owns what it learns as weights.

    The weights travel with the generator: into checkpoints, `.keras` files and averaged copies.
    A subclass is registered with Keras, as any layer of a saved model.

    Args:
        dtype: of the weights, float32 under every policy of precision.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)

    @abc.abstractmethod
    def build(self, z_shape):
        """Make the weights for z of one example shaped `z_shape`; the generator calls it once."""

    @abc.abstractmethod
    def draw(self, n, seed):
        """Draw z, float32 `[n, *z_shape]`; with row seeds `[n, 2]` each row by itself."""

    @abc.abstractmethod
    def learn(self, z, updates):
        """Learn from inferred z `[batch, *z_shape]`, after so many `updates`."""


@keras.saving.register_keras_serializable("coopkeras")
class StandardNormal(Prior):
    """z ~ N(0, I); it has nothing to learn.

    Example:
        >>> prior = StandardNormal()
        >>> prior.build((2,))
        >>> prior.draw(3, seeds.as_seed(0)).shape.as_list()
        [3, 2]
    """

    def build(self, z_shape):
        """Keep the shape of z."""
        self.z_shape = tuple(z_shape)

    def draw(self, n, seed):
        """Draw z ~ N(0, I), float32 `[n, *z_shape]`; with row seeds each row by itself."""
        return seeds.normal(seed, [n, *self.z_shape])

    def learn(self, z, updates):
        """Learn nothing."""
