"""What a user has without learning: OpenCV's and PatchMatch's inpainting, if they are installed.

Each is `fill(x, visible) -> filled` as in `baselines`, works on 8 bits, and may change what is
known: the known values are put back bit for bit. `pip install coopkeras[rivals]` installs them.
"""

import concurrent.futures
import functools
import importlib.metadata
import os

import numpy as np
from absl import logging

from coopkeras.images.files import to_float, to_uint8

PATCH_RADIUS = 3  # pixels; the best of 2, 3, 4, 5, 7 on training patches of the embedded textures
WHEEL = "opencv-contrib-python-headless"


class Rival:
    """A way to fill one 8-bit image, as one to fill many of floats.

    Args:
        function: (image uint8 `[height, width, c]`, hidden bool `[height, width]`) -> filled.
        at_most: how many examples it is judged on, None for all: for the slow ones.
        at_once: how many images are filled at once, in threads.

    Example:
        >>> grey = Rival(lambda image, hidden: np.full_like(image, 255))
        >>> grey.fill(np.zeros([1, 2, 1, 1]), np.array([True, False])[:, None, None]).ravel()
        array([0., 1.])
    """

    def __init__(self, function, at_most=None, at_once=1):
        self.function, self.at_most, self.at_once = function, at_most, at_once

    def fill(self, x, visible):
        """Fill the holes of images.

        Args:
            x: `[n, height, width, 1 or 3]` in [-1, 1]; what is hidden is not looked at.
            visible: bool, broadcast against `x`; True = known. A pixel is known if all its
                channels are. Where none is, the image becomes mid grey.

        Returns:
            filled: shaped like `x`, in [-1, 1]; known values bit for bit.
        """
        x = np.asarray(x)
        visible = np.broadcast_to(np.asarray(visible, bool), x.shape)
        hidden = ~visible.all(-1)
        pixels = to_uint8(np.where(hidden[..., None], 0, x))
        with concurrent.futures.ThreadPoolExecutor(self.at_once) as pool:
            filled = np.stack(list(pool.map(self._one, pixels, hidden)))
        return np.where(visible, x, to_float(filled).astype(x.dtype))

    def _one(self, image, hidden):
        if hidden.all() or not hidden.any():
            return image
        return self.function(image, hidden)


def rivals():
    """Return the rivals that are installed, by name; one line of the log says what is missing.

    Returns:
        rivals: a dict from name to a `Rival`: "fsr fast" and "fsr best", frequency-selective
            reconstruction, and "patchmatch".

    Example:
        >>> set(rivals()) <= {"fsr fast", "fsr best", "patchmatch"}
        True

    Source:
        Genser et al., Spectral constrained frequency selective extrapolation for rapid image error
        concealment, 2018 (OpenCV's `xphoto.inpaint`); Barnes et al., PatchMatch, 2009, in the
        inpainting of Wexler et al., 2007 (the package PyPatchMatch).
    """
    found, missing = {}, []
    for name, load in {"OpenCV": _of_opencv, "PatchMatch": _of_patchmatch}.items():
        try:
            found |= load()
        except ImportError as error:
            missing.append(f"{name} ({error})")
    if missing:
        names = " and ".join(missing)
        _without(names, "install what is missing with `pip install coopkeras[rivals]`.")
    return found


def _of_opencv():
    import cv2

    if not hasattr(cv2, "xphoto"):
        return _without("OpenCV", _which_wheel())
    cores = os.cpu_count() or 1  # OpenCV lets other threads run
    fast = functools.partial(_reconstruct, cv2, cv2.xphoto.INPAINT_FSR_FAST)
    best = functools.partial(_reconstruct, cv2, cv2.xphoto.INPAINT_FSR_BEST)
    return {
        "fsr fast": Rival(fast, at_once=cores),
        "fsr best": Rival(best, at_most=100, at_once=cores),
    }


def _of_patchmatch():
    from patchmatch import patch_match

    if not patch_match.patchmatch_available:
        return _without("PatchMatch", "its compiled library can't be loaded here.")
    return {"patchmatch": Rival(functools.partial(_match, patch_match))}


def _without(name, reason):
    logging.warning("Left out of the table: %s; %s", name, reason)
    return {}


def _which_wheel():
    """Say which wheel has written its own cv2 over ours."""
    wheels = set(importlib.metadata.packages_distributions().get("cv2", ())) - {WHEEL}
    others = " ".join(sorted(wheels)) or "the other opencv wheel"
    return (
        f"`cv2` has no `xphoto`, since {others} writes to the same folder; `pip uninstall "
        f"{others} {WHEEL}`, then `pip install coopkeras[rivals]`."
    )


def _reconstruct(cv2, how, image, hidden):
    filled = np.empty_like(image)
    cv2.xphoto.inpaint(image, np.where(hidden, 0, 255).astype(np.uint8), filled, how)
    return filled


def _match(patch_match, image, hidden):
    colour = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    filled = patch_match.inpaint(colour, hidden, patch_size=PATCH_RADIUS)
    return filled[..., : image.shape[-1]]
