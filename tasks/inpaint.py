"""Inpainting: fill the hole of a picture."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

JUDGED_AT_ONCE = 100  # pictures recovered in one batch


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ImageConfig):
    """Settings of inpainting; the defaults are those of the embedded textures.

    Attributes:
        method: "coopnets" (conditional: the generator proposes from the visible pixels, the
            descriptor revises), "generator" (ABP, inference on the visible pixels) or
            "descriptor" (Langevin dynamics with the visible pixels pinned).
        holes: holes of training, as in `coopkeras.images.holes.parse`.
        judged_holes: holes of judging, several with commas; "" is those of training.
        samples: completions of each picture that `--mode=predict` writes; 0 is the estimate.
    """

    PRESETS: ClassVar[dict] = {"method": ck.recipes.recovery.PRESETS}

    data: str = "samples:textures"
    holes: str = "square:12"
    judged_holes: str = ""
    samples: int = 0
    updates: int = 560
    warmup: float = 0.52
    generator_rate: float = 2e-3
    descriptor_scale: float = 5e4
    descriptor_rate: float = 7e-4
    penalty: float = 1.0
    step_size: float = 0.01

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.samples >= 0, "samples", "0 or more")
        for text in (self.holes, *self.judged_settings()):
            ck.images.holes.parse(text)(ck.seeds.as_seed(0), (self.size, self.size, 1))

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
        split = ck.recipes.images(self.config)
        if self.config.method == "generator":  # learns from whole pictures, holes come afterwards
            return split
        draw, shape = ck.images.holes.parse(self.config.holes), split.train.shape
        train = split.train.map(lambda batch, seeds: batch | {"visible": _draw(draw, seeds, shape)})
        return ck.data.Split(train, split.held_out)

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
        network = ck.networks.recovery_generator(
            shape, config.latent_dim, widths, smooth_fill=config.at_own_scale()
        )
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
            recover = functools.partial(self._recover, model, x, visible)
            for variant, filled, samples in ck.recipes.recovery.variants(
                self.config.method, recover
            ):
                rows.append(score(self.config.method, filled, variant, samples))
            rows += [score(name, fill(x, visible)) for name, fill in baselines.items()]
        return rows

    def _baselines(self, split):
        """Return the baselines, fitted once to at most 8,000 training pictures."""
        if self._fitted is None:
            train = split.train.take(8000, seed=1).array()
            self._fitted = ck.images.baselines.inpaint_baselines(train)
        return self._fitted

    def _recover(self, model, x, visible, seed, temperature):
        """Return (proposed, revised) for arrays, a batch at a time."""
        recover = functools.partial(self._recovered, model, temperature=temperature)
        return ck.base.in_batches(recover, JUDGED_AT_ONCE, x, visible, _rows(seed, len(x)))

    def _recovered(self, model, x, visible, seed, temperature):
        """Return (proposed, revised)."""
        observation = ck.observation.Mask(visible)
        seen = observation(tf.convert_to_tensor(x, tf.float32))
        return ck.recipes.recovery.recover(self.config, model, seen, observation, seed, temperature)

    def _holes(self, text, x):
        """Return each held-out picture's own hole, the same for ever."""
        return _draw(ck.images.holes.parse(text), _rows(1, len(x)), x.shape[1:]).numpy()

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
            sheets[_name(text, self.config.size)] = ck.images.gallery({**rows, "truth": x})
        return sheets

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Fill the hole of a picture of any size; white in the mask = fill.

        Without a mask the transparent pixels are the hole. With `samples=K` K different
        completions are written, numbered. Known pixels keep their bytes.
        """
        picture = ck.images.repair.open_picture(input_path, mask_path)
        shape, whole = model.x_shape, not self.config.at_own_scale()
        count = self.config.samples
        paths = ck.images.output_paths(output_path, count)
        for number, path in enumerate(paths):
            temperature = 1.0 if count else 0.0

            def recover(x, visible, seed=number, temperature=temperature):
                return self._recover(model, x, visible, seed, temperature)[1]

            ck.images.write(path, picture.fill(recover, shape, whole))
        return paths

    def signatures(self, model):
        """Return what is served: recover (a sample or an estimate by row) and energy."""
        shape = model.x_shape
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


def _rows(seed, count):
    """Return the seeds of rows 0, 1, ..., each one's own."""
    return ck.seeds.fold(ck.seeds.as_seed(seed), np.arange(count))


def _name(text, size):
    """Return the name of a setting: M12 for a square of 12 pixels."""
    return text.replace("square:", "M") if text.startswith("square:") else text
