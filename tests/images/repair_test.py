"""A user's own image: bytes, alpha, depth, channels and errors."""

import numpy as np
import pytest

from coopkeras import images
from coopkeras.errors import UserError


def grey(x, numbers, visible):
    return np.where(visible, x, 0.0)


def blur(x, numbers, visible):
    return np.where(visible, x, x.mean(axis=(1, 2), keepdims=True))


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
    opened = images.repair.open_image(
        save(tmp_path / "in.png", pixels), save(tmp_path / "hole.png", mask)
    )
    filled = opened.recovered(grey, (16, 16, model_channels), whole)
    assert filled.shape == pixels.shape
    assert filled.dtype == pixels.dtype
    known = mask[..., 0] == 0
    np.testing.assert_array_equal(filled[known], pixels[known])
    assert (filled[~known] != pixels[~known]).any()


def test_16_bits_stay_16_bits(tmp_path):
    pixels, mask = random_bytes(40, 33, 1, dtype=np.uint16), box(40, 33)
    opened = images.repair.open_image(
        save(tmp_path / "in.png", pixels), save(tmp_path / "hole.png", mask)
    )
    filled = opened.recovered(grey, (16, 16, 1), whole=False)
    assert filled.dtype == np.uint16
    np.testing.assert_array_equal(filled[mask == 0], pixels[mask == 0])
    assert set(filled[mask > 0]) == {32768}


def test_transparent_pixels_are_the_hole_and_opaque_afterwards(tmp_path):
    pixels = random_bytes(40, 33, 4)
    pixels[..., 3] = 255
    pixels[5:15, 8:20, 3] = 0
    filled = images.repair.open_image(save(tmp_path / "in.png", pixels)).recovered(
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
        opened = images.repair.open_image(save(tmp_path / f"{number}.png", array), hole)
        results.append([opened.recovered(blur, (16, 16, 3), whole) for whole in (True, False)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mistakes_are_said_in_one_line(tmp_path):
    picture = save(tmp_path / "in.png", random_bytes(40, 33, 3))
    for mask, words in [
        (np.zeros([10, 12, 1], np.uint8), "12x10 .* 33x40"),
        (np.full([40, 33, 1], 255, np.uint8), "nothing to go by"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            images.repair.open_image(picture, save(tmp_path / "mask.png", mask))
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="--mask"):
        images.repair.open_image(picture)
    with pytest.raises(UserError, match="no such image"):
        images.repair.open_image(tmp_path / "none.png")


# A model of whole images ------------------------------------------------------------------------


def mean_of_known(x, visible, numbers):
    known = np.maximum(visible.sum(axis=(1, 2), keepdims=True), 1)
    mean = np.where(visible, x, 0).sum(axis=(1, 2), keepdims=True) / known
    return np.where(visible, x, mean)


def floats(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("size", [(16, 16), (50, 37), (9, 70), (100, 20)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_whole_image_keeps_its_known_pixels_and_all_others_are_filled(size, channels):
    x = floats(*size, channels)
    visible = np.random.default_rng(1).uniform(size=[*size, 1]) < 0.7
    hidden_is_lost = np.where(visible, x, np.nan)
    filled = images.repair.fill_whole(mean_of_known, hidden_is_lost, visible, (16, 16))
    np.testing.assert_array_equal(filled[visible[..., 0]], x[visible[..., 0]])
    assert np.abs(filled).max() <= 1.5  # bicubic may overshoot a little


def test_a_constant_whole_image_is_continued():
    x = np.full([60, 45, 1], 0.25, np.float32)
    visible = np.ones([60, 45, 1], bool)
    visible[10:40, 12:38] = False
    filled = images.repair.fill_whole(mean_of_known, np.where(visible, x, -1), visible, (16, 16))
    np.testing.assert_allclose(filled, x, atol=1e-5)


def test_a_whole_image_without_a_hole_stays():
    x, visible = floats(30, 40, 1), np.ones([30, 40, 1], bool)
    filled = images.repair.fill_whole(mean_of_known, x, visible, (16, 16))
    np.testing.assert_array_equal(filled, x)


def test_the_square_of_a_whole_image_holds_the_hole():
    shares = []

    def note(x, visible, numbers):
        shares.append((~visible).mean())
        return x

    visible = np.ones([30, 90, 1], bool)
    visible[5:25, 75:88] = False  # beyond the square in the middle
    images.repair.fill_whole(note, floats(30, 90, 1), visible, (30, 30))
    assert shares == [pytest.approx(20 * 13 / 30**2)]


# All of an image, of which something is seen ------------------------------------------------------


def darker(x, seen):
    """Agree with what is seen: a little darker than it."""
    return x + (seen - 0.25 - x.mean(axis=-1, keepdims=True))


def thrice(seen, numbers):
    return np.repeat(seen, 3, axis=-1)


def once(seen, numbers):
    return seen


def seen_of(pixels):
    return images.to_float(images.convert_channels(pixels, 1))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("size", [(16, 16), (37, 20), (9, 70), (1, 3)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_recovered_image_has_the_size_and_alpha_of_the_file(size, channels, whole):
    pixels = random_bytes(*size, channels) // 2 + 64
    image = images.repair.SeenImage(pixels, seen_of(pixels), darker)
    made = image.recovered(thrice, (16, 16, 3), whole)
    alpha = channels in (2, 4)
    assert made.shape == (*size, 3 + alpha)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made[..., 3:], pixels[..., -1:] if alpha else made[..., 3:])
    grey = (seen_of(pixels) - 0.25 + 1) * 127.5
    np.testing.assert_allclose(made[..., :3], np.repeat(grey, 3, axis=-1), atol=0.51)


@pytest.mark.parametrize(
    ("recover", "channels", "dtype"), [(once, 1, np.uint16), (thrice, 3, np.uint8)]
)
def test_only_a_grey_image_keeps_its_16_bits(recover, channels, dtype):
    pixels = random_bytes(20, 23, 1, dtype=np.uint16)
    seen = images.to_float(pixels)
    image = images.repair.SeenImage(pixels, seen, lambda x, seen: x)
    made = image.recovered(recover, (16, 16, channels), whole=False)
    assert (made.shape, made.dtype) == ((20, 23, channels), dtype)
    scale = np.iinfo(np.uint16).max // np.iinfo(dtype).max
    assert abs(made.astype(int) * scale - pixels).max() <= scale


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_grey_image_stays_grey_where_no_channel_was_lost(channels, dtype):
    pixels = random_bytes(20, 23, channels, dtype=dtype)
    seen = images.to_float(np.repeat(pixels[..., :1], 3, axis=-1))
    image = images.repair.SeenImage(pixels, seen, lambda x, seen: x)
    made = image.recovered(once, (16, 16, 3), whole=False)
    assert (made.shape, made.dtype) == (pixels.shape, pixels.dtype)
    assert abs(made.astype(int) - pixels).max() <= 1


def test_what_is_seen_may_be_coarser_than_the_file():
    pixels, seen = random_bytes(20, 30, 4), np.full([10, 15, 1], 0.5, np.float32)
    image = images.repair.SeenImage(pixels[::2, ::2], seen, lambda x, seen: x)
    made = image.recovered(thrice, (16, 16, 3), whole=True)
    assert made.shape == (10, 15, 4)
    assert (made[..., :3] == images.to_uint8(np.float32(0.5))).all()


@pytest.mark.parametrize("size", [(16, 16), (40, 90)])
def test_every_window_has_a_number_of_its_own(size):
    numbers_seen = []

    def note(x, numbers, visible=None):
        numbers_seen.extend(numbers.tolist())
        return x

    pixels = random_bytes(*size, 1)
    images.repair.SeenImage(pixels, seen_of(pixels), lambda x, _: x).recovered(
        note, (16, 16, 1), whole=False
    )
    assert numbers_seen
    assert len(set(numbers_seen)) == len(numbers_seen)
    numbers_seen.clear()
    holes = np.zeros([*size, 1], bool)
    holes[:, ::12] = True
    images.repair.DamagedImage(pixels, holes).recovered(note, (16, 16, 1), whole=False)
    assert numbers_seen
    assert len(set(numbers_seen)) == len(numbers_seen)


# Outputs and enlarging --------------------------------------------------------------------------


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
