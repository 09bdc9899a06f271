"""What tasks share that recover x from what is seen of it: recovering, in batches, and judging."""

import numpy as np
import tensorflow as tf

INFER_STEPS = 200  # Langevin updates that a generator alone takes to explain what is seen


def recover(config, model, seen, observation, seed, temperature):
    """Return (proposed, revised) of any of the three models.

    Args:
        config: a `recipes.ModelConfig`.
        model: the `CoopNets`, `Generator` or `Descriptor` of its method.
        seen: `observation(x)`, float32.
        observation: an `Observation`.
        seed: an int, int32 `[2]` or `[batch, 2]`.
        temperature: 1 draws a sample, 0 is the estimate: of CoopNets, the proposal at z = 0
            and `settle` updates without noise. One number, or one a row.

    Returns:
        proposed, revised: float32 `[batch, ...]`; the same thing where nothing proposes.
    """
    how = {"seed": seed, "temperature": temperature}
    if config.method == "coopnets":
        steps = tf.where(tf.equal(temperature, 0.0), 0, config.steps)
        how |= {"steps": steps, "settle": config.settle, "proposed": True}
        return model.recover(seen, observation, **how)
    steps = INFER_STEPS if config.method == "generator" else config.steps
    revised = model.recover(seen, observation, steps=steps, **how)
    return revised, revised


def in_batches(function, at_once, *arrays):
    """Apply a function to the rows of arrays, a batch at a time.

    Args:
        function: takes as many arrays, returns a sequence of arrays of as many rows.
        at_once: rows of a batch.
        *arrays: of equally many rows.

    Returns:
        results: list of arrays, the batches' results joined.

    Example:
        >>> halves = lambda x: (x[:, :1], x[:, 1:])
        >>> [part.shape for part in in_batches(halves, 2, np.ones([5, 3]))]
        [(5, 1), (5, 2)]
    """
    starts = range(0, len(arrays[0]), at_once)
    parts = [function(*(array[start : start + at_once] for array in arrays)) for start in starts]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


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
