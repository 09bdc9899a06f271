"""Drawing from any of the three models: samples and recoveries, in batches, by row seeds."""

import math

import numpy as np
import tensorflow as tf

from coopkeras import base, seeds
from coopkeras.coopnets import CoopNets
from coopkeras.generator import Generator
from coopkeras.recipes import classes
from coopkeras.recipes.build import as_learned, parts
from coopkeras.recipes.settings import SynthesisConfig
from coopkeras.task import DataSpec

INFER_STEPS = 200  # Langevin updates in which a generator alone explains what is seen
DRAWS = 8  # samples whose mean is a descriptor's estimate
PIXELS_AT_ONCE = 100 * 32 * 32  # drawn in one batch


def sample(config, model, seed, *, count=None, z=None, label=None):
    """Draw samples of any of the three models.

    Args:
        config: a `recipes.ModelConfig`; a `SynthesisConfig` may draw otherwise than in learning.
        model: the `CoopNets`, `Generator` or `Descriptor` of its method.
        seed: an int, int32 `[2]` or `[count, 2]`.
        count: number of samples; by default that of the seeds.
        z: what a generator draws from, `[count, *z_shape]`; by default its prior.
        label: int `[count]`, the class of each, for a generator that draws by class.

    Returns:
        proposed, samples: float32 `[count, ...]`; `proposed` is None for a model without
            proposals.
    """
    count = tf.shape(seed)[0] if count is None else count
    if isinstance(model, Generator):
        return None, model.sample(count, z=z, label=label, seed=seed)
    steps, share = config.steps, 1.0
    if isinstance(config, SynthesisConfig):
        steps, share = config.sampling_steps or steps, config.denoise_step_share
    if not isinstance(model, CoopNets):
        return None, model.sample(count, seed=seed, steps=steps)
    return model.sample(
        count,
        z=z,
        label=label,
        seed=seed,
        steps=steps,
        denoise_steps=config.denoise_steps,
        denoise_step_size=share * model.descriptor.step_size,
        proposed=True,
    )


def sample_rows(config, model, count, seed, z=None, label=None):
    """Draw samples as arrays, a batch at a time; each is its number's and the seed's alone.

    Args:
        config: as for `sample`.
        model: the model of its method.
        count: number of samples.
        seed: an int or int32 `[2]`.
        z: as for `sample`.
        label: as for `sample`.

    Returns:
        proposed, samples: as `sample` returns them.
    """
    given = {name: one for name, one in {"z": z, "label": label}.items() if one is not None}

    def draw(rows, _, *parts):
        return sample(config, model, rows, **dict(zip(given, parts, strict=True)))

    return in_rows(draw, at_once(model.x_shape), seed, np.arange(count), *given.values())


def recover(
    config, model, seen, observation, seed, temperature, infer_steps=INFER_STEPS, start=None
):
    """Recover x with any of the three models.

    The estimate of CoopNets is the proposal at z = 0 and `denoise_steps` updates without noise;
    of a generator, g of the z that descent finds; of a descriptor, the mean of 8 samples.

    Args:
        config: a `recipes.ModelConfig`.
        model: the `CoopNets`, `Generator` or `Descriptor` of its method.
        seen: `observation(x)`, float32.
        observation: an `Observation`.
        seed: an int, int32 `[2]` or `[batch, 2]`.
        temperature: 1 draws a sample, 0 is the estimate. One number, or one a row.
        infer_steps: Langevin updates of the inference of z, by a generator without a condition.
        start: where the chains of a descriptor start, shaped like x; by default noise.

    Returns:
        proposed, recovered: float32 `[batch, ...]`; `proposed` is None for a model without
            proposals.
    """
    how = {"seed": seed, "temperature": temperature}
    if isinstance(model, CoopNets) and model.descriptor.about_proposals:
        return model.recover(seen, observation, proposed=True, **how)
    if isinstance(model, CoopNets):
        steps = tf.where(tf.equal(temperature, 0.0), 0, config.steps)
        how |= {"denoise_steps": config.denoise_steps, "infer_steps": infer_steps}
        return model.recover(seen, observation, steps=steps, proposed=True, **how)
    if isinstance(model, Generator):
        return None, model.recover(seen, observation, steps=infer_steps, **how)

    def draw(seed, temperature):
        more = {"steps": config.steps, "start": start}
        return model.recover(seen, observation, seed=seed, temperature=temperature, **more)

    return None, _sample_or_mean(draw, seen, observation, seed, temperature)


def in_rows(draw, at_once, seed, *arrays, numbers=None):
    """Draw for the rows of arrays, a batch at a time, each row by a seed of its own.

    Args:
        draw: function `(seeds [n, 2], *arrays) -> (proposed or None, results)`.
        at_once: rows of a batch.
        seed: an int or int32 `[2]`.
        *arrays: of equally many rows.
        numbers: int `[rows]`, from which the rows' seeds are folded; by default 0, 1, ...

    Returns:
        proposed, results: arrays of as many rows; `proposed` is None if it is for `draw`.

    Example:
        >>> proposed, x = in_rows(lambda seeds, x: (None, 2 * x), 2, 0, np.ones([5, 3]))
        >>> proposed is None, x.shape
        (True, (5, 3))
    """
    numbers = np.arange(len(arrays[0])) if numbers is None else numbers
    rows = seeds.fold(seeds.as_seed(seed), numbers)

    def some(*parts):
        return [one for one in draw(*parts) if one is not None]

    found = base.in_batches(some, at_once, rows, *arrays)
    return (None, *found) if len(found) == 1 else tuple(found)


def at_once(shape):
    """Return how many examples of a shape are drawn in one batch.

    Example:
        >>> at_once((32, 32, 3))
        100
    """
    return max(1, PIXELS_AT_ONCE // math.prod(shape[:-1]))


def variants(recover, draws):
    """Yield what is judged of a recovery: the estimate and a sample, proposed and revised.

    Args:
        recover: function `(seed, temperature) -> (proposed or None, recovered)`.
        draws: number of samples.

    Yields:
        variant, result, samples: its name, the result, and of a sample all draws, else None.

    Example:
        >>> noisy = lambda seed, temperature: (None, seed + temperature)
        >>> [(variant, result) for variant, result, _ in variants(noisy, 2)]
        [('estimate', 0.0), ('sample', 1.0)]
    """
    estimates = recover(0, 0.0)
    samples = list(zip(*(recover(seed, 1.0) for seed in range(draws)), strict=True))
    proposes = estimates[0] is not None
    if proposes:
        yield "proposed estimate", estimates[0], None
    yield "estimate", estimates[1], None
    if proposes:
        yield "proposed sample", samples[0][0], samples[0]
    yield "sample", samples[1][0], samples[1]


def at_shape(task, model, shape):
    """Return a model again, for examples of another shape, with the weights that draw.

    Args:
        task: the `Task` that built it.
        model: its model, the same at all places of the sides that differ.
        shape: of one example.

    Returns:
        model: that model itself if it has the shape.
    """
    if model.x_shape == tuple(shape):
        return model
    spec = DataSpec(tuple(shape), classes=classes.names(model))
    sized = type(task)(as_learned(task.config, model)).build(spec)
    for new, learned in zip(_drawing_weights(sized), _drawing_weights(model), strict=True):
        new.assign(learned)
    return sized


def _drawing_weights(model):
    descriptor, generator = parts(model)
    weights = [] if descriptor is None else list(descriptor.network.weights)
    return weights + ([] if generator is None else list(generator.learned_weights))


def _sample_or_mean(draw, seen, observation, seed, temperature):
    """Return a sample, or where the temperature is 0 the mean of samples, always the same."""
    estimate = tf.reshape(tf.equal(temperature, 0.0), [-1])
    sample = draw(seed, temperature)

    def mean():
        rows = seeds.fold(seeds.as_seed(0), tf.zeros([tf.shape(seen)[0]], tf.int32))
        draws = [draw(seeds.fold(rows, number), 1.0) for number in range(DRAWS)]
        return observation.project(tf.add_n(draws) / DRAWS, seen)

    mean = tf.cond(tf.reduce_any(estimate), mean, lambda: sample)
    return tf.where(tf.reshape(estimate, [-1] + [1] * (len(sample.shape) - 1)), mean, sample)
