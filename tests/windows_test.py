"""Laws of windows: data of any size, with one, two or three sides, through windows of one size."""

import numpy as np
import pytest

from coopkeras import windows

SIDES = {1: (16,), 2: (16, 16), 3: (8, 16, 16)}
LENGTHS = [(100,), (5,), (50, 37), (9, 70), (20, 20, 40), (5, 9, 30)]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def ramp(lengths):
    """A linear function of the place, between -1 and 1."""
    slopes = np.array([1.0, -0.6, 0.3])[: len(lengths)]
    x = np.tensordot(slopes, np.indices(lengths), 1)[..., None]
    return (x / np.abs(x).max()).astype(np.float32)


def hole(lengths, *boxes):
    """Visible but for boxes, each (low, high) along every side."""
    visible = np.ones([*lengths, 1], bool)
    for box in boxes:
        visible[tuple(slice(*side) for side in box)] = False
    return visible


def mean_of_known(x, visible, numbers=None):
    axes = tuple(range(1, x.ndim))
    mean = np.mean(np.broadcast_to(x, x.shape), axes, keepdims=True, where=visible)
    return np.where(visible, x, np.nan_to_num(mean))


def plane(x, visible, numbers):
    """Solve linear functions: each window's known values are met by one, which fills it."""
    places = np.reshape(np.indices(x.shape[1:-1]), [x.ndim - 2, -1]).T
    basis = np.concatenate([places, np.ones([len(places), 1])], axis=1)
    filled = []
    for one, known in zip(x, visible[..., 0], strict=True):
        known = known.ravel()
        assert np.linalg.matrix_rank(basis[known]) == basis.shape[1], "too little is known"
        fit = np.linalg.lstsq(basis[known], one.reshape(len(basis), -1)[known], rcond=None)[0]
        filled.append(np.reshape(basis @ fit, one.shape))
    return np.stack(filled)


class Noted:
    """A model that notes what it is shown."""

    def __init__(self, model=mean_of_known):
        self.model, self.visible, self.numbers = model, [], []

    def __call__(self, x, visible, numbers):
        assert len(x) == len(visible) == len(numbers) <= windows.AT_ONCE
        assert not x[~np.broadcast_to(visible, x.shape)].any()  # nothing of a hole is shown
        self.visible.extend(visible[..., 0])
        self.numbers.extend(numbers)
        return self.model(x, visible, numbers)


# Filling ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_known_values_come_back_bit_for_bit_and_all_others_are_filled(lengths, channels):
    x = noise(*lengths, channels)
    visible = noise(*lengths, 1, seed=1) < 0.4
    visible[2] = False
    filled = windows.fill(Noted(), np.where(visible, x, np.nan), visible, SIDES[len(lengths)])
    known = np.broadcast_to(visible, x.shape)
    np.testing.assert_array_equal(filled[known], x[known])
    assert filled.dtype == np.float32
    assert np.abs(filled).max() <= 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_nothing_is_hidden_nothing_changes_and_where_all_is_all_is_filled(share):
    x = noise(40, 30, 1)
    visible = np.full(x.shape, share == 0)
    filled = windows.fill(lambda x, visible, numbers: x + 9, x, visible, (16, 16))
    np.testing.assert_array_equal(filled, np.where(visible, x, 9))


HOLES = [
    ((100,), [[(40, 52)]]),
    ((100,), [[(10, 90)]]),
    ((100,), [[(0, 30)], [(97, 100)]]),
    ((60, 80), [[(20, 30), (20, 30)]]),
    ((60, 80), [[(3, 50), (10, 75)], [(55, 58), (2, 4)]]),
    ((60, 80), [[(20, 40), (0, 80)]]),  # whole rows
    ((60, 80), [[(0, 60), (40, 80)]]),  # beyond the last thing known
    ((30, 40, 50), [[(9, 13), (15, 20), (20, 30)]]),
    ((30, 40, 50), [[(10, 16), (0, 40), (0, 50)]]),  # whole frames
    ((30, 40, 50), [[(0, 30), (10, 30), (12, 34)]]),  # a logo
]


@pytest.mark.parametrize(("lengths", "boxes"), HOLES)
def test_a_perfect_model_of_ramps_fills_any_hole_of_a_ramp(lengths, boxes):
    x, visible = ramp(lengths), hole(lengths, *boxes)
    filled = windows.fill(Noted(plane), np.where(visible, x, 7), visible, SIDES[len(lengths)])
    np.testing.assert_allclose(filled, x, atol=1e-4)


@pytest.mark.parametrize("lengths", [(60,), (60, 50), (30, 60, 50)])
def test_a_hole_that_fits_is_filled_at_once_and_seen_from_all_sides_alike(lengths):
    sides = SIDES[len(lengths)]
    rims = [-(-side // windows.RIM) for side in sides]
    box = [(side + 1, 2 * side + 1 - 2 * rim) for side, rim in zip(sides, rims, strict=True)]
    noted = Noted()
    windows.fill(noted, noise(*lengths, 1), hole(lengths, box), sides)
    (visible,) = noted.visible
    inner = tuple(slice(rim, -rim) for rim in rims)
    assert not visible[inner].any()
    assert (~visible).sum() == (~visible[inner]).sum()


def test_at_the_end_of_the_data_a_hole_is_seen_from_where_something_is_known():
    noted = Noted()
    windows.fill(noted, noise(60, 50, 1), hole((60, 50), [(48, 60), (0, 9)]), (16, 16))
    (visible,) = noted.visible
    assert not visible[4:, :9].any()
    assert visible[:4].all()
    assert visible[:, 9:].all()


def test_holes_near_each_other_share_a_window_and_others_have_their_own():
    noted = Noted()
    visible = hole((60, 50), [(20, 22), (20, 22)], [(25, 28), (27, 29)], [(50, 52), (8, 9)])
    windows.fill(noted, noise(60, 50, 1), visible, (16, 16))
    assert sorted((~one).sum() for one in noted.visible) == [2, 10]


def test_a_fill_moves_with_its_hole():
    x, box = noise(90, 90, 1), np.array([[20, 55], [22, 41]])
    filled = [
        windows.fill(
            mean_of_known, np.roll(x, move, (0, 1)), hole((90, 90), (box.T + move).T), (16, 16)
        )
        for move in ([0, 0], [5, 11])
    ]
    np.testing.assert_allclose(np.roll(filled[0], [5, 11], (0, 1)), filled[1], atol=1e-6)


@pytest.mark.parametrize(
    "boxes", [[[(30, 62), (20, 70)]], [[(9, 12), (9, 12)], [(60, 70), (60, 70)]]]
)
def test_every_window_has_its_own_number(boxes):
    noted = Noted()
    windows.fill(noted, noise(90, 90, 1), hole((90, 90), *boxes), (16, 16))
    assert noted.numbers == list(range(len(noted.numbers)))
    assert len(noted.numbers) > 1


def test_large_holes_are_filled_from_the_outside_in():
    noted = Noted()
    windows.fill(noted, noise(96, 96, 1), hole((96, 96), [(24, 72), (24, 72)]), (16, 16))
    shares = [1 - visible.mean() for visible in noted.visible]
    assert max(shares[:-1]) <= 0.5
    assert len(shares) < 2 * (48 // 8 + 1) ** 2


def test_windows_that_disagree_are_faded_into_each_other():
    def own_level(x, visible, numbers):
        return np.zeros_like(x) + np.reshape(numbers % 2, [-1, 1, 1])

    visible = hole((16, 200), [(6, 10), (40, 160)])
    filled = windows.fill(own_level, noise(16, 200, 1), visible, (16, 16))
    assert np.abs(np.diff(filled[7, 40:160, 0])).max() <= 1 / 8 + 1e-6


def test_rounds_that_disagree_are_faded_into_each_other():
    def own_round(x, visible, numbers):
        rounds.append(len(rounds) % 2)
        return np.full_like(x, rounds[-1])

    rounds = []
    filled = windows.fill(own_round, noise(400, 1), hole((400,), [(40, 360)]), (64,))[40:360, 0]
    assert len(rounds) > 3
    assert np.abs(np.diff(filled)).max() < 0.2


def test_missing_frames_are_seen_from_both_their_ends_everywhere():
    noted = Noted()
    windows.fill(
        noted, noise(30, 40, 50, 1), hole((30, 40, 50), [(10, 14), (0, 40), (0, 50)]), SIDES[3]
    )
    for visible in noted.visible:
        np.testing.assert_array_equal(visible.all((1, 2)), [1, 1, 0, 0, 0, 0, 1, 1])


def test_the_cost_goes_by_the_hole_and_not_by_the_data():
    visible = hole((2000, 2000), [(700, 710), (30, 40)])
    noted = Noted()
    windows.fill(noted, np.zeros([2000, 2000, 1], np.float32), visible, (16, 16))
    assert len(noted.visible) == 1
    assert windows.around(visible, (16, 16)) == (slice(684, 726), slice(14, 56))


# Overlapping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [*LENGTHS, (1,), (1, 1), (16, 16)])
@pytest.mark.parametrize(("size", "border"), [(16, 4), (10, 0), (9, 2)])
def test_windows_of_what_is_the_same_everywhere_leave_no_trace(lengths, size, border):
    x = noise(*lengths, 2)
    made = windows.overlapped(lambda w, numbers: 3 * w - 1, x, size, border)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, 3 * x - 1, atol=1e-5)


def enlarged(x, factor, batch):
    for axis in range(batch, x.ndim - 1):
        x = np.repeat(x, factor, axis)
    return x


@pytest.mark.parametrize("lengths", [(50,), (1,), (20, 33), (9, 8, 17)])
@pytest.mark.parametrize("factor", [2, 3])
def test_a_result_may_be_larger_and_have_other_channels(lengths, factor):
    def enlarge(x, numbers):
        return enlarged(x, factor, 1)[..., :1]

    x = noise(*lengths, 2)
    made = windows.overlapped(enlarge, x, 12, 3, factor)
    np.testing.assert_allclose(made, enlarged(x, factor, 0)[..., :1], atol=1e-6)


@pytest.mark.parametrize("lengths", [(100,), (50, 37)])
def test_what_happens_at_the_rim_of_a_window_is_not_used(lengths):
    def spoiled(x, numbers):
        inner = (slice(None), *[slice(2, -2)] * len(lengths))
        made = np.full_like(x, 1e6)
        made[inner] = x[inner]
        return made

    x = noise(*lengths, 1)
    np.testing.assert_allclose(windows.overlapped(spoiled, x, 16, 4), x, atol=1e-5)


def test_overlapping_windows_that_disagree_are_faded_into_each_other():
    def own_level(x, numbers):
        return np.zeros([len(x), 32, 32, 1]) + np.reshape(numbers % 2, [-1, 1, 1, 1])

    made = windows.overlapped(own_level, noise(16, 100, 1), 16, 4, 2)
    assert (made.min(), made.max()) == (0, 1)
    assert np.abs(np.diff(made, axis=1)).max() <= 1 / 8 + 1e-6


@pytest.mark.parametrize(("lengths", "rows"), [((100,), [13]), ((60, 45), [6] * 8)])
def test_overlapping_windows_have_their_numbers_and_come_row_by_row(lengths, rows):
    calls = []
    windows.overlapped(lambda x, numbers: calls.append(numbers) or x, noise(*lengths, 1), 16, 4)
    assert [len(numbers) for numbers in calls] == rows
    assert np.concatenate(calls).tolist() == list(range(sum(rows)))


# Joining ----------------------------------------------------------------------------------------


def test_pieces_are_joined_to_any_length_without_a_seam():
    pieces = np.ones([2, 16, 3]) * np.array([0.0, 1.0])[:, None, None]
    for length in (1, 16, 77):
        assert windows.join(pieces, length).shape == (length, 3)
    joined = windows.join(pieces, 77)
    assert abs(np.diff(joined, axis=0)).max() < 0.15
    assert (joined.min(), joined.max()) == (pytest.approx(0, abs=0.1), pytest.approx(1, abs=0.1))
