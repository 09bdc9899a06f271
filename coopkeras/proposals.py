"""Proposals: a generator proposes Gaussians, and the descriptor of `CoopNets` revises their noise.

    G0   z ~ p(z),  proposed = g(z) + s u,  u ~ N(0, C)
    D1   revised = g(z) + s u~,  u~ = annealed Langevin dynamics on U(u) = u' C^-1 u / 2 - F(u)
    G1   inferred_z ~ q(z | observed)
    G2   the generator learns: regress observed on inferred_z and on 0, revised on z; s, C
    D2   the descriptor learns: take noise out of (observed - g(inferred_z)) / s

g and s are what a conditional network makes of z and of what is seen; C and F are those of the
descriptor's `Reference`, where the levels of D1 and D2 are.
"""

from functools import partial
from typing import NamedTuple

import tensorflow as tf

from coopkeras import base, seeds
from coopkeras.observation import Observation

TAUGHT = 8  # one of so many examples is revised, twice, while learning
DENOISED = 2**14  # places at most that an update of D2 sees: of large boxes it takes fewer
LARGEST = 4.0  # spreads, of what g misses, that count: a Gaussian has hardly ever more
LOG_SPREADS = (-6.0, 0.0)  # bounds of the logarithm of a spread: 1 is half of the range of x


class Proposal(NamedTuple):
    """What a generator says of x, given z and what is seen: N(mean, spread^2 C).

    Attributes:
        mean: g(z), `[batch, ..., channels]`; it agrees with what is seen.
        spread: standard deviation of what g misses, like `mean`; even over what A mixes.
        features: those that both are made of, `[batch, ..., filters]`.
        visible: share of each place that is known, `[batch, ..., 1]`.
    """

    mean: tf.Tensor
    spread: tf.Tensor
    features: tf.Tensor
    visible: tf.Tensor

    def map(self, function):
        """Return the proposal with a function applied to each part."""
        return Proposal(*map(function, self))


class Lesson(NamedTuple):
    """Revisions to regress on the z that they came from, and what they agree with.

    Attributes:
        z: `[batch, *z_shape]`.
        revised: `[batch, ...]`.
        seen: `A revised`.
        observation: A.
        given: what a conditional network is told.
    """

    z: tf.Tensor
    revised: tf.Tensor
    seen: tf.Tensor
    observation: Observation
    given: dict


# The five steps -------------------------------------------------------------------------------


def cooperate(model, observed, known, observation, seen, given, seed):
    """Take the five steps on one batch.

    Args:
        model: `CoopNets` whose descriptor has a `Reference`.
        observed: x, `[batch, ...]`.
        known: 1 for what is to be learned of x, else 0, `[batch, ..., 1]`.
        observation: A.
        seen: `A x`.
        given: what `generator.given` returned.
        seed: int32 `[2]`.

    Returns:
        found: a dict of scalars: misfit of D2, movement of D1, reconstruction error of g(0).
    """
    g0, d1, g1, d2 = seeds.split(seed, 4)
    generator, descriptor = model.generator, model.descriptor
    reference, count = descriptor.reference, tf.shape(observed)[0]
    observed = known * observed
    taught, move, misfit = None, 0.0, 1.0
    if model.descriptor_updates:
        # G0, D1: two draws of a few examples, and their estimates
        some = tf.range(tf.maximum(1, count // TAUGHT))
        rows = tf.tile(some, [2])
        how = observed, observation, seen, given, g0, d1
        lesson, move = _revised(model, rows, 1.0, *how)
        reference.learn_gain(tf.gather(observed, rows), tf.gather(known, rows), lesson.revised)
        _learn_trust(model, some, known, *how)
        taught = reference.learned() * tf.cast(tf.shape(rows)[0] / count, tf.float32), lesson
    # G1, G2
    proposal, error = _learn(generator, observed, known, seen, observation, given, g1, taught)
    # D2
    u = tf.clip_by_value((observed - proposal.mean) / proposal.spread, -LARGEST, LARGEST)
    u = known * observation.hide(u)
    reference.observe(u, known * (1 - proposal.visible), model.updates)
    focus = observation.focus(observed)
    reference.remember_sides(focus.sides)
    boxes = focus.cut(u), focus.cut(known), proposal.map(focus.cut), focus.observation
    if model.descriptor_updates:
        misfit = base.repeat(
            model.descriptor_updates,
            lambda number: _denoise(descriptor, *_in_turn(number, *boxes), seeds.fold(d2, number)),
        )
    return {"misfit": misfit, "movement": base.distance(move, 0.0), "reconstruction": error}


def propose(generator, z, code, observation, seen):
    """G0: return the `Proposal` for z, of a network that says its spread.

    Args:
        generator: a `Generator`.
        z: `[batch, *z_shape]`.
        code: what `generator.encode` returned.
        observation: A.
        seen: `A x`.
    """
    made = {name: tf.cast(one, tf.float32) for name, one in generator.decode(z, code).items()}
    mean = observation.project(made["x"], seen)
    log_spread = tf.clip_by_value(made["log_spread"], *LOG_SPREADS)
    spread = tf.exp(observation.even(log_spread))
    return Proposal(mean, spread, made["features"], observation.visible(mean))


def noisy_estimate(generator, observation, seen, like, seed):
    """Return g(0) + s e, e ~ N(0, I) on what is hidden: what a regression could draw by itself.

    Args:
        generator: a `Generator` whose network says its spread.
        observation: A.
        seen: `A x`.
        like: any tensor shaped like x.
        seed: int32 `[batch, 2]`.
    """
    z = tf.zeros([tf.shape(like)[0], *generator.z_shape])
    code = generator.encode(generator.given(seen, observation, like))
    proposal = propose(generator, z, code, observation, seen)
    noise = observation.hide(seeds.normal(seed, tf.shape(proposal.mean)))
    return observation.project(proposal.mean + proposal.spread * noise, seen)


def revise(descriptor, proposal, observation, *, seed, temperature=1.0):
    """D1: return the proposal's own noise and what the descriptor makes of it, in spreads.

    Both are drawn on boxes as large as those of learning; where one does not hold all that is
    hidden of an example, on all of the example. So a row is the same in any batch.

    Args:
        descriptor: a `Descriptor` with a `Reference`.
        proposal: a `Proposal`.
        observation: A.
        seed: int32 `[2]` or `[batch, 2]`.
        temperature: scale of the noise's variance, a scalar or `[batch]`. Towards 0 less of u is
            taken, the share that `Reference.trust` has found to be right.

    Returns:
        noise, u: `[batch, ...]`: x is `mean + spread * noise`, or revised `mean + spread * u`.
    """
    x = proposal.mean
    boxes = observation.focus(x, tf.convert_to_tensor(descriptor.reference.sides))
    whole = observation.focus(x, tf.shape(x)[1:-1])
    on = partial(_revise_boxes, descriptor, proposal, seed=seed, temperature=temperature)

    def both():
        fits = tf.reshape(boxes.fits, [-1] + [1] * (len(x.shape) - 1))
        pairs = zip(on(boxes), on(whole), strict=True)
        return tuple(tf.where(fits, boxed, all_of_it) for boxed, all_of_it in pairs)

    noise, u = tf.cond(tf.reduce_all(boxes.fits), lambda: on(boxes), both)
    trust = descriptor.reference.trust()
    share = trust + (1 - trust) * temperature
    return noise, u * tf.reshape(share, [-1] + [1] * (len(x.shape) - 1))


def energy(descriptor, x, proposal, observation):
    """Return the energy of x about a proposal, `[batch]`; lower is likelier.

    Args:
        descriptor: a `Descriptor` with a `Reference`.
        x: `[batch, ...]`, which agrees with what is seen.
        proposal: a `Proposal`.
        observation: A.
    """
    u = observation.hide((x - proposal.mean) / proposal.spread)
    colouring, _ = _noise(descriptor, proposal, observation)
    return descriptor.reference.energy(_tilt(descriptor, proposal), colouring, observation.hide, u)


# D1 -------------------------------------------------------------------------------------------


def _revised(model, rows, temperature, like, observation, seen, given, g0, d1):
    """G0, D1 for some rows: return the `Lesson` of what is revised, and the movement."""
    generator = model.generator
    given = {name: tf.gather(one, rows) for name, one in given.items()}
    seen, observation = tf.gather(seen, rows), observation.rows(rows, like)
    z = temperature * generator.prior.draw(tf.shape(rows)[0], g0)
    proposal = propose(generator, z, generator.encode(given), observation, seen)
    focus = observation.focus(proposal.mean)
    _, u = _revise_boxes(model.descriptor, proposal, focus, seed=d1, temperature=temperature)
    revised = tf.stop_gradient(observation.project(proposal.mean + proposal.spread * u, seen))
    return Lesson(z, revised, seen, observation, given), revised - proposal.mean


def _learn_trust(model, rows, known, observed, *how):
    """Measure how much of revisions without noise is right."""
    lesson, move = _revised(model, rows, 0.0, observed, *how)
    observed, known = (tf.gather(one, rows) for one in (observed, known))
    error = observed - (lesson.revised - move)
    model.descriptor.reference.learn_trust(known * error, known * move, model.updates)


def _revise_boxes(descriptor, proposal, focus, *, seed, temperature=1.0):
    """D1 on the boxes of a `Focus`; return noise and u as `revise` does."""
    shape, proposal = proposal.mean.shape, proposal.map(focus.cut)
    colouring, field = _noise(descriptor, proposal, focus.observation)
    w = seeds.normal(seeds.fold(seed, 0), colouring.noise_shape(tf.shape(proposal.mean)[0]))
    w *= tf.reshape(tf.sqrt(temperature), [-1] + [1] * (len(w.shape) - 1))
    u = descriptor.reference.revise(
        _tilt(descriptor, proposal),
        field,
        w,
        seed=seeds.fold(seed, 1),
        temperature=temperature,
    )
    return tuple(tf.ensure_shape(focus.paste(x), shape) for x in (field(w), u))


def _noise(descriptor, proposal, observation):
    """Return K and P K for a proposal."""
    colouring = descriptor.reference.colouring(tf.shape(proposal.mean)[1:-1])
    return colouring, lambda w: observation.hide(colouring.colour(w))


def _tilt(descriptor, proposal):
    """Return F about a proposal, a function of v `[batch, ...]` and its angle `[batch]`.

    The network is given, by name, what it asks for of: v, x = mean + spread v, "proposed",
    "log_spread", "visible", "features" and "angle".
    """
    given = {
        "proposed": proposal.mean,
        "log_spread": tf.math.log(proposal.spread),
        "visible": proposal.visible,
        "features": proposal.features,
    }

    def score(v, angle):
        x = proposal.mean + proposal.spread * v
        inputs = {**given, "v": v, "x": x, "angle": angle[:, None]}
        return descriptor.score({name: inputs[name] for name in descriptor.network.input})

    return score


# G1 and G2 ------------------------------------------------------------------------------------


def _learn(generator, observed, known, seen, observation, given, seed, taught):
    """Regress what is hidden on z, and on z = 0; return the `Proposal` for z, and g(0)'s error.

        z ~ q(z | x, seen)
        |x - g(0)|^2 / (2 s v0) + |x - g(z)|^2 / (2 s v) + KL(q | N(0, I)) - log N(x; g, s^2)

    v0^2 and v^2 are running means of the squared errors. Neither the errors nor s learn through
    the other: what is easy counts for more, but not for all. `taught` is the weight and the
    `Lesson` of what the descriptor has revised, or None.

    Source:
        Seitzer et al., "On the pitfalls of heteroscedastic uncertainty estimation", ICLR 2022, for
        the weight 1 / s.
    """
    with tf.GradientTape() as tape:
        z, divergence = _encoded_z(generator, observed, given, seed)
        code = generator.encode(given)
        proposals = [
            propose(generator, one, code, observation, seen) for one in (tf.zeros_like(z), z)
        ]
        missed = tf.unstack(generator.missed)
        hidden = known * (1 - proposals[0].visible)
        losses = [
            _misfit(hidden * (observed - one.mean), one.spread, v, hidden)
            for one, v in zip(proposals, missed, strict=True)
        ]
        losses += [_spread_loss(observed, known, one) for one in proposals]
        loss = tf.reduce_mean(tf.add_n([divergence, *losses]))
        if taught:
            weight, lesson = taught
            loss += weight * _misfit_of_lesson(generator, lesson)
    variables = generator.trainable_parts
    generator.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    proposal = proposals[1].map(tf.stop_gradient)
    squares = [tf.reduce_sum((known * (observed - one.mean)) ** 2) for one in proposals]
    means = tf.stack(squares) / _hidden(known, proposal)
    decay = base.growing(0.99, generator.updates)
    generator.missed.assign(decay * generator.missed + (1 - decay) * means)
    generator.updates.assign_add(1)
    return proposal, tf.sqrt(means[0])


def _encoded_z(generator, observed, given, seed):
    """G1: return z and the divergence of its law from N(0, I), `[batch]`."""
    if generator.encoder is None:
        z = generator.infer(observed, given=given, seed=seed)
        return z, tf.zeros(tf.shape(z)[:1])
    law = generator.encoder({"x": observed, **given})
    mean, log_variance = law["mean"], tf.clip_by_value(law["log_variance"], -10.0, 10.0)
    z = mean + tf.exp(log_variance / 2) * seeds.normal(seed, tf.shape(mean))
    divergence = mean**2 + tf.exp(log_variance) - log_variance - 1
    return z, tf.reduce_sum(_flat(divergence), axis=1) / 2


def _misfit_of_lesson(generator, lesson):
    """Return the misfit of a `Lesson`, a mean over its examples."""
    code = generator.encode(lesson.given)
    proposal = propose(generator, lesson.z, code, lesson.observation, lesson.seen)
    error, hidden = lesson.revised - proposal.mean, 1 - proposal.visible
    return tf.reduce_mean(_misfit(error, proposal.spread, generator.missed[1], hidden))


def _misfit(error, spread, missed, hidden):
    """Return `|error|^2 / (2 s v)`, v^2 the mean squared error so far, `[batch]`.

    Examples count alike, whatever of them is hidden.
    """
    weighted = error**2 / (2 * tf.stop_gradient(spread) * tf.sqrt(missed))
    values = tf.reduce_sum(_flat(hidden), axis=1)
    alike = tf.reduce_mean(values) / tf.maximum(values, 1.0)
    return alike * tf.reduce_sum(_flat(weighted), axis=1)


def _spread_loss(observed, known, proposal):
    """Return `-log N(observed; mean, spread^2)` of what is hidden, the mean as it is, `[batch]`.

    Beyond `LARGEST` spreads it grows linearly: else the few values of which nothing was foreseen
    would make all spreads too large.

    Source:
        Huber, "Robust estimation of a location parameter", 1964.
    """
    u = tf.abs(tf.stop_gradient(known * (observed - proposal.mean)) / proposal.spread)
    near = tf.minimum(u, LARGEST)
    hidden = known * (1 - proposal.visible) * tf.ones_like(u)
    loss = hidden * tf.math.log(proposal.spread) + near * (u - near / 2)
    return tf.reduce_sum(_flat(loss), axis=1)


def _hidden(known, proposal):
    """Return how many values of a batch are hidden, and known to who learns."""
    return tf.reduce_sum(known * (1 - proposal.visible) * tf.ones_like(proposal.mean))


def _flat(x):
    return tf.reshape(x, [tf.shape(x)[0], -1])


# D2 -------------------------------------------------------------------------------------------


def _in_turn(number, u, known, proposal, observation):
    """Return what an update of D2 sees of the boxes: as many as it can, in turn.

    Returns:
        u: `(x - mean) / spread`, 0 where x is known.
        proposal: the `Proposal` of these.
        hide: function that keeps what is to be learned.
    """
    count = tf.shape(u)[0]
    share = tf.clip_by_value(DENOISED // tf.reduce_prod(tf.shape(u)[1:-1]), 1, count)
    rows = tf.math.floormod(number * share + tf.range(share), count)
    some, observation = partial(tf.gather, indices=rows), observation.rows(rows, u)
    known = some(known)
    return some(u), proposal.map(some), lambda x: known * observation.hide(x)


def _denoise(descriptor, u, proposal, hide, seed):
    """Learn to take noise out of u; return the misfit, of 1 at first."""
    reference, variables = descriptor.reference, descriptor.network.trainable_variables
    colouring = reference.colouring(tf.shape(u)[1:-1])
    with tf.GradientTape() as tape:
        loss, left, level = reference.denoising(
            _tilt(descriptor, proposal), colouring, hide, u, seed
        )
    descriptor.optimizer.apply_gradients(
        zip(tape.gradient(loss, variables), variables, strict=True)
    )
    reference.learn_levels(left, level)
    return loss
