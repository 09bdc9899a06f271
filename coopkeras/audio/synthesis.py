"""New sound of any length from a model of the envelopes of one length.

The generator makes envelopes from one long map of z, drawn afresh everywhere, so that nothing
repeats. The descriptor revises them in windows that overlap and are faded into each other. Noise
carries them.
"""

import numpy as np

from coopkeras import base, seeds
from coopkeras.audio import bands
from coopkeras.coopnets import CoopNets
from coopkeras.generator import Generator
from coopkeras.windows import overlapped

AT_ONCE = 16  # windows in one batch
BORDER = 12  # columns of z by which the generator's windows reach into each other, twice
PASS = 10  # Langevin updates of a window before its neighbours are heard
CARRIED, CARRIED_BORDER = 4096, 128  # frames of a window of sound, and of its border


def synthesise(config, model, length, seed):
    """Make new sound.

    Args:
        config: a `recipes.ModelConfig` with texture forms and a `sample_rate`.
        model: the `CoopNets`, `Generator` or `Descriptor` of its method, of envelopes. Its windows
            should be long: those of the generator 48 columns of z or more, or they leave seams.
        length: samples.
        seed: an integer.

    Returns:
        proposed, made: float32 `[length, channels]`, peaks as in `carry`; `proposed` is None where
            nothing proposes.
    """
    seed, rate = seeds.as_seed(seed), config.sample_rate
    frames = -(-length // bands.hop(rate))
    proposed, made = _envelopes(config, model, frames, seed)
    carrier_seed = seeds.fold(seed, 2)
    return tuple(
        None if u is None else carry(u, rate, carrier_seed)[:length] for u in (proposed, made)
    )


def carry(u, rate, seed):
    """Return the sound that noise with given envelopes makes.

    Args:
        u: float `[frames, 32 channels]`, as `audio.bands.encode` returns.
        rate: sample rate, Hz.
        seed: an int or int32 `[2]`.

    Returns:
        x: float32 `[frames * hop, channels]`; its peaks may be above 1 (see
            `audio.bands.without_overload`).

    Example:
        >>> carry(np.zeros([500, 32]), 8000, seed=0).shape
        (8000, 1)
    """
    hop, channels = bands.hop(rate), u.shape[1] // bands.BANDS
    noise = bands.noise(seed, 1, len(u) * hop, channels).numpy()
    both = np.concatenate([u, noise.reshape(len(u), hop * channels)], axis=1)

    def carried(windows, numbers):
        del numbers
        made = [
            bands.decode(
                window[None, :, : u.shape[1]],
                window[None, :, u.shape[1] :].reshape(1, -1, channels),
                rate,
            )[0]
            for window in windows
        ]
        return np.stack(made)

    size = min(CARRIED, len(u) + 2 * CARRIED_BORDER)
    return overlapped(carried, both, size, CARRIED_BORDER, hop)


def fade_in_and_out(x, rate, seconds=0.005):
    """Return a sound `[time, channels]` that begins and ends without a click.

    Example:
        >>> fade_in_and_out(np.ones([5, 1]), 1000, seconds=0.002).ravel().tolist()
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    places = np.minimum(np.arange(len(x)), np.arange(len(x))[::-1])
    return x * np.minimum(1, places / (seconds * rate))[:, None]


def _envelopes(config, model, frames, seed):
    """Return proposed and made envelopes, `[frames, features]`."""
    if isinstance(model, CoopNets):
        proposed = _generate(model.ema_generator, frames, seeds.fold(seed, 0))
        return proposed, revise(config, model.ema_descriptor, proposed, seeds.fold(seed, 1))
    if isinstance(model, Generator):
        return None, _generate(model, frames, seeds.fold(seed, 0))
    features = model.x_shape[-1]
    start = config.reference * seeds.normal(seeds.fold(seed, 0), [frames, features]).numpy()
    return None, revise(config, model, start, seeds.fold(seed, 1))


def revise(config, descriptor, x, seed):
    """Revise envelopes of any length: `steps` Langevin updates and then `denoise_steps`.

    Args:
        config: a `recipes.ModelConfig`.
        descriptor: a `Descriptor` of rank 1.
        x: float `[frames, features]`.
        seed: an int or int32 `[2]`.

    Returns:
        revised: float32 `[frames, features]` in [-1, 1].
    """
    size = descriptor.network.input_shape[1]
    updates = [min(PASS, config.steps - done) for done in range(0, config.steps, PASS)]
    passes = [(steps, 1.0) for steps in updates] + [(config.denoise_steps, 0.0)]
    for number, (steps, temperature) in enumerate(passes):
        pass_seed = seeds.fold(seed, number)

        def run(windows, numbers, steps=steps, temperature=temperature, pass_seed=pass_seed):
            rows = seeds.fold(pass_seed, numbers)
            how = {"seed": rows, "steps": steps, "temperature": temperature, "start": windows}
            return [descriptor.sample(len(numbers), **how)]

        def revised(windows, numbers, run=run):
            return base.in_batches(run, AT_ONCE, windows, numbers)[0]

        moved = number % 2 * size // 4  # so that borders lie elsewhere each time
        x = np.pad(x, [(moved, 0), (0, 0)], mode="symmetric")
        x = overlapped(revised, x, size, size // 4)[moved:]
    return np.clip(x, -1, 1)


def _generate(generator, length, seed):
    """Return g of one long map of z, `[length, features]`."""
    columns, channels = generator.z_shape
    stride = generator.network.output_shape[1] // columns

    def generate(windows, numbers):
        del numbers
        return base.in_batches(lambda z: [generator.generate(z)], AT_ONCE, windows)[0]

    z = seeds.normal(seed, [-(-length // stride), channels]).numpy()
    return overlapped(generate, z, columns, min(BORDER, columns // 4), stride)[:length]
