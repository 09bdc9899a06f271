"""The only sampler: Langevin dynamics on any energy.

    x <- x - step_size^2 / 2 dU/dx + step_size sqrt(temperature) N(0, I)

The same function samples images given the energy of a descriptor and latent vectors given an
example. Nothing here knows which.
"""

from functools import partial

import tensorflow as tf

from coopkeras import seeds

NEAR = 1e-2  # of the two gradients whose difference is a curvature, in units of x


def langevin(energy, x, *, steps, step_size, seed, temperature=1.0, first_step=0, project=None):
    """Run Langevin dynamics from `x` and return where the chains end.

    One update is `x <- x - step_size^2/2 dU/dx + step_size sqrt(temperature) N(0, I)`. The
    function is pure: its noise depends on `seed` and the number of the step alone, so k steps
    followed by m steps with `first_step=k` equal k + m steps. No gradient flows through it, and
    nothing is clipped inside the chain.

    Args:
        energy: function `[batch, ...] -> [batch]`, one energy per example, never averaged over
            the batch; of an annealed chain a function of x and the step.
        x: where the chains start, `[batch, ...]`; the state is float32 whatever the precision
            of the energy's network.
        steps: number of updates, an int or an int tensor (no retrace); or `[batch]`, one a row:
            a row that is done stays as it is.
        step_size: the standard deviation of the noise of one update, in units of x, > 0; a
            float or a tensor, scalar or `[batch]`. A function of the step makes the chain an
            annealed one: its energy changes from update to update.
        seed: int32 `[2]` for the whole batch, or `[batch, 2]`, one a row: a row's chain is then
            the same alone or in any batch.
        temperature: scale of the noise's variance, >= 0, scalar or `[batch]`, or a function of
            the step; 0 is gradient descent.
        first_step: number of the first update, for a chain that goes on.
        project: function `x -> x` applied to the start and after each update; it pins what is
            known (`Observation.project`).

    Returns:
        x: float32 `[batch, ...]`, the state after `steps` updates.

    Example:
        >>> energy = lambda x: 0.5 * tf.reduce_sum(x**2, axis=-1)
        >>> x = langevin(energy, tf.zeros([4, 2]), steps=10, step_size=0.3, seed=[0, 1])
        >>> x.shape.as_list()
        [4, 2]

    Source:
        Xie, Lu, Zhu, Wu, "A theory of generative ConvNet", ICML 2016, equation 6.
    """
    project = project or tf.identity
    seed = seeds.as_seed(seed)
    x = tf.convert_to_tensor(project(tf.cast(x, tf.float32)))
    first_step = tf.cast(first_step, tf.int32)
    last_step = first_step + _per_row(steps, x, tf.int32)

    def update(step, x):
        energy_now = partial(energy, step=step) if callable(step_size) else energy
        size, heat = (_per_row(_at(step, value), x) for value in (step_size, temperature))
        noise = seeds.normal(seeds.fold(seed, step), tf.shape(x))
        drift = -(size**2) / 2 * gradient(energy_now, x)
        updated = project(x + drift + size * tf.sqrt(heat) * noise)
        return step + 1, tf.where(step < last_step, updated, x)

    _, x = tf.while_loop(
        lambda step, _: step < tf.reduce_max(last_step),
        update,
        (first_step, x),
        shape_invariants=(first_step.shape, x.shape),
    )
    return tf.stop_gradient(x)


def gradient(function, x):
    """Gradient of a per-example function at each example, `[batch, ...]` like `x`.

    Args:
        function: `[batch, ...] -> [batch]`.
        x: `[batch, ...]`.

    Returns:
        gradient: `[batch, ...]`; the sum over the batch is differentiated, so an example's
        gradient does not depend on how many others there are.

    Example:
        >>> gradient(lambda x: tf.reduce_sum(x**2, axis=-1), tf.ones([1, 2])).numpy().tolist()
        [[2.0, 2.0]]
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, x)


def _at(step, value):
    return value(step) if callable(value) else value


def curvature(energy, x, rounds=2):
    """Estimate the largest curvature of an energy at each example, `[batch]`.

        v <- H v / |H v|   from v = dU/dx,   H v = (dU/dx(x + h v) - dU/dx(x)) / h

    Langevin dynamics is stable while step_size^2 times the curvature is below 4. The estimate is
    a lower bound for a quadratic energy; it is of the row alone, and is not random.

    Args:
        energy: function `[batch, ...] -> [batch]`.
        x: `[batch, ...]`.
        rounds: power iterations, one gradient each.

    Returns:
        curvature: float32 `[batch]`, 0 or more.

    Example:
        >>> steep = lambda x: 50.0 * x[:, 0] ** 2 + 0.5 * x[:, 1] ** 2
        >>> curvature(steep, tf.ones([1, 2])).numpy().round().tolist()
        [100.0]
    """
    slope = change = gradient(energy, x)
    for _ in range(rounds):
        direction = change / (_length(change) + 1e-12)
        change = (gradient(energy, x + NEAR * direction) - slope) / NEAR
    return tf.reshape(_length(change), [-1])


def _length(x):
    """Return the length of each example, `[batch, 1, ...]`."""
    return tf.sqrt(tf.reduce_sum(x**2, axis=tuple(range(1, x.shape.rank)), keepdims=True))


def _per_row(value, x, dtype=tf.float32):
    """Return a scalar as it is and `[batch]` as `[batch, 1, ...]`, to stand beside x."""
    value = tf.cast(value, dtype)
    if value.shape.rank == 0:
        return value
    return tf.reshape(value, [-1] + [1] * (x.shape.rank - 1))
