"""Laws of holes: their size is what was asked for, and a seed is a hole."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import images
from coopkeras.errors import UserError
from coopkeras.seeds import as_seed, fold

SHAPE = (24, 32, 3)
KINDS = ["square:5", "square:3-9", "blocks:0.4", "strokes:0.2", "strokes:0.1-0.5", "mixed"]


def draw_many(draw, count, seed=0, shape=SHAPE):
    @tf.function
    def run(seeds):
        return tf.map_fn(lambda one: draw(one, shape), seeds, fn_output_signature=tf.bool)

    return run(fold(as_seed(seed), tf.range(count))).numpy()


@pytest.mark.parametrize("text", KINDS)
def test_the_same_seed_gives_the_same_hole_eager_and_traced(text):
    draw = images.holes.parse(text)
    traced = draw_many(draw, 3)
    eager = draw(fold(as_seed(0), 2), SHAPE)
    assert eager.dtype == tf.bool
    assert eager.shape == (24, 32, 1)
    assert np.array_equal(traced[2], eager)
    assert not np.array_equal(traced[0], traced[1])
    assert 0 < (~traced).mean() < 1


def test_a_square_is_whole_inside_and_anywhere():
    hidden = ~draw_many(images.holes.parse("square:5"), 250)[..., 0]
    assert (hidden.sum((1, 2)) == 25).all()
    tops, lefts = hidden.any(2).argmax(1), hidden.any(1).argmax(1)
    assert set(tops) == set(range(20))
    assert set(lefts) == set(range(28))
    assert all(h[t : t + 5, s : s + 5].all() for h, t, s in zip(hidden, tops, lefts, strict=True))


def test_a_range_of_squares_holds_every_size():
    hidden = ~draw_many(images.holes.parse("square:3-6"), 100)
    assert set(np.sqrt(hidden.sum((1, 2, 3)))) == {3, 4, 5, 6}


@pytest.mark.parametrize("coverage", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_blocks_meet_their_coverage_to_half_a_block(coverage):
    hidden = ~draw_many(lambda seed, shape: images.holes.blocks(seed, shape, coverage), 20)
    assert abs(hidden.sum((1, 2, 3)) - coverage * 24 * 32).max() <= 4.5


def test_blocks_hide_every_pixel_equally_often():
    hidden = ~draw_many(
        lambda seed, shape: images.holes.blocks(seed, shape, 0.3), 300, shape=(10, 10)
    )
    often = hidden.mean(0)
    assert abs(often - 0.3).max() < 5 * np.sqrt(0.3 * 0.7 / 300)


@pytest.mark.parametrize("coverage", [0.0, 0.1, 0.3, 0.8])
def test_strokes_meet_their_coverage_to_one_touch(coverage):
    hidden = ~draw_many(lambda seed, shape: images.holes.strokes(seed, shape, coverage), 10)
    touch = np.pi * (0.08 * 24 + 1) ** 2
    assert (hidden.sum((1, 2, 3)) >= coverage * 24 * 32 - 1e-3).all()
    assert (hidden.sum((1, 2, 3)) <= coverage * 24 * 32 + touch).all()


def test_mixed_draws_every_kind():
    hidden = ~draw_many(images.holes.parse("mixed"), 60, shape=(32, 32))[..., 0]
    boxes = np.array([h.any(1).sum() * h.any(0).sum() for h in hidden])
    squares = boxes == hidden.sum((1, 2))
    assert 8 < squares.sum() < 35


@pytest.mark.parametrize(
    "text",
    ["", "square", "square:", "square:0", "square:2.5", "square:9-3", "square:1-2-3", "round:4",
     "blocks:1.5", "blocks:-1", "strokes:1", "strokes:nan", "12"],
)  # fmt: skip
def test_what_is_not_understood_is_answered_with_what_is(text):
    with pytest.raises(UserError, match=r"square:12|share between"):
        images.holes.parse(text)


def test_a_square_larger_than_the_picture_is_refused():
    for text in ("square:25", "square:2-25"):
        with pytest.raises(UserError, match="1 to 24 pixels"):
            images.holes.parse(text)(as_seed(0), SHAPE)
