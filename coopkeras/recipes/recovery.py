"""Recovery: what is common to all tasks that recover x from what is seen of it."""

import abc
import functools
import itertools

import numpy as np
import tensorflow as tf

from coopkeras import images, metrics, seeds
from coopkeras.data import Split
from coopkeras.errors import UserError
from coopkeras.images import repair, uncertainty
from coopkeras.observation import Mask
from coopkeras.proposals import noisy_estimate
from coopkeras.recipes import build, judging, proposals, sampling, signatures
from coopkeras.recipes.settings import ProposalConfig
from coopkeras.task import Task


class Recovery(Task):
    """A task that learns p(x | A x) and recovers x from what is seen of it.

    A subclass says what its observation A is, what of it is drawn for each example, its
    conditional network, its baselines, and what a user's file is; training pairs, judging, the
    gallery, predict and the signatures follow. Its Config derives from `recipes.RecoveryConfig`;
    that of a recovery of images from `recipes.ImageRecoveryConfig`.

    Attributes:
        DRAWS: draws of each judged example, 2 or more; their scores don't depend on the number, but
            are surer with more.
        SHOWN: (examples, samples) of a gallery.
        PATCH: side of the patches that are compared.
        ONE_Z: whether all windows of a file share one z, so that they agree.

    Example:
        >>> class Repair(Recovery):  # doctest: +SKIP
        ...     def observation(self):
        ...         return ck.observation.Mask()
        ...
        ...     def hide(self, setting, row_seeds, shape):
        ...         return {"visible": tf.random.stateless_uniform(...) > 0.5}
    """

    DRAWS = 8
    SHOWN = (10, 3)
    PATCH = 7
    ONE_Z = False

    # What a subclass says ---------------------------------------------------------------------

    @abc.abstractmethod
    def observation(self):
        """Return the `Observation` A; one whose parameters `hide` draws is bound to them."""

    @abc.abstractmethod
    def network(self, spec):
        """Return the conditional network of the generator, for the examples of a `DataSpec`."""

    @abc.abstractmethod
    def baselines(self, train):
        """Return what a model has to beat, `{name: function (x, **hidden) -> recovered}`.

        A function gets the whole x, and may use no more of it than what is seen. In its place
        there may be an object with `fill` and `draw`, as `judging.of_baselines` takes it.

        Args:
            train: `data.Examples` that a baseline may be fitted to.
        """

    def hide(self, setting, row_seeds, shape):
        """Return what is drawn of the observation for each example, as `bind` takes it.

        Args:
            setting: one of `settings()`, or None in training.
            row_seeds: int32 `[batch, 2]`.
            shape: of one example.

        Returns:
            hidden: dict such as `{"visible": bool [batch, ...]}`; {} where nothing is drawn.
        """
        del setting, row_seeds, shape
        return {}

    def hide_of(self, batch, row_seeds, shape):
        """Return what is drawn of the observation for the examples of a batch in training.

        Args:
            batch: dict as `data.Examples` gives it.
            row_seeds: int32 `[batch, 2]`.
            shape: of one example.

        Returns:
            hidden: as `hide` returns it.
        """
        del batch
        return self.hide(None, row_seeds, shape)

    def settings(self):
        """Return the names of the observations of judging, each a part of the table."""
        return [""]

    def named(self, setting):
        """Return the name of a setting in tables and captions."""
        return setting

    def examples(self):
        """Return the `data.Split` of whole examples; by default images, as the settings say."""
        return build.images(self.config)

    def confine(self, x, seen, observation):
        """Return recovered values as they leave the model; by default clipped to [-1, 1].

        Args:
            x: `[batch, ...]`, which agrees with what is seen.
            seen: A x.
            observation: A.

        Returns:
            x: in [-1, 1], and A x still what was seen, as far as it can be.
        """
        del seen, observation
        return tf.clip_by_value(x, -1, 1)

    def score(self, recovered, x, hidden, samples):
        """Return the metrics of a row; by default on what is hidden, or on all of x.

        Args:
            recovered: `[n, ...]` in [-1, 1], the estimate or the first of `samples`.
            x: the truth, `[n, ...]`.
            hidden: as `hide` returns it.
            samples: list of `DRAWS` draws, or None for an estimate.
        """
        where = ~hidden["visible"] if "visible" in hidden else None
        return metrics.of_recovery(recovered, x, where, samples, self.PATCH)

    def shown(self, seen, observation):
        """Return what is seen as it is drawn: white where nothing is."""
        image = observation.lift(seen)
        return np.where(observation.visible(image) > 0, image, 1.0)

    def sheets(self, name, rows):
        """Return what is drawn of the rows `{name: [n, ...]}` of one setting, by caption."""
        return {name or self.name: images.Image(images.gallery(rows))}

    # The members of a task --------------------------------------------------------------------

    def datasets(self):
        """Return examples to learn from, what is seen drawn afresh each epoch, and held-out ones.

        A generator without a condition learns from whole examples.
        """
        split = self.examples()
        if not self.config.hides():
            return split
        shape = split.train.shape
        train = split.train.map(lambda batch, rows: batch | self.hide_of(batch, rows, shape))
        return Split(train, split.held_out)

    def build(self, spec):
        """Return the compiled model of the method."""
        conditional = functools.partial(self.network, spec)
        if _about_proposals(self.config):
            observation = self.observation()
            return proposals.about_proposals(self.config, spec.shape, conditional(), observation)
        config = _of_models(self.config)
        plain = functools.partial(build.generator_network, config, spec.shape)
        return build.model(
            config,
            spec.shape,
            conditional if config.conditional() else plain,
            observation=self.observation(),
            start="noise",
            num_examples=spec.count,
        )

    def prepare(self, model, examples):
        """Choose the fills that the generator corrects, where its network has several."""
        if _about_proposals(self.config) and proposals.has_fills(model.generator):
            hide = functools.partial(self.hide, None)
            proposals.choose_fills([model.generator, model.ema_generator], examples, hide)

    def judge(self, model, split):
        """Return rows for estimate and draws, proposed and revised, and for the baselines."""
        x, baselines, rows = split.held_out.array(), self.baselines(split.train), []
        for setting in self.settings():
            hidden, seen = self.observed(setting, x)
            recover = functools.partial(self.recover, model, seen, hidden)
            ours = (
                judging.Result(self.config.method, *one)
                for one in sampling.variants(recover, self.DRAWS)
            )
            theirs = judging.of_baselines(baselines, x, hidden, self.DRAWS)
            results = itertools.chain(ours, self._noisy(model, x, seen, hidden), theirs)
            score = functools.partial(self._score, x, hidden)
            rows += judging.rows(self.named(setting), results, score)
        return rows

    def _noisy(self, model, x, seen, hidden):
        """Yield the estimate with noise of its own spread: what draws are worth without F."""
        if not _about_proposals(self.config):
            return

        @tf.function
        def draw(row_seeds, x, seen, *parts):
            observation = self.observation().bind(dict(zip(hidden, parts, strict=True)))
            made = noisy_estimate(model.ema_generator, observation, seen, x, row_seeds)
            return None, self.confine(made, seen, observation)

        arrays = x, seen, *hidden.values()
        how = functools.partial(sampling.in_rows, draw, sampling.at_once(model.x_shape))
        draws = [how(seed, *arrays)[1] for seed in range(self.DRAWS)]
        yield judging.Result(self.config.method, "estimate + noise", draws[0], draws)

    def draw(self, model, split):
        """Return sheets: what is seen, ours, the baselines, the truth."""
        count, draws = self.SHOWN
        x = split.held_out.array()
        x = x[:: max(1, len(x) // count)][:count]  # from all over the data
        baselines, drawn = self.baselines(split.train), {}
        for setting in self.settings():
            hidden, seen = self.observed(setting, x)
            rows = {"seen": self.shown(seen, self.observation().bind(hidden))}
            proposed, estimate = self.recover(model, seen, hidden, 0, 0.0)
            rows |= {} if proposed is None else {"proposed": proposed}
            rows["estimate"] = estimate
            for seed in range(draws):
                name = f"sample {seed + 1}"
                rows[name] = self.recover(model, seen, hidden, seed, 1.0)[1]
            theirs = judging.of_baselines(baselines, x, hidden, draws=1)
            rows |= {result.method: result.made for result in theirs}
            drawn |= self.sheets(self.named(setting), rows | {"truth": x})
        return drawn

    def predict(self, model, input_path, output_path, mask_path=None):
        """Recover a user's file: the estimate, or with `samples=K` K numbered draws.

        With `uncertainty` there is an image of how much draws differ beside it.
        """
        config, paths = self.config, self.outputs(output_path)
        model = self.for_files(model)
        given = self.open(input_path, mask_path, model.x_shape)
        for number, path in enumerate(paths):
            recover = self._draw_of_file(model, number, config.temperature * bool(config.samples))
            self.recover_file(given, recover, model.x_shape, path)
        if getattr(config, "uncertainty", False):
            paths = [*paths, uncertainty.path_beside(output_path)]
            images.write(paths[-1], self._uncertainty(model, given))
        return paths

    def signatures(self, model):
        """Return what is served: recover (a sample or an estimate by row) and energy."""
        hidden = self.hide(None, tf.zeros([1, 2], tf.int32), model.x_shape)
        seen = self.observation().bind(hidden)(tf.zeros([1, *model.x_shape]))
        known = {
            name: tf.TensorSpec([None, *one.shape[1:]], one.dtype)
            for name, one in {"seen": seen, **hidden}.items()
        }

        def recovered(seen, seed, temperature, **hidden):
            return self.recovered(model, seen, hidden, seed, temperature)

        served = signatures.recover_signature(recovered, **known)
        if not _about_proposals(self.config):
            return served | signatures.energy_signature(model)

        def energy(x, seen, **hidden):
            return model.energy(x, seen, self.observation().bind(hidden))

        x = tf.TensorSpec([None, *model.x_shape], tf.float32)
        return served | signatures.energy_about_signature(energy, x=x, **known)

    # Recovering -------------------------------------------------------------------------------

    def recover(self, model, seen, hidden, seed, temperature, numbers=None):
        """Recover the rows of arrays, a batch at a time, each by a seed of its own.

        Args:
            model: the task's model.
            seen: `A x`, `[n, ...]`.
            hidden: dict of what was drawn for each row, as `hide` returns it.
            seed: an int or int32 `[2]`.
            temperature: 1 draws a sample, 0 is the estimate.
            numbers: int `[n]`, from which the rows' seeds are folded; by default 0, 1, ...

        Returns:
            proposed, recovered: float32 arrays `[n, *shape]`; `proposed` is None for a model
                without proposals.
        """

        def draw(row_seeds, seen, *parts):
            parts = dict(zip(hidden, parts, strict=True))
            return self.recovered(model, seen, parts, row_seeds, temperature)

        at_once = sampling.at_once(model.x_shape)
        return sampling.in_rows(draw, at_once, seed, seen, *hidden.values(), numbers=numbers)

    def recovered(self, model, seen, hidden, seed, temperature):
        """Return (proposed or None, recovered) of one batch, in TensorFlow operations."""
        observation = self.observation().bind(hidden)
        seen = tf.convert_to_tensor(seen, tf.float32)
        pair = sampling.recover(
            _of_models(self.config), model, seen, observation, seed, temperature
        )
        return tuple(x if x is None else self.confine(x, seen, observation) for x in pair)

    def observed(self, setting, x):
        """Return what is hidden of each held-out example, the same for ever, and what is seen.

        Args:
            setting: one of `settings()`.
            x: float32 `[n, *shape]`.

        Returns:
            hidden, seen: a dict as `hide` returns it, and an array, `[n, ...]`.
        """
        rows = seeds.fold(seeds.as_seed(1), np.arange(len(x)))
        hidden = {name: one.numpy() for name, one in self.hide(setting, rows, x.shape[1:]).items()}
        return hidden, self.observation().bind(hidden)(x).numpy()

    def _score(self, x, hidden, result):
        """Return the metrics of a `judging.Result`."""
        made, draws = np.clip(result.made, -1, 1), result.draws
        draws = None if draws is None else [np.clip(one, -1, 1) for one in draws]
        hidden = {name: one[result.rows] for name, one in hidden.items()}
        return self.score(made, x[result.rows], hidden, draws)

    # A user's file ----------------------------------------------------------------------------

    def outputs(self, output_path):
        """Return where the results go, numbered if there are several."""
        return images.output_paths(output_path, self.config.samples)

    def see(self, x):
        """Return what is seen of a user's image; by default that image is what is seen.

        The result is cut into windows of the model's size: what a window shows should be what A
        sees of that window. The windows are blended, and `confine` makes the whole agree.

        Args:
            x: float32 `[1, height, width, channels]` in [-1, 1], channels those of the model.

        Returns:
            seen: float32 `[1, height, width, ...]`.
        """
        return x

    def for_files(self, model):
        """Return the model as it is used on files, such as at another shape."""
        return model

    def open(self, input_path, mask_path, shape):
        """Return a user's file and what is seen of it.

        Args:
            input_path: of the file.
            mask_path: of the mask, or None.
            shape: of one example of the model.

        Returns:
            given: an `images.repair.DamagedImage` if A is a `Mask`, else a `SeenImage`.
        """
        observation = self.observation()
        if isinstance(observation, Mask):
            return repair.open_image(input_path, mask_path)
        if mask_path:
            raise UserError(
                f"--task={self.name} works on all of an image; received --mask={mask_path}. "
                f"Leave it out."
            )
        pixels = images.read(input_path, depth=16)
        x = images.to_float(images.convert_channels(pixels, shape[-1]))
        return repair.SeenImage(pixels, np.asarray(self.see(x[None]))[0], self._finish)

    def recover_file(self, given, recover, shape, path):
        """Recover what `open` returned and write it; by default an image.

        Args:
            given: what `open` returned.
            recover: function `(seen [n, ...], numbers [n], **hidden) -> recovered [n, *shape]`.
            shape: of one example of the model.
            path: where the result goes.
        """
        images.write(path, self.recovered_image(given, recover, shape))

    def recovered_image(self, given, recover, shape):
        """Return what is recovered of an image, as a file holds it.

        Args:
            given: what `open` returned.
            recover: as for `recover_file`.
            shape: of one example of the model.
        """
        return given.recovered(recover, shape, not self.config.at_own_scale())

    def _uncertainty(self, model, given):
        """Return the image of how much draws of a user's file differ."""
        draws = (self._draw_of_file(model, number, 1.0) for number in range(uncertainty.DRAWS))
        made = (self.recovered_image(given, draw, model.x_shape) for draw in draws)
        return uncertainty.of_draws(made)

    def _draw_of_file(self, model, number, temperature):
        """Return what recovers the windows of a user's file for one of several results."""
        seed = seeds.fold(seeds.as_seed(self.config.seed), number)
        return functools.partial(self._of_file, model, seed=seed, temperature=temperature)

    def _of_file(self, model, seen, numbers=None, *, seed, temperature, **hidden):
        numbers = 0 * numbers if self.ONE_Z else numbers
        return self.recover(model, seen, hidden, seed, temperature, numbers)[1]

    def _finish(self, x, seen):
        """Return an image `[height, width, c]` that agrees with what is seen, as it leaves."""
        observation, x, seen = self.observation(), x[None], seen[None]
        return self.confine(observation.project(x, seen), seen, observation)[0].numpy()


def _about_proposals(config):
    return isinstance(config, ProposalConfig) and config.conditional()


def _of_models(config):
    """Return the settings of the models, where a task leaves these to be derived."""
    alone = isinstance(config, ProposalConfig) and not config.conditional()
    return config.alone() if alone else config
