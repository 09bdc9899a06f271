"""Laws of gaps: their size is what was asked for, a seed is a gap, and they move as they say."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import video
from coopkeras.errors import UserError
from coopkeras.seeds import as_seed, fold

SHAPE = (12, 20, 24, 3)
KINDS = ["frames:4", "moving:6", "box:6x5", "square:6", "blocks:0.3", "frames:3,moving:5"]


def draw_many(text, count):
    draw = video.holes.parse(text)

    @tf.function
    def run(seeds):
        return tf.map_fn(lambda one: draw(one, SHAPE), seeds, fn_output_signature=tf.bool)

    return ~run(fold(as_seed(0), tf.range(count))).numpy()[..., 0]


@pytest.mark.parametrize("text", KINDS)
def test_the_same_seed_gives_the_same_gap_eager_and_traced(text):
    hidden = draw_many(text, 4)
    eager = video.holes.parse(text)(fold(as_seed(0), 2), SHAPE)
    assert eager.dtype == tf.bool
    assert eager.shape == (*SHAPE[:3], 1)
    np.testing.assert_array_equal(hidden[2], ~eager.numpy()[..., 0])
    assert len({one.tobytes() for one in hidden}) > 1


def test_missing_frames_are_whole_and_inside():
    hidden = draw_many("frames:4", 60)
    frames = hidden.any((2, 3))
    np.testing.assert_array_equal(hidden, np.broadcast_to(frames[:, :, None, None], hidden.shape))
    assert (frames.sum(1) == 4).all()
    assert set(frames.argmax(1)) == set(range(1, 8))  # neither the first nor the last frame
    assert all(one[at : at + 4].all() for one, at in zip(frames, frames.argmax(1), strict=True))


def test_a_square_moves_straight_on():
    hidden = draw_many("moving:6", 30)
    assert (hidden.sum((2, 3)) == 36).all()
    tops, lefts = hidden.any(3).argmax(2), hidden.any(2).argmax(2)
    for places in (tops, lefts):
        steps = np.diff(places, axis=1)
        speed = (places[:, -1:] - places[:, :1]) / (SHAPE[0] - 1)
        assert abs(steps - speed).max() < 1 + 2 / 11
    assert (np.ptp(tops, axis=1) > 2).any()


def test_a_box_is_one_square_during_some_frames():
    hidden = draw_many("box:6x5", 60)
    frames = hidden.any((2, 3))
    assert (frames.sum(1) == 5).all()
    assert (hidden.sum((1, 2, 3)) == 6 * 6 * 5).all()
    assert (hidden.any(1).sum((1, 2)) == 36).all()
    assert set(frames.argmax(1)) == set(range(8))


def test_a_hole_of_pictures_stays():
    hidden = draw_many("square:6", 10)
    np.testing.assert_array_equal(hidden, np.broadcast_to(hidden[:, :1], hidden.shape))


def test_of_several_each_is_drawn():
    frames = draw_many("frames:3,moving:5", 40).any((2, 3)).sum(1)
    assert 8 < (frames == 3).sum() < 32


@pytest.mark.parametrize(
    "text",
    ["", "frames", "frames:0", "frames:11", "moving:21", "box:6", "box:21x2", "box:2x13", "round:4",
     "frames:3,", "square:x"],
)  # fmt: skip
def test_what_is_not_understood_is_answered_with_what_is(text):
    with pytest.raises(UserError, match=r"frames:4|should be 1 to") as caught:
        video.holes.parse(text)(as_seed(0), SHAPE)
    assert "\n" not in str(caught.value)
