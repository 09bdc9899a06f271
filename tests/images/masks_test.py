"""Laws of holes that are like those of a mask: they are described, fit, and look alike."""

import numpy as np
import pytest

from coopkeras import seeds
from coopkeras.images import holes, masks


def square(side, width=200):
    """Return a mask with one square."""
    hidden = np.zeros([width, width], bool)
    hidden[40 : 40 + side, 50 : 50 + side] = True
    return hidden


def line(thickness, length=120):
    """Return a mask with a line that goes down aslant."""
    hidden = np.zeros([200, 200], bool)
    for step in range(length):
        hidden[30 + step : 30 + step + thickness, 30 + step : 30 + step + thickness] = True
    return hidden


def test_a_square_is_drawn_as_large_as_it_is():
    assert masks.holes_like(square(16), 32) == "square:16"


def test_squares_of_several_sizes_are_a_range():
    hidden = square(16)
    hidden[120:130, 120:130] = True
    assert masks.holes_like(hidden, 32) == "square:10-16"


def test_what_is_larger_than_a_patch_holds_is_as_large_as_that():
    assert masks.holes_like(square(90), 32) == f"square:{masks.largest_square(32)}"


def test_a_thin_line_is_like_strokes_and_a_thick_one_like_squares_of_its_thickness():
    assert masks.holes_like(line(3), 32).startswith("strokes:0.")
    kind, _, amount = masks.holes_like(line(14), 32).partition(":")
    assert kind == "square"
    assert 12 <= int(amount) <= 20


def test_specks_are_like_blocks(rng):
    hidden = np.zeros([200, 200], bool)
    hidden[tuple(rng.integers(200, size=[2, 300]))] = True
    assert "blocks:" in masks.holes_like(hidden, 32)


@pytest.mark.parametrize("width", [16, 20, 40, 200])
def test_what_is_described_can_be_drawn(rng, width):
    for _ in range(20):
        hidden = np.zeros([width, width + 3], bool)
        for _ in range(rng.integers(1, 5)):
            (top, left), sides = rng.integers(width - 2, size=2), rng.integers(1, width - 1, size=2)
            hidden[top : top + sides[0], left : left + sides[1]] = True
        size = masks.patch_size(hidden)
        assert 16 <= size <= width
        visible = holes.parse(masks.holes_like(hidden, size))(seeds.as_seed(1), (size, size))
        assert visible.shape == (size, size, 1)


@pytest.mark.parametrize(
    ("side", "width", "size"), [(16, 200, 32), (22, 200, 32), (23, 200, 64), (90, 200, 64)]
)
def test_patches_are_as_large_as_the_hole_asks_for(side, width, size):
    assert masks.patch_size(square(side, width)) == size


@pytest.mark.parametrize(("width", "size"), [(100, 32), (20, 20)])
def test_patches_are_smaller_in_a_small_image(width, size):
    hidden = np.zeros([width, 200], bool)
    hidden[:, 50:90] = True
    assert masks.patch_size(hidden) == size
