"""Inpainting: fill the hole of a picture."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

JUDGED_AT_ONCE = 100  # pictures recovered in one batch
INFER_STEPS = 200  # Langevin updates that a generator alone takes to explain what is visible


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ModelConfig):
    """Settings of inpainting; the defaults are those of the embedded textures.

    Attributes:
        method: "coopnets" (conditional: the generator proposes from the visible pixels, the
            descriptor revises), "generator" (ABP, inference on the visible pixels) or
            "descriptor" (Langevin dynamics with the visible pixels pinned).
        holes: holes of training, as in `coopkeras.holes.parse`.
        judged_holes: holes of judging, several with commas; "" is those of training.
        judged: number of held-out pictures to judge on.
        patches: cut patches at the pictures' own scale, as is always done with textures and a
            single picture; False resizes whole pictures.
        samples: completions of each picture that `--mode=predict` writes; 0 is the estimate.
    """

    PRESETS: ClassVar[dict] = {
        "method": {
            "generator": {"latent_dim": 100, "infer_steps": 10, "infer_step_size": 0.1},
            "descriptor": {"steps": 40},
        }
    }

    data: str = "samples:textures"
    holes: str = "square:12"
    judged_holes: str = ""
    judged: int = 400
    patches: bool = False
    samples: int = 0
    updates: int = 780
    warmup: float = 0.52
    generator_rate: float = 2e-3
    descriptor_scale: float = 5e4
    descriptor_rate: float = 7e-4
    penalty: float = 1.0
    step_size: float = 0.01

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.judged >= 2, "judged", "at least 2")
        self.require(self.samples >= 0, "samples", "0 or more")
        for text in (self.holes, *self.judged_settings()):
            ck.holes.parse(text)(ck.seeds.as_seed(0), (self.size, self.size, 1))

    def judged_settings(self):
        """Return the holes of judging, a list of descriptions."""
        return (self.judged_holes or self.holes).split(",")


@final
class Inpaint(ck.Task):
    """Learn to fill holes; judge on held-out pictures beside three baselines."""

    name: ClassVar[str] = "inpaint"
    summary: ClassVar[str] = "fill the hole of a picture"
    Config: ClassVar[type] = Config
    _fitted = None

    def datasets(self):
        """Return pictures with a fresh hole each time for training, and held-out pictures."""
        config = self.config
        split = ck.data.split(
            config.data,
            size=config.size,
            channels=config.channels or None,
            crop="patches" if config.patches else "centre",
            held_out=config.held_out or None,
        )
        train = split.train.flip() if config.flip else split.train
        if config.method == "generator":  # learns from whole pictures, holes come afterwards
            return ck.data.Split(train, split.held_out.take(config.judged, seed=0))
        draw = ck.holes.parse(config.holes)
        train = train.map(lambda batch, seeds: batch | {"visible": _draw(draw, seeds, train.shape)})
        return ck.data.Split(train, split.held_out.take(config.judged, seed=0))

    def build(self, shape, count):
        """Return the compiled model of the method."""
        config, mask = self.config, ck.observation.Mask()
        if config.method == "generator":
            network = ck.recipes.generator_network(config, shape)
            return ck.recipes.generator(config, network, num_examples=count)
        if config.method == "descriptor":
            return ck.recipes.descriptor(config, shape, start="noise", observation=mask)
        halvings = max(2, min(shape[:-1]).bit_length() - 3)  # to about 4 pixels
        widths = [config.generator_width] + [2 * config.generator_width] * (halvings - 1)
        network = ck.networks.recovery_generator(shape, config.latent_dim, widths)
        return ck.recipes.coopnets(config, shape, network, observation=mask)

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return PSNR, SSIM and error on the hole, patch distance and diversity, for all."""
        x = split.held_out.array()
        baselines = self._baselines(split)
        rows = []
        for text in self.config.judged_settings():
            visible = self._holes(text, x)
            score = _Score(x, visible, _name(text, self.config.size))
            for variant, filled, more in self._ours(model, x, visible):
                rows.append(score(self.config.method, filled, variant, more))
            rows += [score(name, fill(x, visible)) for name, fill in baselines.items()]
        return rows

    def _ours(self, model, x, visible):
        """Yield (variant, filled, samples): the estimate and a sample, proposed and revised."""
        proposed, estimate = self._recover(model, x, visible, 0, 0.0)
        samples = [self._recover(model, x, visible, seed, 1.0) for seed in range(4)]
        if self.config.method == "coopnets":
            yield "proposed estimate", proposed, None
            yield "estimate", estimate, None
            yield "proposed sample", samples[0][0], [one for one, _ in samples]
        else:
            yield "estimate", estimate, None
        yield "sample", samples[0][1], [one for _, one in samples]

    def _baselines(self, split):
        """Return the baselines, fitted once to at most 8,000 training pictures."""
        if self._fitted is None:
            train = split.train.take(8000, seed=1).array()
            self._fitted = ck.baselines.inpaint_baselines(train)
        return self._fitted

    def _recover(self, model, x, visible, seed, temperature):
        """Return (proposed, revised) for arrays, a batch at a time."""
        parts = []
        for start in range(0, len(x), JUDGED_AT_ONCE):
            rows = slice(start, start + JUDGED_AT_ONCE)
            numbers = np.arange(start, start + len(x[rows]))
            parts.append(
                self._recovered(model, x[rows], visible[rows], _rows(seed, numbers), temperature)
            )
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _recovered(self, model, x, visible, seed, temperature):
        """Return (proposed, revised); a model that only revises returns the same thing twice."""
        observation = ck.observation.Mask(visible)
        seen = observation(tf.convert_to_tensor(x, tf.float32))
        recover = functools.partial(
            model.recover, seen, observation, seed=seed, temperature=temperature
        )
        if self.config.method == "coopnets":
            steps = tf.where(tf.equal(temperature, 0.0), 0, self.config.steps)
            return recover(steps=steps, settle=self.config.settle, proposed=True)
        steps = INFER_STEPS if self.config.method == "generator" else self.config.steps
        revised = recover(steps=steps)
        return revised, revised

    def _holes(self, text, x):
        """Return each held-out picture's own hole, the same for ever."""
        seeds = _rows(ck.seeds.as_seed(1), np.arange(len(x)))
        return _draw(ck.holes.parse(text), seeds, x.shape[1:]).numpy()

    # Drawing --------------------------------------------------------------------------------

    def draw(self, model, split, count=10):
        """Return one contact sheet a hole: seen, ours, baselines, truth."""
        x = split.held_out.array()
        x = x[:: max(1, len(x) // count)][:count]  # from all over the data
        baselines = self._baselines(split)
        sheets = {}
        for text in self.config.judged_settings():
            visible = self._holes(text, x)
            rows = {"seen": np.where(visible, x, 1.0)}
            proposed, rows["estimate"] = self._recover(model, x, visible, 0, 0.0)
            if self.config.method == "coopnets":
                rows = {"seen": rows["seen"], "proposed": proposed, **rows}
            for seed in range(3):
                rows[f"sample {seed + 1}"] = self._recover(model, x, visible, seed, 1.0)[1]
            rows |= {name: fill(x, visible) for name, fill in baselines.items()}
            sheets[_name(text, self.config.size)] = ck.media.gallery({**rows, "truth": x})
        return sheets

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Fill the hole of a picture of any size; white in the mask = fill.

        Without a mask the transparent pixels are the hole. With `samples=K` K different
        completions are written, numbered. Known pixels keep their bytes.
        """
        picture = ck.repair.open_picture(input_path, mask_path)
        shape, whole = ck.recipes.network_shape(model), not self._at_own_scale()
        count = self.config.samples
        paths = ck.repair.output_paths(output_path, count)
        for number, path in enumerate(paths):
            temperature = 1.0 if count else 0.0

            def recover(x, visible, seed=number, temperature=temperature):
                return self._recover(model, x, visible, seed, temperature)[1]

            ck.media.write_picture(path, picture.fill(recover, shape, whole))
        return paths

    def _at_own_scale(self):
        """Return whether the model learned patches, and not whole pictures."""
        return self.config.patches or ck.data.always_patches(self.config.data)

    def signatures(self, model):
        """Return what is served: recover (a sample or an estimate by row) and energy."""
        shape = ck.recipes.network_shape(model)
        image = tf.TensorSpec([None, *shape], tf.float32, "seen")
        inputs = {
            "seen": image,
            "visible": tf.TensorSpec([None, *shape[:-1], 1], tf.bool, "visible"),
            "seed": tf.TensorSpec([None, 2], tf.int32, "seed"),
            "temperature": tf.TensorSpec([None], tf.float32, "temperature"),
        }

        @tf.function(input_signature=list(inputs.values()))
        def recover(seen, visible, seed, temperature):
            seen = tf.ensure_shape(seen, image.shape)
            visible = tf.ensure_shape(visible, inputs["visible"].shape)
            proposed, recovered = self._recovered(model, seen, visible, seed, temperature)
            return {"recovered": tf.clip_by_value(recovered, -1, 1), "proposed": proposed}

        served = {"serving_default": recover, "recover": recover}
        if self.config.method != "generator":
            served["energy"] = ck.recipes.energy_signature(model, shape)
        return served


class _Score:
    """Judge what one method filled in against the truth, on the hole."""

    def __init__(self, x, visible, setting):
        self.x, self.hole, self.setting = x, ~visible, setting

    def __call__(self, method, filled, variant=None, samples=None):
        filled, x, hole = np.clip(filled, -1, 1), self.x, self.hole
        distance = ck.metrics.sliced_wasserstein(filled, x, where_a=hole, where_b=hole)
        metrics = {
            "psnr": (ck.metrics.psnr(filled, x, hole), "dB", "higher"),
            "ssim": (ck.metrics.ssim(filled, x, hole), "", "higher"),
            "error": (ck.metrics.error(filled, x, hole), "range", "lower"),
            "patch_distance": (distance, "", "lower"),
        }
        if samples is not None:
            spread = ck.metrics.diversity(np.stack(samples), hole)
            metrics["diversity"] = (spread, "", "higher")
        ours = variant is not None
        return row(
            method,
            setting=self.setting,
            n=len(x),
            metrics=metrics,
            ours=ours,
            variant=variant,
        )


def _draw(draw, seeds, shape):
    return tf.map_fn(lambda seed: draw(seed, shape), seeds, fn_output_signature=tf.bool)


def _rows(seed, numbers):
    return ck.seeds.fold(ck.seeds.as_seed(seed), numbers)


def _name(text, size):
    """Return the name of a setting: M12 for a square of 12 pixels."""
    return text.replace("square:", "M") if text.startswith("square:") else text
