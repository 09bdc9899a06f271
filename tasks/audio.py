"""Audio: sound like that of one clip, as long as one likes, and gaps filled."""

import dataclasses
import functools
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

import coopkeras as ck
from coopkeras.task import row

FACTOR = 4  # by which each layer of the generator makes a sound longer
STRIDE = FACTOR**4  # samples that one column of z stands for
WIDTHS = (25, 9)  # of the descriptor's convolutions: the first is one of the bands that one hears
INFER_STEPS = 50  # Langevin updates of z that explain what is beside a gap
SOUNDS = 3  # syntheses that are judged
AT_ONCE = 16  # windows with gaps in one batch


@dataclasses.dataclass(frozen=True)
class Config(ck.recipes.ModelConfig):
    """Settings of audio; the defaults are those of the embedded clip.

    Attributes:
        method: "coopnets" (the generator proposes, the descriptor revises), "generator" (ABP) or
            "descriptor" (short chains from noise).
        size: samples of one window, a multiple of 256, 1024 or more.
        channels: 1, 2, or 0 for what the clip has.
        sample_rate: Hz, at which sounds are learned and made.
        gaps: lengths of the gaps of judging, seconds, with commas.
        judged: gaps of each length to judge by.
        gap: what `--mode=predict --input=` fills, "1.2-1.4" in seconds, several with commas; "" is
            where samples are exactly 0 for 2 ms, or NaN.
        seconds: length of what `--mode=predict` makes without an input.
    """

    CHANNELS: ClassVar[tuple] = (0, 1, 2)
    PRESETS: ClassVar[dict] = {
        "method": {
            "generator": {"updates": 600},
            "descriptor": {"updates": 100, "steps": 30, "reference_sigma": 0.2},
        }
    }

    data: str = "samples:crackle"
    size: int = 8192
    batch_size: int = 4
    sample_rate: int = 16000
    gaps: str = "0.05,0.25"
    judged: int = 6
    gap: str = ""
    seconds: float = 10.0
    latent_dim: int = 64
    generator_form: str = "texture"
    generator_width: int = 32
    noise_sigma: float = 0.05
    infer_steps: int = 10
    infer_step_size: float = 0.1
    updates: int = 300
    warmup: float = 0.5
    observed_weight: float = 0.9
    descriptor_scale: float = 5e4
    descriptor_rate: float = 7e-4
    penalty: float = 1.0
    step_size: float = 0.01

    def __post_init__(self):
        """Check the settings against each other."""
        super().__post_init__()
        fits = self.size >= 4 * STRIDE and self.size % STRIDE == 0
        self.require(fits, "size", f"a multiple of {STRIDE}, {4 * STRIDE} or more")
        for name in ("generator_form", "descriptor_form"):
            self.require(getattr(self, name) == "texture", name, "texture: a sound has any length")
        self.require(4000 <= self.sample_rate <= 192000, "sample_rate", "between 4000 and 192000")
        self.require(self.judged >= 1, "judged", "at least 1")
        self.require(0 < self.seconds <= 3600, "seconds", "more than 0, at most 3600")
        self.require(all(0 < s <= 2 for s in self.judged_gaps()), "gaps", "0.05,0.25 or the like")
        if self.gap:
            ck.sound_repair.parse_gaps(self.gap)

    def judged_gaps(self):
        """Return the lengths of the gaps of judging, seconds; 0 for what is no number."""
        try:
            return [float(text) for text in self.gaps.split(",")]
        except ValueError:
            return [0.0]

    def window(self, seconds):
        """Return the samples of a window around a gap: twice as long, or `size`."""
        return max(self.size, -(-int(2 * seconds * self.sample_rate) // STRIDE) * STRIDE)


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
        return ck.sound_clips.split(
            config.data,
            rate=config.sample_rate,
            size=config.size,
            channels=config.channels or None,
            held_out=config.held_out or None,
            hop=self._hop(),
            shortest=max(map(config.window, config.judged_gaps())),
        )

    def _hop(self):
        """Return the samples from one window to the next: a generator keeps a z of each."""
        return self.config.size // 4 if self.config.method == "generator" else 1

    def build(self, shape, count):
        """Return the compiled model of the method."""
        config, width = self.config, self.config.descriptor_width
        responses = ck.networks.descriptor(
            shape,
            (width, 2 * width, 2 * width, 2 * width),
            form="texture",
            scale=config.descriptor_scale,
            widths=WIDTHS,
            factor=FACTOR,
        )
        if config.method == "descriptor":
            chains = {"start": "noise", "num_chains": config.batch_size}
            return ck.recipes.descriptor(config, shape, responses, **chains)
        channels = [config.generator_width * 2**level for level in (2, 1, 0)]
        network = ck.networks.generator(shape, config.latent_dim, channels, "texture", FACTOR)
        if config.method == "generator":
            return ck.recipes.generator(config, network, num_examples=count)
        return ck.recipes.coopnets(config, shape, network, responses)

    # Judging --------------------------------------------------------------------------------

    def judge(self, model, split):
        """Return texture distances of new sound, and what fills gaps, for all."""
        learned, held_out = self._parts(split)
        return self._judge_textures(model, learned, held_out) + [
            line
            for seconds in self.config.judged_gaps()
            for line in self._judge_gaps(model, held_out, seconds)
        ]

    def _parts(self, split):
        """Return the clip's two parts, `[time, channels]`."""
        return ck.sound_clips.whole(split.train, self._hop()), ck.sound_clips.whole(split.held_out, 1)

    def _judge_textures(self, model, learned, held_out):
        """Return rows: ours, noise with the clip's spectrum, the clip's other parts (the floor)."""
        length = min(len(learned), len(held_out))
        held_out = held_out[:length]
        made = [
            ck.sound_synthesis.synthesise(self.config, model, length, seed)
            for seed in range(SOUNDS)
        ]
        proposed, revised = zip(*made, strict=True)
        noise = [ck.sound_baselines.spectrum_noise(learned, length, s) for s in range(SOUNDS)]
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
        recover = functools.partial(self._fill, self._sized(model, x), x, visible, predicted)
        rows = [
            score(self.config.method, filled, variant)
            for variant, filled, _ in ck.recovery.variants(self.config.method, recover, draws=1)
        ]
        return rows + [score("linear prediction", predicted)]

    def _gaps(self, held_out, seconds, count):
        """Return windows with a gap in their middle: truth, visible and linear prediction."""
        window, gap = self.config.window(seconds), round(seconds * self.config.sample_rate)
        starts = np.linspace(0, len(held_out) - window, count).astype(int)
        x = np.stack([held_out[start : start + window] for start in starts])
        visible = np.ones([count, window, 1], bool)
        visible[:, (window - gap) // 2 : (window + gap) // 2] = False
        pairs = zip(x, visible, strict=True)
        return x, visible, np.stack([ck.sound_baselines.linear_prediction(*pair) for pair in pairs])

    def _fill(self, model, x, visible, predicted, seed, temperature):
        """Return (proposed, revised), both joined to the known as `predict` does."""
        made = self._recover(model, x, visible, ck.seeds.as_seed(seed), temperature)
        rate = self.config.sample_rate
        return [
            np.stack(
                [
                    ck.sound_repair.join(*parts, rate)
                    for parts in zip(predicted, filled, visible, strict=True)
                ]
            )
            for filled in made
        ]

    def _recover(self, model, x, visible, seed, temperature, numbers=None):
        """Return (proposed, revised) of windows with gaps, a batch at a time."""
        numbers = np.arange(len(x)) if numbers is None else numbers
        recover = functools.partial(self._recovered, model, temperature=temperature)
        seeds = ck.seeds.fold(seed, numbers)
        return ck.recovery.in_batches(recover, AT_ONCE, x, visible, seeds)

    def _recovered(self, model, x, visible, seed, temperature):
        """Return (proposed, revised)."""
        observation = ck.observation.Mask(visible)
        seen = observation(tf.convert_to_tensor(x, tf.float32))
        return ck.recovery.recover(
            self.config, model, seen, observation, seed, temperature, INFER_STEPS
        )

    def _sized(self, model, x):
        """Return the model for windows as long as those of `x` `[n, window, channels]`."""
        if x.shape[1:] == ck.recipes.network_shape(model):
            return model
        sized = self.build(x.shape[1:], 1)
        sized.set_weights(model.get_weights())
        return sized

    # Drawing --------------------------------------------------------------------------------

    def draw(self, model, split):
        """Return waveforms and mel spectrograms, side by side, and the sounds themselves."""
        learned, held_out = self._parts(split)
        rate, length = self.config.sample_rate, len(held_out)
        proposed, made = ck.sound_synthesis.synthesise(self.config, model, length, seed=0)
        textures = {"real, held out": held_out, "proposed": proposed, "synthesised": made}
        noise = np.clip(ck.sound_baselines.spectrum_noise(learned, length), -1, 1)
        textures = {name: x for name, x in textures.items() if x is not None}
        textures["spectrum noise"] = noise
        seconds = max(self.config.judged_gaps())
        fills, gap = self._drawn_gap(model, held_out, seconds)
        sheets = {
            "textures": ck.sound_pictures.sheet(textures, rate),
            f"a gap of {seconds:g} s": ck.sound_pictures.sheet(fills, rate, gap),
        }
        sounds = textures | {f"gap, {name}": x for name, x in fills.items()}
        return sheets | {name: ck.sound.Sound(x, rate) for name, x in sounds.items()}

    def _drawn_gap(self, model, held_out, seconds):
        """Return one gap with all that fills it, by name, and where it is (seconds)."""
        x, visible, predicted = self._gaps(held_out, seconds, 1)
        model = self._sized(model, x)
        sample = self._fill(model, x, visible, predicted, 0, 1.0)[1]
        estimate = self._fill(model, x, visible, predicted, 0, 0.0)[1]
        fills = {
            "truth": x,
            "with the gap": x * visible,
            "sample": sample,
            "estimate": estimate,
            "linear prediction": predicted,
        }
        ((start, stop),) = ck.sound_windows.gaps(visible[0])
        rate = self.config.sample_rate
        fills = {name: np.clip(one[0], -1, 1) for name, one in fills.items()}
        return fills, (start / rate, stop / rate)

    # Using ----------------------------------------------------------------------------------

    def predict(self, model, input_path, output_path, mask_path=None):
        """Make `seconds` of new sound; with an input, fill its gaps.

        In a mask what is not 0 is to be filled. A gap is filled by a sample: an estimate would be
        too quiet. Known samples keep their bytes.
        """
        ck.sound.check_output(output_path)
        if input_path:
            made = self._repaired(model, input_path, mask_path)
        elif mask_path or self.config.gap:
            raise ck.UserError("A gap is filled in a sound of yours; give --input=in.wav.")
        else:
            rate = self.config.sample_rate
            made = ck.sound_synthesis.synthesise(
                self.config, model, round(self.config.seconds * rate), self.config.seed
            )[1]
            made = ck.sound.Sound(_faded_in_and_out(made, rate), rate)
        ck.sound.write(output_path, made)
        return [output_path]

    def _repaired(self, model, input_path, mask_path):
        given = ck.sound.read(input_path)
        visible = ck.sound_repair.find_gaps(given, input_path, self.config.gap, mask_path)
        rate, channels = self.config.sample_rate, ck.recipes.network_shape(model)[-1]
        window = self.config.window(ck.sound_repair.LONGEST)
        model = self._sized(model, np.empty([0, window, channels]))
        seed = ck.seeds.as_seed(self.config.seed)

        def recover(x, visible, numbers):
            return self._recover(model, x, visible, seed, 1.0, numbers)[1]

        shape = {"rate": rate, "channels": channels, "window": window}
        return ck.sound_repair.repair(given, visible, recover, **shape)

    def signatures(self, model):
        """Return what is served: new sound for each seed, recover, and the energy."""
        shape = ck.recipes.network_shape(model)
        seeds = tf.TensorSpec([None, 2], tf.int32, "seed")
        seen = tf.TensorSpec([None, *shape], tf.float32, "seen")
        mask = tf.TensorSpec([None, shape[0], 1], tf.bool, "visible")
        temperatures = tf.TensorSpec([None], tf.float32, "temperature")

        @tf.function(input_signature=[seeds])
        def sample(seed):
            seed = tf.ensure_shape(seed, seeds.shape)
            more = {} if self.config.method == "generator" else {"steps": self.config.steps}
            if self.config.method == "coopnets":
                more["settle"] = self.config.settle
            made = model.sample(tf.shape(seed)[0], seed=seed, **more)
            return {"sample": tf.clip_by_value(made, -1, 1)}

        @tf.function(input_signature=[seen, mask, seeds, temperatures])
        def recover(seen, visible, seed, temperature):
            x = tf.ensure_shape(seen, [None, *shape])
            visible = tf.ensure_shape(visible, mask.shape)
            proposed, recovered = self._recovered(model, x, visible, seed, temperature)
            return {"recovered": tf.clip_by_value(recovered, -1, 1), "proposed": proposed}

        served = {"serving_default": sample, "sample": sample, "recover": recover}
        if self.config.method != "generator":
            served["energy"] = ck.recipes.energy_signature(model, shape)
        return served


def _texture_row(held_out, rate, method, sounds, variant=None):
    distances = [ck.sound_metrics.texture_distance(x, held_out, rate) for x in sounds]
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
    convergence = ck.sound_metrics.spectral_convergence(filled, x, hidden)
    metrics = {
        "spectral_convergence": (convergence, "", "lower"),
        "snr": (ck.sound_metrics.snr(filled, x, hidden), "dB", "higher"),
    }
    ours = variant is not None
    return row(method, setting=setting, n=len(x), metrics=metrics, ours=ours, variant=variant)


def _faded_in_and_out(x, rate, seconds=0.005):
    places = np.minimum(np.arange(len(x)), np.arange(len(x))[::-1])
    return x * np.minimum(1, places / (seconds * rate))[:, None]
