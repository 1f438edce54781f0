"""What asking costs: BALD scores of MNIST images under T draws of the paper's network.

Beside askwell runs the plain way on the same images in the same process: T full passes of the
network in train-mode dropout, entropies in float32. Prints one table, appends it to a CSV file.

    python benchmarks/scoring.py benchmarks/results/scoring.csv
"""

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from askwell import ArrayPool, BayesianCNN, MCDropout, strategy
from askwell.datasets import DATASETS
from askwell.experiment import machine
from askwell.pool import chunks

IMAGES, PLAIN_IMAGES, REPEATS = 10_240, 1_024, 3
TRUNK_FLOP = 2 * (25 * 25 * 32 * 16 + 22 * 22 * 32 * 512)
HEAD_FLOP = 2 * (3872 * 128 + 128 * 10)


def best(run: Callable[[], object]) -> float:
    """Seconds of the fastest of a few repetitions, after one to warm up."""
    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_peak() -> float:
    """float32 GFLOP/s of a large matrix product."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    return 2 * 2048**3 / best(lambda: a @ b) / 1e9


@torch.no_grad()
def plain_bald(network: torch.nn.Module, images: torch.Tensor, draws: int) -> torch.Tensor:
    """T full passes with a fresh mask for every image, as a short script would have it."""
    network.train()
    scores = []
    for batch in images.split(128):
        probs = torch.stack([network(batch).softmax(dim=1) for _ in range(draws)])
        mean = probs.mean(dim=0)
        entropy = -(mean * (mean + 1e-12).log()).sum(dim=1)
        expected = -(probs * (probs + 1e-12).log()).sum(dim=2).mean(dim=0)
        scores.append(entropy - expected)
    return torch.cat(scores)


def rows(threads: int):
    """One row for each T and way."""
    pool = ArrayPool(DATASETS["mnist"].load().train.images[:IMAGES])
    positions = np.arange(IMAGES)
    torch.manual_seed(0)
    network = BayesianCNN()
    plain = pool.images(positions[:PLAIN_IMAGES])
    peak = gemm_peak()
    for t in (20, 100):
        draws = MCDropout(network).draw(t, seed=0)
        bald = strategy("bald")
        ours = best(
            lambda bald=bald, draws=draws: bald.select(
                draws, chunks(pool, positions, size=256), 10, seed=0
            )
        )
        theirs = best(lambda t=t: plain_bald(network, plain, t))
        per_image = ours / IMAGES
        for way, seconds in (("askwell", per_image), ("T full passes", theirs / PLAIN_IMAGES)):
            useful = (TRUNK_FLOP + t * HEAD_FLOP) / seconds / 1e9
            yield {
                "way": way,
                "T": t,
                "threads": threads,
                "images/s": round(1 / seconds),
                "seconds for 60 000": round(60_000 * seconds, 1),
                "useful GFLOP/s": round(useful),
                "GEMM peak GFLOP/s": round(peak),
                "speed-up": round(theirs / PLAIN_IMAGES / seconds, 1),
            }


def main(path: Path) -> None:
    machine.keep_freed_memory()
    about = machine.describe(device=torch.device("cpu"), jobs=1, threads=torch.get_num_threads())
    console = Console()
    console.print(f"{about['processor']}, {about['cores']} cores, torch {torch.__version__}")
    found = list(rows(about["threads"]))
    table = Table(*found[0])
    for row in found:
        table.add_row(*map(str, row.values()))
    console.print(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["processor", *found[0]])
        writer.writeheader()
        writer.writerows({"processor": about["processor"], **row} for row in found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
