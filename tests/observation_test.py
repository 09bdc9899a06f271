"""Observations obey their laws; then what each kind does besides, by its matrix where it helps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import seeds, testing
from coopkeras.langevin import langevin
from coopkeras.observation import Downsample, Mask, Nothing, Observation, Projection

SOME = np.random.default_rng(0).random((6, 6, 1)) < 0.4


def some(shape, n=3, seed=0):
    return seeds.normal(seed, [n, *shape])


def matrix(observation, shape):
    """Return A, `[values seen, values of x]`, from what it does to the unit vectors."""
    size = int(np.prod(shape))
    units = tf.reshape(tf.eye(size), [size, *shape])
    return observation(units).numpy().reshape(size, -1).astype("float64").T


def flat(x):
    return np.reshape(x, [len(x), -1]).astype("float64")


def assert_close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


class Laws(testing.ObservationConformance):
    """The laws, and one that holds for the observations of this library."""

    def test_visible_is_the_diagonal_of_the_projection(self):
        A = matrix(self.observation, self.shape)
        diagonal = self.shares(np.linalg.pinv(A) @ A).reshape(self.shape)[..., :1]
        visible = self.observation.visible(some(self.shape)).numpy()
        assert_close(visible, np.broadcast_to(diagonal, visible.shape))

    def shares(self, projection):
        return np.diag(projection)


class TestNothing(Laws):
    """Unconditional."""

    observation, shape = Nothing(), (4, 6, 2)


class TestMask(Laws):
    """Of one channel."""

    observation, shape = Mask(SOME), (6, 6, 1)


class TestMaskOfColours(Laws):
    """Of three channels that are known together."""

    observation, shape = Mask(SOME), (6, 6, 3)


class TestMaskOfChannels(Laws):
    """Of vectors: some entries are known."""

    observation, shape = Mask([[True, False, True]]), (3,)


class TestMaskOfEachExample(testing.ObservationConformance):
    """Bound to a hole for each example."""

    observation, shape = Mask(), (5, 4, 2)
    parameters = {"visible": np.random.default_rng(1).random((testing.ROWS, 5, 4, 1)) < 0.4}


class TestEverything(Laws):
    """All is known."""

    observation, shape = Mask(), (5,)


class TestHalf(Laws):
    """Images."""

    observation, shape = Downsample(2), (4, 6, 2)


class TestThird(Laws):
    """Images, by an odd factor."""

    observation, shape = Downsample(3), (6, 6, 1)


class TestHalfOfASound(Laws):
    """Sounds."""

    observation, shape = Downsample(2), (8, 1)


class TestHalfOfAClip(Laws):
    """Clips."""

    observation, shape = Downsample(2), (2, 2, 4, 1)


class TestProjection(Laws):
    """It learns its shape from the first x."""

    observation, shape = Projection(7, seed=3), (4, 4, 1)

    def shares(self, projection):
        """Return the mean: what is known is known on average over the places."""
        return np.full(len(projection), np.trace(projection) / len(projection))


class TestWholeProjection(TestProjection):
    """As many projections as values, of a shape that is given."""

    observation, shape = Projection(4, seed=3, shape=(4,)), (4,)


# The laws bite ------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("observation_test")
class Doubled(Downsample):
    """The lift is twice as large as it should be."""

    def lift(self, seen):
        return 2 * super().lift(seen)


@keras.saving.register_keras_serializable("observation_test")
class Transposed(Downsample):
    """The adjoint stands in for the lift."""

    def adjoint(self, seen):
        return Downsample.lift(self, seen) / self.factor ** len(self._axes(seen))

    def lift(self, seen):
        return self.adjoint(seen)


@keras.saving.register_keras_serializable("observation_test")
class Cornered(Downsample):
    """The lift is a right inverse, but not the smallest: all goes to one corner of a block."""

    def lift(self, seen):
        lifted = super().lift(seen)
        return tf.where(self._corners(lifted), self.factor**2 * lifted, 0.0)

    def _corners(self, x):
        rows, columns = (tf.range(side) % self.factor == 0 for side in x.shape[1:3])
        return (rows[:, None] & columns)[..., None]


@keras.saving.register_keras_serializable("observation_test")
class Shifted(Mask):
    """Not linear: what is hidden is 1."""

    def __call__(self, x):
        return tf.where(self._visible, x, tf.ones_like(x))


@keras.saving.register_keras_serializable("observation_test")
class Centred(Mask):
    """Not of its own example alone: the mean of the batch is taken off."""

    def __call__(self, x):
        return super().__call__(x - tf.reduce_mean(x, axis=0))


@keras.saving.register_keras_serializable("observation_test")
class Forgetful(Downsample):
    """The config leaves out the factor, and so does equality."""

    def get_config(self):
        return {"factor": 1}

    def _signature(self):
        return (object(),)


class Unregistered(Mask):
    """Keras does not know it."""


@keras.saving.register_keras_serializable("observation_test")
class Certain(Mask):
    """What is known is counted twice."""

    def visible(self, x):
        return 2 * super().visible(x)


@keras.saving.register_keras_serializable("observation_test")
class Unbound(Mask):
    """It ignores the parameters of the batch."""

    def bind(self, batch):
        return self


def hold(observation, law, **given):
    """Hold one observation to one law."""
    laws = testing.ObservationConformance()
    laws.observation, laws.shape, laws.parameters = observation, (6, 6, 1), given
    getattr(laws, f"test_{law}")()


LIFT = "lift_is_the_pseudo_inverse"


@pytest.mark.parametrize(
    ("observation", "law"),
    [
        (Doubled(2), LIFT),
        (Transposed(2), LIFT),
        (Cornered(2), LIFT),
        (Doubled(2), "the_projection_is_exact_and_idempotent"),
        (Transposed(2), "the_projection_is_exact_and_idempotent"),
        (Cornered(2), "the_projection_is_orthogonal"),
        (Doubled(2), "the_adjoint_is_the_transpose"),
        (Shifted(SOME), "it_is_linear"),
        (Centred(SOME), "a_row_is_the_same_alone"),
        (Forgetful(2), "the_config_makes_it_again"),
        (Forgetful(2), "equal_ones_share_a_template"),
        (Unregistered(SOME), "the_config_makes_it_again"),
        (Certain(SOME), "visible_is_a_share_of_each_value"),
    ],
)
def test_a_broken_observation_is_caught(observation, law):
    hold(Downsample(2), law)
    hold(Mask(SOME), law)
    with pytest.raises((AssertionError, tf.errors.InvalidArgumentError)):
        hold(observation, law)


def test_parameters_that_are_ignored_are_caught():
    visible = SOME[None] & np.ones([testing.ROWS, 1, 1, 1], bool)
    hold(Mask(), "it_is_bound_to_its_parameters", visible=visible)
    with pytest.raises(AssertionError):
        hold(Unbound(), "it_is_bound_to_its_parameters", visible=visible)


# Each kind ----------------------------------------------------------------------------------


def test_a_mask_gives_known_values_back_bit_for_bit_and_touches_no_other():
    x, y = some((6, 6, 1)), some((6, 6, 1), seed=1)
    projected = Mask(SOME).project(x, Mask(SOME)(y)).numpy()
    assert np.array_equal(projected, np.where(SOME, y, x))
    assert np.array_equal(Mask(SOME).project(projected, Mask(SOME)(y)), projected)


def test_what_a_mask_hides_may_be_anything():
    y = np.where(SOME, some((6, 6, 1)), np.nan)
    assert np.isfinite(Mask(SOME).project(some((6, 6, 1), seed=1), Mask(SOME)(y))).all()


def test_a_mask_is_bound_to_the_visible_of_its_batch_and_others_to_nothing():
    batch = {"x": some((6, 6, 1)), "visible": tf.constant(SOME[None] & [True])}
    assert np.array_equal(Mask().bind(batch)(batch["x"]), Mask(SOME)(batch["x"]))
    mask = Mask(SOME)
    assert mask.bind(batch["x"]) is mask
    assert mask.bind({"x": batch["x"]}) is mask
    half = Downsample(2)
    assert half.bind(batch) is half


def test_bind_takes_parameters():
    mask = Mask(SOME)
    again = Mask().bind(mask.parameters)
    assert np.array_equal(again(some((6, 6, 1))), mask(some((6, 6, 1))))
    assert Downsample(2).parameters == Nothing().parameters == Projection(2).parameters == {}


def test_downsample_is_the_mean_of_blocks():
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    assert Downsample(2)(x)[0, ..., 0].numpy().tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert Downsample(2)(tf.zeros([1, 8, 6, 2])).shape == (1, 4, 3, 2)


def test_confined_is_the_nearest_point_of_the_range_that_agrees():
    half = Downsample(2)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 6, 4, 1)).astype("float32")
    seen = half(rng.uniform(-1, 1, x.shape).astype("float32"))
    confined = half.confine(x, seen)
    assert np.abs(confined).max() <= 1
    assert_close(half(confined), seen, 1e-6)
    assert_close(half.confine(confined, seen), confined, 1e-5)
    for number in range(20):  # no other such point is nearer
        other = half.confine(some((6, 4, 1), seed=number)[:1], seen[:1])
        between = confined[:1] + 0.1 * (other - confined[:1])
        assert np.square(between - x[:1]).sum() >= np.square(confined[:1] - x[:1]).sum() - 1e-5
    inside = half.project(0.1 * x, seen * 0.1)
    assert_close(half.confine(0.1 * x, seen * 0.1), inside, 1e-5)


def test_confining_reaches_black_and_white():
    seen = tf.constant([[[-1.0], [1.0], [0.0]]])
    confined = Downsample(2).confine(100 * seeds.normal(0, [1, 6, 1]), seen)
    assert_close(confined[0, :4, 0], [-1, -1, 1, 1], 1e-5)
    assert_close(Downsample(2)(confined), seen, 1e-5)


def test_projections_are_of_their_seed():
    x = some((4, 4, 1))
    assert np.array_equal(Projection(3, seed=1)(x), Projection(3, seed=1)(x))
    assert not np.array_equal(Projection(3, seed=1)(x), Projection(3, seed=2)(x))
    entries = matrix(Projection(100, seed=0), (10, 10, 1))
    assert entries.var() == pytest.approx(1 / 100, rel=4 * np.sqrt(2 / 10000))


def test_observations_that_differ_in_parameters_alone_share_a_template():
    assert Mask(SOME) == Mask(~SOME)
    assert Mask(SOME).template is Mask(~SOME).template
    assert Downsample(2).template is Downsample(2).template
    assert Downsample(2) != Downsample(3)
    assert Downsample(2).template is not Downsample(3).template
    assert Nothing() != Mask()
    assert Projection(2, shape=(4,)) == Projection(2, shape=(4,))
    assert Projection(2, shape=(4,)) != Projection(2, seed=1, shape=(4,))
    assert len({Mask(), Mask(SOME), Nothing(), Nothing(), Downsample(2)}) == 3


def test_a_projection_keeps_hash_and_template_after_it_met_its_first_x():
    projection = Projection(2, seed=77)
    before = hash(projection)
    assert projection.template is projection
    projection(tf.zeros([1, 4]))
    assert hash(projection) == before
    assert projection.template is projection
    assert Projection(2, seed=77).template is not projection
    known = Projection(2, seed=77, shape=(4,))
    assert Projection(2, seed=77, shape=(4,)).template is known.template


@pytest.mark.parametrize("factor", [0, -1, 1.5])
def test_a_factor_is_a_whole_number(factor):
    with pytest.raises(ValueError, match="`factor` should be an integer of at least 1"):
        Downsample(factor)


def test_sides_are_multiples_of_the_factor():
    with pytest.raises(ValueError, match=r"multiples of factor=2.*Crop or pad"):
        Downsample(2)(tf.zeros([1, 5, 4, 1]))


@pytest.mark.parametrize("size", [0, 5])
def test_there_are_no_more_projections_than_values(size):
    with pytest.raises(ValueError, match="`size` should be between 1 and the 4 values"):
        Projection(size)(tf.zeros([1, 4]))


def test_a_projection_needs_a_shape_before_it_is_inverted():
    with pytest.raises(ValueError, match="observe an x first, or give shape="):
        Projection(2).lift(tf.zeros([1, 2]))


def test_an_observation_says_all_of_it():
    with pytest.raises(TypeError, match="abstract"):
        Observation()


# Projected Langevin dynamics ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("observation", "shape"),
    [
        (Downsample(2), (2, 2, 1)),
        (Projection(2, seed=1), (5,)),
        (Mask([[True, False, False, True]]), (4,)),
    ],
)
def test_projected_langevin_dynamics_is_that_of_the_conditional_gaussian(observation, shape):
    size, d, n = int(np.prod(shape)), 0.8, 60000
    root = np.random.default_rng(0).normal(size=(size, size))
    precision = np.eye(size) + root @ root.T / size
    tensor = tf.constant(precision, tf.float32)

    def energy(x):
        x = tf.reshape(x, [-1, size])
        return 0.5 * tf.reduce_sum(x * (x @ tensor), axis=1)

    one = some(shape, n=1, seed=4)
    seen = tf.repeat(observation(one), n, axis=0)
    project = lambda x: observation.project(x, seen)  # noqa: E731
    start = tf.zeros([n, *shape])
    run = tf.function(langevin)
    x = flat(run(energy, start, steps=60, step_size=d, seed=0, project=project))

    A = matrix(observation, shape)
    free = np.linalg.svd(A)[2][np.linalg.matrix_rank(A) :].T  # a basis of what is not seen
    known = np.linalg.pinv(A) @ A @ flat(one)[0]
    inner = free.T @ precision @ free
    mean = known - free @ np.linalg.solve(inner, free.T @ precision @ known)
    covariance = free @ np.linalg.inv(inner - d**2 / 4 * inner @ inner) @ free.T
    largest = np.linalg.eigvalsh(covariance)[-1]
    assert_close(x.mean(0), mean, 4 * np.sqrt(largest / n))
    assert_close(np.cov(x.T), covariance, 5 * np.sqrt(2 / n) * largest)
    assert_close(A @ x.T, np.tile(A @ flat(one).T, n), 1e-4)
