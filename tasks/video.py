"""Video: repair a clip, or synthesise more of it, after training on one clip."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np

import coopkeras as ck
from coopkeras.task import rows

MOVING = 200  # frames of a synthesis that are shown moving
LOOK_BACK = 8  # last windows of a long synthesis, which are judged
FITTED = 100  # windows that baselines are fitted to
HEALING = 4  # times the updates of a revision, where chains were laid end to end
NOISE = 0.5  # of a revision, beside that of textures: what stands still should have no grain
KEPT_Z = 10000  # examples whose inferred z is kept between updates, at most


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.HolesConfig):
    """Settings of video; the defaults are those of the embedded clip.

    Attributes:
        goal: "repair" (fill what is hidden) or "synthesis" (new clips, of any length).
        method: "coopnets", "generator" or "descriptor". The first is conditional for a repair, and
            plain with a linear dynamic on z for a synthesis. The second (ABP) has that too; the
            third is stationary in time, or in space and time.
        frames: length of one example; `size` is the side of its frames.
        scale: of the frames, before all; 0: whole frames, cut square and resized to `size`.
        holes: what is hidden in training: frames:4, square:12 or moving:12. Of several with commas
            each window draws one; see `video.holes.parse`.
        judged: number of held-out windows to judge on.
        mirror: learn from left-right mirrored windows too.
        missing: frames of the input that `--mode=predict` fills, "10-14", counted from 0.
        length: frames of a synthesis, in judging and in `--mode=predict`.
        frame_rate: frames a second of a synthesis.
    """

    FORMS: ClassVar[tuple] = ("texture", "dynamic")
    IMPLIED: ClassVar[dict] = {
        "method": {"generator": {"goal": "synthesis"}, "descriptor": {"goal": "synthesis"}},
        "goal": {
            "synthesis": {
                "scale": 0.0,
                "warmup_share": 0.75,
                "latent_dim": 64,
                "descriptor_form": "dynamic",
                "descriptor_scale": 0.0,
                "descriptor_learning_rate": 5e-4,
                "generator_learning_rate": 1e-3,
                "reference": 1.0,
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
    judged: int = 24
    mirror: bool = False
    missing: str = ""
    length: int = 384
    frame_rate: float = 25.0
    batch_size: int = 8
    latent_dim: int = 16
    generator_form: str = "dynamic"
    generator_width: int = 16
    descriptor_width: int = 12
    updates: int = 500
    warmup_share: float = 0.85
    infer_step_size: float = 0.01
    steps: int = 8
    generator_learning_rate: float = 2e-3
    descriptor_scale: float = 3e5
    descriptor_learning_rate: float = 7e-4
    relative_penalty: float = 1.0
    step_size: float = 0.005

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        self.require(self.goal in ("repair", "synthesis"), "goal", "repair or synthesis")
        self.at_least(frames=16, scale=0, judged=2, length=self.frames)
        self.require(self.frame_rate > 0, "frame_rate", "greater than 0")
        self.check_holes(ck.video.holes.parse, (self.frames, self.size, self.size, 1))

    def conditional(self):
        """Return whether the generator is conditioned on what is visible."""
        return self.goal == "repair" and super().conditional()

    def hides(self):
        """Return whether learning hides a part of each window."""
        return self.goal == "repair" and super().hides()

    def unread(self):
        """Return the settings that the goal does not read."""
        of_repair, of_synthesis = (
            ("holes", "judged_holes", "missing", "temperature"),
            ("length", "frame_rate"),
        )
        names = of_synthesis if self.hides() else ()
        names = of_repair if self.goal == "synthesis" else names
        return super().unread() | dict.fromkeys(names, f"goal={self.goal}")

    def judging(self):
        """Return the names of the settings that only judging reads."""
        return (*super().judging(), "judged", "length")

    def predicting(self):
        """Return the names of the settings that predict reads."""
        return (*super().predicting(), "missing", "length", "frame_rate")


@final
class Video(ck.recipes.Composite):
    """Learn a clip; judge repairs beside interpolation, synthesis beside real windows."""

    name: ClassVar[str] = "video"
    summary: ClassVar[str] = "repair a clip, or synthesise one like it of any length"
    suffix: ClassVar[str] = ".mp4"
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return windows of a clip, to repair with fresh holes, and of its held-out part."""
        return Repair(self.config).datasets()

    def build(self, spec):
        """Return the compiled model of the method."""
        if self.config.hides():
            return Repair(self.config).build(spec)
        config = ck.recipes.derive(self.config, spec, NOISE)
        keeps_z = spec.count <= KEPT_Z and not config.mirror
        scene, make = _scene(config, spec), ck.recipes.generator_network
        return ck.recipes.model(
            config,
            spec.shape,
            functools.partial(make, config, spec.shape, scene=scene),
            prior=ck.video.LinearDynamic(),
            num_examples=spec.count if keeps_z else None,
            keeps_z=True,
        )

    def uses(self):
        """Return what the model was learned for; one without a condition can do both."""
        synthesis = [] if self.config.hides() else [Synthesis(self)]
        repair = [Repair(self.config)] if self.config.goal == "repair" else []
        return repair + synthesis


class Repair(ck.recipes.ClipRecovery):
    """Missing frames, and holes that stay or move, filled in a clip of any size."""

    def network(self, spec):
        """Return a network that corrects a rough fill; of whole frames it knows the scene."""
        config, make = self.config, ck.video.networks.recovery_generator
        widths = ck.recipes.encoder_widths(config.generator_width, spec.shape, most=4)
        network = make(spec.shape, config.latent_dim, widths, scene=config.scale == 0)
        if (scene := _scene(config, spec)) is not None:
            network.get_layer("rough_fill").scene.assign(scene)
        return network

    def baselines(self, train):
        """Return interpolations in time and in space; of whole frames, also their mean."""
        if self.config.scale:
            return ck.video.baselines.BASELINES
        mean = ck.images.baselines.mean_image(train.take(FITTED, seed=0).array().mean(1))
        return ck.video.baselines.BASELINES | {"mean frame": mean}


class Synthesis(ck.recipes.Use):
    """New clips of any length."""

    takes_input = False

    def judge(self, model, split):
        """Return rows on windows, and on the end of a long clip, beside what is real."""
        config, x = self.config, split.held_out.array()
        proposed, samples = ck.recipes.sample_rows(config, model, len(x), seed=1)
        end = self._long(model, config.length, seed=1)[-LOOK_BACK * config.frames :]
        end = end[len(end) % config.frames :].reshape(-1, config.frames, *end.shape[1:])
        real = split.train.take(len(x), seed=2).array()
        few = split.train.take(FITTED, seed=1).array()
        judged = {
            (config.method, "proposed", "windows"): proposed,
            (config.method, "sample", "windows"): samples,
            (config.method, "sample", f"end of {config.length} frames"): end,
            ("gaussian", None, "windows"): ck.images.baselines.gaussian_samples(few, len(x)),
            ("frames that stand still", None, "windows"): 0 * real + real[:, :1],
            ("real, other windows", None, "windows"): real,
        }
        return rows(judged, lambda made: ck.metrics.video.of_synthesis(made, x))

    def draw(self, model, split):
        """Return a contact sheet, the frames of a clip a row, and the end of a long clip moving."""
        config, length = self.config, self.config.length
        samples = ck.recipes.sample_rows(config, model, 3, seed=0)[1]
        shown = {f"sample {n + 1}": one for n, one in enumerate(samples)}
        shown[f"{length} frames"] = long = self._long(model, length, 0)
        shown["real"] = split.held_out.array(limit=1)[0]
        end, clips = {f"the end of {length} frames": long[-MOVING:]}, ck.recipes.clips
        return {"synthesis": clips.frames_sheet(shown)} | clips.moving(end, config.frame_rate)

    def predict(self, model, input_path, output_path, mask_path=None):
        """Synthesise `length` frames; with `samples=K` K numbered clips."""
        if mask_path or self.config.missing:
            raise ck.UserError("--mask and --set=missing say what to fill of a clip: give --input.")
        paths = ck.recipes.clips.outputs(output_path, self.config.samples)
        for number, path in enumerate(paths):
            clip = self._long(model, self.config.length, self.config.seed + number)
            ck.video.write(path, clip, self.config.frame_rate)
        return paths

    def signatures(self, model):
        """Return sample, a clip for each seed, and energy."""
        draw = functools.partial(ck.recipes.sample, self.config, model)
        return ck.recipes.sample_signature(draw) | ck.recipes.energy_signature(model)

    def _long(self, model, length, seed):
        """Return one clip of `length` frames, `[length, size, size, channels]` in [-1, 1]."""
        config = self.config
        long = ck.recipes.at_shape(self.task, model, (length, *model.x_shape[1:]))
        if ck.recipes.parts(model)[1] is None:  # chains are laid end to end
            pieces = ck.recipes.sample_rows(config, model, config.batch_size, seed)[1]
            start = ck.windows.join(pieces, length)[None]
            clip = long.sample(1, seed=seed, start=start, steps=HEALING * config.steps)
        else:
            clip = ck.recipes.sample(config, long, seed, count=1)[1]
        return np.clip(clip[0], -1, 1)


def _scene(config, spec):
    """Return the mean frame of whole frames, where the data are at hand."""
    return spec.mean.mean(axis=0) if config.scale == 0 and spec.mean is not None else None
