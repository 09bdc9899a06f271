"""CoopNets: descriptor and generator taking turns; each teaches the other.

    G0   z ~ p(z),  proposed = g(z)
    D1   revised = Langevin dynamics on the descriptor's energy from proposed
    G1   inferred_z = Langevin dynamics on p(z | revised) from the known z
    D2   the descriptor learns: observed up, revised down
    G2   the generator learns: regress revised on inferred_z (MCMC teaching)

With an observation A the generator proposes from what is seen and z, and the Langevin dynamics
is projected so that A x = seen stays true; the same D2 and G2 follow.

With a `Reference` the proposal is a Gaussian, and the descriptor revises its noise: `proposals`.
"""

from functools import partial

import keras
import tensorflow as tf

from coopkeras import base, proposals, seeds
from coopkeras.observation import Mask, Nothing


@keras.saving.register_keras_serializable("coopkeras")
class CoopNets(base.Model):
    """Cooperative learning of a descriptor and a generator.

    Args:
        descriptor: a `Descriptor`; it sees x only.
        generator: a `Generator`; with a conditional network when `observation` is given.
        observation: what is seen of x, for the conditional form that learns p(x | A x);
            `Nothing()` is plain CoopNets.
        observed_weight: share of G2 that regresses the observed x on its own inferred z, in
            [0, 1]; 0 is the papers' MCMC teaching alone.
        warmup_updates: number of first updates in which the generator learns alone, from the
            observed x (alternating back-propagation), so that it has something to propose.
        ema: decay of the exponential moving averages of both networks, which sample, recover and
            are exported; it grows to this value over the first updates.
        descriptor_updates: with a `Reference`, updates of the descriptor for one of the generator;
            0 leaves it as it is: a regression, whose draws are the generator's own noise.
        proposal_noise: standard deviation >= 0, in units of x, of the noise that proposals get
            before they are revised: eps of x = g(z) + eps. Without it a revision goes along the
            outlines of a vague proposal.
        seed: int; every random number of learning is derived from it.

    Example:
        >>> f = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, "relu")])
        >>> g = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> model = CoopNets(ck.Descriptor(f, start="data"), ck.Generator(g))
        >>> model.sample(4, seed=0).shape.as_list()
        [4, 2]

    Source:
        Xie, Lu, Gao, Zhu, Wu, "Cooperative training of descriptor and generator networks",
        TPAMI 2018, algorithm 1; conditional form: Xie, Zheng, Fang, Zhu, Wu, TPAMI 2021.
    """

    MEANS = ("energy_gap", "misfit", "movement", "reconstruction")

    def __init__(
        self,
        descriptor,
        generator,
        observation=None,
        observed_weight=0.5,
        warmup_updates=0,
        ema=0.999,
        proposal_noise=0.0,
        descriptor_updates=16,
        seed=0,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        self.descriptor, self.generator = descriptor, generator
        self.observation = Nothing() if observation is None else observation
        self.observed_weight, self.warmup_updates = observed_weight, warmup_updates
        self.ema, self.proposal_noise = ema, proposal_noise
        self.descriptor_updates = descriptor_updates
        if not 0 <= observed_weight <= 1:
            raise ValueError(
                f"`observed_weight` should be between 0 and 1; received {observed_weight}."
            )
        self.ema_descriptor = base.copy(descriptor)
        self.ema_generator = base.copy(generator)

    # Learning -------------------------------------------------------------------------------

    def compile(
        self, descriptor_optimizer=None, generator_optimizer=None, jit_compile="auto", **kwargs
    ):
        """Configure learning.

        Args:
            descriptor_optimizer: by default Adam(1e-3, beta_1=0.5, clipnorm=1).
            generator_optimizer: by default Adam(1e-3, beta_1=0.5).
            jit_compile: "auto" uses XLA on GPU and TPU only.
            **kwargs: as in `keras.Model.compile`.
        """
        self.descriptor.compile(descriptor_optimizer, jit_compile)
        self.generator.compile(generator_optimizer, jit_compile)
        jit_compile = self.descriptor.jit_compile
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)

    @property
    def optimizers(self):
        """Return the optimizers of the two models."""
        return {
            "descriptor_optimizer": self.descriptor.optimizer,
            "generator_optimizer": self.generator.optimizer,
        }

    def train_step(self, batch):
        """Let the two models take their turns on one batch: x or a dict with "x"."""
        observed = base.examples(batch)
        self.adapt(observed, self.updates == 0)
        warming_up = self.updates < self.warmup_updates
        seed = self.next_seed()
        observation = self.observation.bind(batch)
        seen = observation(observed)
        given = self.generator.given(seen, observation, observed, base.label(batch))
        if self.descriptor.about_proposals:
            known = base.known(batch, observed)
            how = observed, known, observation, seen, given, seed
            found = proposals.cooperate(self, *how)
            self._update_ema()
            return self.report(**found)
        if self.warmup_updates:
            gap, movement, error = tf.cond(
                warming_up,
                lambda: self._warm_up(batch, observed, given, seed),
                lambda: self._cooperate(batch, observed, observation, seen, given, seed),
            )
        else:
            gap, movement, error = self._cooperate(batch, observed, observation, seen, given, seed)
        self._update_ema()
        return self.report(energy_gap=gap, movement=movement, reconstruction=error)

    def _cooperate(self, batch, observed, observation, seen, given, seed):
        """Take the five steps; return energy gap, movement of D1 and reconstruction error."""
        g0, d1, g1, g1_observed = seeds.split(seed, 4)
        # G0
        z = self.generator.prior.draw(tf.shape(observed)[0], g0)
        proposed = observation.project(self.generator.generate(z, given), seen)
        # D1
        project = partial(observation.project, seen=seen)
        start = project(self._noisy(proposed, d1))
        revised = self.descriptor.revise(start, seed=d1, project=project)
        # G1
        inferred_z = self.generator.infer(revised, given=given, z=z, seed=g1)
        # D2
        gap = self.descriptor.learn(observed, revised)
        # G2
        lessons = [(1 - self.observed_weight, inferred_z, revised, Mask())]
        if self.observed_weight:
            observed_z = self._infer_observed(batch, observed, given, g1_observed, z)
            lessons.append((self.observed_weight, observed_z, observed, Mask()))
        error = self.generator.learn(lessons[::-1], given)
        return gap, base.distance(revised, proposed), error

    def _warm_up(self, batch, observed, given, seed):
        """Let the generator learn alone from the observed; the descriptor waits."""
        z = self._infer_observed(batch, observed, given, seed)
        error = self.generator.learn([(1.0, z, observed, Mask())], given)
        return tf.zeros([]), tf.zeros([]), error

    def _infer_observed(self, batch, observed, given, seed, z=None):
        """Infer z of the observed, from each example's own if the generator keeps them."""
        kept = self.generator.latents
        start = self.generator.inference_start(
            batch, observed, Mask(), given, seeds.fold(seed, 0), z
        )
        z = self.generator.infer(observed, given=given, z=start, seed=seed)
        if kept is not None:
            kept.scatter_nd_update(batch["index"][:, None], z)
        return z

    def adapt(self, x, where=True, visible=None):
        """Derive from examples what the two models need; `fit` does so at its first batch."""
        for model in (self.descriptor, self.generator, self.ema_descriptor, self.ema_generator):
            model.adapt(x, where, visible)

    def _update_ema(self):
        """Move the averaged copies towards the networks."""
        decay = base.growing(self.ema, self.updates)
        for live, averaged in (
            (self.descriptor, self.ema_descriptor),
            (self.generator, self.ema_generator),
        ):
            for weight, mean in zip(live.learned_weights, averaged.learned_weights, strict=True):
                mean.assign(decay * mean + (1 - decay) * weight)
            measured = zip(live.measured_weights, averaged.measured_weights, strict=True)
            for weight, same in measured:
                same.assign(weight)

    @property
    def limits(self):
        """Return how far D1 can move, and be reconstructed, of data in [-1, 1]."""
        return self.generator.limits | self.descriptor.limits

    def vital_signs(self, batch):
        """Return those of the two models."""
        signs = self.generator.vital_signs(batch, self.observation)
        return signs + self.descriptor.vital_signs(batch)

    def test_step(self, batch):
        """Return the error of recovering a batch (of proposing, where nothing is seen)."""
        observed = base.examples(batch)
        observation = self.observation.bind(batch)
        seen = observation(observed)
        seed = seeds.fold(seeds.fold(self.seed, -2), self.row_numbers(batch)[0])
        how = seed, self.descriptor.steps, 0, 0.0
        proposed, revised = self._propose_and_revise(
            seen, observation, observed, *how, label=base.label(batch)
        )
        found = {
            "movement": base.distance(revised, proposed),
            "reconstruction": base.distance(revised, observed),
        }
        if not self.descriptor.about_proposals:
            energies = [self.ema_descriptor(x) for x in (revised, observed)]
            found["energy_gap"] = tf.reduce_mean(energies[0]) - tf.reduce_mean(energies[1])
        return self.report(**found)

    @property
    def x_shape(self):
        """Return the shape of one x."""
        return self.generator.x_shape

    # Using ----------------------------------------------------------------------------------

    def sample(
        self,
        n,
        *,
        z=None,
        label=None,
        seed=0,
        steps=None,
        denoise_steps=0,
        denoise_step_size=None,
        temperature=1.0,
        proposed=False,
    ):
        """Draw `n` samples: the generator proposes, the descriptor revises.

        Args:
            n: number of samples.
            z: what the generator proposes from, `[n, *z_shape]`; by default drawn from its prior.
            label: int `[n]`, the class of each, where the generator is told one.
            seed: an int, int32 `[2]` or `[n, 2]`.
            steps: Langevin updates of the revision; by default those of learning.
            denoise_steps: updates without noise after them, which take the last noise out.
            denoise_step_size: step size of those, by default that of learning; a smaller one also
                takes out what steps too long for the finest patterns have left, a checkerboard.
            temperature: scale of the variance of the revision's noise.
            proposed: return the proposals too.

        Returns:
            revised: float32 `[n, ...]` (or the pair proposed, revised).

        Raises:
            ValueError: if the model is conditional: it can only recover; if it draws by class
                and `label` is missing.
        """
        if self.generator.conditional:
            raise ValueError(
                "This CoopNets learned p(x | what is seen): use `recover(seen, observation)`."
            )
        if z is None:
            z = self.ema_generator.prior.draw(n, seeds.fold(seed, 0))
        given = self.ema_generator.given((), Nothing(), like=None, label=label)
        denoise_step_size = denoise_step_size or self.descriptor.value("step_size")
        pair = self._traced_revise(
            z,
            given,
            tf.convert_to_tensor(denoise_step_size, tf.float32),
            *self._arguments(seed, steps, denoise_steps, temperature),
        )
        return pair if proposed else pair[1]

    def recover(
        self,
        seen,
        observation=None,
        *,
        seed=0,
        steps=None,
        denoise_steps=0,
        infer_steps=None,
        temperature=1.0,
        proposed=False,
    ):
        """Recover x from what is seen of it.

        A conditional model proposes from what is seen and z; another infers z of what is seen.
        The revision is Langevin dynamics projected so that what is known stays true.

        Args:
            seen: `observation(x)`; for a `Mask`, x with anything where it is not visible.
            observation: an `Observation`; by default that of learning.
            seed: an int, int32 `[2]` or `[batch, 2]`.
            steps: Langevin updates of the revision; by default those of learning.
            denoise_steps: updates without noise after them, which take the last noise out.
            infer_steps: Langevin updates of the inference of z, where z is inferred; by default
                those of learning.
            temperature: 1 draws a sample of p(x | seen); 0 is the estimate: the proposal at
                z = 0 and a revision without noise.
            proposed: return the proposals too.

        Returns:
            revised: float32 `[batch, ...]` (or the pair proposed, revised); known values of a
            Mask come back bit for bit.
        """
        observation = self.observation if observation is None else observation
        infer_steps = self.generator.steps if infer_steps is None else infer_steps
        pair = self._traced_recover(
            tf.convert_to_tensor(seen, tf.float32),
            observation.parameters,
            observation.template,
            tf.convert_to_tensor(infer_steps, tf.int32),
            *self._arguments(seed, steps, denoise_steps, temperature),
        )
        return pair if proposed else pair[1]

    @tf.function
    def energy(self, x, seen=None, observation=None):
        """Return the energy of x, float32 `[batch]`; lower is likelier.

        With a `Reference` it is the energy about the proposal at z = 0.

        Args:
            x: `[batch, ...]`; what is known of it is taken from `seen`.
            seen: `observation(x)`, for a model with a `Reference`.
            observation: an `Observation`; by default that of learning.
        """
        if not self.descriptor.about_proposals:
            return self.ema_descriptor.energy(x)
        observation = self.observation if observation is None else observation
        generator = self.ema_generator
        code = generator.encode(generator.given(seen, observation, x))
        z = tf.zeros([tf.shape(x)[0], *generator.z_shape])
        proposal = proposals.propose(generator, z, code, observation, seen)
        x = observation.project(x, seen)
        return proposals.energy(self.ema_descriptor, x, proposal, observation)

    def call(self, batch):
        """Return a recovery of what is seen of a batch; if nothing is, as many samples.

        Args:
            batch: x or a dict with "x", as for `fit`; `predict` takes it too.

        Returns:
            x: float32 `[batch, ...]`, drawn with the model's own seed.
        """
        return self._drawn(batch, self.seed)

    def predict_step(self, batch):
        """Return what `call` does, each row drawn by a seed of its own: its number's."""
        return self._drawn(batch, seeds.fold(self.seed, self.row_numbers(batch)))

    def _drawn(self, batch, seed):
        x = base.examples(batch)
        observation = self.observation.bind(batch)
        if isinstance(observation, Nothing):
            return self.sample(tf.shape(x)[0], label=base.label(batch), seed=seed)
        return self.recover(observation(x), observation, seed=seed)

    def _arguments(self, seed, steps, denoise_steps, temperature):
        steps = self.descriptor.steps if steps is None else steps
        return (
            seeds.as_seed(seed),
            tf.convert_to_tensor(steps, tf.int32),
            tf.convert_to_tensor(denoise_steps, tf.int32),
            tf.convert_to_tensor(temperature, tf.float32),
        )

    @tf.function
    def _traced_revise(self, z, given, denoise_step_size, *how):
        proposed = self.ema_generator.generate(z, given)
        revised = self._revise_and_denoise(proposed, *how, denoise_step_size=denoise_step_size)
        return proposed, revised

    @tf.function
    def _traced_recover(self, seen, parameters, template, infer_steps, *how):
        observation = template.bind(parameters)
        like = self._like(seen, observation)
        return self._propose_and_revise(seen, observation, like, *how, infer_steps=infer_steps)

    def _propose_and_revise(
        self,
        seen,
        observation,
        like,
        seed,
        steps,
        denoise_steps,
        temperature,
        infer_steps=None,
        label=None,
    ):
        generator = self.ema_generator
        given = generator.given(seen, observation, like, label)
        z = generator.prior.draw(tf.shape(like)[0], seeds.fold(seed, 0))
        if generator.conditional:
            z = z * tf.sqrt(tf.reshape(temperature, [-1] + [1] * (len(z.shape) - 1)))
            if self.descriptor.about_proposals:
                return self._revise_proposed(seen, observation, given, z, seed, temperature)
        else:
            z = generator.infer(
                seen,
                observation,
                given=given,
                z=z,
                seed=seeds.fold(seed, 2),
                steps=infer_steps,
                temperature=temperature,
            )
        project = partial(observation.project, seen=seen)
        proposed = project(generator.generate(z, given))
        revised = self._revise_and_denoise(
            proposed, seed, steps, denoise_steps, temperature, project
        )
        return proposed, revised

    def _revise_proposed(self, seen, observation, given, z, seed, temperature):
        """G0, D1 about a proposal: return it with its own noise, and revised."""
        generator, seed = self.ema_generator, seeds.fold(seed, 1)
        proposal = proposals.propose(generator, z, generator.encode(given), observation, seen)
        found = proposals.revise(
            self.ema_descriptor, proposal, observation, seed=seed, temperature=temperature
        )
        return tuple(observation.project(proposal.mean + proposal.spread * u, seen) for u in found)

    def _revise_and_denoise(
        self,
        proposed,
        seed,
        steps,
        denoise_steps,
        temperature,
        project=None,
        denoise_step_size=None,
    ):
        """D1 with the averaged descriptor, then `denoise_steps` updates without noise."""
        revise = partial(self.ema_descriptor.revise, seed=seeds.fold(seed, 1), project=project)
        start = self._noisy(proposed, seeds.fold(seed, 1), temperature)
        start = start if project is None else project(start)
        revised = revise(start, steps=steps, temperature=temperature)
        return revise(revised, steps=denoise_steps, step_size=denoise_step_size, temperature=0.0)

    def _noisy(self, proposed, seed, temperature=1.0):
        """Return proposals with the noise eps of x = g(z) + eps: where revisions start."""
        if not self.proposal_noise:
            return proposed
        spread = tf.reshape(tf.sqrt(temperature), [-1] + [1] * (len(proposed.shape) - 1))
        noise = seeds.normal(seeds.fold(seed, -1), tf.shape(proposed))
        return proposed + self.proposal_noise * spread * noise

    def _like(self, seen, observation):
        if isinstance(observation, Nothing):
            raise ValueError(
                "`recover` needs an observation of x; where nothing is seen, `sample`."
            )
        return observation.lift(seen)
