"""How long training waits for images that do not fit in memory, and how much memory it takes.

    python benchmarks/reading.py --images 50000 --size 256 --batch 16 --updates 20

Makes a folder of jpg files in a temporary folder (a few hundred different ones, the others are
hard links to them), opens it as `--data` does, learns inpainting from it, and prints the time of
an update, the time of it spent waiting for the next batch, and the largest memory of the process.
"""

import argparse
import os
import pathlib
import resource
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import coopkeras as ck
from coopkeras import images, jobs, registry

DIFFERENT = 200


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"images": 50000, "size": 256, "batch": 16, "updates": 20}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_folder(pathlib.Path(folder), asked.images, asked.size)
        print(f"{asked.images} files in {time.perf_counter() - began:.1f} s")
        settings = [f"data={folder}", f"size={asked.size}", f"batch_size={asked.batch}"]
        measure(settings, asked.batch, asked.updates)


def write_folder(folder, count, size):
    """Write `count` jpg files, crops of a photograph with sides of `size` and a quarter more."""
    side = size + size // 4
    crops = ck.data.split("samples:photographs", size=40).train
    for number in range(count):
        path = folder / f"{number:06}.jpg"
        if number < DIFFERENT:
            crop = crops.gather([number * 7])["x"][0].numpy()
            images.write(path, images.resize(images.to_uint8(crop), side, side))
        else:
            os.link(folder / f"{number % DIFFERENT:06}.jpg", path)


def measure(settings, batch, updates):
    """Learn, and time each update and each wait for its batch."""
    cls = registry.find("inpaint")
    task = cls(cls.Config.parse([*settings, "holes=square:32", "warmup_share=0.9"]))
    began = time.perf_counter()
    split = task.datasets()
    print(f"opened in {time.perf_counter() - began:.1f} s: {len(split.train)} to learn from")
    model = jobs.train.build(task, jobs.train.describe(split.train))
    batches = iter(split.train.batches(batch, seed=0))
    model.train_on_batch(next(batches))  # traces the graphs
    waits, steps = [], []
    for _ in range(updates):
        start = time.perf_counter()
        examples = next(batches)
        ready = time.perf_counter()
        model.train_on_batch(examples)
        waits.append(ready - start)
        steps.append(time.perf_counter() - start)
    share = sum(waits) / sum(steps)
    print(
        f"update {statistics.median(steps) * 1e3:.0f} ms (median of {updates}), of that waiting "
        f"{statistics.median(waits) * 1e3:.1f} ms; share of all time {share:.1%}"
    )
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB at most")


if __name__ == "__main__":
    main()
