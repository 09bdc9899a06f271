"""Synthesis: draw new pictures like those of a folder."""

import dataclasses
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

DRAWN_AT_ONCE = 100
COLUMNS = 12  # of a sheet
WAYS = {"line": ck.latents.line, "sphere": ck.latents.sphere}
SHEETS = ("samples", *WAYS, "map")
GAUSSIAN_COMPONENTS = 200


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.PictureConfig):
    """Settings of synthesis; the embedded textures bring others (`PRESETS`).

    Attributes:
        method: "coopnets" (the generator proposes, the descriptor revises), "generator" (ABP)
            or "descriptor" (persistent chains).
        sampling_steps: Langevin updates of a sample; 0 is those of a revision in learning.
        samples: number of pictures that `--mode=predict` draws.
        sheet: what they are: "samples"; "line" or "sphere", in each row the way from one z to
            another; or "map", a square cut through the space of z.
    """

    PRESETS: ClassVar[dict] = {
        "data": {
            "samples:textures": {
                "generator_form": "texture",
                "latent_dim": 16,
                "noise_sigma": 0.15,
                "infer_step_size": 0.2,
                "descriptor_form": "texture",
                "descriptor_scale": 5e4,
                "descriptor_rate": 7e-4,
                "step_size": 0.01,
                "updates": 500,
                "warmup": 0.4,
            }
        }
    }

    data: str = "samples:textures"
    latent_dim: int = 64
    generator_width: int = 48
    infer_steps: int = 10
    infer_step_size: float = 0.1
    warmup: float = 0.55
    observed_weight: float = 0.9
    descriptor_form: str = "object"
    descriptor_scale: float = 3e5
    descriptor_rate: float = 5e-4
    reference_sigma: float = 1.0
    penalty: float = 1.0
    steps: int = 12
    step_size: float = 0.005
    sampling_steps: int = 0
    samples: int = 64
    sheet: str = "samples"

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        least = {"samples": 1, "map": 4}.get(self.sheet, COLUMNS)
        self.require(self.samples >= least, "samples", f"at least {least}")
        self.require(self.sheet in SHEETS, "sheet", f"one of {', '.join(SHEETS)}")
        can = self.sheet == "samples" or self.method != "descriptor"
        self.require(can, "sheet", "samples: method=descriptor has no z")
        plane = self.sheet != "map" or self.latent_dim >= 2
        self.require(plane, "latent_dim", "at least 2 for a map")
        self.require(self.sampling_steps >= 0, "sampling_steps", "0 or more")


@final
class Synthesis(ck.Task):
    """Learn the distribution of pictures; judge samples beside a Gaussian and real pictures."""

    name: ClassVar[str] = "synthesis"
    summary: ClassVar[str] = "draw new pictures like those of a folder"
    takes_input: ClassVar[bool] = False
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return pictures to learn from and held-out pictures."""
        return ck.recipes.pictures(self.config)

    def build(self, shape, count):
        """Return the compiled model of the method."""
        config = self.config
        if config.method == "descriptor":
            return ck.recipes.descriptor(config, shape, num_chains=config.batch_size)
        network = ck.recipes.generator_network(config, shape)
        if config.method == "generator":
            return ck.recipes.generator(config, network, num_examples=count)
        return ck.recipes.coopnets(config, shape, network)

    def judge(self, model, split):
        """Return the patch distance, and with labels Frechet and kernel distances, for all."""
        x = split.held_out.array()
        train = split.train.take(8000, seed=1)
        features = ck.features.of_classifier(train) if split.train.names else None
        score = _Score(x, features)
        proposed, samples = self._sample(model, len(x), seed=1)
        rows = [score(self.config.method, samples, "sample")]
        if proposed is not None:
            rows.insert(0, score(self.config.method, proposed, "proposed"))
        array = train.array()
        gaussian = ck.baselines.gaussian_samples(array, len(x), GAUSSIAN_COMPONENTS)
        rows.append(score("gaussian", gaussian))
        rows.append(score("real, other pictures", split.train.take(len(x), seed=2).array()))
        return rows

    def draw(self, model, split, count=60):
        """Return sheets of proposed, revised and real pictures."""
        proposed, samples = self._sample(model, count, seed=0)
        sheets = {"samples": _sheet(samples)}
        if proposed is not None:
            sheets = {"proposed": _sheet(proposed), "revised: the samples": _sheet(samples)}
        if self.config.method != "descriptor":
            z, _ = self._latents(model, "sphere", count, seed=0)
            sheets["from z to z along an arc"] = _sheet(self._sample(model, len(z), 0, z)[1])
        return sheets | {"real, held out": _sheet(split.held_out.take(count, seed=2).array())}

    def predict(self, model, input_path, output_path, mask_path=None):
        """Draw `samples` new pictures on one sheet; there is nothing to read."""
        if input_path or mask_path:
            raise ck.UserError(
                "--task=synthesis draws from nothing; leave out --input and --mask, and give "
                "--output (and --set=samples=16, --seed=1)."
            )
        config = self.config
        z, columns = self._latents(model, config.sheet, config.samples, config.seed)
        samples = self._sample(model, config.samples if z is None else len(z), config.seed, z)[1]
        ck.media.write_picture(output_path, _sheet(samples, columns))
        return [output_path]

    def signatures(self, model):
        """Return what is served: a sample for each seed, and the energy of a picture."""
        shape = ck.recipes.network_shape(model)

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int32, "seed")])
        def sample(seed):
            seed = tf.ensure_shape(seed, [None, 2])
            proposed, samples = self._samples(model, tf.shape(seed)[0], seed)
            samples = tf.clip_by_value(samples, -1, 1)
            return {"sample": samples} | ({} if proposed is None else {"proposed": proposed})

        served = {"serving_default": sample, "sample": sample}
        if self.config.method != "generator":
            served["energy"] = ck.recipes.energy_signature(model, shape)
        return served

    def _latents(self, model, sheet, count, seed):
        """Return (z or None, columns) of a sheet of about `count` pictures."""
        if sheet == "samples":
            return None, None
        generator = model.generator if self.config.method == "coopnets" else model
        if sheet == "map":
            side = int(count**0.5)
            return ck.latents.plane(generator.z_shape, side, seed), side
        ends = generator.prior(2 * (count // COLUMNS), ck.seeds.as_seed(seed))
        ways = [WAYS[sheet](a, b, COLUMNS) for a, b in zip(ends[::2], ends[1::2], strict=True)]
        return tf.concat(ways, axis=0), COLUMNS

    def _sample(self, model, count, seed, z=None):
        """Return (proposed or None, samples) as arrays; a sample is its number's alone."""
        parts = []
        for start in range(0, count, DRAWN_AT_ONCE):
            numbers = tf.range(start, min(count, start + DRAWN_AT_ONCE))
            rows = ck.seeds.fold(ck.seeds.as_seed(seed), numbers)
            some_z = None if z is None else z[start : start + DRAWN_AT_ONCE]
            parts.append(self._samples(model, len(numbers), rows, some_z))
        proposed, samples = zip(*parts, strict=True)
        return None if proposed[0] is None else np.concatenate(proposed), np.concatenate(samples)

    def _samples(self, model, count, seed, z=None):
        """Return (proposed or None, samples) of any of the three models."""
        config = self.config
        if config.method == "generator":
            return None, model.sample(count, seed=seed) if z is None else model.generate(z)
        how = {"seed": seed, "steps": config.sampling_steps or config.steps}
        if config.method == "descriptor":
            return None, model.sample(count, **how)
        return model.sample(count, z=z, settle=config.settle, proposed=True, **how)


class _Score:
    """Judge one method's samples against held-out pictures."""

    def __init__(self, x, features):
        self.x, self.features = x, features
        self.of_x = features(x) if features else None

    def __call__(self, method, samples, variant=None):
        samples = np.clip(samples, -1, 1)
        distance = ck.metrics.sliced_wasserstein(samples, self.x)
        metrics = {"patch_distance": (distance, "", "lower")}
        if self.features:
            of_samples = self.features(samples)
            frechet = ck.metrics.frechet_distance(of_samples, self.of_x)
            kernel = ck.metrics.kernel_distance(of_samples, self.of_x)
            metrics |= {"frechet": (frechet, "", "lower"), "kernel": (kernel, "", "lower")}
        return row(
            method,
            setting="",
            n=len(samples),
            metrics=metrics,
            ours=variant is not None,
            variant=variant,
        )


def _sheet(x, columns=COLUMNS):
    return ck.media.grid(np.clip(x, -1, 1), columns=columns)
