"""Video: repair a clip, or go on with it: one clip is all there is to learn from."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf
from absl import logging

import coopkeras as ck
from coopkeras.task import row

PIXELS_AT_ONCE = 16 * 16 * 32 * 32  # recovered or drawn in one batch
MOVING = 200  # frames of a synthesis that are shown moving
DRAWS = 2  # samples of each judged window, for their diversity
SHOWN = 8  # frames of a clip in a contact sheet
LOOK_BACK = 8  # last windows of a long synthesis, which are judged
GAUSSIAN_EXAMPLES = 100
HEALING = 4  # times the updates of a revision, where chains were laid end to end
SCENE_EXAMPLES = 100  # whose mean frame is the scene
NOISE = 0.5  # of a revision, beside that of textures: what stands still should have no grain
KEPT_Z = 10000  # examples whose inferred z is kept between updates, at most


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ModelConfig):
    """Settings of video; the defaults are those of the embedded clip.

    Attributes:
        goal: "repair" (fill what is hidden) or "synthesis" (new clips, of any length).
        method: to repair, "coopnets" is conditional (the generator proposes from what is visible,
            the descriptor revises); to synthesise, it is plain, with a linear dynamic on z.
            "generator" (ABP) has that too; "descriptor" is stationary in time, or in space and
            time.
        frames: length of one example; `size` is the side of its frames.
        scale: of the frames, before all; 0: whole frames, cut square and resized to `size`.
        holes: what is hidden in training, as in `coopkeras.video.holes.parse`: several with commas.
        judged_holes: what is hidden in judging, a row of the table each; "" is those of training.
        judged: number of held-out windows to judge on.
        flip: learn from left-right mirrored windows too.
        missing: frames of the input that `--mode=predict` fills, "10-14", counted from 0.
        samples: different results that `--mode=predict` writes; 0 is one, of a repair the estimate.
        length: frames of a synthesis, in judging and in `--mode=predict`.
        rate: frames a second of a synthesis.
    """

    FORMS: ClassVar[tuple] = ("texture", "dynamic")
    PRESETS: ClassVar[dict] = {
        "method": {"generator": {"goal": "synthesis"}, "descriptor": {"goal": "synthesis"}},
        "goal": {
            "synthesis": {
                "scale": 0.0,
                "warmup": 0.75,
                "latent_dim": 64,
                "descriptor_form": "dynamic",
                "descriptor_scale": 0.0,
                "descriptor_rate": 5e-4,
                "generator_rate": 1e-3,
                "reference_sigma": 1.0,
                "noise_sigma": 0.0,
                "infer_steps": 10,
                "infer_step_size": 0.02,
                "observed_weight": 0.9,
                "steps": 12,
                "step_size": 0.0,
                "updates": 600,
            }
        },
    }

    data: str = ck.data.video.PAN
    goal: str = "repair"
    frames: int = 16
    scale: float = 1.0
    holes: str = "frames:4,square:12,moving:12"
    judged_holes: str = ""
    judged: int = 24
    flip: bool = False
    missing: str = ""
    samples: int = 0
    length: int = 384
    rate: float = 25.0
    batch_size: int = 8
    latent_dim: int = 16
    generator_form: str = "dynamic"
    generator_width: int = 16
    descriptor_width: int = 12
    updates: int = 500
    warmup: float = 0.85
    infer_step_size: float = 0.01
    steps: int = 8
    generator_rate: float = 2e-3
    descriptor_scale: float = 3e5
    descriptor_rate: float = 7e-4
    penalty: float = 1.0
    step_size: float = 0.005

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.goal in ("repair", "synthesis"), "goal", "repair or synthesis")
        self.require(self.frames >= 16, "frames", "at least 16")
        self.require(self.scale >= 0, "scale", "0 (whole frames) or more")
        self.require(self.judged >= 2, "judged", "at least 2")
        self.require(self.samples >= 0, "samples", "0 or more")
        self.require(self.length >= self.frames, "length", f"at least frames={self.frames}")
        self.require(self.rate > 0, "rate", "greater than 0")
        for text in (self.holes, *self.judged_settings()):
            ck.video.holes.parse(text)(ck.seeds.as_seed(0), (self.frames, self.size, self.size, 1))

    def judged_settings(self):
        """Return what is hidden in judging, a list of descriptions."""
        return (self.judged_holes or self.holes).split(",")


@final
class Video(ck.Task):
    """Learn a clip; judge repairs beside interpolation, synthesis beside real windows."""

    name: ClassVar[str] = "video"
    summary: ClassVar[str] = "repair a clip, or synthesise one like it of any length"
    suffix: ClassVar[str] = ".mp4"
    Config: ClassVar[type] = Config
    scene = None  # the mean frame of the data, known once they have been read

    @property
    def takes_input(self):
        """Say whether predict needs a file: a model that only repairs does."""
        return self.config.goal == "repair" and self.config.method != "generator"

    def datasets(self):
        """Return windows of a clip, to repair with fresh holes, and of its held-out part."""
        config = self.config
        split = ck.data.video.split(
            config.data,
            frames=config.frames,
            size=config.size,
            scale=config.scale,
            channels=config.channels or None,
            held_out=config.held_out or None,
        )
        train = split.train.flip() if config.flip else split.train
        if config.scale == 0:  # whole frames: what stays of them can be known by heart
            self.scene = train.take(SCENE_EXAMPLES, seed=0).array().mean((0, 1))
        if config.goal == "repair" and config.method != "generator":
            draw, shape = ck.video.holes.parse(config.holes), train.shape
            train = train.map(lambda batch, seeds: batch | {"visible": _draw(draw, seeds, shape)})
        return ck.data.Split(train, split.held_out.take(config.judged, seed=0))

    def build(self, shape, count):
        """Return the compiled model of the method."""
        if self.config.goal == "synthesis" or self.config.method == "generator":
            return self._build_synthesis(shape, count)
        config, mask = self.config, ck.observation.Mask()
        if config.method == "descriptor":
            return ck.recipes.descriptor(config, shape, start="noise", observation=mask)
        halvings = max(2, min(shape[1:-1]).bit_length() - 3)  # of a frame, to about 4 pixels
        widths = [config.generator_width * min(4, 2**level) for level in range(halvings)]
        network = ck.video.networks.recovery_generator(
            shape, config.latent_dim, widths, scene=config.scale == 0
        )
        if self.scene is not None:
            network.get_layer("rough_fill").scene.assign(self.scene)
        return ck.recipes.coopnets(config, shape, network, observation=mask)

    def _build_synthesis(self, shape, count):
        config = self._by_data(shape)
        if config.method == "descriptor":
            return ck.recipes.descriptor(config, shape, num_chains=config.batch_size)
        network = ck.recipes.generator_network(config, shape)
        if self.scene is not None and config.generator_form == "dynamic":
            network.get_layer("scene").show(np.clip(self.scene, -0.95, 0.95))
        kept = count if count <= KEPT_Z and not config.flip else None
        dynamic = {"kind": ck.video.dynamics.DynamicGenerator, "num_examples": kept}
        if config.method == "coopnets":
            return ck.recipes.coopnets(config, shape, network, **dynamic)
        return ck.recipes.generator(config, network, **dynamic)

    def _by_data(self, shape):
        """Return the settings of a synthesis, those that are 0 by the data."""
        learned = (self.config.frames, *shape[1:])  # though a longer clip is drawn
        return ck.recipes.derive(self.config, learned, self.deviation, NOISE)

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return the rows of the goal, ours and the baselines'."""
        x = split.held_out.array()
        if self.config.goal == "synthesis":
            return self._judge_synthesis(model, x, split.train)
        rows = []
        for text in self.config.judged_settings():
            visible = self._gaps(text, x)
            recover = functools.partial(self._recover, model, x, visible)
            variants = ck.recipes.recovery.variants(self.config.method, recover, DRAWS)
            for variant, filled, samples in variants:
                scores = ck.metrics.video.of_repair(filled, x, visible, samples)
                rows.append(_row(self.config.method, text, scores, len(x), variant))
            for name, fill in self._baselines().items():
                scores = ck.metrics.video.of_repair(fill(x, visible), x, visible)
                rows.append(_row(name, text, scores, len(x)))
        return rows

    def _judge_synthesis(self, model, x, train):
        """Return rows on windows, and on the end of a long clip, beside what is real."""
        config, rows = self.config, []

        def judge(method, clips, variant=None, setting="windows"):
            scores = ck.metrics.video.of_synthesis(clips, x)
            rows.append(_row(method, setting, scores, len(clips), variant))

        proposed, samples = self._sample(model, len(x), seed=1)
        if proposed is not None:
            judge(config.method, proposed, "proposed")
        judge(config.method, samples, "sample")
        ends = self._synthesis(model, config.length, seed=1)[-LOOK_BACK * config.frames :]
        ends = ends[len(ends) % config.frames :].reshape(-1, config.frames, *ends.shape[1:])
        judge(config.method, ends, "sample", f"end of {config.length} frames")
        real = train.take(len(x), seed=2).array()
        few = train.take(GAUSSIAN_EXAMPLES, seed=1).array()
        judge("gaussian", ck.images.baselines.gaussian_samples(few, len(x)))
        judge("frames that stand still", np.repeat(real[:, :1], config.frames, axis=1))
        judge("real, other windows", real)
        return rows

    def _baselines(self):
        """Return what a repair has to beat; of whole frames, also their mean."""
        if self.scene is None:
            return ck.video.baselines.BASELINES
        mean = {"mean frame": lambda x, visible: np.where(visible, x, self.scene)}
        return ck.video.baselines.BASELINES | mean

    def _gaps(self, text, x):
        """Return what is hidden of each held-out window, the same for ever."""
        return _draw(ck.video.holes.parse(text), _rows(1, len(x)), x.shape[1:]).numpy()

    # Recovering and sampling ----------------------------------------------------------------

    def _recover(self, model, x, visible, seed, temperature):
        """Return (proposed, revised) for arrays, a batch at a time."""
        recover = functools.partial(self._recovered, model, temperature=temperature)
        seeds = _rows(seed, len(x))
        return ck.base.in_batches(recover, _at_once(x.shape[1:]), x, visible, seeds)

    def _recovered(self, model, x, visible, seed, temperature):
        """Return (proposed, revised)."""
        observation = ck.observation.Mask(visible)
        seen = observation(tf.convert_to_tensor(x, tf.float32))
        return ck.recipes.recovery.recover(self.config, model, seen, observation, seed, temperature)

    def _sample(self, model, count, seed):
        """Return (proposed or None, samples) as arrays; a sample is its number's alone."""

        def draw(rows):
            proposed, samples = self._samples(model, len(rows), rows)
            return [samples] if proposed is None else [proposed, samples]

        at_once = _at_once(model.x_shape)
        parts = ck.base.in_batches(draw, at_once, _rows(seed, count))
        return (None, *parts) if len(parts) == 1 else tuple(parts)

    def _samples(self, model, count, seed):
        """Return (proposed or None, samples) of any of the three models."""
        config = self.config
        if config.method == "generator":
            return None, model.sample(count, seed=seed)
        if config.method == "descriptor":
            return None, model.sample(count, seed=seed)
        return model.sample(count, seed=seed, settle=config.settle, proposed=True)

    def _synthesis(self, model, length, seed):
        """Return one clip of `length` frames, `[length, size, size, channels]` in [-1, 1]."""
        shape = (length, *model.x_shape[1:])
        if self.config.method == "descriptor":
            long = ck.recipes.descriptor(self._by_data(shape), shape, start="data")
            long.network.set_weights(model.network.get_weights())
            pieces = self._sample(model, self.config.batch_size, seed)[1]
            start = ck.video.windows.join(pieces, length)[None]
            clip = long.sample(1, seed=seed, start=start, steps=HEALING * self.config.steps)
        else:
            long = self.build(shape, 1)
            long.set_weights(model.get_weights())
            clip = self._samples(long, 1, seed)[1]
        return np.clip(clip[0], -1, 1)

    # Drawing --------------------------------------------------------------------------------

    def draw(self, model, split):
        """Return contact sheets, the frames of a clip a row, and the clips moving."""
        x = split.held_out.array(limit=1)
        if self.config.goal == "synthesis":
            sheets = self._sample(model, 3, seed=0)[1]
            rows = {f"sample {n + 1}": one for n, one in enumerate(np.clip(sheets, -1, 1))}
            long = self._synthesis(model, self.config.length, 0)
            rows[f"{self.config.length} frames"] = long
            end = self._moving({f"the end of {self.config.length} frames": long[-MOVING:]})
            return {"synthesis": _sheet({**rows, "real": x[0]})} | end
        sheets = {}
        for text in self.config.judged_settings():
            visible = self._gaps(text, x)
            proposed, estimate = self._recover(model, x, visible, 0, 0.0)
            rows = {"seen": np.where(visible, x, 1.0), "proposed": proposed, "estimate": estimate}
            rows["sample"] = self._recover(model, x, visible, 0, 1.0)[1]
            for name, fill in self._baselines().items():
                rows[name] = fill(x, visible)
            rows["truth"] = x
            rows = {name: np.clip(one[0], -1, 1) for name, one in rows.items()}
            sheets[text] = _sheet(rows)
            kept = {name: rows[name] for name in ("seen", "estimate", "linear in time", "truth")}
            sheets |= self._moving(kept, f"{text}: ")
        return sheets

    def _moving(self, rows, prefix=""):
        """Return one clip that shows clips side by side, by a caption that names them."""
        together = zip(*map(ck.images.to_uint8, rows.values()), strict=True)
        frames = [ck.images.grid(np.stack(frame), columns=len(frame)) for frame in together]
        clip = ck.video.Clip(np.stack(frames), self.config.rate)
        return {prefix + ", ".join(rows): clip}

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Repair a clip of any size and length; without one, synthesise `length` frames.

        White in the mask = fill; `missing` frames are filled wholly. Known pixels keep their
        bytes, which a folder of frames and a .mkv hold. With `samples=K` K results are written.
        """
        paths = ck.images.numbered(output_path, self.config.samples)
        for path in paths:
            ck.video.check_output(path)
        if input_path:
            return self._repair(model, input_path, mask_path, paths)
        if mask_path or self.config.missing:
            raise ck.UserError("--mask and --set=missing say what to fill of a clip: give --input.")
        for number, path in enumerate(paths):
            clip = self._synthesis(model, self.config.length, self.config.seed + number)
            ck.video.write(path, clip, self.config.rate)
        return paths

    def _repair(self, model, input_path, mask_path, paths):
        clip, visible = ck.video.repair.open_clip(input_path, mask_path, self.config.missing)
        shape, scale = model.x_shape, self.config.scale
        side = round(shape[1] / scale) if scale else min(clip.pixels.shape[1:3])
        if ck.video.is_lossy(paths[0], clip.pixels.shape[-1]):
            logging.warning(
                "%s is lossy: known pixels will change a little; .mkv and a folder of "
                "frames keep them.",
                paths[0],
            )
        for number, path in enumerate(paths):
            temperature = 1.0 if self.config.samples else 0.0

            def recover(x, known, seed=number, temperature=temperature):
                return self._recover(model, x, known, seed, temperature)[1]

            filled = ck.video.repair.fill(clip.pixels, visible, recover, shape, side)
            ck.video.write(path, filled, clip.rate)
        return paths

    def signatures(self, model):
        """Return what is served: recover or sample, by the goal, and energy."""
        shape = model.x_shape
        main = "recover" if self.config.goal == "repair" else "sample"
        serve = (
            self._serve_recover(model, shape) if main == "recover" else self._serve_sample(model)
        )
        served = {"serving_default": serve, main: serve}
        if self.config.method != "generator":
            served["energy"] = ck.recipes.energy_signature(model, shape)
        return served

    def _serve_recover(self, model, shape):
        clip = tf.TensorSpec([None, *shape], tf.float32, "seen")
        mask = tf.TensorSpec([None, *shape[:-1], 1], tf.bool, "visible")
        seeds = tf.TensorSpec([None, 2], tf.int32, "seed")
        temperatures = tf.TensorSpec([None], tf.float32, "temperature")

        @tf.function(input_signature=[clip, mask, seeds, temperatures])
        def recover(seen, visible, seed, temperature):
            seen, visible = tf.ensure_shape(seen, clip.shape), tf.ensure_shape(visible, mask.shape)
            proposed, recovered = self._recovered(model, seen, visible, seed, temperature)
            return {"recovered": tf.clip_by_value(recovered, -1, 1), "proposed": proposed}

        return recover

    def _serve_sample(self, model):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int32, "seed")])
        def sample(seed):
            seed = tf.ensure_shape(seed, [None, 2])
            proposed, samples = self._samples(model, tf.shape(seed)[0], seed)
            served = {"sample": tf.clip_by_value(samples, -1, 1)}
            return served if proposed is None else served | {"proposed": proposed}

        return sample


def _row(method, setting, metrics, n, variant=None):
    ours = variant is not None
    return row(method, setting=setting, n=n, metrics=metrics, ours=ours, variant=variant)


def _draw(draw, seeds, shape):
    return tf.map_fn(lambda seed: draw(seed, shape), seeds, fn_output_signature=tf.bool)


def _rows(seed, count):
    """Return the seeds of rows 0, 1, ..., each one's own."""
    return ck.seeds.fold(ck.seeds.as_seed(seed), np.arange(count))


def _at_once(shape):
    return max(1, PIXELS_AT_ONCE // int(np.prod(shape[:-1])))


def _sheet(rows):
    return ck.images.gallery({name: ck.video.spread(clip, SHOWN) for name, clip in rows.items()})
