"""What the benchmarks share: the machine, its matrix-product peak, timing, tables and files."""

import csv
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from askwell import BayesianCNN, Recipe
from askwell.datasets import DATASETS
from askwell.experiment import machine
from askwell.pool import ArrayPool
from askwell.randomness import generator
from askwell.train import train

TRUNK_FLOP = 2 * (25 * 25 * 32 * 16 + 22 * 22 * 32 * 512)
"""Of the paper's network before its first dropout, an image of MNIST."""

HEAD_FLOP = 2 * (3872 * 128 + 128 * 10)
"""Of the rest, an image and draw, without regard to masks."""


def seconds(run: Callable[[], object], repeats: int = 1) -> float:
    """The fastest of a few repetitions."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_peak(dtype: torch.dtype = torch.float32) -> float:
    """GFLOP/s of a large matrix product, now, with the threads of this process."""
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    return 2 * 2048**3 / seconds(lambda: a @ b, 5) / 1e9


def peak_memory() -> float:
    """MiB that this process has held at most so far."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started this one
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def mnist_pool() -> tuple[ArrayPool, torch.Tensor]:
    """The 60 000 training images and their labels."""
    task = DATASETS["mnist"].load()
    return ArrayPool(task.train.images), torch.from_numpy(np.array(task.train.labels))


def trained(pool: ArrayPool, labels: torch.Tensor, count: int, seed: int = 0) -> torch.nn.Module:
    """The paper's network, trained on so many random images."""
    ids = np.sort(torch.randperm(60_000, generator=generator(seed, "labelled"))[:count].numpy())
    torch.manual_seed(seed)
    network = BayesianCNN()
    train(network, pool.images(ids), labels[ids], Recipe(), weight_decay=0.05, seed=seed)
    return network


class Report:
    """Rows that are printed as one table and written to a CSV file as they come."""

    def __init__(self, path: Path) -> None:
        machine.keep_freed_memory()
        self.path = path
        self.about = machine.describe(
            device=torch.device("cpu"), jobs=1, threads=torch.get_num_threads()
        )
        self.rows: list[dict[str, object]] = []
        self.console = Console(width=None if sys.stdout.isatty() else 160)

    def add(self, **row: object) -> None:
        """Take in a row, show it and keep the file up to date."""
        self.rows.append(row)
        self.console.print(", ".join(f"{key} {value}" for key, value in row.items()))
        fields = list(dict.fromkeys(key for kept in self.rows for key in kept))
        head = {"processor": self.about["processor"], "threads": self.about["threads"]}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*head, *fields])
            writer.writeheader()
            writer.writerows(head | kept for kept in self.rows)

    def show(self, title: str) -> None:
        """Print all rows."""
        fields = list(dict.fromkeys(key for row in self.rows for key in row))
        about = (
            f"{self.about['processor']}, {self.about['cores']} cores, {self.about['threads']} "
            f"threads, torch {torch.__version__}"
        )
        table = Table(*fields, title=f"{title}\n{about}")
        for row in self.rows:
            table.add_row(*(str(row.get(field, "")) for field in fields))
        self.console.print(table)
