"""One round at 1 000 labels: train, score the pool, test, against a plain loop.

askwell trains 50 epochs at batch 128, asks for ten images of the whole pool (T = 100) and tests on
10 000 images with T = 100. The plain loop does the same with a DataLoader and T full passes, but
scores 2 000 pool images only, as the paper's code does, and is given its test on 2 000 images
scaled to 10 000.

    python benchmarks/one_round.py benchmarks/results/one_round.csv
"""

import sys
from pathlib import Path

import numpy as np
import torch
from common import Report, mnist_pool, seconds
from torch.utils.data import DataLoader, TensorDataset

from askwell import ArrayPool, BayesianCNN, MCDropout, Recipe, evaluate, labelled_chunks, strategy
from askwell.datasets import DATASETS
from askwell.pool import chunks
from askwell.train import train

LABELS, T = 1000, 100


def ours(report: Report, pool: ArrayPool, labels: torch.Tensor) -> float:
    task = DATASETS["mnist"].load()
    ids = np.arange(LABELS)
    network = BayesianCNN()
    recipe = Recipe(steps=1, epochs=50, batch_size=128)
    images = pool.images(ids)
    took = {
        "train": seconds(
            lambda: train(network, images, labels[ids], recipe, weight_decay=0.05, seed=0)
        )
    }
    posterior = MCDropout(network)
    rest = np.arange(LABELS, 60_000)
    took["score"] = seconds(
        lambda: strategy("bald").select(
            posterior.draw(T, seed=0), chunks(pool, rest, size=256), 10, seed=0
        )
    )
    test = ArrayPool(task.test.images)
    took["test"] = seconds(
        lambda: evaluate(posterior.draw(T, seed=1), labelled_chunks(test, task.test.labels))
    )
    return add(report, "askwell", took)


def plain(report: Report, pool: ArrayPool, labels: torch.Tensor) -> float:
    network = BayesianCNN()
    data = TensorDataset(pool.images(np.arange(LABELS)), labels[:LABELS])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-4)

    def fit() -> None:
        network.train()
        for _ in range(50):
            for batch, target in DataLoader(data, batch_size=128, shuffle=True):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(network(batch), target).backward()
                optimiser.step()

    images = pool.images(np.arange(5000, 7000))

    @torch.no_grad()
    def predict() -> torch.Tensor:
        network.train()
        parts = DataLoader(TensorDataset(images), batch_size=128)
        return torch.cat(
            [torch.stack([network(x).softmax(1) for _ in range(T)]).mean(0) for (x,) in parts]
        )

    took = {"train": seconds(fit), "score": seconds(predict)}
    took["test"] = 5 * took["score"]  # 10 000 images cost five times these 2 000
    return add(report, "plain loop, 2 000 pool images", took)


def add(report: Report, way: str, took: dict[str, float]) -> float:
    total = sum(took.values())
    report.add(way=way, **{k: round(v, 1) for k, v in took.items()}, total=round(total, 1))
    return total


def main(path: Path) -> None:
    report = Report(path)
    torch.manual_seed(0)
    pool, labels = mnist_pool()
    ratio = plain(report, pool, labels) / ours(report, pool, labels)
    report.add(way="ratio", total=round(ratio, 1))
    report.show("One round at 1 000 labels, in seconds")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
