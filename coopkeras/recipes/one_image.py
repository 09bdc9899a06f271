"""A recovery of one image that learns from what is known of it."""

import dataclasses

import numpy as np
from absl import logging

from coopkeras import data, images
from coopkeras.data import held_out as held_outs
from coopkeras.data import one_image
from coopkeras.errors import UserError
from coopkeras.images import files, masks, repair
from coopkeras.recipes.settings import RecoveryFields

ALPHA = "alpha"
MINUTES = 2.0  # of learning
LOG_EVERY = 25
SMALLEST = 16  # pixels: side of a patch


@dataclasses.dataclass(frozen=True)
class OneImageFields(RecoveryFields):
    """Settings of a recovery that may learn from the known part of one image.

    Attributes:
        mask: what of the one image in `data` is not known: an image of the same size, white = not
            known, or "alpha", its transparent pixels; "" knows all of the data.
    """

    mask: str = ""

    def __post_init__(self):
        """Check that the method takes part of an image: that of coopnets does."""
        super().__post_init__()
        known_in_part = "coopnets, to learn from a part of an image"
        self.require(not self.mask or self.method == "coopnets", "method", known_in_part)


def config_of_file(cls, path, mask_path, output_path, settings, **flags):
    """Return the config with which to learn from what is known of an image.

    What is not set is derived: `size` and `holes` from the hole, as `images.masks` does; it learns
    for two minutes.

    Args:
        cls: a Config that derives from `OneImageFields`.
        path: an image.
        mask_path: its mask; None takes its transparent pixels.
        output_path: where the result will go.
        settings: list of "name=value".
        **flags: settings that have a flag of their own.

    Raises:
        UserError: if the image has no hole, nothing but a hole, or is too small; if no image is
            written to a path such as `output_path`.
    """
    files.check_suffix(output_path)
    hidden = ~open_image(path, mask_path).visible[..., 0]
    flags |= {"data": str(path), "mask": str(mask_path or ALPHA)}
    names = {setting.partition("=")[0] for setting in settings}
    config = cls.parse(settings, **flags)
    size = config.size if "size" in names else masks.patch_size(hidden)
    _say_if_too_large(hidden, size)
    derived = {"size": size, "holes": masks.holes_like(hidden, size), "log_every": LOG_EVERY}
    derived |= {} if "updates" in names else {"minutes": MINUTES}
    return dataclasses.replace(config, **{n: v for n, v in derived.items() if n not in names})


def _say_if_too_large(hidden, size):
    if masks.thickest(hidden) > masks.largest_square(size):
        logging.warning(
            "The hole does not fit into the patches of %d pixels that are learned: it will be "
            "filled in rounds, from its border inwards.",
            size,
        )


def open_image(path, mask_path):
    """Read an image and its hole, of which there should be some.

    Args:
        path: an image.
        mask_path: its mask; None, "" and "alpha" take its transparent pixels.

    Returns:
        image: an `images.repair.DamagedImage`.

    Raises:
        UserError: as `images.repair.open_image`, if there is no hole, or the image is too small.
    """
    image = repair.open_image(path, None if mask_path in (None, "", ALPHA) else mask_path)
    if image.visible.all():
        raise UserError(
            f"`{mask_path or path}` has no hole, so there is nothing to fill: white in a mask is "
            f"filled, or what is transparent in an image."
        )
    height, width = image.visible.shape[:2]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"`{path}` is {width}x{height} (width x height), too small to learn from; both should "
            f"be at least {SMALLEST}."
        )
    return image


def examples(config):
    """Return patches of the image that `config` names, a `data.Split`, and what they know.

    Nothing is held out, unless `held_out` is a share of the width.

    Args:
        config: an `OneImageFields` of images.
    """
    image = open_image(config.data, config.mask)
    pixels = image.pixels
    channels = config.channels or (1 if pixels.shape[-1] < 3 else 3)
    x = images.to_float(images.convert_channels(pixels, channels))
    share = config.held_out and held_outs.parse(config.held_out, ("share",), "one image").amount
    found = one_image.split(x, np.asarray(image.visible, bool), config.size, share or 0.0)
    train = found.train.mirror() if config.mirror else found.train
    return data.Split(train, found.held_out.take(config.judged, seed=0))
