"""Laws of a recovery that learns from what is known of one image."""

import numpy as np
import pytest

import coopkeras as ck
from coopkeras import images, registry
from coopkeras.recipes import one_image

Inpaint = registry.find("inpaint")


@pytest.fixture
def paths(tmp_path, rng):
    """Return an image and its mask."""
    hidden = np.zeros([60, 70, 1], bool)
    hidden[20:28, 30:38] = True
    images.write(tmp_path / "in.png", rng.integers(255, size=[60, 70, 3]).astype(np.uint8))
    images.write(tmp_path / "hole.png", hidden * np.uint8(255))
    return tmp_path / "in.png", tmp_path / "hole.png"


def config_of(paths, *settings):
    return Inpaint.config_of_file(*paths, "out.png", settings)


def test_what_is_not_set_is_derived_from_the_hole(paths):
    config = config_of(paths)
    assert (config.size, config.holes) == (32, "square:8")
    assert (config.data, config.mask) == tuple(map(str, paths))
    config = config_of(paths, "size=16", "holes=square:3", "updates=7")
    assert (config.size, config.holes, config.updates) == (16, "square:3", 7)
    assert config.minutes == 0


def test_two_minutes_are_enough_unless_told_otherwise(paths):
    assert config_of(paths).minutes == config_of(paths, "size=48").minutes == 2
    assert config_of(paths, "minutes=10").minutes == 10


def test_a_part_of_an_image_needs_a_method_that_takes_it(paths):
    with pytest.raises(ck.UserError, match="`method` should be coopnets"):
        config_of(paths, "method=descriptor")


def test_each_hole_hides_something_that_is_known(paths):
    task = Inpaint(config_of(paths))
    train = task.datasets().train
    batch = next(iter(train.batches(64, seed=0)))
    hidden = ~batch["visible"].numpy() & batch["known"].numpy()
    assert hidden.any((1, 2, 3)).all()
    assert (~batch["known"].numpy()).any()
    again = next(iter(train.batches(64, seed=0)))
    np.testing.assert_array_equal(batch["visible"], again["visible"])
    later = next(iter(train.batches(64, seed=0, first_step=36)))
    assert (batch["visible"].numpy() != later["visible"].numpy()).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_every_kind_of_image_is_learned_from(tmp_path, rng, channels, depth):
    if depth == np.uint16 and channels > 1:
        pytest.skip("files hold 16 bits of grey images only")
    pixels = rng.integers(255, size=[40, 40, channels]).astype(depth)
    alpha = channels in (2, 4)
    if alpha:
        pixels[..., -1] = 255
        pixels[10:20, 10:20, -1] = 0
    mask = np.zeros([40, 40, 1], np.uint8)
    mask[10:20, 10:20] = 255
    images.write(tmp_path / "in.png", pixels)
    images.write(tmp_path / "hole.png", mask)
    found = []
    for mask_path in (tmp_path / "hole.png", None)[: 1 + alpha]:
        config = Inpaint.config_of_file(tmp_path / "in.png", mask_path, "o.png", [])
        train = one_image.examples(config).train
        found.append(train.gather([0, 40]))
        assert train.shape == (32, 32, 1 if channels < 3 else 3)
    for name in ("x", "known"):
        np.testing.assert_array_equal(found[0][name], found[-1][name])
