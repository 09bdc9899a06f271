"""Samples: the data that come with coopkeras, from scikit-image's wheel or made by arithmetic."""

import numpy as np
from scipy import ndimage, signal

from coopkeras import images

PEAK = 0.95  # of crackle
CRACKLE_SECONDS = 12.0
PAN_SHAPE = (128, 48, 64)  # frames, height, width
TEXTURES = ("brick", "grass", "gravel")
LARGE = {  # images that are few and large, to be cut into patches, and their scale
    "textures": (TEXTURES, 0.5),
    **{name: ((name,), 0.5) for name in TEXTURES},
    "photographs": (("astronaut", "chelsea", "coffee", "rocket"), 0.4),
}
IMAGES = (*LARGE, "faces")


def faces():
    """Return the 100 faces of scikit-image's LFW subset, uint8 `[100, 25, 25, 1]`.

    Example:
        >>> faces().shape
        (100, 25, 25, 1)
    """
    import skimage.data

    faces = skimage.data.lfw_subset()[:100]  # the other 100 are no faces
    return images.to_uint8(faces * 2 - 1)[..., None]


def large(name):
    """Return the images of one entry of `LARGE` by name, uint8 `[height, width, 1 or 3]`.

    Example:
        >>> {name: image.shape for name, image in large("gravel").items()}
        {'gravel': (256, 256, 1)}
    """
    import skimage.data

    names, scale = LARGE[name]
    found = {}
    for one in names:
        image = getattr(skimage.data, one)()
        image = image[..., None] if image.ndim == 2 else image
        height, width = (round(side * scale) for side in image.shape[:2])
        found[one] = images.resize(image, height, width)
    return found


def pan():
    """Yield the frames of samples:pan: right by a pixel a frame, and up and down in a wave."""
    import skimage.data

    gravel = images.resize(skimage.data.gravel()[..., None], 256, 256)[..., 0]
    length, height, width = PAN_SHAPE
    rows, columns = np.mgrid[:height, :width]
    smooth = ndimage.spline_filter(gravel.astype(np.float64), order=3)
    for time in range(length):
        places = rows + 96 + 16 * np.sin(2 * np.pi * time / 64), columns + 24 + time
        frame = ndimage.map_coordinates(smooth, places, order=3, prefilter=False)
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)[..., None]


def crackle(rate, seconds=CRACKLE_SECONDS, seed=0):
    """Make a sound like a crackling fire: no recording, but sums of random parts.

    A low rumble whose level wanders, a faint hiss, and crackles: at random times, 40 a second,
    each a damped oscillation of random loudness (log-normal), pitch and decay.

    Args:
        rate: sample rate, Hz.
        seconds: how long.
        seed: an integer.

    Returns:
        x: float64 `[time, 1]`.

    Example:
        >>> crackle(8000, seconds=0.5).shape
        (4000, 1)
    """
    rng = np.random.default_rng(seed)
    length = int(seconds * rate)
    wander = signal.sosfilt(signal.butter(2, 2.0, fs=rate, output="sos"), rng.normal(size=length))
    rumble = signal.sosfilt(signal.butter(2, 400.0, fs=rate, output="sos"), rng.normal(size=length))
    x = rumble * np.exp(0.5 * wander / wander.std()) / rumble.std()
    x += 0.1 * rng.normal(size=length)
    for start in rng.integers(length, size=rng.poisson(40 * seconds)):
        decay = rng.uniform(1e-3, 6e-3)  # seconds
        time = np.arange(min(int(8 * decay * rate), length - start)) / rate
        loudness = 2.5 * np.exp(rng.normal(0, 0.4))
        pitch = rng.uniform(600, min(5000, 0.4 * rate))
        x[start : start + len(time)] += (
            loudness * np.exp(-time / decay) * np.sin(2 * np.pi * pitch * time)
        )
    return PEAK * (x / np.abs(x).max())[:, None]
