"""Laws of windows over sounds of any length."""

import numpy as np
import pytest

from coopkeras import audio


def ramp(length, channels=1):
    return np.linspace(-1, 1, length * channels).reshape(length, channels).astype(np.float32)


@pytest.mark.parametrize("length", [1, 5, 16, 63, 100])
@pytest.mark.parametrize(("size", "border"), [(16, 4), (10, 0), (9, 2)])
def test_windows_of_what_is_the_same_everywhere_leave_no_trace(length, size, border):
    x = ramp(length, 2)
    made = audio.windows.overlapped(lambda w, numbers: 3 * w - 1, x, size, border)
    np.testing.assert_allclose(made, 3 * x - 1, atol=1e-5)


def test_a_result_may_be_longer():
    made = audio.windows.overlapped(lambda w, _: np.repeat(w, 4, axis=1), ramp(50), 12, 3, factor=4)
    np.testing.assert_allclose(made, np.repeat(ramp(50), 4, axis=0), atol=1e-6)


def test_what_happens_at_the_rim_of_a_window_is_not_used():
    def spoiled(windows, numbers):
        windows = windows.copy()
        windows[:, :2] = windows[:, -2:] = np.float32(1e6)
        return windows

    made = audio.windows.overlapped(spoiled, ramp(100), 16, 4)
    np.testing.assert_allclose(made, ramp(100), atol=1e-6)


def test_every_window_has_its_number():
    seen = []
    audio.windows.overlapped(lambda w, numbers: seen.extend(numbers) or w, ramp(100), 16, 4)
    assert seen == list(range(13))


# Gaps -------------------------------------------------------------------------------------------


def hidden(length, *stretches):
    visible = np.ones([length, 1], bool)
    for start, stop in stretches:
        visible[start:stop] = False
    return visible


@pytest.mark.parametrize(
    "stretches", [[(40, 50)], [(0, 5)], [(95, 100)], [(3, 4), (30, 31), (60, 90)], [(10, 80)], []]
)
def test_gaps_are_found_and_filled_and_the_known_stays(stretches):
    x, visible = ramp(100, 2), hidden(100, *stretches)
    assert audio.windows.gaps(visible) == stretches
    calls = []

    def recover(x, visible, numbers):
        assert x.shape == (1, 32, 2)
        assert not x[~np.broadcast_to(visible, x.shape)].any()  # nobody peeps
        calls.append(int(numbers[0]))
        return np.where(visible, 9.0, 5.0) * np.ones_like(x)

    filled = audio.windows.fill(recover, x, visible, 32)
    np.testing.assert_array_equal(filled[visible[:, 0]], x[visible[:, 0]])
    assert np.all(filled[~visible[:, 0]] == 5)
    assert calls == list(range(len(calls)))


def test_a_gap_of_half_a_window_is_filled_at_once_and_seen_from_both_sides():
    sides = []

    def recover(x, visible, numbers):
        sides.append((bool(visible[0, 0, 0]), bool(visible[0, -1, 0])))
        return x

    audio.windows.fill(recover, ramp(200), hidden(200, (90, 106)), 32)
    assert sides == [(True, True)]


def test_a_sound_shorter_than_a_window_is_filled_too():
    filled = audio.windows.fill(lambda x, visible, _: x + 1, ramp(10), hidden(10, (4, 6)), 32)
    assert filled.shape == (10, 1)
    np.testing.assert_array_equal(filled[4:6], 1)
