"""Fill a hole in each of some images by one command an image, beside OpenCV and PatchMatch.

    python benchmarks/one_file.py --data='photos/*.png' --out=runs/one_file --hole=20

Each image gets one hole: a square of `--hole` pixels, or a scribble with --scribble. The command
`python -m coopkeras.run --task=inpaint --data= --mask= --output=` learns from the rest of the image
and fills it; with --draws=4 that many draws are written by the same model. Each result is judged
on the hole: PSNR, and the distance of patches. `--out` keeps, for each image, the files, and a
sheet of truth, hole and results around the hole. `--set` goes to the command. The same command
again learns nothing that it has learned, and prints the table.
"""

import argparse
import glob
import os
import pathlib
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from coopkeras import images, metrics
from coopkeras.images import baselines, holes, rivals
from coopkeras.jobs.report import table
from coopkeras.seeds import as_seed, fold
from coopkeras.task import row

MARGIN = 24  # pixels around the hole on a sheet
SCRIBBLED = 64  # pixels: side of the square that a scribble is in
COVERAGE = 0.2  # of that square
KEPT = ("psnr", "ssim", "patch_distance")


def main():
    """Make holes, run the command, judge and print."""
    asked = _asked()
    out, scores = pathlib.Path(asked.out), {}
    for number, path in enumerate(sorted(glob.glob(asked.data))):
        folder, began = out / pathlib.Path(path).stem, time.monotonic()
        truth, hidden = _prepare(path, folder, asked, number)
        _run(folder, asked, 0)
        seconds, made = time.monotonic() - began, {"ours, estimate": "out.png"}
        if asked.draws > 1:
            _run(folder, asked, asked.draws)
            made |= {f"ours, draw {n + 1}": f"out-{n + 1}.png" for n in range(asked.draws)}
        made = {name: images.to_float(images.read(folder / file)) for name, file in made.items()}
        made |= _rivals(truth, hidden)
        _sheet(folder, truth, hidden, made)
        rows = [judged(name, x, truth, hidden, folder.name) for name, x in made.items()]
        print(f"{path}: {seconds:.0f} s\n{table(rows)}\n", flush=True)
        for name, x in made.items():
            scores.setdefault(name, []).append((x, truth, hidden))
    report(scores)


def judged(name, x, truth, hidden, setting):
    """Return the row of one filled image, judged on its hole."""
    place = around(hidden)
    x, truth, hidden = (one[place][None] for one in (x, truth, hidden))
    found = metrics.of_recovery(x, truth, hidden)
    kept = {key: (float(np.mean(found[key][0])), *found[key][1:]) for key in KEPT}
    return row(name, setting=setting, metrics=kept, n=1)


def report(scores):
    """Print the mean of each way to fill over all images."""
    if not scores:
        raise SystemExit("There are no images.")
    rows = []
    for name, cases in scores.items():
        found = [judged(name, *case, "")["metrics"] for case in cases]
        means = {
            key: ([one[key]["value"] for one in found], told["unit"], told["better"])
            for key, told in found[0].items()
        }
        rows.append(row(name, setting="all", metrics=means, n=len(cases)))
    print(table(rows))


def around(hidden):
    """Return slices of the box around a hole and its margin."""
    box = []
    for axis in (0, 1):
        places = np.flatnonzero(hidden.any((1 - axis, 2)))
        box.append(slice(max(0, places[0] - MARGIN), places[-1] + 1 + MARGIN))
    return tuple(box)


def _prepare(path, folder, asked, number):
    """Write in.png and hole.png; return the truth and what of it is hidden."""
    pixels = images.read(path)
    pixels = images.convert_channels(pixels, 1 if pixels.shape[-1] < 3 else 3)
    if asked.crop:
        top, left = (max(0, side - asked.crop) // 2 for side in pixels.shape[:2])
        pixels = pixels[top : top + asked.crop, left : left + asked.crop]
    hidden = _hole(pixels.shape, asked, number)
    images.write(folder / "in.png", np.where(hidden, np.uint8(255), pixels))
    images.write(folder / "hole.png", hidden * np.uint8(255))
    return images.to_float(pixels), hidden


def _hole(shape, asked, number):
    """Return a square or a scribble, in the inner part of the image."""
    side = SCRIBBLED if asked.scribble else asked.hole
    seed = fold(as_seed(asked.seed), number)
    rng = np.random.default_rng([asked.seed, number])
    top, left = (
        int(rng.integers(length // 8, length - length // 8 - side)) for length in shape[:2]
    )
    hidden = np.zeros([*shape[:2], 1], bool)
    drawn = ~holes.strokes(seed, (side, side), COVERAGE).numpy() if asked.scribble else True
    hidden[top : top + side, left : left + side] = drawn
    return hidden


def _run(folder, asked, samples):
    """Run the command; its training is done once."""
    flags = [f"--data={folder}/in.png", f"--mask={folder}/hole.png", f"--output={folder}/out.png"]
    flags += [f"--set={setting}" for setting in (*asked.set, f"samples={samples}")]
    command = [sys.executable, "-m", "coopkeras.run", "--task=inpaint", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL if samples else None)


def _rivals(truth, hidden):
    """Return what the rivals fill, with all of the image around."""
    x = np.where(hidden, 0, truth)[None]
    found = {name: one.fill(x, ~hidden[None])[0] for name, one in rivals.rivals().items()}
    found["biharmonic"] = baselines.biharmonic(x, ~hidden[None])[0]
    return found


def _sheet(folder, truth, hidden, made):
    """Write what is around the hole, side by side, three times as large."""
    place = around(hidden)
    shown = {"truth": truth, "hole": np.where(hidden, 1.0, truth)} | made
    x = np.stack([np.clip(one[place], -1, 1) for one in shown.values()])
    x = x.repeat(3, axis=1).repeat(3, axis=2)
    images.write(
        folder / "sheet.png",
        images.gallery({n: one[None] for n, one in zip(shown, x, strict=True)}),
    )


def _asked():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="glob of images")
    parser.add_argument("--out", default="runs/one_file", help="folder of what is made")
    parser.add_argument("--hole", type=int, default=20, help="side of a square, pixels")
    parser.add_argument("--scribble", action="store_true", help="a scribble in place of a square")
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--crop", type=int, default=256, help="middle that is used; 0 is all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="a setting of the command")
    return parser.parse_args()


if __name__ == "__main__":
    main()
