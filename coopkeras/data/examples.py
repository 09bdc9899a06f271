"""Examples that can be found again: random access, and endless batches in a seeded order.

    batch t = the examples at places t b ... t b + b - 1 of the endless order of (seed, epoch)

Batch number t is a pure function of (seed, t): a stream resumes anywhere, bit for bit.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from coopkeras import seeds as seeds_lib
from coopkeras.data import stores
from coopkeras.errors import UserError
from coopkeras.images.files import from_levels

_GATHERED = 256  # examples that `array` gathers at a time


class Examples:
    """A fixed number of examples with random access.

    Args:
        store: a `coopkeras.data.stores.Store`; `Examples.of(array)` makes one from an array.
        rows: int64 `[n]`, which examples of the store; all by default.
        names: names of the labels.
        functions: what `map` has added.

    Example:
        >>> examples = Examples.of(np.zeros([10, 8, 8, 1], np.float32))
        >>> batch = next(iter(examples.batches(4, seed=0)))
        >>> batch["x"].shape.as_list(), batch["index"].shape.as_list()
        ([4, 8, 8, 1], [4])
    """

    def __init__(self, store, rows=None, names=(), functions=()):
        self._store = store
        self._rows = rows
        self._functions = tuple(functions)
        self.names = tuple(names)
        self.shape = store.shape

    @classmethod
    def of(cls, array, labels=None, names=()):
        """Make examples from an array in memory.

        Args:
            array: `[n, ...]`, float32 in [-1, 1] or uint8.
            labels: integers `[n]`, or None.
            names: names of the labels.

        Returns:
            examples: an `Examples`.
        """
        array = np.asarray(array)
        with tf.device("CPU:0"):
            data = tf.constant(array if array.dtype == np.uint8 else array.astype(np.float32))
            labels = None if labels is None else tf.constant(np.asarray(labels, np.int32))

        def fetch(indices):
            batch = {"x": tf.gather(data, indices)}
            return batch if labels is None else batch | {"label": tf.gather(labels, indices)}

        return cls(stores.Store(len(array), array.shape[1:], fetch), names=names)

    def __len__(self):
        return self._store.count if self._rows is None else len(self._rows)

    def gather(self, indices):
        """Return examples by their index, without the functions added by `map`.

        Args:
            indices: integers `[b]`, `0 <= index < len(examples)`.

        Returns:
            batch: dict `{"x": float32 [b, h, w, c] in [-1, 1], "index": int64 [b]}`, and
                `"label": int32 [b]` if there are labels, `"known": bool [b, h, w, 1]` if a part of
                x is not known.
        """
        indices = tf.cast(indices, tf.int64)
        rows = indices if self._rows is None else tf.gather(self._rows, indices)
        batch = self._store.fetch(rows)
        x = batch["x"]
        if x.dtype == tf.uint8:
            x = from_levels(tf.cast(x, tf.float32))
        return batch | {"x": tf.ensure_shape(x, [None, *self.shape]), "index": indices}

    def map(self, function):
        """Add a function that every batch of `batches` passes through, fresh each epoch.

        Args:
            function: (batch: dict, seeds: int32 `[b, 2]`) -> dict, in TensorFlow operations;
                seeds = fold(fold(seed, epoch), index): one a row, another one each epoch. A
                second function gets them folded with 1, a third with 2.

        Returns:
            examples: an `Examples`; this one is unchanged.
        """
        return Examples(self._store, self._rows, self.names, (*self._functions, function))

    def mirror(self):
        """Add the left-right mirror image of every image or clip, as an example of its own.

        It comes `len(self)` further in the index: what is kept for an example, a z for one, is
        not shared with its mirror image.

        Returns:
            examples: an `Examples` of `2 len(self)`; this one is unchanged.
        """
        count = self._store.count

        def fetch(rows):
            batch = self._store.fetch(rows % count)
            for name in ("x", "known") if "known" in batch else ("x",):
                x = batch[name]
                mirrored = tf.reverse(x, [x.shape.rank - 2])
                chosen = tf.reshape(rows >= count, [-1] + [1] * (x.shape.rank - 1))
                batch |= {name: tf.where(chosen, mirrored, x)}
            return batch

        rows = self._rows
        if rows is not None:
            with tf.device("CPU:0"):
                rows = tf.concat([rows, rows + count], axis=0)
        store = stores.Store(2 * count, self.shape, fetch)
        return Examples(store, rows, self.names, self._functions)

    def take(self, count, seed=0):
        """Choose examples at random, once and for all.

        Args:
            count: int; all examples are taken if there are no more.
            seed: int.

        Returns:
            examples: an `Examples` of `min(count, len(self))`, in the order of this one, with
                indices of their own from 0.
        """
        n = len(self)
        if count >= n:
            return self
        places = tf.range(count, dtype=tf.int64)
        chosen = tf.sort(_shuffled(places, tf.tile(seeds_lib.as_seed(seed)[None], [count, 1]), n))
        with tf.device("CPU:0"):
            rows = chosen if self._rows is None else tf.gather(self._rows, chosen)
        return Examples(self._store, rows, self.names, self._functions)

    def array(self, limit=None):
        """Return x as one array, in the order of the index, without functions of `map`.

        Args:
            limit: int, at most so many examples.

        Returns:
            x: float32 `[n, h, w, c]` in [-1, 1]; of clips `[n, t, h, w, c]`.
        """
        n = len(self) if limit is None else min(limit, len(self))
        x = np.empty([n, *self.shape], np.float32)
        for start in range(0, n, _GATHERED):
            stop = min(start + _GATHERED, n)
            x[start:stop] = self.gather(tf.range(start, stop, dtype=tf.int64))["x"]
        return x

    def batches(self, batch_size, *, seed=0, first_step=0, steps=None):
        """Return an endless stream of full batches, each epoch in another random order.

        Args:
            batch_size: int.
            seed: int or int32 `[2]`.
            first_step: int; the stream starts with this batch of the unbroken one.
            steps: int, the number of batches; endless by default.

        Returns:
            dataset: a `tf.data.Dataset` of dicts as `gather` and `map` make them. A batch may
                hold the end of one epoch and the start of the next.

        Raises:
            UserError: if there are no examples.
        """
        if not len(self):
            raise UserError("There are no examples to make batches of. Check held_out=.")
        seed = seeds_lib.as_seed(seed)
        dataset = tf.data.Dataset.counter(first_step)
        dataset = dataset if steps is None else dataset.take(steps)
        dataset = dataset.map(
            lambda step: self._batch(step, batch_size, seed),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return _prefetched(dataset)

    def epoch(self, batch_size, *, shuffle=True, seed=0):
        """Return each example once: a finite dataset, in another order at each iteration.

        Args:
            batch_size: int; the last batch may be smaller.
            shuffle: False keeps the order of the index.
            seed: int.

        Returns:
            dataset: a `tf.data.Dataset` of dicts as `gather` makes them.
        """
        steps = -(-len(self) // batch_size)

        def one_pass(key):
            seed = tf.bitcast(key, tf.int32)
            return tf.data.Dataset.range(steps).map(
                lambda step: self._part(step, batch_size, seed, shuffle),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )

        keys = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
        dataset = keys.flat_map(one_pass).apply(tf.data.experimental.assert_cardinality(steps))
        return _prefetched(dataset)

    def _batch(self, step, batch_size, seed):
        """Make batch number `step` of the endless order."""
        n = len(self)
        position = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        epochs, which = tf.unique(position // n)
        epoch_seeds = tf.gather(seeds_lib.fold(seed, epochs), which)
        return self._passed(_shuffled(position % n, epoch_seeds, n), epoch_seeds)

    def _part(self, step, batch_size, seed, shuffle):
        """Make batch number `step` of one pass."""
        n = len(self)
        first = step * batch_size
        places = tf.range(first, tf.minimum(first + batch_size, n), dtype=tf.int64)
        epoch_seeds = tf.tile(seed[None], [tf.shape(places)[0], 1])
        return self._passed(_shuffled(places, epoch_seeds, n) if shuffle else places, epoch_seeds)

    def _passed(self, indices, epoch_seeds):
        """Gather, then pass through the functions of `map`."""
        batch = self.gather(indices)
        if self._functions:
            seeds = seeds_lib.fold(epoch_seeds, indices)
        for number, function in enumerate(self._functions):
            batch = function(batch, seeds_lib.fold(seeds, number) if number else seeds)
        return batch


class Split(NamedTuple):
    """Examples to learn from and examples to judge by.

    Attributes:
        train: `Examples`.
        held_out: `Examples`; none of their pixels are in `train`.
    """

    train: Examples
    held_out: Examples


def _prefetched(dataset):
    """Prefetch; and no graph rewrites, each of which would copy the images that it captured."""
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


def _shuffled(places, seeds, n):
    """Map places `[b]` of `0 .. n - 1` by the permutations of seeds `[b, 2]`."""
    keys = tf.concat([seeds, tf.zeros_like(seeds[:, :1])], axis=1)
    last = tf.fill(tf.shape(places), tf.constant(n - 1, tf.int64))
    return tf.raw_ops.RandomIndexShuffle(index=places, seed=keys, max_index=last, rounds=4)
