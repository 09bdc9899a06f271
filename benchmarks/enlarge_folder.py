"""Enlarge whole images with a trained model, and judge them as the field does.

    python benchmarks/enlarge_folder.py runs/sharp photos/

Each image is cut to a multiple of the model's factor, made small by means over blocks, rounded to
8 bits, enlarged by `--mode=predict`, and compared with itself: PSNR and SSIM of the luma without
`factor` pixels at the border, beside bicubic and Lanczos enlargements of the same small image.
"""

import os
import pathlib
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from coopkeras import images, jobs, metrics, observation, registry
from coopkeras.jobs.workdir import Workdir


def main(workdir, folder):
    """Print a row for each image, and the means."""
    cls = registry.find("super_resolution")
    task = cls(Workdir(workdir).load_config(cls))
    model = jobs.train.restore(task, workdir)
    rows = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix.lower() in images.SUFFIXES:
            rows[path.name] = judge(task, model, images.read(path))
            print(path.name, _text(rows[path.name]), flush=True)
    means = {
        method: [statistics.mean(row[method][n] for row in rows.values()) for n in range(2)]
        for method in next(iter(rows.values()))
    }
    print(f"mean of {len(rows)}", _text(means))


def judge(task, model, pixels):
    """Return (PSNR, SSIM) by method for one image."""
    factor = task.config.factor
    colour = pixels[..., :3] if pixels.shape[-1] > 3 else pixels
    height, width = (side // factor * factor for side in colour.shape[:2])
    x = images.to_float(colour[:height, :width])
    small = images.to_uint8(observation.Downsample(factor)(x[None]).numpy()[0])
    with tempfile.TemporaryDirectory() as aside:
        given, made = (pathlib.Path(aside, name) for name in ("in.png", "out.png"))
        images.write(given, small)
        task.predict(model, given, made)
        ours = images.to_float(images.read(made))
    enlarged = {"ours": ours}
    for method in ("bicubic", "lanczos"):
        enlarged[method] = images.resize(images.to_float(small), height, width, method)
    return {name: _scores(one, x, factor) for name, one in enlarged.items()}


def _scores(made, truth, border):
    inner = slice(border, -border)
    lumas = [metrics.luma(np.clip(one[None, inner, inner], -1, 1)) for one in (made, truth)]
    return float(metrics.psnr(*lumas)[0]), float(metrics.ssim(*lumas)[0])


def _text(row):
    return "  ".join(f"{name} {psnr:.2f} dB {ssim:.4f}" for name, (psnr, ssim) in row.items())


if __name__ == "__main__":
    main(*sys.argv[1:])
