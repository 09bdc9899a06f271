"""A person's own picture: bytes, alpha, depth, channels and errors."""

import numpy as np
import pytest

from coopkeras import media, repair
from coopkeras.errors import UserError


def grey(x, visible):
    return np.where(visible, x, 0.0)


def save(path, array):
    media.write_picture(path, array)
    return path


def random_bytes(*shape, dtype=np.uint8):
    top = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, top, shape, dtype, endpoint=True)


def box(height, width):
    mask = np.zeros([height, width, 1], np.uint8)
    mask[5:15, 8:20] = 255
    return mask


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("model_channels", [1, 3])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_type_channels_and_known_bytes_stay(tmp_path, channels, model_channels, whole):
    pixels, mask = random_bytes(40, 33, channels), box(40, 33)
    opened = repair.open_picture(
        save(tmp_path / "in.png", pixels), save(tmp_path / "hole.png", mask)
    )
    filled = opened.fill(grey, (16, 16, model_channels), whole)
    assert filled.shape == pixels.shape
    assert filled.dtype == pixels.dtype
    known = mask[..., 0] == 0
    np.testing.assert_array_equal(filled[known], pixels[known])
    assert (filled[~known] != pixels[~known]).any()


def test_16_bits_stay_16_bits(tmp_path):
    pixels, mask = random_bytes(40, 33, 1, dtype=np.uint16), box(40, 33)
    opened = repair.open_picture(
        save(tmp_path / "in.png", pixels), save(tmp_path / "hole.png", mask)
    )
    filled = opened.fill(grey, (16, 16, 1), whole=False)
    assert filled.dtype == np.uint16
    np.testing.assert_array_equal(filled[mask == 0], pixels[mask == 0])
    assert set(filled[mask > 0]) == {32768}


def test_transparent_pixels_are_the_hole_and_opaque_afterwards(tmp_path):
    pixels = random_bytes(40, 33, 4)
    pixels[..., 3] = 255
    pixels[5:15, 8:20, 3] = 0
    filled = repair.open_picture(save(tmp_path / "in.png", pixels)).fill(grey, (16, 16, 3), False)
    assert (filled[..., 3] == 255).all()
    assert (filled[5:15, 8:20, :3] == 128).all()


def test_what_is_under_the_hole_does_not_matter(tmp_path):
    pixels, mask = random_bytes(40, 33, 3), box(40, 33)
    hole = save(tmp_path / "hole.png", mask)
    other = np.where(mask > 0, 255 - pixels, pixels)
    results = []
    for number, array in enumerate((pixels, other)):
        opened = repair.open_picture(save(tmp_path / f"{number}.png", array), hole)
        blur = lambda x, visible: np.where(visible, x, x.mean(axis=(1, 2), keepdims=True))  # noqa: E731
        results.append([opened.fill(blur, (16, 16, 3), whole) for whole in (True, False)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mistakes_are_said_in_one_line(tmp_path):
    picture = save(tmp_path / "in.png", random_bytes(40, 33, 3))
    for mask, words in [
        (np.zeros([10, 12, 1], np.uint8), "12x10 .* 33x40"),
        (np.full([40, 33, 1], 255, np.uint8), "nothing to go by"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            repair.open_picture(picture, save(tmp_path / "mask.png", mask))
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="--mask"):
        repair.open_picture(picture)
    with pytest.raises(UserError, match="no such picture"):
        repair.open_picture(tmp_path / "none.png")


def test_several_outputs_are_numbered():
    assert [p.name for p in repair.output_paths("a/out.png", 3)] == [
        "out-1.png",
        "out-2.png",
        "out-3.png",
    ]
    assert [p.name for p in repair.output_paths("a/out.png", 0)] == ["out.png"]
