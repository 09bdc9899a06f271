"""Super-resolution: enlarge a picture two, three or four times."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

FACTORS = (2, 3, 4)
SMALLEST_SIZE = 20  # of an example: SSIM's window is 11 pixels, without 4 at each border
PIXELS_AT_ONCE = 100 * 32 * 32  # recovered in one batch
LEVELS = 255  # between black and white, in which consistency is told
WINDOW = 128  # pixels of a person's picture that are enlarged at a time


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ImageConfig):
    """Settings of super-resolution; the defaults are those of the embedded textures.

    Attributes:
        method: "coopnets" (conditional: the generator proposes from the low-resolution picture,
            the descriptor revises), "generator" (ABP, inference from the low-resolution picture)
            or "descriptor" (Langevin dynamics that keeps the low-resolution picture true).
        factor: 2, 3 or 4, how many times larger; `size` is a multiple of it.
        samples: different results that `--mode=predict` writes; 0 is the estimate.
    """

    PRESETS: ClassVar[dict] = {
        "method": ck.recipes.recovery.PRESETS,
        "factor": {3: {"size": 36}},
    }

    data: str = "samples:textures"
    factor: int = 2
    patches: bool = True
    samples: int = 0
    generator_width: int = 48
    updates: int = 600
    warmup: float = 0.52
    descriptor_scale: float = 5e4
    descriptor_rate: float = 7e-4
    penalty: float = 1.0
    step_size: float = 0.01

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.factor in FACTORS, "factor", "2, 3 or 4")
        fits = self.size >= SMALLEST_SIZE and self.size % self.factor == 0
        self.require(fits, "size", f"a multiple of factor={self.factor}, {SMALLEST_SIZE} or more")
        self.require(self.samples >= 0, "samples", "0 or more")


@final
class SuperResolution(ck.Task):
    """Learn to enlarge pictures; judge on held-out ones beside bicubic and Lanczos."""

    name: ClassVar[str] = "super_resolution"
    summary: ClassVar[str] = "enlarge a picture two, three or four times"
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return pictures to learn from and held-out pictures."""
        return ck.recipes.images(self.config)

    def build(self, shape, count):
        """Return the compiled model of the method."""
        config, observation = self.config, self._observation()
        if config.method == "generator":
            network = ck.recipes.generator_network(config, shape)
            return ck.recipes.generator(config, network, num_examples=count)
        if config.method == "descriptor":
            return ck.recipes.descriptor(config, shape, start="noise", observation=observation)
        network = ck.networks.enlarging_generator(
            shape, config.factor, config.latent_dim, config.generator_width
        )
        return ck.recipes.coopnets(config, shape, network, observation=observation)

    def _observation(self):
        return ck.observation.Downsample(self.config.factor)

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return PSNR, SSIM, consistency, patch distance and diversity, for all."""
        x = split.held_out.array()
        seen = self._observation()(x).numpy()
        score = _Score(x, seen, self._observation())
        recover = functools.partial(self._recover, model, seen)
        rows = [
            score(self.config.method, made, variant, samples)
            for variant, made, samples in ck.recipes.recovery.variants(self.config.method, recover)
        ]
        return rows + [score(name, made) for name, made in self._baselines(x, seen).items()]

    def _baselines(self, x, seen):
        """Return what the baselines make of the low-resolution pictures.

        The last is no rival but the convention of published tables, where the low-resolution
        picture is made by bicubic resizing too.
        """
        size, small = x.shape[1], seen.shape[1]
        bicubic = _resized(seen, size, "bicubic")
        return {
            "bicubic": bicubic,
            "bicubic, made consistent": self._observation().confine(bicubic, seen).numpy(),
            "lanczos": _resized(seen, size, "lanczos"),
            "bicubic, both ways": _resized(_resized(x, small, "bicubic"), size, "bicubic"),
        }

    def _recover(self, model, seen, seed, temperature, numbers=None):
        """Return (proposed, revised) for arrays, a batch at a time; `numbers` are the rows' own."""
        numbers = np.arange(len(seen)) if numbers is None else numbers
        seeds = ck.seeds.fold(ck.seeds.as_seed(seed), numbers)
        pixels = seen.shape[1] * seen.shape[2] * self.config.factor**2
        recover = functools.partial(self._recovered, model, temperature=temperature)
        return ck.base.in_batches(recover, max(1, PIXELS_AT_ONCE // pixels), seen, seeds)

    def _recovered(self, model, seen, seed, temperature):
        """Return (proposed, revised) in [-1, 1], both true to what is seen."""
        seen, observation = tf.convert_to_tensor(seen, tf.float32), self._observation()
        made = ck.recipes.recovery.recover(self.config, model, seen, observation, seed, temperature)
        return [observation.confine(one, seen) for one in made]

    # Drawing --------------------------------------------------------------------------------

    def draw(self, model, split, count=10):
        """Return a contact sheet: low resolution, ours, bicubic, truth."""
        x = split.held_out.array()
        x = x[:: max(1, len(x) // count)][:count]  # from all over the data
        seen = self._observation()(x).numpy()
        rows = {"low resolution": self._observation().lift(seen).numpy()}
        proposed, estimate = self._recover(model, seen, 0, 0.0)
        if self.config.method == "coopnets":
            rows["proposed"] = proposed
        rows["estimate"] = estimate
        for seed in range(3):
            rows[f"sample {seed + 1}"] = self._recover(model, seen, seed, 1.0)[1]
        rows |= {"bicubic": self._baselines(x, seen)["bicubic"], "truth": x}
        return {f"x{self.config.factor}": ck.images.gallery(rows)}

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Enlarge a picture of any size; downsampling the result gives it back, bit for bit.

        With `samples=K` K different results are written, numbered.
        """
        if mask_path:
            raise ck.UserError(
                f"--task=super_resolution enlarges all of a picture; received --mask={mask_path}. "
                f"Leave it out, or use --task=inpaint."
            )
        pixels = ck.images.read(input_path, depth=16)
        count = self.config.samples
        paths = ck.images.output_paths(output_path, count)
        model = self._widened(model)
        shape = model.x_shape
        for seed, path in enumerate(paths):
            temperature = 1.0 if count else 0.0

            def recover(seen, numbers, seed=seed, temperature=temperature):
                return self._recover(model, seen, seed, temperature, numbers)[1]

            enlarged = ck.images.repair.enlarge(pixels, recover, shape, self.config.factor)
            ck.images.write(path, enlarged)
        return paths

    def _widened(self, model):
        """Return the model for larger windows, with fewer borders, if it is the same everywhere."""
        config, shape = self.config, model.x_shape
        side = config.factor * WINDOW
        fixed = config.method == "generator" or config.descriptor_form == "object"
        if fixed or side <= shape[0]:
            return model
        wide = self.build((side, side, shape[-1]), 1)
        wide.set_weights(model.get_weights())
        return wide

    def signatures(self, model):
        """Return what is served: recover (a sample or an estimate by row) and energy."""
        shape, factor = model.x_shape, self.config.factor
        small = [side // factor for side in shape[:-1]]
        image = tf.TensorSpec([None, *small, shape[-1]], tf.float32, "seen")
        seeds = tf.TensorSpec([None, 2], tf.int32, "seed")
        temperatures = tf.TensorSpec([None], tf.float32, "temperature")

        @tf.function(input_signature=[image, seeds, temperatures])
        def recover(seen, seed, temperature):
            seen = tf.ensure_shape(seen, image.shape)
            proposed, recovered = self._recovered(model, seen, seed, temperature)
            return {"recovered": recovered, "proposed": proposed}

        served = {"serving_default": recover, "recover": recover}
        if self.config.method != "generator":
            served["energy"] = ck.recipes.energy_signature(model, shape)
        return served


class _Score:
    """Judge what one method made of the low-resolution pictures, without the border."""

    def __init__(self, x, seen, observation):
        self.x, self.seen, self.observation = x, seen, observation

    def __call__(self, method, made, variant=None, samples=None):
        made = np.clip(made, -1, 1)
        inner, truth = self._inner(made), self._inner(self.x)
        luma, true_luma = ck.metrics.luma(inner), ck.metrics.luma(truth)
        wrong = np.abs(self.observation(made) - self.seen).max(axis=(1, 2, 3)) * LEVELS / 2
        metrics = {
            "psnr": (ck.metrics.psnr(luma, true_luma), "dB", "higher"),
            "ssim": (ck.metrics.ssim(luma, true_luma), "", "higher"),
            "consistency": (wrong.round(3), "levels", "lower"),
            "patch_distance": (ck.metrics.sliced_wasserstein(inner, truth), "", "lower"),
        }
        if samples is not None:
            spread = ck.metrics.diversity(np.stack([self._inner(one) for one in samples]))
            metrics["diversity"] = (spread, "", "higher")
        return row(
            method,
            setting=f"x{self.observation.factor}",
            n=len(made),
            metrics=metrics,
            ours=variant is not None,
            variant=variant,
        )

    def _inner(self, x):
        border = self.observation.factor
        return x[:, border:-border, border:-border]


def _resized(x, side, method):
    return np.stack([ck.images.resize(one, side, side, method) for one in x])
