"""Laws of the image of how much draws differ."""

import numpy as np
import pytest

from coopkeras import images
from coopkeras.images import uncertainty


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_it_is_the_standard_deviation_of_the_colours(rng, dtype, channels):
    top = np.iinfo(dtype).max
    draws = rng.integers(top // 4, 3 * top // 4, [8, 5, 6, channels], dtype, endpoint=True)
    x = images.to_float(draws[..., : 1 if channels < 3 else 3])
    deviation = np.sqrt(x.var(axis=0, ddof=1).mean(axis=-1))
    made = uncertainty.of_draws(draws)
    assert (made.shape, made.dtype) == ((5, 6, 1), np.uint8)
    np.testing.assert_allclose(made[..., 0] / 255, deviation, atol=0.5 / 255 + 1e-6)


def test_it_is_black_where_draws_agree_and_white_where_they_could_not_differ_more(rng):
    draws = np.repeat(rng.integers(0, 256, [1, 4, 6, 3], np.uint8), 8, axis=0)
    draws[:4, :, 3:], draws[4:, :, 3:] = 0, 255
    made = uncertainty.of_draws(draws)
    assert (made[:, :3] == 0).all()
    assert (made[:, 3:] == 255).all()


def test_no_file_is_written_over(tmp_path):
    names = []
    for _ in range(3):
        path = uncertainty.path_beside(tmp_path / "out.png")
        path.touch()
        names.append(path.name)
    assert names == [f"out_uncertainty{end}.png" for end in ("", "-2", "-3")]
