"""A person's own picture: bytes, alpha, depth, channels and errors."""

import numpy as np
import pytest

from coopkeras import images
from coopkeras.errors import UserError


def grey(x, visible):
    return np.where(visible, x, 0.0)


def save(path, array):
    images.write(path, array)
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
    opened = images.repair.open_picture(
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
    opened = images.repair.open_picture(
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
    filled = images.repair.open_picture(save(tmp_path / "in.png", pixels)).fill(
        grey, (16, 16, 3), False
    )
    assert (filled[..., 3] == 255).all()
    assert (filled[5:15, 8:20, :3] == 128).all()


def test_what_is_under_the_hole_does_not_matter(tmp_path):
    pixels, mask = random_bytes(40, 33, 3), box(40, 33)
    hole = save(tmp_path / "hole.png", mask)
    other = np.where(mask > 0, 255 - pixels, pixels)
    results = []
    for number, array in enumerate((pixels, other)):
        opened = images.repair.open_picture(save(tmp_path / f"{number}.png", array), hole)
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
            images.repair.open_picture(picture, save(tmp_path / "mask.png", mask))
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="--mask"):
        images.repair.open_picture(picture)
    with pytest.raises(UserError, match="no such picture"):
        images.repair.open_picture(tmp_path / "none.png")


def test_several_outputs_are_numbered():
    assert [p.name for p in images.output_paths("a/out.png", 3)] == [
        "out-1.png",
        "out-2.png",
        "out-3.png",
    ]
    assert [p.name for p in images.output_paths("a/out.png", 0)] == ["out.png"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_whole_numbers_keep_the_means_whatever_the_model_says(factor, dtype):
    def wild(seen, numbers):
        rng = np.random.default_rng(int(numbers[0]))
        return rng.normal(size=[len(seen), 24, 24, 1]) * rng.choice([0, 0.01, 1, 9])

    top = np.iinfo(dtype).max
    pixels = random_bytes(70, 33, 2, dtype=dtype)
    pixels[:9], pixels[9:18], pixels[18:20], pixels[20:22] = 0, top, 1, top - 1
    enlarged = images.repair.enlarge(pixels, wild, (24, 24, 1), factor)
    assert enlarged.dtype == dtype
    blocks = enlarged.reshape(70, factor, 33, factor, 2).astype(np.int64)
    np.testing.assert_array_equal(blocks.sum(axis=(1, 3)), factor**2 * pixels.astype(np.int64))


def test_a_model_of_grey_pictures_gives_colours_the_detail_of_their_luma():
    def stripes(seen, numbers):
        made = seen.repeat(2, axis=1).repeat(2, axis=2)
        made[:, :, ::2] += 0.1
        made[:, :, 1::2] -= 0.1
        return made

    pixels = np.broadcast_to(np.array([90, 120, 150], np.uint8), [20, 20, 3])
    enlarged = images.repair.enlarge(pixels, stripes, (24, 24, 1), 2)
    step = enlarged[:, ::2].astype(int) - enlarged[:, 1::2]
    np.testing.assert_allclose(step, 0.2 * 127.5, atol=1.5)
