"""The laws of every observation, as a class of tests to inherit.

class TestBlur(coopkeras.testing.ObservationConformance):
    observation = Blur(3)
    shape = (8, 8, 1)
"""

import json

import keras
import numpy as np
import tensorflow as tf

from coopkeras import seeds

ROWS = 3  # examples in a batch of an observation


class ObservationConformance:
    """Tests of one observation A: inherit it and give the attributes.

    Attributes:
        observation: an `Observation`.
        shape: shape of one x, of any rank.
        parameters: values for `bind` where they differ by example: `{name: [ROWS, ...]}`.
        tolerance: absolute and relative, of float32 arithmetic.

    Example:
        >>> class TestBlur(ObservationConformance):  # doctest: +SKIP
        ...     observation = Blur(3)
        ...     shape = (8, 8, 1)
    """

    observation: object
    shape: tuple
    parameters: dict = {}
    tolerance = 1e-4

    # The operator --------------------------------------------------------------------------

    def test_it_is_linear(self):
        """A (2 x - 3 y) = 2 A x - 3 A y; A plus a constant fails, as 2 - 3 is not 1."""
        A, x, seen = self._observed()
        y = self._random(1)
        self._assert_close(A(2 * x - 3 * y), 2 * seen - 3 * A(y))

    def test_the_adjoint_is_the_transpose(self):
        """<A x, s> = <x, A^T s>, for any s, seen or not."""
        A, x, seen = self._observed()
        s = seeds.normal(2, tf.shape(seen))
        self._assert_close(_inner(seen, s), _inner(x, A.adjoint(s)))

    def test_lift_is_the_pseudo_inverse(self):
        """A+ fulfils the four conditions of Moore and Penrose, and no other operator does."""
        A, x, seen = self._observed()
        y, s, t = self._random(1), *(seeds.normal(n, tf.shape(seen)) for n in (2, 3))
        lift = lambda seen: tf.broadcast_to(A.lift(seen), tf.shape(x))  # noqa: E731
        self._assert_close(A(lift(seen)), seen)
        self._assert_close(lift(A(lift(s))), lift(s))
        self._assert_close(_inner(A(lift(s)), t), _inner(s, A(lift(t))))
        self._assert_close(_inner(lift(seen), y), _inner(x, lift(A(y))))

    def test_the_projection_is_exact_and_idempotent(self):
        """The projection agrees with what is seen, and a point that agrees stays where it is."""
        A, x, seen = self._observed()
        projected = A.project(self._random(1), seen)
        self._assert_close(A(projected), seen)
        self._assert_close(A.project(projected, seen), projected)
        self._assert_close(A.project(x, seen), x)

    def test_the_projection_is_orthogonal(self):
        """The projection moves x at right angles to all that A does not see."""
        A, _, seen = self._observed()
        x, y = self._random(1), self._random(2)
        unseen = y - A.lift(A(y))
        self._assert_close(_inner(A.project(x, seen) - x, unseen), np.zeros(ROWS))

    def test_visible_is_a_share_of_each_value(self):
        """`visible` has shape `[batch, ..., 1]` and lies in [0, 1]."""
        A, x, _ = self._observed()
        visible = np.asarray(A.visible(x))
        assert visible.shape == (*x.shape[:-1], 1)
        assert visible.dtype == np.float32
        assert visible.min() >= 0
        assert visible.max() <= 1

    # Batches -------------------------------------------------------------------------------

    def test_a_row_is_the_same_alone(self):
        """What is seen of an example, and its projection, depend on no other example."""
        A, x, seen = self._observed()
        row, y = slice(1, 2), self._random(1)
        alone = self._bound(x, row)
        self._assert_close(alone(x[row]), seen[row])
        self._assert_close(alone.project(y[row], seen[row]), A.project(y, seen)[row])

    def test_rows_are_those_of_the_batch(self):
        """`rows` gives the observation of some examples, in any order."""
        A, x, seen = self._observed()
        numbers = tf.constant([2, 0, 2])
        some = A.rows(numbers, x)
        self._assert_close(some(tf.gather(x, numbers)), tf.gather(seen, numbers))

    def test_it_is_bound_to_its_parameters(self):
        """`bind` takes parameters and gives them back; what is bound shares a traced function."""
        A, x, seen = self._observed()
        for name, value in self.parameters.items():
            np.testing.assert_array_equal(A.parameters[name], value)
        self._assert_close(self.observation.bind(A.parameters)(x), seen)
        for bound in (A, self.observation.bind(x)):
            assert bound == self.observation
            assert bound.template is self.observation.template

    def test_it_works_in_a_graph_of_any_batch(self):
        """A function traced for an unknown number of examples does the same."""
        A, x, _ = self._observed()
        parameters = {name: tf.constant(value) for name, value in self.parameters.items()}
        batch = {"x": x, "y": self._random(1), **parameters}
        specs = {name: tf.TensorSpec([None, *v.shape[1:]], v.dtype) for name, v in batch.items()}

        @tf.function(input_signature=[specs])
        def run(batch):
            A = self.observation.bind({name: v for name, v in batch.items() if name != "y"})
            return A.project(batch["y"], A(batch["x"])), A.visible(batch["x"])

        projected, visible = run(batch)
        assert run.get_concrete_function().output_shapes[0][1:] == self.shape
        self._assert_close(projected, A.project(batch["y"], A(x)))
        self._assert_close(visible, A.visible(x))

    # Keras ---------------------------------------------------------------------------------

    def test_the_config_makes_it_again(self):
        """It is registered with Keras, and what JSON holds of it makes it again."""
        A, (_, x, _) = self.observation, self._observed()
        name = keras.saving.get_registered_name(type(A))
        assert keras.saving.get_registered_object(name) is type(A), "it should be registered"
        text = json.dumps(keras.saving.serialize_keras_object(A))
        again = keras.saving.deserialize_keras_object(json.loads(text))
        for other in (again, type(A).from_config(A.get_config())):
            assert type(other) is type(A)
            assert other.get_config() == A.get_config()
            assert np.array_equal(other(x), A(x))

    def test_equal_ones_share_a_template(self):
        """Two of one config are equal, with one hash and one template, that of all of them."""
        self._observed()  # one may learn its shape from the first x
        kind, config = type(self.observation), self.observation.get_config()
        one, other = kind.from_config(config), kind.from_config(config)
        assert one == other
        assert hash(one) == hash(other)
        assert one.template is other.template
        assert self.observation.template is self.observation.template
        assert one != object()

    def _random(self, seed):
        return seeds.normal(seed, [ROWS, *self.shape])

    def _bound(self, x, rows=slice(None)):
        parameters = {name: value[rows] for name, value in self.parameters.items()}
        return self.observation.bind({"x": x[rows], **parameters})

    def _observed(self):
        """Return the bound observation, x and A x."""
        x = self._random(0)
        A = self._bound(x)
        return A, x, A(x)

    def _assert_close(self, one, other):
        one, other = np.broadcast_arrays(one, other)
        np.testing.assert_allclose(one, other, rtol=self.tolerance, atol=self.tolerance)


def _inner(x, y):
    """Return the inner product of each row, in float64."""
    x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    return np.sum(x * y, axis=tuple(range(1, x.ndim)))
