"""Does scoring grow with the pool? Peak memory for 100 000 and 1 000 000 images on disk.

The images are random 28 × 28 bytes in a memory-mapped file; each size is scored in a process of its
own, with few draws: memory does not depend on how long it takes.

    python benchmarks/memory.py benchmarks/results/memory.csv
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import Report, peak_memory, seconds

from askwell import ArrayPool, BayesianCNN, MCDropout, strategy
from askwell.experiment import machine
from askwell.pool import chunks

SIZES = (100_000, 1_000_000)
DRAWS = 4


def score(path: str) -> None:
    """Score a file of images and print peak memory and seconds."""
    machine.keep_freed_memory()
    pool = ArrayPool.open(path)
    torch.manual_seed(0)
    draws = MCDropout(BayesianCNN()).draw(DRAWS, seed=0)
    parts = chunks(pool, np.arange(len(pool.ids)), size=256)
    took = seconds(lambda: strategy("bald").select(draws, parts, 10, seed=0))
    print(peak_memory(), took)


def main(path: Path) -> None:
    report = Report(path)
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "images.npy"
            images = np.lib.format.open_memmap(file, "w+", np.uint8, (size, 28, 28))
            rng = np.random.default_rng(0)
            for start in range(0, size, 10_000):
                images[start : start + 10_000] = rng.integers(0, 256, (10_000, 28, 28), np.uint8)
            images.flush()
            del images
            command = [sys.executable, __file__, "--score", str(file)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        memory, took = map(float, answer.split())
        report.add(
            images=size, T=DRAWS, peak_MiB=round(memory), seconds=round(took, 1),
            images_per_s=round(size / took),
        )  # fmt: skip
    report.show("Peak memory of scoring a pool on disk")


if __name__ == "__main__":
    if sys.argv[1] == "--score":
        score(sys.argv[2])
    else:
        main(Path(sys.argv[1]))
