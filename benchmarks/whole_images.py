"""Judge a trained inpaint model on whole images with holes, beside its rivals.

    python benchmarks/whole_images.py --workdir=runs/inpaint --data='photos/*.jpg' --hole=12

Each image gets `--holes` squares, so far from each other that no window of the model sees two. The
model fills them by the code of `--mode=predict`: its estimate and `--draws` draws. Its rivals
(OpenCV, PatchMatch, biharmonic) fill them with the whole image around. Every hole is judged by
itself, as in the table of a run: PSNR is a mean over holes. Then come the differences of the
rivals to ours, hole by hole, with their standard errors. A model of whole images looks at one
square around all holes: give it --holes=1.
"""

import argparse
import functools
import glob
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from coopkeras import images, jobs, metrics, registry, seeds
from coopkeras.images import baselines, repair, rivals
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import paired, row

MARGIN = 12  # pixels around a hole that its crop holds: SSIM and patches look beyond the hole
TRIES = 1000  # places that are drawn for a hole
DEFAULTS = {"hole": 12, "holes": 8, "seed": 0, "limit": 0, "draws": 8}
OURS = ("estimate", "sample")


def main():
    """Fill, judge and print."""
    asked = _asked()
    cls = registry.find("inpaint")
    task = cls(Workdir(asked.workdir).load_config(cls))
    model = jobs.train.restore(task, asked.workdir)
    truths, hidden, made = [], [], {}
    paths = sorted(glob.glob(asked.data, recursive=True))[: asked.limit or None]
    for number, path in enumerate(paths):
        pixels = images.convert_channels(images.read(path), model.x_shape[-1])
        rng = np.random.default_rng([asked.seed, number])
        corners = place(pixels.shape[:2], asked.hole, asked.holes, max(model.x_shape[:2]), rng)
        print(f"{number + 1}/{len(paths)}  {path}  {len(corners)} holes", flush=True)
        if not corners:
            continue
        visible = outside(pixels.shape[:2], corners, asked.hole)
        cut = functools.partial(crops, corners=corners, hole=asked.hole)
        truths.append(cut(images.to_float(pixels)))
        hidden.append(cut(~visible))
        for name, results in fill(task, model, pixels, visible, asked.draws).items():
            made.setdefault(name, []).append(np.stack([cut(one) for one in results]))
    if not truths:
        raise SystemExit(f"No image of {asked.data!r} is large enough for a hole and its margin.")
    made = {name: np.concatenate(parts, axis=1) for name, parts in made.items()}
    report(task, made, np.concatenate(truths), np.concatenate(hidden), f"M{asked.hole}")


def place(shape, hole, count, gap, rng):
    """Return the corners of at most so many squares that are `gap` pixels apart.

    Args:
        shape: (height, width) of the image.
        hole: side of a square, pixels.
        count: number of squares.
        gap: pixels between two of them, along at least one side.
        rng: a NumPy generator.
    """
    if min(shape) < hole + 2 * MARGIN:
        return []
    found = []
    for _ in range(count * TRIES):
        corner = tuple(int(rng.integers(side - hole + 1)) for side in shape)
        if all(np.abs(np.subtract(corner, one)).max() >= hole + gap for one in found):
            found.append(corner)
        if len(found) == count:
            break
    return found


def outside(shape, corners, hole):
    """Return what is visible, bool `[height, width, 1]`: all but the squares."""
    visible = np.ones([*shape, 1], bool)
    for top, left in corners:
        visible[top : top + hole, left : left + hole] = False
    return visible


def crops(x, corners, hole):
    """Return a square around each hole, `[holes, side, side, c]`."""
    side = hole + 2 * MARGIN
    found = []
    for corner in corners:
        top, left = (
            int(np.clip(start - MARGIN, 0, length - side))
            for start, length in zip(corner, x.shape[:2], strict=True)
        )
        found.append(x[top : top + side, left : left + side])
    return np.stack(found)


def fill(task, model, pixels, visible, draws):
    """Return what fills an image: `{name: list of [height, width, c]}`, ours and the rivals'."""
    whole, damaged = not task.config.at_own_scale(), repair.DamagedImage(pixels, visible)

    def recovered(number, temperature):
        seed = seeds.fold(seeds.as_seed(task.config.seed), number)

        def recover(x, numbers, visible):
            return task.recover(model, x, {"visible": visible}, seed, temperature, numbers)[1]

        return images.to_float(damaged.recovered(recover, model.x_shape, whole))

    found = {
        "estimate": [recovered(0, 0.0)],
        "sample": [recovered(number, 1.0) for number in range(draws)],
    }
    x = np.where(visible, images.to_float(pixels), 0)[None]
    fills = {name: one.fill for name, one in rivals.rivals().items()}
    fills["biharmonic"] = baselines.biharmonic
    return found | {name: list(one(x, visible[None])) for name, one in fills.items()}


def report(task, made, x, where, setting):
    """Print the table, and the differences of the rivals to ours."""
    found = {
        name: metrics.of_recovery(draws[0], x, where, draws if name == "sample" else None)
        for name, draws in made.items()
    }
    rows = [
        row(
            task.config.method if name in OURS else name,
            setting=setting,
            metrics=scores,
            n=len(x),
            variant=name if name in OURS else None,
        )
        for name, scores in found.items()
    ]
    print(jobs.report.table(rows))
    for ours in OURS:
        print(f"\ndifference to our {ours}, hole by hole ± its standard error")
        for name in [name for name in made if name not in OURS]:
            told = paired(found[name], ours, found[ours])
            texts = (f"{key} {d['difference']:+.4f} ± {d['se']:.4f}" for key, d in told.items())
            print(f"{name:12}", "  ".join(texts))


def _asked():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--data", required=True, help="glob of images")
    for name, default in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    main()
