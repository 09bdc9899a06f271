"""Laws of the border: what is written is what is read, whatever the format and the camera."""

import numpy as np
import pytest
from PIL import Image

from coopkeras import images
from coopkeras.errors import UserError

RANDOM = np.random.default_rng(0)


def noise(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def test_all_bytes_survive_the_way_to_floats_and_back():
    every = np.arange(256, dtype=np.uint8)
    floats = images.to_float(every)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (-1, 1)
    assert np.array_equal(images.to_uint8(floats), every)


def test_floats_outside_the_range_are_clipped_and_nan_is_refused():
    assert images.to_uint8(np.array([-7.0, 7.0])).tolist() == [0, 255]
    with pytest.raises(ValueError, match="finite"):
        images.to_uint8(np.array([np.nan]))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_is_lossless_for_every_number_of_channels(tmp_path, channels):
    picture = noise(7, 5, channels)
    path = tmp_path / "new" / "a.png"
    images.write(path, picture)
    assert np.array_equal(images.read(path), picture)
    assert images.read_shape(path) == (7, 5, channels)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "webp", "tif", "jpg"])
def test_every_format_can_be_written_and_read(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    images.write(path, np.zeros([16, 12, 3], np.float32))
    assert images.read(path, "RGB").shape == (16, 12, 3)
    assert abs(images.read(path, "RGB").astype(int) - 128).max() <= 2


def test_sixteen_bits_are_read_scaled_or_whole(tmp_path):
    path = tmp_path / "deep.png"
    deep = np.array([[0, 257], [65535, 1000]], np.uint16)
    images.write(path, deep[..., None])
    assert images.read_shape(path) == (2, 2, 1)
    assert images.read(path)[..., 0].tolist() == [[0, 1], [255, 4]]
    assert np.array_equal(images.read(path, depth=16)[..., 0], deep)
    assert images.to_float(deep).max() == 1


def test_exif_orientation_is_honoured(tmp_path):
    path = tmp_path / "turned.jpg"
    picture = np.zeros([16, 32, 3], np.uint8)
    picture[:, :16] = 255  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(picture).save(path, exif=exif, quality=95)
    seen = images.read(path)
    assert seen.shape == images.read_shape(path) == (32, 16, 3)
    assert seen[:12].min() > 200
    assert seen[20:].max() < 50


def test_a_palette_of_greys_is_grey_and_one_of_colours_is_not(tmp_path):
    for name, colour, channels in (("grey", 9, 1), ("red", 200, 3)):
        image = Image.new("P", (4, 4), 1)
        image.putpalette([0, 0, 0, colour, 9, 9])
        image.save(tmp_path / f"{name}.png")
        assert images.read(tmp_path / f"{name}.png").shape == (4, 4, channels)
        assert images.read_shape(tmp_path / f"{name}.png") == (4, 4, channels)


def test_a_jpg_decoded_smaller_keeps_the_sides_asked_for(tmp_path):
    path = tmp_path / "large.jpg"
    images.write(path, np.zeros([256, 512, 3], np.float32))
    assert images.read(path, at_least=60).shape == (64, 128, 3)


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_broken_picture_is_named(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content is None:  # a jpg cut in the middle
        images.write(path, noise(64, 64, 3))
        content = path.read_bytes()[:1500]
    path.write_bytes(content)
    with pytest.raises(UserError, match="broken.jpg.*not a whole image"):
        images.read(path)


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(UserError, match="no such image"):
        images.read(tmp_path / "none.png")
    with pytest.raises(UserError, match="Use .png"):
        images.write(tmp_path / "a.xyz", noise(2, 2, 3))
    with pytest.raises(ValueError, match="should have shape"):
        images.write(tmp_path / "a.png", noise(2, 2, 5))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written"):
        images.write(tmp_path / "file" / "a.png", noise(2, 2, 3))


def test_alpha_is_dropped_and_colour_weighed():
    colour = noise(4, 4, 4)
    assert np.array_equal(images.convert_channels(colour, 3), colour[..., :3])
    grey = images.convert_channels(colour, 1)
    expected = colour[..., :3] @ [0.299, 0.587, 0.114]
    assert abs(grey[..., 0] - expected).max() <= 1
    assert np.array_equal(images.convert_channels(grey, 3)[..., 2], grey[..., 0])


def test_resizing_is_antialiased_and_the_same_size_is_the_same_bytes():
    checks = (np.indices([64, 64]).sum(0) % 2 * 255).astype(np.uint8)[..., None]
    assert images.resize(checks, 64, 64) is checks
    small = images.resize(checks, 16, 16)
    assert abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 12


def test_a_centre_crop_is_the_middle():
    picture = noise(6, 10, 3)
    assert np.array_equal(images.centre_crop(picture), picture[:, 2:8])
    assert np.array_equal(images.centre_crop(picture[:, :3]), picture[1:4, :3])


def test_a_grid_holds_every_picture_in_reading_order():
    pictures = noise(5, 4, 3, 3)
    sheet = images.grid(pictures, columns=2, pad=1)
    assert sheet.shape == (3 * 5 + 1, 2 * 4 + 1, 3)
    assert np.array_equal(sheet[6:10, 1:4], pictures[2])
    assert np.array_equal(sheet[6:10, 5:8], pictures[3])
    assert (sheet[11:15, 5:8] == 255).all()
    with pytest.raises(ValueError, match="n > 0"):
        images.grid(pictures[:0])


def test_a_gallery_takes_rows_that_differ(tmp_path):
    rows = {
        "observed": np.zeros([3, 8, 8, 1], np.float32),
        "a longer name": noise(2, 16, 16, 3),
    }
    sheet = images.gallery(rows, cell=32)
    assert sheet.dtype == np.uint8
    assert sheet.shape[-1] == 3
    assert (sheet == 128).all(-1).sum() == 3 * 32 * 32  # each grey picture enlarged four times
    with pytest.raises(ValueError, match="received none"):
        images.gallery({})


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_writes_itself(tmp_path, channels):
    pixels = noise(5, 7, channels)
    image = images.Image(pixels)
    assert (image.suffix, image.element) == (".png", "img")
    image.write(tmp_path / f"drawn{image.suffix}")
    np.testing.assert_array_equal(images.read(tmp_path / "drawn.png"), pixels)
    images.Image(images.to_float(pixels)).write(tmp_path / "floats.png")
    np.testing.assert_array_equal(images.read(tmp_path / "floats.png"), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_survive_the_way_to_floats_and_back(dtype):
    every = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    back = images.to_integers(images.to_float(every), dtype)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, every)
