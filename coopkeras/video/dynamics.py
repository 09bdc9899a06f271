"""A linear dynamic on z: what comes next of a sequence of latent vectors, for as long as asked.

    w_t = C^(-1/2) (z_t - m)                 m, C: mean and covariance of the z of one moment
    w_{t+1} = B w_t + (I - B B^T)^(1/2) e    e ~ N(0, I),  B = E[w_{t+1} w_t^T]: least squares

That is z_{t+1} = A z_t + noise with A = C^(1/2) B C^(-1/2). The singular values of B are
correlations between one moment and the next; held at 1 or less they keep the spectral radius of A
at 1 or less, and whatever B is, z keeps its mean and covariance for ever: a sequence rolled out
neither dies down nor drifts away.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from coopkeras import seeds
from coopkeras.prior import Prior

LARGEST_CORRELATION = 0.999  # between one moment and the next
RIDGE = 1e-4  # variance, added to that of z
MEMORY = 0.98  # of the running moments


class Moments(NamedTuple):
    """What least squares needs to know of sequences of z.

    Attributes:
        mean: `[size]`.
        covariance: `[size, size]`, of the z of one moment.
        lagged: `[size, size]`, mean of `(z_{t+1} - mean) (z_t - mean)^T`.
    """

    mean: tf.Tensor
    covariance: tf.Tensor
    lagged: tf.Tensor


def moments(z, mean=None):
    """Return the moments of sequences.

    Args:
        z: `[batch, time, ..., size]`, time 2 or more; places between are sequences of their own.
        mean: `[size]`; by default that of z.

    Returns:
        moments: a `Moments`.

    Example:
        >>> z = tf.constant([[[1.0], [-1.0], [1.0]]])
        >>> moments(z, mean=[0.0]).lagged.numpy().tolist()
        [[-1.0]]
    """
    z = tf.convert_to_tensor(z, tf.float32)
    own_mean = tf.reduce_mean(z, axis=list(range(z.shape.rank - 1)))
    centred = z - (own_mean if mean is None else mean)
    return Moments(own_mean, _product(centred, centred), _product(centred[:, 1:], centred[:, :-1]))


def transition(moments):
    """Return A of `z_{t+1} - m = A (z_t - m) + noise`, `[size, size]`.

    Args:
        moments: a `Moments`.

    Returns:
        transition: `[size, size]`, of spectral radius below 1.
    """
    root = _power(moments.covariance, 0.5, RIDGE)
    return root @ _correlations(moments) @ _power(moments.covariance, -0.5, RIDGE)


def roll(moments, noise):
    """Roll sequences out, z that have the dynamic's mean, covariance and memory from the start.

    Args:
        moments: a `Moments`.
        noise: standard normal `[n, time, ..., size]`.

    Returns:
        z: float32 like `noise`.

    Source:
        Han, Lu, Zhu, Wu, "Alternating back-propagation for generator network", AAAI 2017,
        section on learning dynamic patterns; Doretto et al., "Dynamic textures", 2003.
    """
    carried = _correlations(moments)
    fresh = _power(tf.eye(carried.shape[0]) - carried @ tf.transpose(carried), 0.5)

    def step(w, e):
        return _times(w, carried) + _times(e, fresh)

    swapped = [1, 0, *range(2, noise.shape.rank)]  # time first, and back
    w = tf.transpose(tf.scan(step, tf.transpose(noise, swapped)), swapped)  # w_0 is noise
    return moments.mean + _times(w, _power(moments.covariance, 0.5, RIDGE))


@keras.saving.register_keras_serializable("coopkeras")
class LinearDynamic(Prior):
    """A prior of sequences of z: each z follows from the one before by a linear dynamic.

    It keeps running moments of the inferred z and draws sequences by the dynamic that these
    imply. Before the first update z is N(0, I) at every moment.

    Example:
        >>> prior = LinearDynamic()  # Generator(network, prior=prior) builds it
        >>> prior.build((6, 2))
        >>> prior.draw(3, seeds.as_seed(0)).shape.as_list()
        [3, 6, 2]

    Source:
        Han, Lu, Zhu, Wu, AAAI 2017, section on learning dynamic patterns.
    """

    def build(self, z_shape):
        """Make the moments for z of shape `(time, ..., size)`, at first those of N(0, I)."""
        self.z_shape = tuple(z_shape)
        size = z_shape[-1]
        self.mean = self._keep("mean", "zeros", size)
        self.covariance = self._keep("covariance", "identity", size, size)
        self.lagged = self._keep("lagged", "zeros", size, size)

    @property
    def moments(self):
        """Return the `Moments` of the z inferred so far."""
        return Moments(*(tf.convert_to_tensor(weight) for weight in self.weights))

    def draw(self, n, seed):
        """Draw `n` sequences of z by the dynamic; with row seeds each row by itself."""
        return roll(self.moments, seeds.normal(seed, [n, *self.z_shape]))

    def learn(self, z, updates):
        """Move the moments towards those of inferred z, fast in the first updates."""
        updates = tf.cast(updates, tf.float32)
        memory = tf.minimum(MEMORY, (1 + updates) / (10 + updates))
        for weight, value in zip(self.weights, moments(z, mean=self.mean), strict=True):
            weight.assign(memory * weight + (1 - memory) * value)

    def _keep(self, name, initializer, *shape):
        return self.add_weight(shape=shape, initializer=initializer, trainable=False, name=name)


def _product(a, b):
    """Return the mean of `a b^T` over all vectors, `[size, size]`."""
    a, b = (tf.reshape(x, [-1, x.shape[-1]]) for x in (a, b))
    return tf.transpose(a) @ b / tf.cast(tf.maximum(tf.shape(a)[0], 1), tf.float32)


def _power(covariance, exponent, ridge=0.0):
    """Return a power of a symmetric matrix, negative eigenvalues taken as 0."""
    values, vectors = tf.linalg.eigh(covariance)
    values = (tf.maximum(values, 0.0) + ridge) ** exponent
    return (vectors * values) @ tf.transpose(vectors)


def _correlations(moments):
    """Return B, its singular values no larger than they can be."""
    whiten = _power(moments.covariance, -0.5, RIDGE)
    scales, left, right = tf.linalg.svd(whiten @ moments.lagged @ whiten)
    return (left * tf.minimum(scales, LARGEST_CORRELATION)) @ tf.transpose(right)


def _times(x, matrix):
    """Return `matrix x` of every vector of x `[..., size]`."""
    return tf.tensordot(x, matrix, [[-1], [1]])
