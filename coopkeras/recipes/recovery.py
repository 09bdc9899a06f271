"""What tasks share that recover x from what is seen of it: recovering and judging."""

import functools

import tensorflow as tf

from coopkeras import seeds

INFER_STEPS = 200  # Langevin updates that a generator alone takes to explain what is seen
DRAWS = 8  # samples whose mean is a descriptor's estimate
PRESETS = {  # by method, other defaults than those of CoopNets
    "generator": {"latent_dim": 100, "infer_steps": 10, "infer_step_size": 0.1},
    "descriptor": {"steps": 30, "penalty": 0.0, "descriptor_rate": 3e-4},
}


def recover(
    config, model, seen, observation, seed, temperature, infer_steps=INFER_STEPS, start=None
):
    """Return (proposed, revised) of any of the three models.

    The estimate of CoopNets is the proposal at z = 0 and `settle` updates without noise; of a
    generator, g of the z that descent finds; of a descriptor, which proposes nothing, the mean
    of 8 samples.

    Args:
        config: a `recipes.ModelConfig`.
        model: the `CoopNets`, `Generator` or `Descriptor` of its method.
        seen: `observation(x)`, float32.
        observation: an `Observation`.
        seed: an int, int32 `[2]` or `[batch, 2]`.
        temperature: 1 draws a sample, 0 is the estimate. One number, or one a row.
        infer_steps: Langevin updates of the inference of z, where z is inferred: by a generator
            that is told nothing but z.
        start: where the chains of a descriptor start, shaped like x; by default noise.

    Returns:
        proposed, revised: float32 `[batch, ...]`; the same thing where nothing proposes.
    """
    recover = functools.partial(model.recover, seen, observation)
    if config.method == "coopnets":
        steps = tf.where(tf.equal(temperature, 0.0), 0, config.steps)
        how = {"steps": steps, "settle": config.settle, "infer_steps": infer_steps}
        return recover(seed=seed, temperature=temperature, proposed=True, **how)
    if config.method == "generator":
        revised = recover(seed=seed, temperature=temperature, steps=infer_steps)
    else:
        recover = functools.partial(recover, steps=config.steps, start=start)
        revised = _sample_or_mean(recover, seen, observation, seed, temperature)
    return revised, revised


def _sample_or_mean(recover, seen, observation, seed, temperature):
    """Return a sample, or where the temperature is 0 the mean of samples, always the same."""
    estimate = tf.reshape(tf.equal(temperature, 0.0), [-1])
    sample = recover(seed=seed, temperature=temperature)

    def mean():
        rows = seeds.fold(seeds.as_seed(0), tf.zeros([tf.shape(seen)[0]], tf.int32))
        draws = [recover(seed=seeds.fold(rows, draw), temperature=1.0) for draw in range(DRAWS)]
        return observation.project(tf.add_n(draws) / DRAWS, seen)

    mean = tf.cond(tf.reduce_any(estimate), mean, lambda: sample)
    return tf.where(tf.reshape(estimate, [-1] + [1] * (len(sample.shape) - 1)), mean, sample)


def variants(method, recover, draws=4):
    """Yield what is judged of a method: the estimate and a sample, proposed and revised.

    Args:
        method: of `recipes.METHODS`; only "coopnets" has proposals.
        recover: function `(seed, temperature) -> (proposed, revised)`.
        draws: number of samples, for their diversity.

    Yields:
        variant, result, samples: its name, the result, and of a sample all draws, else None.

    Example:
        >>> noisy = lambda seed, temperature: (seed + temperature, 0.0)
        >>> [variant for variant, _, _ in variants("generator", noisy)]
        ['estimate', 'sample']
    """
    estimates = recover(0, 0.0)
    samples = list(zip(*(recover(seed, 1.0) for seed in range(draws)), strict=True))
    if method == "coopnets":
        yield "proposed estimate", estimates[0], None
    yield "estimate", estimates[1], None
    if method == "coopnets":
        yield "proposed sample", samples[0][0], samples[0]
    yield "sample", samples[1][0], samples[1]
