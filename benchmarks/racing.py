"""Does a race find the best images? Recall of the true top 10 and time, dense and raced.

The truth is the top 10 under 4 000 draws of their own seed (raced with a failure of 1e-6). Each way
is tried with several seeds of the draws on networks trained on different numbers of labels.

    python benchmarks/racing.py benchmarks/results/racing.csv
"""

import sys
from pathlib import Path

import numpy as np
from common import Report, mnist_pool, seconds, trained

from askwell import ACQUISITIONS, MCDropout
from askwell.pool import chunks
from askwell.records import Query
from askwell.select import Race, Strategy, TopK

SIZES, SEEDS, K = (50, 150, 300), range(10), 10


def main(path: Path, images: int = 59_880, acquisitions: tuple[str, ...] = ("bald",)) -> None:
    report = Report(path)
    pool, labels = mnist_pool()
    for name in acquisitions:
        of = TopK(ACQUISITIONS[name])
        ways: list[tuple[str, int, Strategy, int]] = [
            ("all draws", 100, of, 2),
            ("race", 100, Race(of), 2),
            ("race", 1000, Race(of), len(SEEDS)),
        ]
        for size in SIZES:
            posterior = MCDropout(trained(pool, labels, size))

            def ask(way: Strategy, t: int, seed: int, posterior: MCDropout = posterior) -> Query:
                parts = chunks(pool, np.arange(images), size=256)
                return way.select(posterior.draw(t, seed=seed), parts, K, seed=0)

            truth = set(ask(Race(of, failure=1e-6), 4000, 10**6).ids)
            for label, t, way, tries in ways:
                found: list[Query] = []
                took = [
                    seconds(lambda s=s: found.append(ask(way, t, s)))  # noqa: B023
                    for s in list(SEEDS)[:tries]
                ]
                recall = [len(truth & set(query.ids)) / K for query in found]
                report.add(
                    acquisition=name,
                    images=images,
                    labels=size,
                    way=label,
                    T=t,
                    seeds=tries,
                    recall=round(float(np.mean(recall)), 3),
                    recall_std=round(float(np.std(recall)), 3),
                    seconds=round(float(np.median(took)), 1),
                )
    report.show("Recall of the ten highest scores under 4 000 draws")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
