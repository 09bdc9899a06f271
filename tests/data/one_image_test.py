"""Laws of the patches of an image that is known in part."""

import numpy as np
import pytest
import tensorflow as tf

from coopkeras.data import one_image
from coopkeras.errors import UserError

SIZE = 16


@pytest.fixture
def image(rng):
    """Return x and what is known of it: all but a square."""
    known = np.ones([40, 60, 1], bool)
    known[10:22, 20:32] = False
    return rng.uniform(-1, 1, [40, 60, 3]).astype(np.float32), known


def test_what_is_not_known_takes_no_part(image, rng):
    x, known = image
    other = np.where(known, x, rng.uniform(-1, 1, x.shape))
    one, two = (one_image.split(each, known, SIZE).train for each in (x, other))
    np.testing.assert_array_equal(one.array(), two.array())


def test_patches_are_those_of_the_image_and_say_what_they_know(image):
    x, known = image
    train = one_image.split(x, known, SIZE).train
    batch = train.gather(tf.range(len(train)))
    shares = []
    corners = [(r, c) for r in range(25) for c in range(45)]
    corners = [(r, c) for r, c in corners if known[r : r + SIZE, c : c + SIZE].mean() >= 0.5]
    assert len(corners) == len(train)
    for n, (row, column) in enumerate(corners):
        place = slice(row, row + SIZE), slice(column, column + SIZE)
        np.testing.assert_array_equal(batch["known"][n], known[place])
        seen = np.where(known[place], batch["x"][n], 0)
        np.testing.assert_array_equal(seen, np.where(known[place], x[place], 0))
        shares.append(known[place].mean())
    assert min(shares) < 1


def test_patches_that_know_all_are_preferred_if_there_are_enough(image, monkeypatch):
    x, known = image
    monkeypatch.setattr(one_image, "ENOUGH", 100)
    train = one_image.split(x, known, SIZE).train
    assert len(train) >= 100
    assert np.asarray(train.gather(tf.range(len(train)))["known"]).all()


def test_of_very_many_patches_those_near_the_hole_are_taken(image, monkeypatch):
    x, known = image
    x[:, 40:] = 1.0
    monkeypatch.setattr(one_image, "MOST", 50)
    train = one_image.split(np.minimum(x, 1.0), known, SIZE).train
    assert len(train) == 50
    middles = train.array()[:, SIZE // 2, SIZE // 2]
    assert (middles.max(-1) < 1).all()


def test_what_is_held_out_is_known_and_never_learned_from(image):
    x, known = image
    x[:, 40:] = 1.0
    train, held_out = one_image.split(np.minimum(x, 1.0), known, SIZE, held_out=1 / 3)
    assert len(held_out) == 25 * 5
    assert held_out.array().min() == 1
    assert train.array()[np.asarray(train.gather(tf.range(len(train)))["known"])[..., 0]].max() < 1
    assert not len(one_image.split(x, known, SIZE).held_out)


def test_mirrored_patches_know_what_they_mirror(image):
    x, known = image
    train = one_image.split(x, known, SIZE).train
    both = train.mirror().gather([3, 3 + len(train)])
    for name in ("x", "known"):
        np.testing.assert_array_equal(both[name][0], both[name][1][:, ::-1])


def test_an_image_without_a_patch_that_is_known_by_half_is_refused(image):
    x, known = image
    known[:] = np.arange(60)[:, None] % 3 == 0
    with pytest.raises(UserError, match="known by half"):
        one_image.split(x, known, SIZE)
    with pytest.raises(UserError, match="at most 40"):
        one_image.split(x, known, 41)
