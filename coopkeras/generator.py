"""Generator: a latent-variable model learned by alternating back-propagation (ABP).

    x = g(z) + sigma e,   z ~ p(z),  e ~ N(0, I)
    infer   z <- Langevin dynamics on |z|^2 / 2 + |project(g(z), seen) - g(z)|^2 / (2 sigma^2)
    learn   W <- W - lr d/dW mean |project(g(z), seen) - g(z)|^2 / (2 sigma^2)

For a mask the error is the squared error on the visible values; complete data is the mask that
sees everything. What no number is given for is derived from the data: sigma is a third of their
deviation, and the step size of each example follows the curvature of its own energy.

p(z) is N(0, I), or a `Prior` that learns from the inferred z. It says what is
drawn; inference takes z as N(0, I) under any prior.
"""

from functools import partial

import keras
import tensorflow as tf

from coopkeras import base, seeds
from coopkeras.langevin import curvature, langevin
from coopkeras.observation import Mask
from coopkeras.prior import StandardNormal

KEPT = 20.0  # root mean square at most of kept z, whose prior has 1

NOISE_BY_DEVIATION = 1 / 3
LARGEST_STEP = 0.5  # in units of z, where the prior has deviation 1
STEADY = 0.5  # step_size^2 times curvature; chains diverge at 4


@keras.saving.register_keras_serializable("coopkeras")
class Generator(base.Model):
    """A top-down network `x = g(z) + sigma e` learned by alternating back-propagation.

    Args:
        network: g, a Keras model from z `[batch, ...]` to x `[batch, ...]`; or, conditional on
            what is seen, from a dict with "z", "seen" (as an image) and "visible"; or, by class,
            with "z" and "label" (`[batch, classes]`, 1 at the class and 0 elsewhere), and then
            every batch has a "label". It must not mix the examples of a batch (no
            BatchNormalization).
        noise_sigma: sigma, standard deviation of what g does not explain, in units of x, > 0; None
            derives it at the first fit: a third of the deviation of the data.
        steps: Langevin updates of one inference.
        step_size: standard deviation of the noise of one Langevin update, in units of z, > 0. It
            diverges when step_size^2 |dg/dz|^2 / sigma^2 exceeds about 4. None gives each
            example a step of its own, sqrt(0.5 / curvature) of its energy where inference
            starts; an example whose energy has risen all the same stays where it was.
        inference: "langevin", "descent" (no noise; give the optimizer weight decay, for
            nothing else keeps the weights from growing), or "encoder".
        encoder: for `inference="encoder"`, a network (x, seen, visible) -> mean and log variance
            of z, such as `networks.inference_network`; it learns with a conditional generator
            that has a spread of its own, in `CoopNets`.
        observation: what is seen of the training data, a `Mask` (also of each batch's own
            "visible"), `Downsample` or `Projection`; by default everything.
        num_examples: number of training examples whose z is kept between epochs (warm start,
            found again by the batch's "index"); None starts every inference from the prior.
        matched: whether an inference of learning that starts from the prior has a choice: each
            example draws one of the batch's z, by how well it explains the example. Not for a
            network with a condition, whose g(z) is of one example.
        prior: what z is drawn from, a `Prior`; by default `StandardNormal()`.
        seed: int; every random number of this model is derived from it.

    Example:
        >>> network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5)])
        >>> Generator(network).sample(3, seed=0).shape.as_list()
        [3, 5]

    Source:
        Han, Lu, Zhu, Wu, "Alternating back-propagation for generator network", AAAI 2017,
        equations 5 to 8.
    """

    MEANS = ("reconstruction", "movement")
    INFERENCES = ("langevin", "descent", "encoder")

    def __init__(
        self,
        network,
        noise_sigma=None,
        steps=10,
        step_size=None,
        inference="langevin",
        encoder=None,
        observation=None,
        num_examples=None,
        matched=True,
        prior=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        base.check_positive(noise_sigma=noise_sigma, step_size=step_size)
        if inference not in self.INFERENCES:
            raise ValueError(
                f"`inference` should be one of {self.INFERENCES}; received {inference!r}."
            )
        if (inference == "encoder") != (encoder is not None):
            raise ValueError('`encoder` goes with inference="encoder"; give both or neither.')
        self.prior = StandardNormal() if prior is None else prior
        self.network, self.noise_sigma = network, noise_sigma
        self.steps, self.step_size, self.inference = steps, step_size, inference
        self.encoder = encoder
        self.observation = Mask() if observation is None else observation
        self.num_examples, self.matched = num_examples, matched
        if noise_sigma is None:
            self.derive_later(noise_sigma=0.3)
        if not self.prior.built:
            self.prior.build(self.z_shape)
        self.latents = self._make_latents()
        self.missed = self._make_missed()

    # The model ------------------------------------------------------------------------------

    @property
    def z_shape(self):
        """Return the shape of one z."""
        return _input_shapes(self.network)["z"]

    @property
    def x_shape(self):
        """Return the shape of one x."""
        output = base.outputs_of(self.network)
        return tuple((output["x"] if self.predictive else output).shape[1:])

    @property
    def predictive(self):
        """Return whether the network says how far x may be from g(z): a `proposals.Proposal`."""
        return isinstance(base.outputs_of(self.network), dict)

    @property
    def trainable_parts(self):
        """Return the variables that learn: those of the network and of the encoder."""
        encoder = [] if self.encoder is None else self.encoder.trainable_variables
        return [*self.network.trainable_variables, *encoder]

    @property
    def conditional(self):
        """Return whether the network takes what is seen."""
        return "seen" in _input_shapes(self.network)

    @property
    def classes(self):
        """Return the number of classes of which the network is told one; 0 for another network."""
        return _input_shapes(self.network).get("label", (0,))[0]

    @property
    def class_names(self):
        """Return the names of these classes, as the network knows them; () for another network."""
        known = (
            layer.class_names for layer in self.network.layers if hasattr(layer, "class_names")
        )
        return tuple(next(known, map(str, range(self.classes))))

    @property
    def learned_weights(self):
        """Return the weights of the network and of the prior: all that the model has learned."""
        return [*self.network.weights, *self.prior.weights]

    def call(self, inputs):
        """Return `g(z)`; `inputs` is z, or the dict that a conditional network takes."""
        return self._x(self.network(inputs))

    def _x(self, made):
        return tf.cast(made["x"] if self.predictive else made, tf.float32)

    def encode(self, given):
        """Return what is given as `decode` takes it: encoded once, decoded with each z."""
        encoder, _ = self._parts()
        return given if encoder is None else encoder(given)

    def decode(self, z, code):
        """Return what the network makes of z and of what `encode` returned."""
        _, decoder = self._parts()
        return (decoder or self.network)(z if code is None else {"z": z, **code})

    def _parts(self):
        """Return the models "encoder" and "decoder" that the network is made of, or None."""
        layers = {layer.name: layer for layer in self.network.layers}
        return layers.get("encoder"), layers.get("decoder")

    def generate(self, z, given=None):
        """Return `g(z)`, or `g(z | given)`, float32 `[batch, ...]`.

        Args:
            z: `[batch, *z_shape]`.
            given: for a conditional network, what `given` returned.
        """
        return self.call(z if given is None else {"z": z, **given})

    def given(self, seen, observation, like, label=None):
        """Return what a conditional network is told besides z, or None for another network.

        Args:
            seen: `observation(x)`.
            observation: an `Observation`.
            like: any tensor shaped like x.
            label: int `[batch]`, for a network that is told the class.

        Returns:
            given: dict with "seen", A+ seen shaped like x, and "visible", as the network asks;
            or with "label".

        Raises:
            ValueError: if the network is told the class, and `label` is missing.
        """
        names = _input_shapes(self.network)
        if self.classes:
            return self._of_class(label)
        if "seen" not in names:
            return None
        image = tf.broadcast_to(observation.lift(seen), tf.shape(like))
        given = {"seen": tf.ensure_shape(image, like.shape)}
        if "visible" in names:
            given["visible"] = observation.visible(like)
        return given

    def _of_class(self, label):
        if label is None:
            raise ValueError(
                f"This generator draws one of {self.classes} classes: give `label`, a number of "
                'each example (in learning, an entry "label" of every batch).'
            )
        return {"label": tf.one_hot(label, self.classes)}

    def sample(self, n, *, z=None, label=None, seed=0):
        """Draw `n` samples g(z), float32 `[n, ...]`.

        Args:
            n: number of samples.
            z: `[n, *z_shape]`; by default drawn from the prior.
            label: int `[n]`, the class of each, where the network is told one.
            seed: an int, int32 `[2]` or `[n, 2]`.
        """
        if self.conditional:
            raise ValueError(
                "This generator proposes from what is seen; use `CoopNets.recover`, or "
                "`generate(z, given)`."
            )
        given = self._of_class(label) if self.classes else None
        return self.generate(self.prior.draw(n, seeds.as_seed(seed)) if z is None else z, given)

    def infer(
        self,
        seen,
        observation=None,
        *,
        given=None,
        z=None,
        seed=0,
        steps=None,
        step_size=None,
        temperature=None,
    ):
        """Infer z of what is seen, by Langevin dynamics on p(z | seen).

        Args:
            seen: `observation(x)`; x itself when everything is seen.
            observation: an `Observation`; by default everything is seen.
            given: what a conditional network is told besides z.
            z: where to start; by default drawn from the prior.
            seed: an int, int32 `[2]` or `[batch, 2]`.
            steps: Langevin updates; by default those of learning.
            step_size: by default that of learning.
            temperature: scale of the noise's variance; by default 1, or 0 if
                `inference="descent"`.

        Returns:
            inferred_z: float32 `[batch, *z_shape]`.
        """
        observation = Mask() if observation is None else observation
        seed = seeds.as_seed(seed)
        if z is None:
            z = self.prior.draw(tf.shape(seen)[0], seeds.fold(seed, 0))
        if temperature is None:
            temperature = 0.0 if self.inference == "descent" else 1.0
        step_size = self.step_size if step_size is None else step_size
        return self._infer(
            seen,
            observation.parameters,
            observation.template,
            given,
            z,
            seeds.fold(seed, 1),
            tf.convert_to_tensor(self.steps if steps is None else steps, tf.int32),
            None if step_size is None else tf.convert_to_tensor(step_size, tf.float32),
            tf.convert_to_tensor(temperature, tf.float32),
        )

    def recover(self, seen, observation=None, *, seed=0, steps=None, temperature=1.0):
        """Recover x from what is seen of it: infer z, generate, and keep what is known.

        Args:
            seen: `observation(x)`.
            observation: an `Observation`; by default that of learning.
            seed: an int, int32 `[2]` or `[batch, 2]`.
            steps: Langevin updates of the inference; by default those of learning.
            temperature: scale of the variance of the inference's noise; 0 is the estimate.

        Returns:
            x: float32 `[batch, ...]`; known values of a Mask come back bit for bit.
        """
        observation = self.observation if observation is None else observation
        if self.classes:
            raise ValueError(
                "This generator draws by class: `infer` with `given`, then `generate`."
            )
        z = self.infer(seen, observation, seed=seed, steps=steps, temperature=temperature)
        return observation.project(self.generate(z), tf.convert_to_tensor(seen, tf.float32))

    @tf.function
    def _infer(self, seen, parameters, template, given, z, seed, steps, step_size, temperature):
        observation = template.bind(parameters)

        code = self.encode(given)

        def energy(z):
            prior = tf.reduce_sum(_flat(z) ** 2, axis=1) / 2
            return prior + self._misfit(z, seen, observation, code)

        run = _steady if step_size is None else partial(langevin, step_size=step_size)
        return run(energy, z, steps=steps, seed=seed, temperature=temperature)

    def _misfit(self, z, seen, observation, code):
        """Return `|project(g(z), seen) - g(z)|^2 / (2 sigma^2)`, `[batch]`."""
        return self._misfit_of(self._x(self.decode(z, code)), seen, observation)

    def _misfit_of(self, x, seen, observation):
        error = observation.project(x, seen) - x
        return tf.reduce_sum(_flat(error) ** 2, axis=1) / (2 * self.value("noise_sigma") ** 2)

    # Learning -------------------------------------------------------------------------------

    def compile(self, optimizer=None, jit_compile="auto", **kwargs):
        """Configure learning.

        Args:
            optimizer: by default Adam(1e-3, beta_1=0.5), with weight decay 1e-4 when inference
                is descent without noise.
            jit_compile: "auto" uses XLA on GPU and TPU only.
            **kwargs: as in `keras.Model.compile`.
        """
        base.compile_model(self, optimizer or self.default_optimizer(), jit_compile, kwargs)

    @property
    def optimizers(self):
        """Return the optimizer of the network."""
        return {"optimizer": self.optimizer}

    def train_step(self, batch):
        """Alternate inference and learning on one batch: a tensor x or a dict with "x"."""
        observed = base.examples(batch)
        observation = self.observation.bind(batch)
        seen = observation(observed)
        visible = observation.visible(observed)
        self.adapt(observation.lift(seen), self.updates == 0, visible)
        seed = self.next_seed()
        given = self.given(seen, observation, observed, base.label(batch))
        start = self.inference_start(batch, seen, observation, given, seeds.fold(seed, 0))
        z = self.infer(seen, observation, given=given, z=start, seed=seeds.fold(seed, 1))
        if self.latents is not None:
            self.latents.scatter_nd_update(batch["index"][:, None], z)
        error = self.learn([(1.0, z, seen, observation)], given)
        return self.report(reconstruction=error, movement=base.distance(z, start))

    def learn(self, lessons, given=None):
        """Regress what is seen on z, one update of the weights; the prior learns from z.

        Args:
            lessons: list of `(weight, z, seen, observation)`; the prior has the first.
            given: what a conditional network is told besides z.

        Returns:
            reconstruction: root mean squared error of the first lesson, in units of x.
        """
        self.prior.learn(lessons[0][1], self.updates)
        with tf.GradientTape() as tape:
            code = self.encode(given)
            misfits = [
                tf.reduce_mean(self._misfit(z, seen, observation, code))
                for _, z, seen, observation in lessons
            ]
            weights = [weight for weight, *_ in lessons]
            loss = tf.tensordot(weights, tf.stack(misfits), axes=1)
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self._error(misfits[0], lessons[0][2])

    def derive(self, x, visible):
        """Return sigma, derived from the deviation of the values."""
        return {"noise_sigma": NOISE_BY_DEVIATION * base.deviation(x, visible)}

    def _error(self, misfit, seen):
        """Return the root mean squared error of a mean misfit, in units of x."""
        size = tf.cast(tf.size(seen) / tf.shape(seen)[0], tf.float32)
        return self.value("noise_sigma") * tf.sqrt(2 * misfit / size)

    @property
    def limits(self):
        """Return the largest error there can be of data in [-1, 1], and move of z."""
        return {"reconstruction": 5.0, "movement": 50.0}

    def vital_signs(self, batch, observation=None):
        """Return the size of proposals and of kept z, and how proposals differ.

        Args:
            batch: a few examples.
            observation: an `Observation`; by default that of learning.
        """
        x = base.examples(batch)
        observation = (self.observation if observation is None else observation).bind(batch)
        given = self.given(observation(x), observation, x, base.label(batch))
        z = self.prior.draw(tf.shape(x)[0], seeds.as_seed(self.seed))
        proposed = self.generate(z, given)
        signs = base.signs_of_proposals(proposed, x)
        if self.latents is not None:
            signs.append(("the size of the kept z", base.distance(self.latents, 0.0), 0.0, KEPT))
        return signs

    def test_step(self, batch):
        """Return the reconstruction error on a batch after inference, learning nothing."""
        observed = base.examples(batch)
        seed = seeds.fold(seeds.fold(self.seed, -2), self.row_numbers(batch)[0])
        observation = self.observation.bind(batch)
        seen = observation(observed)
        given = self.given(seen, observation, observed, base.label(batch))
        z = self.infer(seen, observation, given=given, seed=seed)
        misfit = tf.reduce_mean(self._misfit(z, seen, observation, self.encode(given)))
        return self.report(reconstruction=self._error(misfit, seen))

    def inference_start(self, batch, seen, observation, given, seed, z=None):
        """Return where inference starts in learning: each example's kept z, or draws, matched.

        Args:
            batch: as for `fit`; kept z are found by its "index".
            seen: `observation(x)`.
            observation: an `Observation`.
            given: what a conditional network is told besides z.
            seed: int32 `[2]`.
            z: drawn from the prior, where that is done already.
        """
        if self.latents is not None:
            return self.kept(batch)
        if z is None:
            z = self.prior.draw(tf.shape(seen)[0], seed)
        if not self.matched or given is not None:
            return z
        return self.match(z, seen, observation, seed=seeds.fold(seed, 1))

    def match(self, z, seen, observation=None, *, seed=0):
        """Draw for each example one of the z, with p ~ exp(-misfit of g(z)).

        As z are drawn from the prior, the more of them the closer to draws of p(z | seen).

        Args:
            z: `[n, *z_shape]`, drawn from the prior.
            seen: `observation(x)`.
            observation: an `Observation`; by default everything is seen.
            seed: an int or int32 `[2]`.

        Returns:
            z: `[batch, *z_shape]`, of those given.

        Example:
            >>> network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5)])
            >>> generator = Generator(network, noise_sigma=0.001)
            >>> z = tf.constant([[1.0, 0.0], [0.0, 1.0]])
            >>> generator.match(z, generator.generate(z[1:])).numpy().tolist()
            [[0.0, 1.0]]

        Source:
            Sampling and importance resampling: Rubin, 1987.
        """
        observation = Mask() if observation is None else observation
        batch = tf.shape(seen)[:1]

        def misfits(x):
            x = tf.broadcast_to(x, tf.concat([batch, tf.shape(x)], axis=0))
            return self._misfit_of(x, seen, observation)

        scores = -tf.transpose(tf.map_fn(misfits, self.generate(z)))  # [batch, n]
        noise = seeds.uniform(seeds.as_seed(seed), tf.shape(scores))
        gumbel = -tf.math.log(-tf.math.log(tf.clip_by_value(noise, 1e-9, 1 - 1e-7)))
        return tf.gather(z, tf.argmax(scores + gumbel, axis=1))

    def kept(self, batch):
        """Return the z that is kept of each example of a batch, found by its "index"."""
        if not isinstance(batch, dict) or "index" not in batch:
            raise ValueError(
                "A Generator with `num_examples` keeps one z per example and needs to know which "
                'is which: give batches {"x":, "index":} (coopkeras.data does), or leave out '
                "`num_examples` for a cold start."
            )
        return tf.gather(self.latents, batch["index"])

    def _make_missed(self):
        """Return the mean squared errors of g(0) and g(z), of a generator with a spread."""
        if not self.predictive:
            return None
        first = keras.initializers.Constant(0.1)
        return self.add_weight(
            shape=(2,), initializer=first, dtype="float32", trainable=False, name="missed"
        )

    def _make_latents(self):
        """Return the table of kept z: training state, not part of the model's file."""
        if self.num_examples is None:
            return None
        shape = [self.num_examples, *self.z_shape]
        return tf.Variable(
            lambda: seeds.normal(seeds.fold(self.seed, -1), shape), trainable=False, name="latents"
        )

    def default_optimizer(self):
        """Return Adam(1e-3, beta_1=0.5); descent needs weight decay (see `inference`)."""
        decay = 1e-4 if self.inference == "descent" else None
        return keras.optimizers.Adam(1e-3, beta_1=0.5, weight_decay=decay)


def _steady(energy, z, *, steps, seed, temperature):
    """Run Langevin dynamics with a step for each row, by the curvature where it starts.

    A row whose energy has risen by more than chance, as it does where it diverges, goes back.
    """
    step_size = tf.sqrt(STEADY / tf.maximum(curvature(energy, z), STEADY / LARGEST_STEP**2))
    how = {"steps": steps, "seed": seed, "temperature": temperature}
    moved = langevin(energy, z, step_size=step_size, **how)
    chance = 10.0 + tf.cast(tf.size(z[0]), tf.float32)
    kept = energy(moved) < energy(z) + chance  # never, if it is not a number
    return tf.where(tf.reshape(kept, [-1] + [1] * (z.shape.rank - 1)), moved, z)


def _input_shapes(network):
    """Return the shape of one example of each input by name; a lone input is "z"."""
    if len(network.inputs) == 1:
        return {"z": tuple(network.inputs[0].shape[1:])}
    return {tensor.name: tuple(tensor.shape[1:]) for tensor in network.inputs}


def _flat(x):
    return tf.reshape(x, [tf.shape(x)[0], -1])
