"""Synthesis: draw new images like those of a folder, or a texture of any size."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import rows

COLUMNS = 12  # of a sheet
LARGEST_ROW = 20
SHEETS = ("samples", "line", "sphere", "map")
GAUSSIAN_PIXELS = 2000 * 64 * 64  # of the images that the Gaussian is fitted to
TEXTURE_DOUBLINGS = 5  # one z is for 32 pixels
LARGEST_TEXTURE = 4096
LARGEST_SERVED = 512  # side of a texture that is served: a request should not take minutes
KEPT_PATCHES = 256  # that a generator alone learns: it keeps a z of each


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.SynthesisConfig, ck.recipes.ImageConfig):
    """Settings of synthesis; a texture implies others (`TEXTURE`).

    Attributes:
        size: side of an image, pixels. A texture, that is a single image, samples:textures or
            `patches=true`, is learned from patches and drawn at any size.
        method: "coopnets" (the generator proposes, the descriptor revises), "generator" (ABP)
            or "descriptor" (persistent chains).
        patch: side of the patches that a texture is learned from.
        by_class: condition the generator on the class, where the data have labels.
        samples: number of images that `--mode=predict` draws.
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
        "descriptor_learning_rate": 7e-4,
        "relative_penalty": 0.3,
        "reference": 0.5,
        "step_size": 0.0,
        "denoise_steps": 12,
        "denoise_step_share": 0.3,
        "updates": 300,
        "warmup_share": 0.3,
    }

    data: str = "samples:gravel"
    patch: int = 64
    by_class: bool = True
    latent_dim: int = 64
    generator_width: int = 48
    infer_steps: int = 10
    infer_step_size: float = 0.1
    warmup_share: float = 0.55
    observed_weight: float = 0.9
    descriptor_form: str = "object"
    descriptor_scale: float = 3e5
    descriptor_learning_rate: float = 5e-4
    reference: float = 1.0
    relative_penalty: float = 1.0
    steps: int = 12
    step_size: float = 0.005
    samples: int = 64
    label: str = ""
    sheet: str = "samples"

    @classmethod
    def implied(cls, values):
        """Return the defaults of textures, where one is learned."""
        is_texture = ck.data.always_patches(values.get("data", cls.data)) or values.get("patches")
        return cls.TEXTURE if is_texture else {}

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.sheet in SHEETS, "sheet", f"one of {', '.join(SHEETS)}")
        can = self.sheet == "samples" or "latent_dim" not in self.unread()
        self.require(can, "sheet", "samples: method=descriptor has no z")
        plane = self.sheet != "map" or self.latent_dim >= 2
        self.require(plane, "latent_dim", "at least 2 for a map")
        least = {"samples": 1, "map": 4}.get(self.sheet, COLUMNS)
        self.at_least(samples=least, patch=16)
        fits = not self.is_texture() or self.size <= LARGEST_TEXTURE
        self.require(fits, "size", f"at most {LARGEST_TEXTURE}")

    def is_texture(self):
        """Return whether all is the same everywhere: then it can be drawn at any size."""
        forms = {self.descriptor_form, self.generator_form}
        return self.at_own_scale() and forms == {"texture"}

    def unread(self):
        """Return the settings that are not read: of textures, or of whole images."""
        whole = {} if self.at_own_scale() else {"patch": "whole images"}
        form = f"generator_form={self.generator_form}"
        by_class = {} if self.generator_form == "object" else {"by_class": form}
        return super().unread() | whole | by_class

    def predicting(self):
        """Return the names of the settings that predict reads."""
        return (*super().predicting(), "samples", "label", "sheet", *self.serving())

    def serving(self):
        """Return the names of the settings that are free when a model is served."""
        return ("size",) if self.is_texture() else ()


@final
class Synthesis(ck.Task):
    """Learn the distribution of images; judge samples beside a Gaussian and real images."""

    name: ClassVar[str] = "synthesis"
    summary: ClassVar[str] = "draw new images like those of a folder, textures of any size"
    takes_input: ClassVar[bool] = False
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return images to learn from and held-out images."""
        config = self.config
        split = ck.recipes.images(config, config.patch if config.at_own_scale() else config.size)
        if config.method == "generator" and config.is_texture():
            return ck.data.Split(split.train.take(KEPT_PATCHES), split.held_out)
        return split

    def build(self, spec):
        """Return the compiled model of the method."""
        config, texture = ck.recipes.derive(self.config, spec), self.config.is_texture()
        classes = spec.classes if config.by_class and config.generator_form == "object" else ()
        doublings = TEXTURE_DOUBLINGS if texture else None
        make = ck.recipes.generator_network
        network = functools.partial(make, config, spec.shape, doublings, classes)
        start = "noise" if texture else "persistent"
        return ck.recipes.model(config, spec.shape, network, start=start, num_examples=spec.count)

    def judge(self, model, split):
        """Return the patch distance, and with labels Frechet and kernel distances, for all."""
        x, method = split.held_out.array(), self.config.method
        limit = GAUSSIAN_PIXELS // (x.shape[1] * x.shape[2])
        train = split.train.take(min(8000, limit), seed=1)
        features = ck.metrics.features.of_classifier(train) if split.train.names else None
        labels = self._labels(model, len(x))
        proposed, samples = self._sample(model, len(x), 1, label=labels)
        ours = {(method, "proposed", ""): proposed, (method, "sample", ""): samples}
        others = {
            ("gaussian", None, ""): ck.images.baselines.gaussian_samples(train.array(), len(x)),
            ("real, other images", None, ""): split.train.take(len(x), seed=2).array(),
        }

        def score(made, labels=None):
            return ck.metrics.of_synthesis(np.clip(made, -1, 1), x, features, labels)

        return rows(ours, functools.partial(score, labels=labels)) + rows(others, score)

    def draw(self, model, split, count=60):
        """Return sheets of proposed, revised and real images, and a texture at its size."""
        columns, textures = _columns(model), ck.recipes.textures
        count = count // columns * columns
        proposed, samples = self._sample(model, count, 0, label=self._labels(model, count))
        sheets = {"proposed": proposed, "samples": samples}
        sheets["real, held out"] = split.held_out.take(count, seed=2).array()
        drawn = {name: ck.images.grid(x, columns) for name, x in sheets.items() if x is not None}
        if "latent_dim" not in self.config.unread():
            drawn["from z to z along an arc"] = self._sheet(model, "sphere", count, seed=0)
        if self.config.is_texture():
            drawn["texture"] = next(textures.draw(self, model, self.config.size, 1, seed=0))
        return {name: ck.images.Image(x) for name, x in drawn.items()}

    def predict(self, model, input_path, output_path, mask_path=None):
        """Draw `samples` new images on one sheet, textures each on its own; nothing is read."""
        if input_path or mask_path:
            raise ck.UserError(
                "--task=synthesis draws from nothing; leave out --input and --mask, and give "
                "--output (and --set=samples=16, --seed=1)."
            )
        config, paths = self.config, [output_path]
        if config.is_texture() and config.sheet == "samples":
            draw = ck.recipes.textures.draw
            drawn = draw(self, model, config.size, config.samples, config.seed)
            paths = ck.images.output_paths(output_path, config.samples)
        else:
            drawn = [self._sheet(model, config.sheet, config.samples, config.seed)]
        for path, image in zip(paths, drawn, strict=True):
            ck.images.write(path, image)
        return paths

    def signatures(self, model):
        """Return what is served: a sample for each seed (and label), and an image's energy."""
        textures, texture = ck.recipes.textures, self.config.is_texture()
        size = min(self.config.size, LARGEST_SERVED)
        drawn = textures.larger(self, model, size) if texture else model

        def draw(seed, label=None):
            pair = ck.recipes.sample(self.config, drawn, seed, label=label)
            return [textures.inner(x) if texture else x for x in pair]

        by_class = ck.recipes.classes.names(model)
        label = {"label": tf.TensorSpec([None], tf.int32)} if by_class else {}
        return ck.recipes.sample_signature(draw, **label) | ck.recipes.energy_signature(model)

    def _sample(self, model, count, seed, **given):
        return ck.recipes.sample_rows(self.config, model, count, seed, **given)

    def _labels(self, model, count, alike=1):
        return ck.recipes.classes.labels(model, self.config.label, count, alike)

    def _sheet(self, model, kind, count, seed):
        """Return a sheet of about `count` images; all of one way between two z have one class."""
        if kind == "samples":
            z, columns, alike = None, _columns(model, most=None), 1
        else:
            generator = ck.recipes.parts(model)[1]
            z, columns = ck.recipes.latents.sheet(kind, generator, count, seed, COLUMNS)
            count, alike = len(z), len(z) if kind == "map" else columns
        labels = self._labels(model, count, alike)
        return ck.images.grid(self._sample(model, count, seed, z=z, label=labels)[1], columns)


def _columns(model, most=COLUMNS):
    """Return the columns of a sheet of samples: a class each, if they are few."""
    classes = len(ck.recipes.classes.names(model))
    return classes if 0 < classes <= LARGEST_ROW else most
