"""Audio: sound like that of one clip, as long as one likes, and gaps filled."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

STRIDE = 2**4  # frames that one column of z stands for
CONTEXT = 9  # columns of z that a moment is made from at first: swells last longer than one
INFER_STEPS = 50  # Langevin updates of z that explain what is beside a gap
SOUNDS = 3  # syntheses that are judged
AT_ONCE = 16  # windows with gaps in one batch
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
        gaps: lengths of the gaps of judging, seconds, with commas.
        judged: gaps of each length to judge by.
        gap: what `--mode=predict --input=` fills, "1.2-1.4" in seconds, several with commas; "" is
            where samples are exactly 0 for 2 ms, or NaN.
        seconds: length of what `--mode=predict` makes without an input.
    """

    CHANNELS: ClassVar[tuple] = (0, 1, 2)
    PRESETS: ClassVar[dict] = {
        "method": {
            "generator": {"updates": 880},
            "descriptor": {"updates": 300, "steps": 30, "reference_sigma": 0.2},
        }
    }

    data: str = "samples:crackle"
    size: int = 256
    batch_size: int = 4
    sample_rate: int = 16000
    gaps: str = "0.05,0.2"
    judged: int = 6
    gap: str = ""
    seconds: float = 10.0
    latent_dim: int = 64
    generator_form: str = "texture"
    generator_width: int = 32
    noise_sigma: float = 0.1
    infer_steps: int = 10
    infer_step_size: float = 0.05
    generator_rate: float = 3e-3
    updates: int = 1100
    warmup: float = 0.8
    average: float = 0.95
    observed_weight: float = 0.9
    descriptor_scale: float = 1e3
    descriptor_rate: float = 3e-4
    steps: int = 20
    step_size: float = 0.007

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        fits = self.size >= 4 * STRIDE and self.size % STRIDE == 0
        rate = self.sample_rate
        self.require(fits, "size", f"a multiple of {STRIDE}, {4 * STRIDE} or more")
        for name in ("generator_form", "descriptor_form"):
            self.require(getattr(self, name) == "texture", name, "texture: a sound has any length")
        rates = "a multiple of 500 between 4000 and 192000"
        self.require(4000 <= rate <= 192000 and rate % 500 == 0, "sample_rate", rates)
        self.require(self.judged >= 1, "judged", "at least 1")
        self.require(0 < self.seconds <= 3600, "seconds", "more than 0, at most 3600")
        self.require(all(0 < s <= 2 for s in self.judged_gaps()), "gaps", "0.05,0.25 or the like")
        if self.gap:
            ck.audio.repair.parse_gaps(self.gap)

    def judged_gaps(self):
        """Return the lengths of the gaps of judging, seconds; 0 for what is no number."""
        try:
            return [float(text) for text in self.gaps.split(",")]
        except ValueError:
            return [0.0]

    def window(self, seconds):
        """Return the frames of a window around a gap: twice as long, or `size`."""
        frames = int(2 * seconds * ck.audio.bands.FRAMES)
        return max(self.size, -(-frames // STRIDE) * STRIDE)

    def samples(self, frames):
        """Return how many samples so many frames of envelopes are."""
        return frames * ck.audio.bands.hop(self.sample_rate)


@final
class Audio(ck.Task):
    """Learn the texture of one clip; judge new sound and filled gaps on its held-out part."""

    name: ClassVar[str] = "audio"
    summary: ClassVar[str] = "make sound like that of one clip, and fill gaps"
    takes_input: ClassVar[bool] = False
    suffix: ClassVar[str] = ".wav"
    Config: ClassVar[type] = Config

    def datasets(self):
        """Return windows of the clip's first part to learn from, and of its last."""
        config = self.config
        return ck.data.audio.split(
            config.data,
            **self._of_clip(),
            size=config.size,
            hop=1 if config.method == "descriptor" else STRIDE,  # a z is kept of each
            shortest=config.samples(max(map(config.window, config.judged_gaps()))),
        )

    def _of_clip(self):
        """Return how the clip is read."""
        config = self.config
        return {
            "rate": config.sample_rate,
            "channels": config.channels or None,
            "held_out": config.held_out or None,
        }

    def build(self, shape, count):
        """Return the compiled model of the method."""
        config = self.config
        responses = ck.audio.networks.descriptor(shape, config.descriptor_scale)
        if config.method == "descriptor":
            chains = {"start": "noise", "num_chains": config.batch_size}
            return ck.recipes.descriptor(config, shape, responses, **chains)
        channels = [config.generator_width * 2**level for level in (2, 1, 0)]
        network = ck.networks.generator(
            shape, config.latent_dim, channels, "texture", context=CONTEXT
        )
        if config.method == "generator":
            return ck.recipes.generator(config, network, num_examples=count)
        return ck.recipes.coopnets(config, shape, network, responses, num_examples=count)

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return texture distances of new sound, and what fills gaps, for all."""
        del split  # holds the envelopes of the same two parts
        learned, held_out = ck.data.audio.parts(self.config.data, **self._of_clip())
        return self._judge_textures(model, learned, held_out) + [
            line
            for seconds in self.config.judged_gaps()
            for line in self._judge_gaps(model, held_out, seconds)
        ]

    def _judge_textures(self, model, learned, held_out):
        """Return rows: ours, noise with the clip's spectrum, the clip's other parts (the floor)."""
        length = min(len(learned), len(held_out))
        held_out, model = held_out[:length], self._sized(model, LONG)
        made = [
            ck.audio.synthesis.synthesise(self.config, model, length, seed)
            for seed in range(SOUNDS)
        ]
        proposed, revised = zip(*made, strict=True)
        noise = [ck.audio.baselines.spectrum_noise(learned, length, s) for s in range(SOUNDS)]
        starts = np.linspace(0, len(learned) - length, SOUNDS).astype(int)
        others = [learned[start : start + length] for start in starts]
        score = functools.partial(_texture_row, held_out, self.config.sample_rate)
        rows = [score(self.config.method, revised, "sample")]
        if self.config.method == "coopnets":
            rows.insert(0, score(self.config.method, proposed, "proposed"))
        return rows + [score("spectrum noise", noise), score("real, other parts", others)]

    def _judge_gaps(self, model, held_out, seconds):
        """Return rows: what fills a gap in the middle of windows of the held-out part."""
        x, visible, predicted = self._gaps(held_out, seconds, self.config.judged)
        score = functools.partial(_gap_row, x, visible, f"gap of {seconds:g} s")
        model = self._sized(model, self.config.window(seconds))
        filled = self._fill(model, visible, predicted, seed=0)
        return [
            score(self.config.method, filled, "sample"),
            score("linear prediction", predicted),
        ]

    def _gaps(self, held_out, seconds, count):
        """Return windows with a gap in their middle: truth, visible and linear prediction."""
        window = self.config.samples(self.config.window(seconds))
        gap = round(seconds * self.config.sample_rate)
        starts = np.linspace(0, len(held_out) - window, count).astype(int)
        x = np.stack([held_out[start : start + window] for start in starts])
        visible = np.ones([count, window, 1], bool)
        visible[:, (window - gap) // 2 : (window + gap) // 2] = False
        pairs = zip(x, visible, strict=True)
        return x, visible, np.stack([ck.audio.baselines.linear_prediction(*pair) for pair in pairs])

    def _fill(self, model, visible, predicted, seed):
        """Return what fills gaps, joined to the known as `predict` does."""
        made = self._recover(model, visible, predicted, ck.seeds.as_seed(seed))
        rate = self.config.sample_rate
        parts = zip(predicted, made, visible, strict=True)
        return np.stack([ck.audio.repair.join(*part, rate) for part in parts])

    def _recover(self, model, visible, predicted, seed, numbers=None):
        """Return windows with gaps that are filled, a batch at a time, with likely envelopes."""
        numbers = np.arange(len(visible)) if numbers is None else numbers
        recover = functools.partial(self._recovered, model, temperature=0.0)
        seeds = ck.seeds.fold(seed, numbers)
        return ck.base.in_batches(recover, AT_ONCE, predicted, visible, seeds)[1]

    def _recovered(self, model, start, visible, seed, temperature):
        """Return (proposed, revised) sounds `[n, time, channels]`.

        The envelopes of the gaps are recovered; `start`, which is known where visible, and noise
        in the gaps carry them.
        """
        rate = self.config.sample_rate
        start = tf.convert_to_tensor(start, tf.float32)
        noise = 0.2 * ck.seeds.normal(ck.seeds.fold(seed, 1), tf.shape(start))
        carrier = tf.where(visible, start, start + noise)
        known = ck.audio.bands.visible_frames(visible, rate)
        observation = ck.observation.Mask(known)
        seen = observation(ck.audio.bands.encode(start, rate))
        level = _mean_known(seen, known)
        envelopes = ck.recipes.recovery.recover(
            self.config, model, seen, observation, seed, temperature, INFER_STEPS, level
        )
        return [ck.audio.bands.decode(u, carrier, rate) for u in envelopes]

    def _sized(self, model, frames):
        """Return the model for windows of so many frames."""
        shape = model.x_shape
        if shape[0] == frames:
            return model
        sized = self.build((frames, shape[1]), 1)
        sized.set_weights(model.get_weights())
        return sized

    # Drawing --------------------------------------------------------------------------------

    def draw(self, model, split):
        """Return waveforms and mel spectrograms, side by side, and the sounds themselves."""
        del split  # holds the envelopes of the same two parts
        learned, held_out = ck.data.audio.parts(self.config.data, **self._of_clip())
        rate, length = self.config.sample_rate, len(held_out)
        long = self._sized(model, LONG)
        proposed, made = ck.audio.synthesis.synthesise(self.config, long, length, seed=0)
        textures = {"real, held out": held_out, "proposed": proposed, "synthesised": made}
        textures["spectrum noise"] = ck.audio.baselines.spectrum_noise(learned, length)
        textures = {name: _to_play(x) for name, x in textures.items() if x is not None}
        seconds = max(self.config.judged_gaps())
        fills, gap = self._drawn_gap(model, held_out, seconds)
        sheets = {
            "textures": ck.audio.sheet(textures, rate),
            f"a gap of {seconds:g} s": ck.audio.sheet(fills, rate, gap),
        }
        sounds = textures | {f"gap, {name}": x for name, x in fills.items()}
        return sheets | {name: ck.audio.Sound(x, rate) for name, x in sounds.items()}

    def _drawn_gap(self, model, held_out, seconds):
        """Return one gap with all that fills it, by name, and where it is (seconds)."""
        x, visible, predicted = self._gaps(held_out, seconds, 1)
        model = self._sized(model, self.config.window(seconds))
        filled = self._fill(model, visible, predicted, seed=0)
        fills = {
            "truth": x,
            "with the gap": x * visible,
            "filled": filled,
            "linear prediction": predicted,
        }
        ((start, stop),) = ck.audio.windows.gaps(visible[0])
        rate = self.config.sample_rate
        fills = {name: np.clip(one[0], -1, 1) for name, one in fills.items()}
        return fills, (start / rate, stop / rate)

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Make `seconds` of new sound; with an input, fill its gaps.

        In a mask what is not 0 is to be filled. A gap is filled by a sample: an estimate would be
        too quiet. Known samples keep their bytes.
        """
        ck.audio.check_output(output_path)
        if input_path:
            made = self._repaired(model, input_path, mask_path)
        elif mask_path or self.config.gap:
            raise ck.UserError("A gap is filled in a sound of yours; give --input=in.wav.")
        else:
            rate, model = self.config.sample_rate, self._sized(model, LONG)
            made = ck.audio.synthesis.synthesise(
                self.config, model, round(self.config.seconds * rate), self.config.seed
            )[1]
            made = ck.audio.Sound(_faded_in_and_out(_to_play(made), rate), rate)
        ck.audio.write(output_path, made)
        return [output_path]

    def _repaired(self, model, input_path, mask_path):
        given = ck.audio.read(input_path)
        visible = ck.audio.repair.find_gaps(given, input_path, self.config.gap, mask_path)
        frames = self.config.window(ck.audio.repair.LONGEST)
        model, seed = self._sized(model, frames), ck.seeds.as_seed(self.config.seed)

        def recover(x, visible, numbers):
            return self._recover(model, visible, x, seed, numbers)

        shape = {
            "rate": self.config.sample_rate,
            "channels": _channels(model),
            "window": self.config.samples(frames),
        }
        return ck.audio.repair.repair(given, visible, recover, **shape)

    def signatures(self, model):
        """Return what is served: new sound for each seed, recover, and the energy."""
        rate = self.config.sample_rate
        frames, channels = model.x_shape[0], _channels(model)
        time = self.config.samples(frames)
        seeds = tf.TensorSpec([None, 2], tf.int32, "seed")
        seen = tf.TensorSpec([None, time, channels], tf.float32, "seen")
        mask = tf.TensorSpec([None, time, 1], tf.bool, "visible")
        temperatures = tf.TensorSpec([None], tf.float32, "temperature")
        sounds = tf.TensorSpec(seen.shape, tf.float32, "x")

        @tf.function(input_signature=[seeds])
        def sample(seed):
            seed = tf.ensure_shape(seed, seeds.shape)
            more = {} if self.config.method == "generator" else {"steps": self.config.steps}
            if self.config.method == "coopnets":
                more["settle"] = self.config.settle
            u = model.sample(tf.shape(seed)[0], seed=seed, **more)
            noise = ck.seeds.normal(ck.seeds.fold(seed, 2), [tf.shape(seed)[0], time, channels])
            made = ck.audio.bands.decode(u, 0.2 * noise, rate)
            return {"sample": ck.audio.bands.without_overload(made)}

        @tf.function(input_signature=[seen, mask, seeds, temperatures])
        def recover(seen, visible, seed, temperature):
            visible = tf.ensure_shape(visible, mask.shape)
            start = tf.where(visible, tf.ensure_shape(seen, sounds.shape), 0.0)
            made = self._recovered(model, start, visible, seed, temperature)
            made = [tf.where(visible, start, tf.clip_by_value(x, -1, 1)) for x in made]
            return {"recovered": made[1], "proposed": made[0]}

        served = {"serving_default": sample, "sample": sample, "recover": recover}
        if self.config.method != "generator":
            part = model.averaged_descriptor if self.config.method == "coopnets" else model

            @tf.function(input_signature=[sounds])
            def energy(x):
                x = tf.ensure_shape(x, sounds.shape)
                return {"energy": part.energy(ck.audio.bands.encode(x, rate))}

            served["energy"] = energy
        return served


def _channels(model):
    return model.x_shape[-1] // ck.audio.bands.BANDS


def _to_play(x):
    return ck.audio.bands.without_overload(x[None])[0].numpy()


def _mean_known(seen, known):
    """Return envelopes that are everywhere what they are on average where they are known."""
    count = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
    mean = tf.reduce_sum(seen, axis=1, keepdims=True) / tf.maximum(count, 1.0)
    return tf.broadcast_to(mean, tf.shape(seen))


def _texture_row(held_out, rate, method, sounds, variant=None):
    distances = [ck.metrics.audio.texture_distance(x, held_out, rate) for x in sounds]
    return row(
        method,
        setting="texture",
        n=len(distances),
        metrics={"texture_distance": (distances, "", "lower")},
        ours=variant is not None,
        variant=variant,
    )


def _gap_row(x, visible, setting, method, filled, variant=None):
    filled, hidden = np.clip(filled, -1, 1), ~visible
    convergence = ck.metrics.audio.spectral_convergence(filled, x, hidden)
    metrics = {
        "spectral_convergence": (convergence, "", "lower"),
        "snr": (ck.metrics.audio.snr(filled, x, hidden), "dB", "higher"),
    }
    ours = variant is not None
    return row(method, setting=setting, n=len(x), metrics=metrics, ours=ours, variant=variant)


def _faded_in_and_out(x, rate, seconds=0.005):
    places = np.minimum(np.arange(len(x)), np.arange(len(x))[::-1])
    return x * np.minimum(1, places / (seconds * rate))[:, None]
