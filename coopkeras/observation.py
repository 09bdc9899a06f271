"""What is seen of x: linear operators with an exact orthogonal projection.

    seen = A x
    project(x, seen) = x + A+ (seen - A x)        the nearest point to x that agrees with seen

A+ is the pseudo-inverse. Because the projection is orthogonal, Langevin dynamics projected
after each update is exactly Langevin dynamics on p(x | A x = seen).
"""

import abc

import keras
import numpy as np
import tensorflow as tf

from coopkeras.boxes import Boxes, Focus

_TEMPLATES = {}


class Observation(abc.ABC):
    """A linear operator A that says what is seen of a batch x, `[batch, ..., channels]`.

    A subclass gives `__call__`, `adjoint`, `lift` and `visible`; the projection follows.
    """

    @abc.abstractmethod
    def __call__(self, x):
        """Return `seen = A x`."""

    @abc.abstractmethod
    def adjoint(self, seen):
        """Return `A^T seen`, shaped like x: <A x, seen> = <x, A^T seen>."""

    @abc.abstractmethod
    def lift(self, seen):
        """Return `A+ seen`, what is seen shaped like x: the smallest x that gives `seen`."""

    @abc.abstractmethod
    def visible(self, x):
        """Return the share of each value of x that is known, `[batch, ..., 1]` in [0, 1]."""

    @abc.abstractmethod
    def get_config(self):
        """Return the arguments that make this observation again."""

    def project(self, x, seen):
        """Return the point nearest to `x` that agrees with `seen`.

        Args:
            x: `[batch, ...]`.
            seen: what `self(x_true)` returned.

        Returns:
            x: `[batch, ...]` with `self(x) = seen`; idempotent.
        """
        return x + self.lift(seen - self(x))

    def hide(self, x):
        """Return the part of `x` that is not seen: `x - A+ A x`, whose A is 0.

        Args:
            x: `[batch, ...]`.

        Returns:
            hidden: `[batch, ...]`; of a `Mask` x with zeros where it is known.
        """
        return self.project(x, tf.zeros_like(self(x)))

    def even(self, x):
        """Return `x` made the same over values that A mixes, so that `A (even(x) hide(u)) = 0`.

        By default one value an example, which suits every linear A.

        Args:
            x: `[batch, ...]`, such as the spread of a proposal.

        Returns:
            even: like `x`.
        """
        mean = tf.reduce_mean(x, axis=range(1, len(x.shape)), keepdims=True)
        return tf.broadcast_to(mean, tf.shape(x))

    def focus(self, x, sides=None):
        """Return the `Focus` on what is hidden of x; by default all of x.

        Args:
            x: any tensor shaped like the examples, `[batch, ..., channels]`.
            sides: of the boxes, an int32 tensor, 0 for all of a side; None is as large as the
                batch needs.
        """
        del sides
        shape = tf.shape(x)
        return Focus(tf.identity, tf.identity, self, shape[1:-1], tf.fill(shape[:1], True))

    def bind(self, batch):
        """Return the observation of this batch: itself, unless its parameters are per example.

        Args:
            batch: a tensor x or a dict `{x[, index][, visible][, label]}`.

        Returns:
            observation: an `Observation`.
        """
        del batch
        return self

    def rows(self, rows, like):
        """Return the observation of some rows of a batch.

        Args:
            rows: int32 `[n]`.
            like: any tensor shaped like the batch.

        Returns:
            observation: an `Observation` of these n examples.
        """
        del like
        return self.bind({name: tf.gather(one, rows) for name, one in self.parameters.items()})

    @property
    def parameters(self):
        """Return the tensors that may differ by batch, as a dict that `bind` takes."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Make the observation that `get_config` described."""
        return cls(**config)

    @property
    def template(self):
        """Return the first observation equal to this one: a stable key of traced functions."""
        return _TEMPLATES.setdefault(self, self)

    def __eq__(self, other):
        """Say whether the two differ in nothing but `parameters`: one traced graph does both."""
        return type(self) is type(other) and self._signature() == other._signature()

    def __hash__(self):
        return hash((type(self), self._signature()))

    def _signature(self):
        return ()


@keras.saving.register_keras_serializable("coopkeras")
class Nothing(Observation):
    """Nothing is seen: conditional becomes unconditional.

    Example:
        >>> Nothing().project(tf.ones([1, 2, 2, 1]), ()).shape.as_list()
        [1, 2, 2, 1]
    """

    def __call__(self, x):
        return tf.zeros([tf.shape(x)[0], 0])

    def adjoint(self, seen):
        """Return the scalar 0, which broadcasts to any x."""
        return tf.zeros([])

    lift = adjoint

    def project(self, x, seen):
        """Return `x`."""
        del seen
        return x

    hide = even = staticmethod(tf.identity)

    def visible(self, x):
        """Return zeros."""
        return tf.zeros_like(x[..., :1])

    def get_config(self):
        """Return no arguments."""
        return {}


@keras.saving.register_keras_serializable("coopkeras")
class Mask(Observation):
    """Some values are seen, the others are not: `seen = where(visible, x, 0)`.

    Args:
        visible: bool, broadcast against x `[batch, ..., channels]`; True = known. `Mask()`
            sees everything, and takes a batch's own `visible` when bound to it.

    Example:
        >>> x = tf.constant([[1.0], [2.0]])
        >>> Mask([[True], [False]]).project(tf.zeros([2, 1]), x).numpy().tolist()
        [[1.0], [0.0]]
    """

    def __init__(self, visible=True):
        self._visible = tf.cast(visible, tf.bool)

    def __call__(self, x):
        return tf.where(self._visible, x, tf.zeros_like(x))

    def adjoint(self, seen):
        """Return `seen` with zeros where nothing is known."""
        return self(seen)

    lift = adjoint

    def project(self, x, seen):
        """Return `x` with the known values of `seen`, bit for bit."""
        return tf.where(self._visible, seen, x)

    def even(self, x):
        """Return `x`: a mask mixes nothing."""
        return x

    def focus(self, x, sides=None):
        """Return the `Focus` on boxes around what is hidden."""
        visible = tf.broadcast_to(self._visible, tf.concat([tf.shape(x)[:-1], [1]], 0))
        boxes = Boxes(visible, sides)
        return Focus(boxes.cut, boxes.paste, Mask(boxes.cut(visible)), boxes.sides, boxes.fits)

    def visible(self, x):
        """Return 1 where x is known, 0 where it is not."""
        visible = tf.cast(tf.broadcast_to(self._visible, tf.shape(x)), tf.float32)
        return tf.ensure_shape(visible[..., :1], [*x.shape[:-1], 1])

    def bind(self, batch):
        """Return the mask of this batch's `visible`, or itself if the batch has none.

        What a batch says is not `known` is not visible either.
        """
        if not isinstance(batch, dict) or "visible" not in batch:
            return self
        visible = tf.cast(batch["visible"], tf.bool)
        return Mask(visible & tf.cast(batch["known"], tf.bool) if "known" in batch else visible)

    def rows(self, rows, like):
        """Return the mask of some rows of a batch."""
        channels = list(self._visible.shape[-1:]) or [1]
        visible = tf.broadcast_to(self._visible, tf.concat([tf.shape(like)[:-1], channels], 0))
        return Mask(tf.gather(visible, rows))

    @property
    def parameters(self):
        """Return `visible`, bool."""
        return {"visible": self._visible}

    def get_config(self):
        """Return `visible` as nested lists."""
        return {"visible": self._visible.numpy().tolist()}


@keras.saving.register_keras_serializable("coopkeras")
class Downsample(Observation):
    """A low-resolution image is seen: means over blocks of `factor` by `factor` pixels.

    Args:
        factor: int >= 1; height and width (for sound time, for video height and width and
            time) should be multiples of it.

    Example:
        >>> Downsample(2)(tf.ones([1, 4, 4, 3])).shape.as_list()
        [1, 2, 2, 3]
    """

    def __init__(self, factor):
        if factor < 1 or factor != int(factor):
            raise ValueError(f"`factor` should be an integer of at least 1; received {factor}.")
        self.factor = int(factor)

    def __call__(self, x):
        x = tf.convert_to_tensor(x)
        for axis in self._axes(x):
            if x.shape[axis] is not None and x.shape[axis] % self.factor:
                raise ValueError(
                    f"`x` should have sides that are multiples of factor={self.factor}; "
                    f"received shape {x.shape}. Crop or pad it first."
                )
            x = tf.reduce_mean(self._split(x, axis), axis=axis + 1)
        return x

    def adjoint(self, seen):
        """Return `seen` spread evenly over its blocks: `A^T seen = lift(seen) / block`."""
        return self.lift(seen) / self.factor ** len(self._axes(seen))

    def lift(self, seen):
        """Return `seen` repeated over its blocks."""
        for axis in self._axes(seen):
            seen = tf.repeat(seen, self.factor, axis=axis)
        return seen

    def even(self, x):
        """Return the mean of `x` over each block."""
        return self.lift(self(x))

    def confine(self, x, seen, low=-1.0, high=1.0):
        """Return the point of [low, high] nearest to `x` that agrees with `seen`.

            confine(x, seen) = clip(x + c)      one c a block, so that its mean is right

        Clipping alone would change what is seen, and `project` alone may leave the range.

        Args:
            x: `[batch, ...]`.
            seen: what `self(x_true)` returned, in [low, high].
            low: float, the smallest value.
            high: float, the largest value.

        Returns:
            x: `[batch, ...]` in [low, high] with `self(x) = seen`, to float32's precision.

        Example:
            >>> x = tf.constant([[[3.0], [-0.5]]])
            >>> Downsample(2).confine(x, tf.constant([[[0.75]]])).numpy().round(4).tolist()
            [[[1.0], [0.5]]]
        """
        x, seen = tf.convert_to_tensor(x), tf.convert_to_tensor(seen)
        blocks = self._to_blocks(x)
        blocks += (seen - tf.reduce_mean(blocks, axis=-1))[..., None]
        outside = tf.reduce_any((blocks < low) | (blocks > high), axis=-1)  # a few, as a rule
        moved = _shift_and_clip(blocks[outside], seen[outside], low, high)
        blocks = tf.tensor_scatter_nd_update(blocks, tf.where(outside), moved)
        return tf.ensure_shape(self._from_blocks(blocks), x.shape)

    def visible(self, x):
        """Return one over the number of values in a block."""
        return tf.ones_like(x[..., :1]) / self.factor ** len(self._axes(x))

    def get_config(self):
        """Return `factor`."""
        return {"factor": self.factor}

    def _signature(self):
        return (self.factor,)

    @staticmethod
    def _axes(x):
        return range(1, len(x.shape) - 1)

    def _to_blocks(self, x):
        """Return the values of each block along a last axis, `[*shape of seen, block]`."""
        rank = len(x.shape)
        for axis in reversed(self._axes(x)):
            x = self._split(x, axis)
        inner = [axis + 1 for axis in range(1, 2 * rank - 4, 2)]
        outer = [axis for axis in range(len(x.shape)) if axis not in inner]
        x = tf.transpose(x, outer + inner)
        return tf.reshape(x, tf.concat([tf.shape(x)[:rank], [-1]], axis=0))

    def _from_blocks(self, blocks):
        """Undo `_to_blocks`."""
        rank = len(blocks.shape) - 1
        shape = tf.shape(blocks)[:rank]
        x = tf.reshape(blocks, tf.concat([shape, [self.factor] * (rank - 2)], axis=0))
        order = [0] + [axis for pair in range(1, rank - 1) for axis in (pair, rank + pair - 1)]
        x = tf.transpose(x, [*order, rank - 1])
        sides = self.factor * shape[1:-1]
        return tf.reshape(x, tf.concat([shape[:1], sides, shape[-1:]], axis=0))

    def _split(self, x, axis):
        shape = tf.shape(x)
        blocks = [shape[axis] // self.factor, self.factor]
        static = x.shape.as_list()
        side = None if static[axis] is None else static[axis] // self.factor
        split = tf.reshape(x, tf.concat([shape[:axis], blocks, shape[axis + 1 :]], axis=0))
        return tf.ensure_shape(split, [*static[:axis], side, self.factor, *static[axis + 1 :]])


def _shift_and_clip(blocks, means, low, high):
    """Return `clip(blocks + c)`, c of each block such that its mean is right, by bisection."""
    reach = tf.reduce_max(tf.abs(blocks), axis=-1) + max(abs(low), abs(high))

    def moved(by):
        return tf.clip_by_value(blocks + by[:, None], low, high)

    def halve(step, below, above):
        middle = (below + above) / 2
        short = tf.reduce_mean(moved(middle), axis=-1) < means
        return step + 1, tf.where(short, middle, below), tf.where(short, above, middle)

    _, below, above = tf.while_loop(lambda step, *_: step < 24, halve, (0, -reach, reach))
    return moved((below + above) / 2)


@keras.saving.register_keras_serializable("coopkeras")
class Projection(Observation):
    """Random projections are seen: `seen = S x`, the entries of S normal with variance 1/d.

    Args:
        size: number of projections, `1 <= size <= d`, d the number of values of an example.
        seed: int; the same seed gives the same S.
        shape: shape of one example; by default that of the first x observed.

    Example:
        >>> Projection(3, seed=0)(tf.ones([2, 4, 4, 1])).shape.as_list()
        [2, 3]

    Source:
        Han, Lu, Zhu, Wu, "Alternating back-propagation for generator network", AAAI 2017,
        section on learning from indirect data.
    """

    def __init__(self, size, seed=0, shape=None):
        self.size, self.seed, self.shape = int(size), int(seed), shape and tuple(shape)
        # One that learns its shape from the first x equals none but itself: a hash must stay.
        self._identity = (self.size, self.seed, self.shape or id(self))
        self._matrices = None

    def __call__(self, x):
        self.shape = self.shape or tuple(x.shape[1:])
        matrix, _ = self._build()
        return tf.linalg.matmul(tf.reshape(x, [-1, matrix.shape[1]]), matrix, transpose_b=True)

    def adjoint(self, seen):
        """Return `S^T seen`."""
        matrix, _ = self._build()
        return tf.reshape(tf.linalg.matmul(seen, matrix), [-1, *self.shape])

    def lift(self, seen):
        """Return `S^T (S S^T)^-1 seen`."""
        _, inverse = self._build()
        return tf.reshape(tf.linalg.matmul(seen, inverse, transpose_b=True), [-1, *self.shape])

    def visible(self, x):
        """Return the share of the dimensions that is seen, everywhere the same."""
        return tf.ones_like(x[..., :1]) * (self.size / self._dimensions())

    def get_config(self):
        """Return `size`, `seed` and `shape`."""
        return {"size": self.size, "seed": self.seed, "shape": self.shape}

    def _signature(self):
        return self._identity

    def _dimensions(self):
        if self.shape is None:
            raise ValueError(
                "`shape` of Projection is not known yet: observe an x first, or give shape=."
            )
        return int(np.prod(self.shape))

    def _build(self):
        """Make S and its pseudo-inverse once, in float64."""
        if self._matrices is None:
            dimensions = self._dimensions()
            if not 1 <= self.size <= dimensions:
                raise ValueError(
                    f"`size` should be between 1 and the {dimensions} values of an example; "
                    f"received {self.size}."
                )
            random = np.random.default_rng(self.seed)
            matrix = random.normal(size=(self.size, dimensions)) / np.sqrt(dimensions)
            inverse = np.linalg.solve(matrix @ matrix.T, matrix).T
            self._matrices = matrix.astype("float32"), inverse.astype("float32")
        return self._matrices
