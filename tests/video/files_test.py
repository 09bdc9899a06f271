"""Laws of clips in files: what is written is what is read, and what is broken is said."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from coopkeras import images, video
from coopkeras.errors import UserError

RANDOM = np.random.default_rng(0)


def noise(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def round_trip(path, pixels, rate=25.0):
    video.write(path, pixels, rate)
    return video.read(path)


@pytest.mark.parametrize("name", ["frames", "a.mkv", "a.avi"])
@pytest.mark.parametrize("shape", [(5, 18, 20, 3), (4, 17, 23, 3), (4, 17, 23, 1)])
def test_what_is_lossless_comes_back_bit_for_bit(tmp_path, name, shape):
    pixels = noise(*shape)
    clip = round_trip(tmp_path / "new" / name, pixels)
    assert not video.is_lossy(name, shape[-1])
    np.testing.assert_array_equal(clip.pixels, pixels)


def test_a_grey_gif_is_lossless_and_frames_that_stand_still_are_counted(tmp_path):
    pixels = noise(6, 12, 10, 1)
    pixels[3] = pixels[2]
    clip = round_trip(tmp_path / "a.gif", pixels, rate=10)
    np.testing.assert_array_equal(clip.pixels, pixels)
    assert clip.rate == 10


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.gif"])
@pytest.mark.parametrize("shape", [(6, 32, 48, 3), (6, 33, 47, 3)])
def test_what_is_lossy_comes_back_nearly(tmp_path, name, shape):
    ramp = np.linspace(0, 200, shape[2])[:, None] * [1, 0.5, 0.2]
    pixels = np.broadcast_to(ramp + 5 * np.arange(shape[0])[:, None, None, None], shape)
    clip = round_trip(tmp_path / name, pixels.astype(np.uint8))
    assert clip.pixels.shape == shape
    assert abs(clip.pixels.astype(int) - pixels).mean() < 8
    assert video.is_lossy(name, 3)


def test_the_rate_is_kept(tmp_path):
    for rate in (12.5, 25.0, 30000 / 1001):
        assert round_trip(tmp_path / f"{rate}.mkv", noise(3, 16, 16, 1), rate).rate == (
            pytest.approx(rate, rel=1e-4)
        )


def test_frames_of_a_folder_are_sorted_by_their_numbers(tmp_path):
    for number in (10, 2, 1, 100):
        images.write(tmp_path / f"{number}.png", np.full([4, 4, 3], number, np.uint8))
    (tmp_path / "notes.txt").write_text("not a frame")
    clip = video.read(tmp_path)
    assert clip.pixels[:, 0, 0, 0].tolist() == [1, 2, 10, 100]
    assert clip.pixels.shape[-1] == 1  # all grey


def test_alpha_is_dropped_and_grey_frames_among_colours_are_colours(tmp_path):
    images.write(tmp_path / "0.png", noise(4, 4, 4))
    images.write(tmp_path / "1.png", noise(4, 4, 2))
    assert video.read(tmp_path).pixels.shape == (2, 4, 4, 3)


def test_frames_are_fitted_as_they_are_read(tmp_path):
    pixels = noise(3, 16, 16, 1)
    for name in ("frames", "a.mkv", "a.gif"):
        video.write(tmp_path / name, pixels)
        clip = video.read(tmp_path / name, fit=lambda frame: frame[:5, :6])
        np.testing.assert_array_equal(clip.pixels, pixels[:, :5, :6])


def test_a_png_is_a_contact_sheet(tmp_path):
    video.write(tmp_path / "sheet.png", np.zeros([40, 10, 10, 1]))
    assert images.read_shape(tmp_path / "sheet.png") == (3 * 12 + 2, 8 * 12 + 2, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.mp4", b""), ("a.mp4", b"this is no video"), ("a.gif", b""), ("a.avi", b"RIFF....AVI ")],
)
def test_a_broken_clip_is_said_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}.*not a whole clip") as caught:
        video.read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_errors_say_what_to_do(tmp_path):
    (tmp_path / "a.xyz").write_text("")
    (tmp_path / "empty").mkdir()
    for name, words in [
        ("none.mp4", "no such clip"),
        ("a.xyz", "ends in '.xyz'; a clip should be a video"),
        ("empty", "has no frames"),
    ]:
        with pytest.raises(UserError, match=words):
            video.read(tmp_path / name)
    with pytest.raises(UserError, match="in nothing for a folder"):
        video.write(tmp_path / "a.wmv", noise(2, 4, 4, 1))
    with pytest.raises(UserError, match="not empty"):
        video.write(tmp_path, noise(2, 4, 4, 1))
    with pytest.raises(ValueError, match="should be"):
        video.write(tmp_path / "a.gif", noise(4, 4, 1))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written"):
        video.write(tmp_path / "file" / "a.mkv", noise(2, 16, 16, 1))


def test_frames_of_different_sizes_are_refused(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "0.png")
    Image.new("L", (5, 4)).save(tmp_path / "1.png")
    with pytest.raises(UserError, match="4x4 and 5x4"):
        video.read(tmp_path)


def test_importing_it_does_not_import_pyav():
    code = "import sys, coopkeras.video.files; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["drawn.gif", "drawn.mkv", "frames"])
def test_a_clip_writes_itself(tmp_path, name):
    clip = video.Clip(noise(5, 16, 18, 1), 10)
    assert (clip.suffix, clip.element) == (".gif", "img")
    clip.write(tmp_path / name)
    again = video.read(tmp_path / name)
    np.testing.assert_array_equal(again.pixels, clip.pixels)
    assert again.rate == (10 if name != "frames" else video.Clip(clip.pixels).rate)
