"""The smallest whole task: 16-pixel pictures of one colour each, learned by a tiny CoopNets."""

import dataclasses
from typing import ClassVar, final

import keras
import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.data.examples import Examples
from coopkeras.task import row


@dataclasses.dataclass(frozen=True)
class Config(ck.TaskConfig):
    """Settings of the toy.

    Attributes:
        data: not used: the pictures are made here.
        method: "coopnets", "generator" (a z is kept for each example) or "descriptor"
            (persistent chains).
    """

    data: str = "toy"
    size: int = 16
    batch_size: int = 4
    updates: int = 8
    log_every: int = 3
    precision: str = "float32"
    method: str = "coopnets"

    def __post_init__(self):
        """Check the method."""
        super().__post_init__()
        methods = ("coopnets", "generator", "descriptor")
        self.require(self.method in methods, "method", f"one of {', '.join(methods)}")


@final
class Toy(ck.Task):
    """Learn to make pictures of one colour."""

    name: ClassVar[str] = "toy"
    summary: ClassVar[str] = "pictures of one colour"
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return 10 pictures to learn from and 6 to judge by."""
        levels = np.linspace(-0.8, 0.8, 16, dtype=np.float32)[:, None, None, None]
        x = np.tile(levels, [1, self.config.size, self.config.size, 1])
        train = Examples.of(x[:10]).map(_shaken)
        return ck.data.Split(train, Examples.of(x[10:]))

    def build(self, spec):
        """Return the compiled model of the method."""
        seed, shape = self.config.seed, spec.shape
        f = keras.Sequential(
            [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4, "relu")]
        )
        g = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(int(np.prod(shape))),
                keras.layers.Reshape(shape),
            ]
        )
        start = "data" if self.config.method == "coopnets" else "persistent"
        descriptor = ck.Descriptor(f, start=start, num_chains=4, steps=2, step_size=0.01, seed=seed)
        kept = spec.count if self.config.method == "generator" else None
        generator = ck.Generator(g, steps=2, num_examples=kept, seed=seed)
        models = {"descriptor": descriptor, "generator": generator}
        model = models.get(self.config.method) or ck.CoopNets(descriptor, generator, seed=seed)
        model.compile()
        return model

    def judge(self, model, split):
        """Return the error of the samples' mean beside that of black pictures."""
        truth = split.held_out.array()
        made = _sample(model, len(truth), 0).numpy()
        return [
            self._row("coopnets", made, truth, variant="sample"),
            self._row("black", -np.ones_like(truth), truth),
        ]

    def _row(self, method, made, truth, **which):
        metrics = {"error": (ck.metrics.error(made, truth), "range", "lower")}
        return row(method, setting="all", n=len(truth), metrics=metrics, **which)

    def draw(self, model, split):
        """Return samples."""
        sheet = ck.images.gallery({"samples": _sample(model, 4, 0).numpy()})
        return {"samples": ck.images.Image(sheet)}

    def predict(self, model, input_path, output_path, mask_path=None):
        """Write a sample, whatever the input."""
        ck.images.read(input_path)
        ck.images.write(output_path, _sample(model, 1, self.config.seed).numpy()[0])
        return [output_path]

    def signatures(self, model):
        """Return sampling, one seed a row."""

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int32, "seed")])
        def sample(seed):
            return {"x": _sample(model, tf.shape(seed)[0], seed)}

        return {"serving_default": sample}


def _sample(model, n, seed):
    """Sample with one seed a row."""
    seeds = seed if tf.is_tensor(seed) else ck.seeds.fold(ck.seeds.as_seed(seed), tf.range(n))
    return model.sample(n, seed=seeds)


def _shaken(batch, seeds):
    noise = ck.seeds.normal(seeds, tf.shape(batch["x"]))
    return batch | {"x": tf.clip_by_value(batch["x"] + 0.1 * noise, -1, 1)}


def read(kind, settings):
    """Return of settings those that a Config reads, given what chooses the others."""
    chosen = ("data", "goal", "method", "patches", "scale")
    unread = kind.parse([one for one in settings if one.partition("=")[0] in chosen]).unread()
    return [one for one in settings if one.partition("=")[0] not in unread]
