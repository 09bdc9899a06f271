"""Audio: sound like that of one clip, of any length, and gaps filled."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.audio import bands, baselines, repair, synthesis
from coopkeras.task import rows

STRIDE = 2**4  # frames that one column of z stands for
CONTEXT = 9  # columns of z that a moment is made from at first: swells last longer than one
SOUNDS = 3  # syntheses that are judged
LONG = 64 * STRIDE  # frames of a window of new sound, so long that windows leave no seam


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ModelConfig):
    """Settings of audio; the defaults are those of the embedded clip.

    Attributes:
        method: "coopnets" (the generator proposes, the descriptor revises), "generator" (ABP) or
            "descriptor" (short chains from noise).
        size: frames of one window of envelopes, 500 a second; a multiple of 16, 64 or more.
        channels: 1, 2, or 0 for what the clip has.
        sample_rate: Hz, at which sounds are learned and made; a multiple of 500.
        judged_gaps: lengths of the gaps of judging, seconds, with commas.
        judged: gaps of each length to judge by.
        gap: what `--mode=predict --input=` fills, "1.2-1.4" in seconds, several with commas; "" is
            where samples are exactly 0 for 2 ms, or NaN.
        seconds: length of what `--mode=predict` makes without an input.
    """

    CHANNELS: ClassVar[tuple] = (0, 1, 2)
    FORMS: ClassVar[tuple] = ("texture",)  # a sound has any length
    IMPLIED: ClassVar[dict] = {
        "method": {
            "generator": {"updates": 880},
            "descriptor": {"updates": 300, "steps": 30, "reference": 0.2},
        }
    }

    data: str = "samples:crackle"
    size: int = 256
    batch_size: int = 4
    sample_rate: int = 16000
    judged_gaps: str = "0.05,0.2"
    judged: int = 6
    gap: str = ""
    seconds: float = 10.0
    latent_dim: int = 64
    generator_form: str = "texture"
    generator_width: int = 32
    noise_sigma: float = 0.1
    infer_steps: int = 10
    infer_step_size: float = 0.05
    generator_learning_rate: float = 3e-3
    updates: int = 1100
    warmup_share: float = 0.8
    ema: float = 0.95
    observed_weight: float = 0.9
    descriptor_scale: float = 1e3
    descriptor_learning_rate: float = 3e-4
    steps: int = 20
    step_size: float = 0.007

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        fits = self.size >= 4 * STRIDE and self.size % STRIDE == 0
        rate, gaps = self.sample_rate, self.gap_lengths()
        self.require(fits, "size", f"a multiple of {STRIDE}, {4 * STRIDE} or more")
        rates = "a multiple of 500 between 4000 and 192000"
        self.require(4000 <= rate <= 192000 and rate % 500 == 0, "sample_rate", rates)
        self.at_least(judged=1)
        self.require(0 < self.seconds <= 3600, "seconds", "more than 0, at most 3600")
        self.require(all(0 < s <= 2 for s in gaps), "judged_gaps", "0.05,0.25 or the like")
        if self.gap:
            repair.parse_gaps(self.gap)

    def unread(self):
        """Return the settings that are not read: the descriptor's network is a fixed one."""
        fixed = ("descriptor_form", "descriptor_layers", "descriptor_width", "generator_form")
        return super().unread() | dict.fromkeys(fixed, "--task=audio")

    def judging(self):
        """Return the names of the settings that only judging reads."""
        return ("judged", "judged_gaps")

    def predicting(self):
        """Return the names of the settings that predict reads."""
        return ("gap", "seconds")

    def gap_lengths(self):
        """Return the lengths of the gaps of judging, seconds; 0 for what is no number."""
        try:
            return [float(text) for text in self.judged_gaps.split(",")]
        except ValueError:
            return [0.0]

    def window(self, seconds):
        """Return the frames of a window around a gap: twice as long, or `size`."""
        frames = int(2 * seconds * bands.FRAMES)
        return max(self.size, -(-frames // STRIDE) * STRIDE)

    def parts(self):
        """Return the two parts of the clip: to learn from, and to judge by."""
        return ck.data.audio.parts(self.data, **self.reading())

    def reading(self):
        """Return how the clip is read."""
        asked = {"channels": self.channels or None, "held_out": self.held_out or None}
        return {"rate": self.sample_rate, **asked}


@final
class Audio(ck.recipes.Composite):
    """Learn the texture of one clip; judge new sound and filled gaps on its held-out part."""

    name: ClassVar[str] = "audio"
    summary: ClassVar[str] = "make sound like that of one clip, and fill gaps"
    suffix: ClassVar[str] = ".wav"
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return windows of the clip's first part to learn from, and of its last."""
        config = self.config
        longest = max(map(config.window, config.gap_lengths()))
        keeps_z = "latent_dim" not in config.unread()
        return ck.data.audio.split(
            config.data,
            **config.reading(),
            size=config.size,
            hop=STRIDE if keeps_z else 1,
            shortest=longest * bands.hop(config.sample_rate),
        )

    def build(self, spec):
        """Return the compiled model of the method."""
        config = self.config
        widths = [config.generator_width * 2**level for level in (2, 1, 0)]
        make = functools.partial(ck.networks.generator, form="texture", context=CONTEXT)
        return ck.recipes.model(
            config,
            spec.shape,
            functools.partial(make, spec.shape, config.latent_dim, widths),
            descriptor_network=ck.audio.networks.descriptor(spec.shape, config.descriptor_scale),
            start="noise",
            num_examples=spec.count,
            keeps_z=True,
        )

    def uses(self):
        """Return new sound, and filled gaps."""
        return [Texture(self), ck.recipes.GapFilling(self)]


class Texture(ck.recipes.Use):
    """New sound of any length."""

    takes_input = False

    def judge(self, model, split):
        """Return rows: ours, noise with the clip's spectrum, the clip's other parts (the floor)."""
        learned, held_out = self.config.parts()
        length = min(len(learned), len(held_out))
        proposed, made = zip(*(self._made(model, length, n) for n in range(SOUNDS)), strict=True)
        proposed = None if proposed[0] is None else proposed
        starts = np.linspace(0, len(learned) - length, SOUNDS).astype(int)
        noise = [baselines.spectrum_noise(learned, length, n) for n in range(SOUNDS)]
        judged = {
            (self.config.method, "proposed", "texture"): proposed,
            (self.config.method, "sample", "texture"): made,
            ("spectrum noise", None, "texture"): noise,
            ("real, other parts", None, "texture"): [learned[n : n + length] for n in starts],
        }
        rate, truth = self.config.sample_rate, held_out[:length]
        return rows(judged, lambda sounds: ck.metrics.audio.of_texture(sounds, truth, rate))

    def draw(self, model, split):
        """Return waveforms and mel spectrograms, side by side, and the sounds themselves."""
        learned, held_out = self.config.parts()
        proposed, made = self._made(model, len(held_out), 0)
        sounds = {"real, held out": held_out, "proposed": proposed, "synthesised": made}
        sounds["spectrum noise"] = baselines.spectrum_noise(learned, len(held_out))
        sounds = {name: _to_play(x) for name, x in sounds.items() if x is not None}
        return ck.recipes.sounds.drawn("textures", sounds, self.config.sample_rate)

    def predict(self, model, input_path, output_path, mask_path=None):
        """Make `seconds` of new sound."""
        ck.audio.check_output(output_path)
        if mask_path or self.config.gap:
            raise ck.UserError("A gap is filled in a sound of yours; give --input=in.wav.")
        rate = self.config.sample_rate
        made = self._made(model, round(self.config.seconds * rate), self.config.seed)[1]
        made = synthesis.fade_in_and_out(_to_play(made), rate)
        ck.audio.write(output_path, ck.audio.Sound(made, rate))
        return [output_path]

    def signatures(self, model):
        """Return new sound for each seed, and the energy of a sound."""
        rate = self.config.sample_rate
        spec = bands.sound_spec(model.x_shape, rate)

        def draw(seed):
            envelopes = ck.recipes.sample(self.config, model, seed)[1]
            noise = bands.noise(ck.seeds.fold(seed, 2), tf.shape(seed)[0], *spec.shape[1:])
            return None, bands.without_overload(bands.decode(envelopes, noise, rate))

        encode = functools.partial(bands.encode, rate=rate)
        energy = ck.recipes.energy_signature(model, encode, spec)
        return ck.recipes.sample_signature(draw) | energy

    def _made(self, model, length, seed):
        model = ck.recipes.at_shape(self.task, model, (LONG, model.x_shape[-1]))
        return synthesis.synthesise(self.config, model, length, seed)


def _to_play(x):
    return bands.without_overload(x[None])[0].numpy()
