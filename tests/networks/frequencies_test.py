"""Laws of fills by frequencies: waves go on, each example alone, and nothing is done unasked."""

import numpy as np
import pytest

from coopkeras.networks.frequencies import FrequencyFill, extrapolate

SIDES = 24, 30


def waves(*frequencies):
    """A sum of waves of whole numbers of periods along 4/3 of each side, `[1, *SIDES, 1]`."""
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    made = sum(np.cos(2 * np.pi * (u * rows / 32 + v * columns / 40)) for u, v in frequencies)
    return (made / len(frequencies))[None, ..., None].astype(np.float32)


def hole(top=8, left=10, side=8):
    """All but a square is visible, `[1, *SIDES, 1]`."""
    visible = np.ones([1, *SIDES, 1], np.float32)
    visible[:, top : top + side, left : left + side] = 0
    return visible


def filled(x, visible, count=100):
    """What waves make of what is visible of x."""
    return extrapolate(x * visible, visible, count).numpy()


@pytest.mark.parametrize("frequencies", [[(0, 4)], [(5, -3)], [(2, 3), (6, 1)]])
def test_waves_go_on_through_a_hole(frequencies):
    x, visible = waves(*frequencies), hole()
    near = hole(5, 7, 14) == 0
    error = (filled(x, visible) - x)[near]
    assert np.sqrt(np.mean(error**2)) < 0.05 * x.std()


def test_what_is_hidden_is_not_looked_at(rng):
    x, visible = rng.uniform(-1, 1, [2, *SIDES, 3]).astype(np.float32), hole()
    one = extrapolate(x, np.repeat(visible, 2, 0), 20).numpy()
    known = np.broadcast_to(visible > 0, x.shape)
    other = extrapolate(np.where(known, x, 9.0).astype(np.float32), np.repeat(visible, 2, 0), 20)
    np.testing.assert_array_equal(other, one)


def test_what_is_flat_is_filled_flat():
    flat = np.full([1, *SIDES, 1], 0.3, np.float32)
    np.testing.assert_allclose(filled(flat, hole()), 0.3, atol=1e-5)


def test_an_example_does_not_see_its_neighbours(rng):
    x = rng.uniform(-1, 1, [3, *SIDES, 2]).astype(np.float32)
    visible = np.concatenate([hole(), hole(2, 3, 12), hole(12, 20, 5)])
    together = filled(x, visible)
    alone = [filled(x[n : n + 1], visible[n : n + 1])[0] for n in range(3)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_nothing_known_or_nothing_hidden_is_no_mishap():
    x = waves((1, 2))
    for visible in (np.ones_like(x), np.zeros_like(x)):
        np.testing.assert_array_equal(filled(x, visible), 0)


def test_it_is_used_when_it_is_told_to():
    x, visible = waves((0, 4)), hole()
    fill = FrequencyFill(waves=30)
    given = [x * visible, visible, 0 * x, np.ones([1, 1, 1, 1], np.float32)]
    assert [float(np.ptp(one)) for one in fill(given)] == [0, 0]
    fill.use()
    np.testing.assert_allclose(fill(given)[0], filled(x, visible, 30), atol=1e-5)


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_the_scale_is_that_of_what_is_missed(noise, rng):
    """Of noise waves explain a part where it is known, and nothing in the hole."""
    x = (waves((0, 4)) / 2 + noise * rng.normal(size=[40, *SIDES, 1])).astype(np.float32)
    visible = np.repeat(hole(), 40, 0)
    made, scale = _used()([x * visible, visible, 0 * x, np.ones([40, 1, 1, 1], np.float32)])
    missed = np.sqrt(np.mean((made - x)[visible == 0] ** 2))
    assert 0.8 < np.mean(scale) / missed < 5


def test_the_scale_is_that_of_the_other_fill_where_nothing_is_known_or_hidden():
    x, scale = waves((0, 4)), np.full([1, 1, 1, 1], 0.7, np.float32)
    for visible in (np.ones_like(x), np.zeros_like(x)):
        np.testing.assert_array_equal(_used()([x * visible, visible, 0 * x, scale])[1], scale)


def _used():
    fill = FrequencyFill(waves=30)
    fill.build(None)
    fill.use()
    return fill
