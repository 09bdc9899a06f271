"""New sound of any length from a model of one length.

The generator makes it from one long map of z, drawn afresh everywhere, so that nothing repeats.
The descriptor revises it in windows that overlap and are faded into each other.
"""

import numpy as np

from coopkeras import recipes, recovery, seeds
from coopkeras.coopnets import CoopNets
from coopkeras.generator import Generator
from coopkeras.sound_windows import overlapped

AT_ONCE = 16  # windows in one batch
BORDER = 4  # columns of z by which the generator's windows reach into each other, twice
PASS = 10  # Langevin updates of a window before its neighbours are heard


def synthesise(config, model, length, seed):
    """Make new sound.

    Args:
        config: a `recipes.ModelConfig` with texture forms.
        model: the `CoopNets`, `Generator` or `Descriptor` of its method, of rank 1.
        length: samples.
        seed: an integer.

    Returns:
        proposed, made: float32 `[length, channels]` in [-1, 1]; `proposed` is None where nothing
            proposes.
    """
    seed = seeds.as_seed(seed)
    channels = recipes.network_shape(model)[-1]
    if isinstance(model, CoopNets):
        proposed = _generate(model.averaged_generator, length, seeds.fold(seed, 0))
        return proposed, revise(config, model.averaged_descriptor, proposed, seeds.fold(seed, 1))
    if isinstance(model, Generator):
        return None, _generate(model, length, seeds.fold(seed, 0))
    noise = seeds.normal(seeds.fold(seed, 0), [length, channels]).numpy()
    start = config.reference_sigma * noise
    return None, revise(config, model, start, seeds.fold(seed, 1))


def revise(config, descriptor, x, seed):
    """Revise a sound of any length by Langevin dynamics, `steps` updates and then `settle`.

    Args:
        config: a `recipes.ModelConfig`.
        descriptor: a `Descriptor` of rank 1.
        x: float `[length, channels]`.
        seed: an int or int32 `[2]`.

    Returns:
        revised: float32 `[length, channels]` in [-1, 1].
    """
    size = descriptor.network.input_shape[1]
    updates = [min(PASS, config.steps - done) for done in range(0, config.steps, PASS)]
    passes = [(steps, 1.0) for steps in updates] + [(config.settle, 0.0)]
    for number, (steps, temperature) in enumerate(passes):
        pass_seed = seeds.fold(seed, number)

        def run(windows, numbers, steps=steps, temperature=temperature, pass_seed=pass_seed):
            rows = seeds.fold(pass_seed, numbers)
            how = {"seed": rows, "steps": steps, "temperature": temperature, "start": windows}
            return [descriptor.sample(len(numbers), **how)]

        def revised(windows, numbers, run=run):
            return recovery.in_batches(run, AT_ONCE, windows, numbers)[0]

        moved = number % 2 * size // 4  # so that borders lie elsewhere each time
        x = np.pad(x, [(moved, 0), (0, 0)], mode="symmetric")
        x = overlapped(revised, x, size, size // 4)[moved:]
    return np.clip(x, -1, 1)


def _generate(generator, length, seed):
    """Return g of one long map of z, `[length, channels]`."""
    columns, channels = generator.z_shape
    stride = generator.network.output_shape[1] // columns

    def generate(windows, numbers):
        del numbers
        return recovery.in_batches(lambda z: [generator.generate(z)], AT_ONCE, windows)[0]

    z = seeds.normal(seed, [-(-length // stride), channels]).numpy()
    return overlapped(generate, z, columns, min(BORDER, columns // 4), stride)[:length]
