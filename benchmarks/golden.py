"""Golden runs: what every task makes with tiny settings, to hold a change of structure to.

    python benchmarks/golden.py make before/       # or some of RUNS by name
    python benchmarks/golden.py compare before/ after/

Each run learns for four updates on one thread and leaves its log, its rows of results, its last
checkpoint and what predict writes. `compare` holds every value to be equal, bit for bit; names of
variables, which Keras counts anew in each process, and seconds do not count.
"""

import dataclasses
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = pathlib.Path(__file__).parents[1]
sys.path += [str(ROOT / "examples/colorize")]

SMALL = ["batch_size=4", "judged=4", "latent_dim=4", "generator_width=4", "descriptor_width=4"]
SMALL += [
    "width=4",
    "levels=3",
    "descriptor_updates=2",
    "steps=2",
    "infer_steps=1",
    "updates=4",
    "log_every=2",
    "precision=float32",
]
SETTINGS = {
    "audio": ["size=64", "sample_rate=4000", "judged_gaps=0.05", "seconds=1"],
    "colorize": ["size=16", "samples=2"],
    "inpaint": ["size=16", "holes=square:6", "samples=2"],
    "super_resolution": ["size=20", "samples=2"],
    "synthesis": ["size=32", "patch=16", "samples=2"],
    "video": ["size=16", "holes=frames:4,square:6", "length=24", "batch_size=2", "judged=2"],
}
METHODS = ("coopnets", "generator", "descriptor")
RUNS = {f"{task}-{method}": [task, f"method={method}"] for task in SETTINGS for method in METHODS}
RUNS["colorize-coopnets"] += ["size=24"]
RUNS["inpaint-whole"] = ["inpaint", "data=samples:faces", "patches=false"]
RUNS["synthesis-faces"] = ["synthesis", "data=samples:faces"]
RUNS["synthesis-digits"] = ["synthesis", "data=digits"]
RUNS["video-synthesis"] = ["video", "goal=synthesis"]
RUNS["video-whole"] = ["video", "scale=0"]
RUNS["video-descriptor-repair"] = ["video", "method=descriptor", "goal=repair"]
for name in ("colorize-generator", "colorize-descriptor"):
    del RUNS[name]  # it knows CoopNets alone
SEEN = {"audio": "sound.wav", "video": "clip"}


def make(folder, *names):
    """Run what is named, or all, into a folder."""
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    folder = pathlib.Path(folder).absolute()
    if not (folder / "inputs").exists():
        write_inputs(folder / "inputs")
    os.chdir(folder / "inputs")
    for name in names or RUNS:
        print(name, flush=True)
        _run(folder / name, *RUNS[name])


def _run(folder, name, *more):
    from coopkeras import registry
    from coopkeras.jobs import train

    cls = registry.find(name, ["colorize"] if name == "colorize" else ())
    task = cls(cls.Config.parse(read([*SMALL, *SETTINGS[name], *more], cls.Config)))
    model, split, _ = train.fit(task, folder, verbose=0)
    rows = task.judge(model, split)
    (folder / "rows.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    given = SEEN.get(name, "picture.png") if task.takes_input or name == "audio" else None
    mask = "mask.png" if given and name in ("inpaint", "video") else None
    suffix = "" if name == "video" else task.suffix  # a folder of frames
    task.predict(model, given, folder / f"out{suffix}", mask)
    if name == "audio":
        task.predict(model, None, folder / f"new{suffix}")


def read(settings, kind):
    """Return the settings that a Config has and reads, given those that choose what is read."""
    names = {field.name for field in dataclasses.fields(kind)}
    settings = [one for one in settings if one.partition("=")[0] in names]
    chosen = ("data", "goal", "method", "patches", "scale")
    unread = kind.parse([one for one in settings if one.partition("=")[0] in chosen]).unread()
    return [one for one in settings if one.partition("=")[0] not in unread]


def write_inputs(folder):
    """Write what is predicted from, and a folder of images with labels."""
    import numpy as np

    from coopkeras import audio, images, video

    draw = np.random.default_rng(0)
    images.write(folder / "picture.png", draw.integers(0, 256, [25, 38, 3], np.uint8))
    mask = np.zeros([25, 38, 1], np.uint8)
    mask[4:16, 5:20] = 255
    images.write(folder / "mask.png", mask)
    video.write(folder / "clip", draw.integers(0, 256, [20, 25, 38, 1], np.uint8), 10)
    x = draw.uniform(-0.5, 0.5, [4000, 1])
    x[1000:1400] = 0
    audio.write(folder / "sound.wav", audio.Sound(x, 4000))
    for label in ("dark", "light"):
        for number in range(8):
            low, high = (0, 128) if label == "dark" else (128, 256)
            path = folder / "digits" / label / f"{number}.png"
            images.write(path, draw.integers(low, high, [32, 32, 1], np.uint8))


def compare(before, after, *names):
    """Print what differs between the runs named, or all, of two folders; exit with 1 if any do."""
    before, after = pathlib.Path(before), pathlib.Path(after)
    every = sorted({path.name for folder in (before, after) for path in folder.iterdir()})
    runs = names or every
    faults = [fault for run in runs for fault in _differences(before / run, after / run)]
    print("\n".join([*faults, f"{len(faults)} differences in {len(runs)} folders"]))
    sys.exit(bool(faults))


def _differences(before, after):
    """Yield what differs between two runs, a line each."""
    import numpy as np

    names = {_place(path, folder) for folder in (before, after) for path in folder.rglob("*")}
    for name in sorted(filter(None, names)):
        one, other = before / name, after / name
        if not (one.exists() and other.exists()):
            yield f"{before.name}/{name}: only in {one.parent if one.exists() else other.parent}"
        elif name.endswith(".npz"):
            with np.load(one) as first, np.load(other) as second:
                pairs = list(zip(first.values(), second.values(), strict=False))
                if len(first) != len(second):
                    yield f"{before.name}/{name}: {len(first)} and {len(second)} variables"
            wrong = sum(not np.array_equal(a, b) for a, b in pairs)
            if wrong:
                yield f"{before.name}/{name}: {wrong} of {len(pairs)} variables differ"
        elif _content(one) != _content(other):
            yield f"{before.name}/{name}: differs"


def _place(path, folder):
    """Return the path in its folder, or None for what does not count."""
    place = path.relative_to(folder)
    kept = path.is_file() and "tensorboard" not in place.parts and not path.name.startswith(".")
    return place.as_posix() if kept and path.name != "config.json" else None


def _content(path):
    if path.suffix != ".jsonl":
        return path.read_bytes()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [{name: line[name] for name in line if name != "seconds"} for line in lines]


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:])
