"""How long a person's label takes to change what comes next: train a head and rank everything.

Features of the real sizes with made-up values (Gaussian classes, as many dimensions as EfficientNet
Lite0 gives), held as float16 in memory, as the labelling page's trainer holds them.

    python benchmarks/labelling_rank.py benchmarks/results/labelling_rank.csv
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from common import Report, peak_memory

from askwell.labelling.archives import write_ranking
from askwell.labelling.files import Snapshot
from askwell.labelling.head import FeatureRows
from askwell.labelling.ranking import make_ranking

CLASSES, FEATURES, HOLDOUT = 10, 1280, 100


def made(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, F) of classes that overlap a little, and the classes."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((CLASSES, FEATURES), dtype=np.float32) * 0.06
    labels = chance.integers(0, CLASSES, items)
    features = np.empty((items, FEATURES), dtype=np.float16)
    for start in range(0, items, 10_000):
        part = slice(start, min(start + 10_000, items))
        noise = chance.standard_normal((part.stop - part.start, FEATURES), dtype=np.float32)
        features[part] = np.maximum(centres[labels[part]] + 0.6 * noise, 0)
    return features, labels


def cpu() -> float:
    """Seconds that all threads of this process have computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(path: Path, items: int = 100_000, repeats: int = 3) -> None:
    report = Report(path)
    features, truth = made(items)
    known = dict(enumerate(truth.tolist()))
    for acquisition, count in (
        ("bald", 2), ("bald", 100), ("bald", 1000), ("max_entropy", 1000), ("mean_std", 1000),
    ):  # fmt: skip
        labels = {item: known[item] for item in range(HOLDOUT, HOLDOUT + count)}
        snapshot = Snapshot(
            labels=labels,
            holdout={item: known[item] for item in range(HOLDOUT)},
            classes=tuple(range(CLASSES)),
            acquisition=acquisition,
        )
        pool = FeatureRows(features, range(items))
        make_ranking(pool, snapshot, version=0)
        for _ in range(repeats):
            start, before = time.perf_counter(), cpu()
            ranking = make_ranking(FeatureRows(features, range(items)), snapshot, version=0)
            made_in, computed = time.perf_counter() - start, cpu() - before
            write_ranking(path.with_suffix(".npz"), ranking)
            report.add(
                acquisition=acquisition,
                stream=ranking.stream,
                images=items,
                labels=count,
                train=round(ranking.metrics["seconds"]["train"], 2),
                rank=round(ranking.metrics["seconds"]["rank"], 2),
                whole=round(made_in, 2),
                processor_seconds=round(computed, 2),
                write=round(time.perf_counter() - start - made_in, 2),
                mib=round(peak_memory()),
            )
    path.with_suffix(".npz").unlink()
    report.show("Seconds to train and rank")


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
