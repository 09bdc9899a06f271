"""Gaps of sounds filled by a model of envelopes, as one use of it."""

import functools

import numpy as np
import tensorflow as tf

from coopkeras import audio, images, metrics
from coopkeras.audio import bands, repair
from coopkeras.recipes import sampling, signatures
from coopkeras.recipes.composite import Use
from coopkeras.task import rows

INFER_STEPS = 50  # Langevin updates of z that explain what is beside a gap
AT_ONCE = 16  # windows with gaps in one batch


class GapFilling(Use):
    """Gaps filled at a sound's own rate, length and encoding.

    The Config of its composite has `sample_rate`, `judged`, `gap`, `gap_lengths()`, `window()`
    and `parts()`, as --task=audio has them.
    """

    takes_input = True

    def judge(self, model, split):
        """Return rows: what fills a gap in the middle of windows of the held-out part."""
        found, held_out = [], self.config.parts()[1]
        for seconds in self.config.gap_lengths():
            x, visible, predicted = self._gaps(held_out, seconds, self.config.judged)
            score = functools.partial(metrics.audio.of_gap, x=x, where=~visible)
            filled, name = self._filled(model, seconds, visible, predicted), f"gap of {seconds:g} s"
            fills = {
                (self.config.method, "estimate", name): filled,
                ("linear prediction", None, name): predicted,
            }
            found += rows({key: np.clip(x, -1, 1) for key, x in fills.items()}, score)
        return found

    def draw(self, model, split):
        """Return one gap with all that fills it: waveforms, mel spectrograms and the sounds."""
        seconds, rate = max(self.config.gap_lengths()), self.config.sample_rate
        x, visible, predicted = self._gaps(self.config.parts()[1], seconds, 1)
        filled = self._filled(model, seconds, visible, predicted)
        fills = {"truth": x, "with the gap": x * visible, "filled": filled}
        fills |= {"linear prediction": predicted}
        fills = {f"gap, {name}": np.clip(one[0], -1, 1) for name, one in fills.items()}
        ((start, stop),) = audio.gaps(visible[0])
        return drawn(f"a gap of {seconds:g} s", fills, rate, (start / rate, stop / rate))

    def predict(self, model, input_path, output_path, mask_path=None):
        """Fill the gaps of a sound; in a mask what is not 0 is to be filled.

        Each is filled by the likely envelopes, the estimate, carried by noise. Known samples keep
        their bytes.
        """
        audio.check_output(output_path)
        config, given = self.config, audio.read(input_path)
        visible = repair.find_gaps(given, input_path, config.gap, mask_path)
        frames = config.window(repair.LONGEST)
        shape = {"rate": config.sample_rate, "channels": model.x_shape[-1] // bands.BANDS}
        shape["window"] = frames * bands.hop(config.sample_rate)
        recover = functools.partial(self._recover, self._sized(model, frames), config.seed)
        audio.write(output_path, repair.repair(given, visible, recover, **shape))
        return [output_path]

    def signatures(self, model):
        """Return recover: an estimate, or a sample, of each row; what is seen stays."""
        seen = bands.sound_spec(model.x_shape, self.config.sample_rate, "seen")
        mask = tf.TensorSpec([*seen.shape[:-1], 1], tf.bool)

        def recovered(seen, visible, seed, temperature):
            start = tf.where(visible, seen, 0.0)
            made = self._recovered(model, start, visible, seed, temperature)
            clipped = (x if x is None else tf.clip_by_value(x, -1, 1) for x in made)
            return tuple(x if x is None else tf.where(visible, start, x) for x in clipped)

        return signatures.recover_signature(recovered, seen=seen, visible=mask)

    def _sized(self, model, frames):
        return sampling.at_shape(self.task, model, (frames, model.x_shape[-1]))

    def _gaps(self, held_out, seconds, count):
        """Return windows with a gap in their middle: truth, visible and linear prediction."""
        rate = self.config.sample_rate
        window = self.config.window(seconds) * bands.hop(rate)
        return repair.windows_with_gaps(held_out, window, round(seconds * rate), count)

    def _filled(self, model, seconds, visible, predicted):
        """Return what fills gaps, joined to the known as `predict` does."""
        model = self._sized(model, self.config.window(seconds))
        made = self._recover(model, 0, predicted, visible, np.arange(len(visible)))
        parts = zip(predicted, made, visible, strict=True)
        return np.stack([repair.join(*part, self.config.sample_rate) for part in parts])

    def _recover(self, model, seed, x, visible, numbers):
        """Return windows with gaps that are filled, a batch at a time, with likely envelopes."""

        def draw(rows, x, visible):
            return self._recovered(model, x, visible, rows, 0.0)

        return sampling.in_rows(draw, AT_ONCE, seed, x, visible, numbers=numbers)[1]

    def _recovered(self, model, start, visible, seed, temperature):
        """Return (proposed or None, recovered) sounds `[n, time, channels]`."""

        def recover(seen, observation, level):
            how = (seed, temperature, INFER_STEPS, level)
            return sampling.recover(self.config, model, seen, observation, *how)

        return repair.with_envelopes(recover, start, visible, seed, self.config.sample_rate)


def drawn(name, sounds, rate, gap=None):
    """Return a sheet of sounds, under its name, and the sounds themselves.

    Args:
        name: of the sheet.
        sounds: dict from a name to float `[time, channels]` in [-1, 1].
        rate: sample rate, Hz.
        gap: (start, stop) in seconds, marked in the sheet.
    """
    sheet = images.Image(audio.sheet(sounds, rate, gap))
    return {name: sheet} | {name: audio.Sound(x, rate) for name, x in sounds.items()}
