"""Synthesis: draw new pictures like those of a folder, or a texture of any size."""

import dataclasses
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

DRAWN_AT_ONCE = 100
COLUMNS = 12  # of a sheet
LARGEST_ROW = 20
WAYS = {"line": ck.recipes.latents.line, "sphere": ck.recipes.latents.sphere}
SHEETS = ("samples", *WAYS, "map")
GAUSSIAN_COMPONENTS = 200
GAUSSIAN_PIXELS = 2000 * 64 * 64  # of the pictures that the Gaussian is fitted to
TEXTURE_DOUBLINGS = 5  # one z is for 32 pixels
MARGIN = 32  # pixels around a texture that are drawn and cut off: the border is no texture
LARGEST_TEXTURE = 4096
LARGEST_SERVED = 512  # side of a texture that is served: a request should not take minutes
KEPT_PATCHES = 256  # that a generator alone learns: it keeps a z of each


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ImageConfig):
    """Settings of synthesis; a texture brings others (`TEXTURE`).

    Attributes:
        size: side of a picture, pixels. A texture, that is a single picture, samples:textures or
            `patches=true`, is learned from patches and drawn at any size.
        method: "coopnets" (the generator proposes, the descriptor revises), "generator" (ABP)
            or "descriptor" (persistent chains).
        patch: side of the patches that a texture is learned from.
        by_class: tell the generator the class, where the data have labels.
        sampling_steps: Langevin updates of a sample; 0 is those of a revision in learning.
        settle_step: step size of the `settle` updates that end a sample of CoopNets, as a share
            of `step_size`.
        samples: number of pictures that `--mode=predict` draws.
        label: the class that `--mode=predict` draws; "" is all of them in turn.
        sheet: what they are: "samples"; "line" or "sphere", in each row the way from one z to
            another; or "map", a square cut through the space of z.
    """

    TEXTURE: ClassVar[dict] = {
        "size": 256,
        "samples": 1,
        "batch_size": 8,
        "generator_form": "texture",
        "generator_width": 32,
        "latent_dim": 16,
        "noise_sigma": 0.15,
        "proposal_noise": 0.15,
        "infer_step_size": 0.1,
        "observed_weight": 0.5,
        "descriptor_form": "texture",
        "descriptor_layers": 4,
        "descriptor_scale": 0.0,
        "descriptor_rate": 7e-4,
        "penalty": 0.3,
        "reference_sigma": 0.5,
        "step_size": 0.0,
        "settle": 12,
        "settle_step": 0.3,
        "updates": 300,
        "warmup": 0.3,
    }

    data: str = "samples:gravel"
    patch: int = 64
    by_class: bool = True
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
    settle_step: float = 1.0
    samples: int = 64
    label: str = ""
    sheet: str = "samples"

    @classmethod
    def presets(cls, values):
        """Return the defaults of textures, where one is learned."""
        is_texture = ck.data.always_patches(values.get("data", cls.data)) or values.get("patches")
        return cls.TEXTURE if is_texture else {}

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.sheet in SHEETS, "sheet", f"one of {', '.join(SHEETS)}")
        can = self.sheet == "samples" or self.method != "descriptor"
        self.require(can, "sheet", "samples: method=descriptor has no z")
        plane = self.sheet != "map" or self.latent_dim >= 2
        self.require(plane, "latent_dim", "at least 2 for a map")
        least = {"samples": 1, "map": 4}.get(self.sheet, COLUMNS)
        self.require(self.samples >= least, "samples", f"at least {least}")
        self.require(self.sampling_steps >= 0, "sampling_steps", "0 or more")
        self.require(self.settle_step > 0, "settle_step", "greater than 0")
        self.require(self.patch >= 16, "patch", "at least 16")
        fits = not self.is_texture() or self.size <= LARGEST_TEXTURE
        self.require(fits, "size", f"at most {LARGEST_TEXTURE}")

    def is_texture(self):
        """Return whether all is the same everywhere: then it can be drawn at any size."""
        forms = {self.descriptor_form, self.generator_form}
        return self.at_own_scale() and forms == {"texture"}

    def learned_size(self):
        """Return the side of an example, pixels."""
        return self.patch if self.at_own_scale() else self.size


@final
class Synthesis(ck.Task):
    """Learn the distribution of pictures; judge samples beside a Gaussian and real pictures."""

    name: ClassVar[str] = "synthesis"
    summary: ClassVar[str] = "draw new pictures like those of a folder, textures of any size"
    takes_input: ClassVar[bool] = False
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return pictures to learn from and held-out pictures."""
        config = self.config
        split = ck.recipes.images(config, config.learned_size())
        if config.method == "generator" and config.is_texture():
            return ck.data.Split(split.train.take(KEPT_PATCHES), split.held_out)
        return split

    def build(self, shape, count):
        """Return the compiled model of the method."""
        learned = (*[self.config.learned_size()] * 2, shape[-1])  # though a larger one is drawn
        config = ck.recipes.derive(self.config, learned, self.deviation)
        if config.method == "descriptor":
            chains = {"start": "noise"} if config.is_texture() else {}
            return ck.recipes.descriptor(config, shape, num_chains=config.batch_size, **chains)
        doublings = TEXTURE_DOUBLINGS if config.is_texture() else None
        network = ck.recipes.generator_network(config, shape, doublings, self._class_count())
        if config.method == "generator":
            return ck.recipes.generator(config, network, num_examples=count)
        return ck.recipes.coopnets(config, shape, network)

    def _class_count(self):
        """Return the number of classes that the generator is told of, 0 if it is not."""
        by_class = self.config.by_class and self.config.generator_form == "object"
        return len(self.classes) if by_class else 0

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return the patch distance, and with labels Frechet and kernel distances, for all."""
        x = split.held_out.array()
        limit = GAUSSIAN_PIXELS // (x.shape[1] * x.shape[2])
        train = split.train.take(min(8000, limit), seed=1)
        features = ck.metrics.features.of_classifier(train) if split.train.names else None
        score = _Score(x, features)
        labels = self._labels(len(x))
        proposed, samples = self._sample(model, len(x), seed=1, label=labels)
        rows = [score(self.config.method, samples, "sample", labels)]
        if proposed is not None:
            rows.insert(0, score(self.config.method, proposed, "proposed", labels))
        gaussian = ck.images.baselines.gaussian_samples(train.array(), len(x), GAUSSIAN_COMPONENTS)
        rows.append(score("gaussian", gaussian))
        rows.append(score("real, other pictures", split.train.take(len(x), seed=2).array()))
        return rows

    def _labels(self, count, alike=1):
        """Return the class asked for, or all in turn, `alike` of each; None where none are told."""
        config, known = self.config, self.classes[: self._class_count()]
        expected = f"one of {', '.join(known)}" if known else "left out: no classes were learned"
        config.require(config.label in ("", *known), "label", expected)
        if not known:
            return None
        if config.label:
            return np.full(count, known.index(config.label))
        return np.arange(count) // alike % len(known)

    # Drawing --------------------------------------------------------------------------------

    def draw(self, model, split, count=60):
        """Return sheets of proposed, revised and real pictures, and a texture at its size."""
        columns = self._columns() or COLUMNS
        count = count // columns * columns
        proposed, samples = self._sample(model, count, seed=0, label=self._labels(count))
        sheets = {"samples": _sheet(samples, columns)}
        if proposed is not None:
            sheets = {
                "proposed": _sheet(proposed, columns),
                "revised: the samples": _sheet(samples, columns),
            }
        if self.config.method != "descriptor":
            z, label, _ = self._latents(model, "sphere", count, seed=0)
            ways = self._sample(model, len(z), 0, z, label)[1]
            sheets["from z to z along an arc"] = _sheet(ways, COLUMNS)
        if self.config.is_texture():
            sheets["texture"] = next(self._textures(model, 1, seed=0))
        return sheets | {
            "real, held out": _sheet(split.held_out.take(count, seed=2).array(), columns)
        }

    def _columns(self):
        """Return the columns of a sheet of samples: a class each, if they are few, else None."""
        classes = self._class_count()
        return classes if 0 < classes <= LARGEST_ROW else None

    def _textures(self, model, count, seed):
        """Yield pictures of `size` by `size`, cut from larger ones."""
        large = self._large(model, self.config.size)
        for number in range(count):
            x = self._samples(large, 1, ck.seeds.fold(ck.seeds.as_seed(seed), number))[1]
            yield np.clip(_inner(x)[0], -1, 1)

    def _large(self, model, size):
        """Return the model of textures that are `size` by `size` without their border."""
        side = size + 2 * MARGIN
        large = self.build((side, side, model.x_shape[-1]), 1)
        for network, learned in zip(_networks(large), _networks(model), strict=True):
            network.set_weights(learned.get_weights())
        return large

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Draw `samples` new pictures on one sheet, textures each on its own; nothing is read."""
        if input_path or mask_path:
            raise ck.UserError(
                "--task=synthesis draws from nothing; leave out --input and --mask, and give "
                "--output (and --set=samples=16, --seed=1)."
            )
        config = self.config
        if config.is_texture() and config.sheet == "samples":
            paths = ck.images.output_paths(output_path, config.samples)
            textures = self._textures(model, config.samples, config.seed)
            for path, texture in zip(paths, textures, strict=True):
                ck.images.write(path, texture)
            return paths
        z, label, columns = self._latents(model, config.sheet, config.samples, config.seed)
        count = config.samples if z is None else len(z)
        samples = self._sample(model, count, config.seed, z, label)[1]
        ck.images.write(output_path, _sheet(samples, columns))
        return [output_path]

    def signatures(self, model):
        """Return what is served: a sample for each seed (and label), and a picture's energy."""
        shape, seeds = model.x_shape, tf.TensorSpec([None, 2], tf.int32, "seed")
        texture = self.config.is_texture()
        drawn = self._large(model, min(self.config.size, LARGEST_SERVED)) if texture else model

        def draw(seed, label):
            seed = tf.ensure_shape(seed, [None, 2])
            pair = self._samples(drawn, tf.shape(seed)[0], seed, label=label)
            proposed, sample = map(_inner, pair) if texture else pair
            sample = tf.clip_by_value(sample, -1, 1)
            return {"sample": sample} | ({} if proposed is None else {"proposed": proposed})

        if self._class_count():
            labels = tf.TensorSpec([None], tf.int32, "label")
            sample = tf.function(draw, input_signature=[seeds, labels])
        else:
            sample = tf.function(lambda seed: draw(seed, None), input_signature=[seeds])
        served = {"serving_default": sample, "sample": sample}
        if self.config.method != "generator":
            served["energy"] = ck.recipes.energy_signature(model, shape)
        return served

    def _latents(self, model, sheet, count, seed):
        """Return (z or None, label or None, columns) of a sheet of about `count` pictures."""
        if sheet == "samples":
            return None, self._labels(count), self._columns()
        generator = model.generator if self.config.method == "coopnets" else model
        if sheet == "map":
            side = int(count**0.5)
            z = ck.recipes.latents.plane(generator.z_shape, side, seed)
            return z, self._labels(len(z), alike=len(z)), side
        ends = generator.prior(2 * (count // COLUMNS), ck.seeds.as_seed(seed))
        ways = [WAYS[sheet](a, b, COLUMNS) for a, b in zip(ends[::2], ends[1::2], strict=True)]
        z = tf.concat(ways, axis=0)
        return z, self._labels(len(z), alike=COLUMNS), COLUMNS

    def _sample(self, model, count, seed, z=None, label=None):
        """Return (proposed or None, samples) as arrays; a sample is its number's alone."""
        parts = []
        for start in range(0, count, DRAWN_AT_ONCE):
            place = slice(start, min(count, start + DRAWN_AT_ONCE))
            rows = ck.seeds.fold(ck.seeds.as_seed(seed), tf.range(place.start, place.stop))
            some = [None if one is None else one[place] for one in (z, label)]
            parts.append(self._samples(model, len(rows), rows, *some))
        proposed, samples = zip(*parts, strict=True)
        return None if proposed[0] is None else np.concatenate(proposed), np.concatenate(samples)

    def _samples(self, model, count, seed, z=None, label=None):
        """Return (proposed or None, samples) of any of the three models."""
        config = self.config
        if config.method == "generator":
            return None, model.sample(count, z=z, label=label, seed=seed)
        how = {"seed": seed, "steps": config.sampling_steps or config.steps}
        if config.method == "descriptor":
            return None, model.sample(count, **how)
        how |= {"settle": config.settle, "proposed": True}
        how |= {"settle_step_size": config.settle_step * model.descriptor.step_size}
        return model.sample(count, z=z, label=label, **how)


class _Score:
    """Judge one method's samples against held-out pictures."""

    def __init__(self, x, features):
        self.x, self.features = x, features
        self.of_x = features(x) if features else None

    def __call__(self, method, samples, variant=None, labels=None):
        samples = np.clip(samples, -1, 1)
        distance = ck.metrics.sliced_wasserstein(samples, self.x)
        metrics = {"patch_distance": (distance, "", "lower")}
        if self.features:
            of_samples = self.features(samples)
            frechet = ck.metrics.frechet_distance(of_samples, self.of_x)
            kernel = ck.metrics.kernel_distance(of_samples, self.of_x)
            metrics |= {"frechet": (frechet, "", "lower"), "kernel": (kernel, "", "lower")}
        if labels is not None:
            right = self.features.classify(samples) == labels
            metrics["right_class"] = (100.0 * right, "%", "higher")
        return row(
            method,
            setting="",
            n=len(samples),
            metrics=metrics,
            ours=variant is not None,
            variant=variant,
        )


def _networks(model):
    """Return the networks that draw."""
    if isinstance(model, ck.CoopNets):
        return model.averaged_descriptor.network, model.averaged_generator.network
    return (model.network,)


def _inner(textures):
    """Return textures without their border; None of None."""
    return None if textures is None else textures[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def _sheet(x, columns):
    return ck.images.grid(np.clip(x, -1, 1), columns=columns)
