"""Descriptor: an energy-based model learned by maximum likelihood with Langevin dynamics.

p(x) = exp(f(x)) q(x) / Z,   q = N(0, s^2 I),   energy U(x) = |x|^2 / (2 s^2) - f(x)
D1   revised <- Langevin dynamics on U
D2   theta <- theta + lr (mean_observed df/dtheta - mean_revised df/dtheta)

What no number is given for is derived from the first batch, n values an example, d their deviation:

    step_size = r d / 22,   f = c network(x) with c = 65 n / r^2,   penalty = 1 / c,   r = 0.5
"""

from functools import partial

import keras
import tensorflow as tf

from coopkeras import base, modes, seeds
from coopkeras.langevin import gradient, langevin
from coopkeras.observation import Nothing
from coopkeras.reference import Reference

STEP_BY_DEVIATION = 1 / 22
SCALE_BY_VALUE = 65.0
NOISE = 0.5  # r, by which an update has less noise and as much drift: less grain is left


@keras.saving.register_keras_serializable("coopkeras")
class Descriptor(base.Model):
    """An energy-based model `p(x) = exp(f(x)) N(x; 0, s^2 I) / Z`.

    Args:
        network: f, a Keras model `[batch, ...] -> [batch, ...]`; all its top responses to an
            example are summed. It must not mix the examples of a batch (no BatchNormalization).
        reference: the reference distribution q: a number s > 0, in units of x, for N(0, s^2 I); or
            a `Reference`, the Gaussian of the generator's proposals in conditional `CoopNets`.
        steps: Langevin updates of one revision, >= 1.
        step_size: standard deviation of the noise of one Langevin update, in units of x, > 0; then
            f is the network as it is. None derives it at the first fit together with c, the
            factor of the network in f: noise and drift are then in proportion to the data, and
            a network that tells revised from observed by 1 moves a value by about d / 2.
        start: where the chains of learning start: "persistent" (where they were after the last
            step), "noise" (N(0, s^2 I) each time) or "data" (the observed examples).
        num_chains: number of chains for "persistent" and "noise".
        penalty: weight >= 0 of the mean squared f over observed and revised; it bounds f at
            1 / penalty however well the two can be told apart. None is 1 / c where that is
            derived, else 0.
        observation: what of the observed examples stays true in the chains, so that the model
            learns p(x | A x); `Nothing()` by default.
        seed: int; every random number of this model is derived from it.

    Example:
        >>> network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, "relu")])
        >>> descriptor = Descriptor(network)
        >>> descriptor(tf.zeros([3, 2])).shape.as_list()
        [3]

    Source:
        Xie, Lu, Zhu, Wu, "A theory of generative ConvNet", ICML 2016, equations 2, 6 and 8.
    """

    MEANS = ("energy_gap", "movement")
    STARTS = ("persistent", "noise", "data")

    def __init__(
        self,
        network,
        reference=0.5,
        steps=20,
        step_size=None,
        start="persistent",
        num_chains=64,
        penalty=None,
        observation=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        if start not in self.STARTS:
            raise ValueError(f"`start` should be one of {self.STARTS}; received {start!r}.")
        base.check_positive(step_size=step_size)
        self.network, self.reference = network, self._checked(reference)
        self.steps, self.step_size, self.start = steps, step_size, start
        self.num_chains, self.penalty = num_chains, penalty
        self.observation = Nothing() if observation is None else observation
        if start == "persistent" and not isinstance(self.observation, Nothing):
            raise ValueError(
                "Persistent chains belong to no example, so nothing of one can stay true in "
                "them; with an `observation` use start='noise' or 'data'."
            )
        if self.about_proposals:
            if not self.reference.built:
                self.reference.build([None, *self.x_shape])
        elif start != "data" and None in self.x_shape:
            raise ValueError(
                f"Chains from start={start!r} need an example's shape; that of `network` is "
                f"{self.x_shape}. Give it known sides, or use start='data'."
            )
        if step_size is None and not self.about_proposals:
            self.derive_later(step_size=0.05, scale=1.0)
        self.chains = self._make_chains()

    @staticmethod
    def _checked(reference):
        if not isinstance(reference, Reference):
            base.check_positive(reference=reference)
        return reference

    def _make_chains(self):
        """Return the persistent chains, at first noise, or None."""
        if self.about_proposals or self.start != "persistent":
            return None
        shape = (self.num_chains, *self.x_shape)
        chains = self.add_weight(
            shape=shape, initializer="zeros", trainable=False, dtype="float32", name="chains"
        )
        chains.assign(self._noise(self.num_chains, seeds.fold(self.seed, -1)))
        return chains

    # The model ------------------------------------------------------------------------------

    @property
    def x_shape(self):
        """Return the shape of one x."""
        inputs = base.inputs_of(self.network)
        return tuple((inputs["x"] if isinstance(inputs, dict) else inputs).shape[1:])

    @property
    def about_proposals(self):
        """Return whether the reference is a `Reference`, the proposal's own Gaussian."""
        return isinstance(self.reference, Reference)

    @property
    def learned_weights(self):
        """Return the weights of the network: all that the model has learned."""
        return self.network.weights

    @property
    def measured_weights(self):
        """Return what a `Reference` measures of the data."""
        return self.reference.weights if self.about_proposals else []

    def score(self, x):
        """Return `f(x)`, float32 `[batch]`: the sum of all top responses to each example."""
        responses = tf.cast(self.network(x), tf.float32)
        score = tf.reduce_sum(tf.reshape(responses, [tf.shape(responses)[0], -1]), axis=1)
        return self.derived["scale"] * score if self.derived else score

    def energy(self, x):
        """Return `U(x) = |x|^2 / (2 s^2) - f(x)`, float32 `[batch]`; lower is likelier.

        Raises:
            ValueError: if the energy is one about proposals: that is the energy of `CoopNets`.
        """
        if self.about_proposals:
            raise ValueError(
                "This descriptor's energy is about a proposal: use `CoopNets.energy(x, seen)`."
            )
        reference = tf.reduce_sum(tf.reshape(x**2, [tf.shape(x)[0], -1]), axis=1)
        return reference / (2 * self.reference**2) - self.score(x)

    def call(self, x):
        """Return the energy of each example, float32 `[batch]`."""
        return self.energy(x)

    def revise(self, x, *, seed, steps=None, step_size=None, temperature=1.0, project=None):
        """D1: run Langevin dynamics on the energy from `x`.

        Args:
            x: `[batch, ...]`, where the chains start.
            seed: int32 `[2]` or `[batch, 2]`.
            steps: number of updates; by default that of learning.
            step_size: by default that of learning.
            temperature: scale of the noise's variance; 0 is descent.
            project: function x -> x that keeps what is known.

        Returns:
            revised: float32 `[batch, ...]`.
        """
        return langevin(
            self.energy,
            x,
            steps=self.steps if steps is None else steps,
            step_size=self.value("step_size") if step_size is None else step_size,
            seed=seed,
            temperature=temperature,
            project=project,
        )

    def sample(self, n, *, seed=0, steps=None, start=None, temperature=1.0):
        """Draw `n` samples: the start of learning, then Langevin dynamics.

        Args:
            n: number of samples.
            seed: an int or int32 `[2]`.
            steps: Langevin updates; by default those of learning.
            start: `[n, ...]`; by default the persistent chains (drawn with replacement), else
                noise N(0, s^2 I).
            temperature: scale of the noise's variance.

        Returns:
            x: float32 `[n, ...]`, clipped to [-1, 1] only by who writes images.

        Raises:
            ValueError: if learning starts from data and no `start` is given.
        """
        seed = seeds.as_seed(seed)
        if start is None:
            start = self._sampling_start(n, seeds.fold(seed, 0))
        steps = self.steps if steps is None else steps
        return self._traced_revise(
            tf.convert_to_tensor(start, tf.float32),
            seeds.fold(seed, 1),
            tf.convert_to_tensor(steps, tf.int32),
            tf.convert_to_tensor(temperature, tf.float32),
        )

    def recover(self, seen, observation=None, *, start=None, seed=0, steps=None, temperature=1.0):
        """Recover x from what is seen of it: projected Langevin dynamics.

        Args:
            seen: `observation(x)`.
            observation: an `Observation`; by default that of learning.
            start: where the chains start, shaped like x, such as a rough fill; by default noise
                N(0, s^2 I).
            seed: an int, int32 `[2]` or `[batch, 2]`.
            steps: Langevin updates; by default those of learning.
            temperature: scale of the noise's variance, of the start's too; 0 is descent, by
                default from the mean of the reference.

        Returns:
            x: float32 `[batch, ...]`; known values of a Mask come back bit for bit.
        """
        observation = self.observation if observation is None else observation
        return self._traced_recover(
            tf.convert_to_tensor(seen, tf.float32),
            observation.parameters,
            observation.template,
            None if start is None else tf.convert_to_tensor(start, tf.float32),
            seeds.as_seed(seed),
            tf.convert_to_tensor(self.steps if steps is None else steps, tf.int32),
            tf.convert_to_tensor(temperature, tf.float32),
        )

    @tf.function
    def _traced_recover(self, seen, parameters, template, start, seed, steps, temperature):
        observation = template.bind(parameters)
        if start is None:
            start = self._noise(tf.shape(seen)[0], seeds.fold(seed, 0))
            start *= tf.sqrt(tf.reshape(temperature, [-1] + [1] * (start.shape.rank - 1)))
        project = partial(observation.project, seen=seen)
        return self.revise(
            project(start),
            seed=seeds.fold(seed, 1),
            steps=steps,
            temperature=temperature,
            project=project,
        )

    @tf.function
    def _traced_revise(self, x, seed, steps, temperature):
        return self.revise(x, seed=seed, steps=steps, temperature=temperature)

    def _sampling_start(self, n, seed):
        if self.start == "data":
            raise ValueError(
                "This descriptor learned from chains that start at data; give `start=`, "
                "examples [n, ...], or make it with start='persistent' or 'noise'."
            )
        if self.start == "persistent":
            row_seeds = seed if seed.shape.rank == 2 else seeds.fold(seed, tf.range(n))
            rows = tf.math.floormod(seeds.fold(row_seeds, 0)[:, 0], self.num_chains)
            return tf.gather(self.chains, rows)
        return self._noise(n, seed)

    def _noise(self, n, seed):
        return self.reference * seeds.normal(seed, [n, *self.x_shape])

    # Learning -------------------------------------------------------------------------------

    def compile(self, optimizer=None, jit_compile="auto", **kwargs):
        """Configure learning.

        Args:
            optimizer: by default Adam(1e-3, beta_1=0.5, clipnorm=1).
            jit_compile: "auto" uses XLA on GPU and TPU only.
            **kwargs: as in `keras.Model.compile`.
        """
        base.compile_model(self, optimizer or default_optimizer(), jit_compile, kwargs)

    @property
    def optimizers(self):
        """Return the optimizer of the network."""
        return {"optimizer": self.optimizer}

    def train_step(self, batch):
        """Learn from one batch: a tensor x or a dict with "x"."""
        observed = base.examples(batch)
        self.adapt(observed, self.updates == 0)
        seed = self.next_seed()
        start, revised = self._chains_from(batch, observed, seed)  # D1
        if self.start == "persistent":
            self.chains.assign(revised)
        gap = self.learn(observed, revised)  # D2
        return self.report(energy_gap=gap, movement=base.distance(revised, start))

    def learn(self, observed, revised):
        """D2: raise f at the observed, lower it at the revised; return the energy gap.

        The gap is `mean U(revised) - mean U(observed)`, 0 when the two are equally likely.
        """
        count = tf.shape(observed)[0]
        with tf.GradientTape() as tape:
            scores = self.score(tf.concat([observed, revised], axis=0))
            loss = tf.reduce_mean(scores[count:]) - tf.reduce_mean(scores[:count])
            loss += self._penalty() * tf.reduce_mean(scores**2)
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return tf.reduce_mean(self.energy(revised)) - tf.reduce_mean(self.energy(observed))

    @property
    def limits(self):
        """Return how far a chain can move between data in [-1, 1] and the reference."""
        return {"movement": 2 * (1 + (1 if self.about_proposals else self.reference))}

    def vital_signs(self, batch):
        """Return the drift of one Langevin update at a few examples, in units of x."""
        if self.about_proposals:
            return []
        x = base.examples(batch)
        drift = self.value("step_size") ** 2 / 2 * gradient(self.energy, x)
        most = max(float(tf.reduce_max(tf.abs(x))), self.reference)
        return [("the drift of one Langevin update", base.distance(drift, 0.0), 0.0, most)]

    def derive(self, x, visible):
        """Return step size and scale, derived from the deviation and number of values."""
        values = tf.cast(tf.size(x[0]), tf.float32)
        step_size = NOISE * STEP_BY_DEVIATION * base.deviation(x, visible)
        return {"step_size": step_size, "scale": SCALE_BY_VALUE * values / NOISE**2}

    def _penalty(self):
        if self.penalty is not None:
            return self.penalty
        return 1 / self.derived["scale"] if self.derived else 0.0

    def test_step(self, batch):
        """Return the energy gap and the movement on a batch, learning nothing."""
        observed = base.examples(batch)
        seed = seeds.fold(seeds.fold(self.seed, -2), self.row_numbers(batch)[0])
        start, revised = self._chains_from(batch, observed, seed)
        gap = tf.reduce_mean(self.energy(revised)) - tf.reduce_mean(self.energy(observed))
        return self.report(energy_gap=gap, movement=base.distance(revised, start))

    def _chains_from(self, batch, observed, seed):
        """Return where the chains start and where they end."""
        observation = self.observation.bind(batch)
        project = partial(observation.project, seen=observation(observed))
        start = project(self._learning_start(observed, seeds.fold(seed, 0)))
        return start, self.revise(start, seed=seeds.fold(seed, 1), project=project)

    def _learning_start(self, observed, seed):
        if self.start == "data":
            return observed
        if self.start == "persistent":
            return tf.convert_to_tensor(self.chains)  # as they are now
        one_each = not isinstance(self.observation, Nothing)
        return self._noise(tf.shape(observed)[0] if one_each else self.num_chains, seed)

    # Representation -------------------------------------------------------------------------

    def activations(self, x):
        """Return the binary activations of every ReLU layer at `x`, bottom first.

        Args:
            x: `[batch, ...]`.

        Returns:
            activations: list of bool tensors, one a ReLU layer; where they do not change, f is
            linear and p is a Gaussian N(s^2 B, s^2 I) cut to the cell.
        """
        return modes.activations(self.network, x)

    @tf.function
    def reconstruct(self, x):
        """Return `s^2 df/dx`, the mean of the Gaussian piece at `x`, `[batch, ...]`.

        With ReLU it is the top-down deconvolution of the binary activations at x; descent
        without noise moves x towards it.

        Source:
            Xie, Lu, Zhu, Wu, ICML 2016, section 4.
        """
        return self.reference**2 * gradient(self.score, tf.cast(x, tf.float32))

    def find_mode(self, x, steps=1000):
        """Descend the energy from `x` with backtracking to a local mode.

        Args:
            x: `[batch, ...]`.
            steps: largest number of descent steps.

        Returns:
            mode: a `modes.Mode(x, energy, residual, on_boundary)`. `residual` is the root mean
            square of x - reconstruct(x), 0 at an auto-encoding fixed point; `on_boundary` says
            that the mode lies on a kink between two cells, where it need not be 0.
        """
        return modes.find_mode(self, tf.convert_to_tensor(x, tf.float32), steps)

    @classmethod
    def from_classifier(cls, classifier, class_index, **kwargs):
        """Make the descriptor of one class from a discriminative network.

        Softmax over class scores f_c is the posterior under p(x | c) = exp(f_c(x)) q(x) / Z.

        Args:
            classifier: a functional Keras model whose last layer is Dense (with or without
                softmax) or a softmax after a Dense layer.
            class_index: which class.
            **kwargs: as for `Descriptor`.

        Returns:
            descriptor: a `Descriptor` with f = the score of that class.

        Raises:
            ValueError: if the classifier ends otherwise, or has no such class.
        """
        return cls(modes.class_score(classifier, class_index), **kwargs)


def default_optimizer():
    """Return Adam(1e-3, beta_1=0.5, clipnorm=1): steady for short-run Langevin learning."""
    return keras.optimizers.Adam(1e-3, beta_1=0.5, clipnorm=1.0)
