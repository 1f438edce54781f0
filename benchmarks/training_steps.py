"""How many optimisation steps, and which batch and penalty, a few labels need.

Trains the paper's network on random labelled sets of MNIST's training images and prints accuracy
on 4 000 other *training* images (never the test set), with MC dropout. Rows go to a CSV file as
they come; a row that is there already is not run again. `askwell.train.Recipe` has the defaults
that came of it.

    python benchmarks/training_steps.py benchmarks/results/training_steps.csv
"""

import csv
import itertools
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from askwell.models import BayesianCNN
from askwell.numerics import mean_probs
from askwell.posterior import MCDropout
from askwell.randomness import derive, generator
from askwell.train import Recipe, train

HELD_OUT = slice(40_000, 44_000)
FIELDS = ["labels", "seed", "steps", "batch_size", "learning_rate", "schedule", "weight_decay"]
RESULTS = ["accuracy", "loss", "seconds"]


def settings():
    """Vary one thing at a time around the default, for each size of the labelled set.

    Then, for larger sets, how the experiments train beside how the paper's released code does: 50
    epochs of Adam at 0.001 in batches of 128.
    """
    default = {
        "steps": 150,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "schedule": "linear",
        "weight_decay": 0.05,
    }
    plain = {"learning_rate": 1e-3, "schedule": "constant"}
    changes = [
        *({"steps": steps} for steps in (50, 100, 150, 300, 600)),
        *({"steps": steps} | plain for steps in (50, 100, 150, 300, 600)),
        *({"weight_decay": c} for c in (0.0, 0.005, 0.5, 5.0)),
        *({"batch_size": size} for size in (16, 64)),
        {"learning_rate": 1e-3},
    ]
    for seed, labels, change in itertools.product([0, 1, 2], [20, 100, 300], changes):
        yield {"labels": labels, "seed": seed} | default | change
    for seed, labels in itertools.product([0, 1, 2], [300, 540, 840]):
        here = {"steps": 30 * math.ceil(labels / 32)}
        papers_code = {"steps": 50 * math.ceil(labels / 128), "batch_size": 128} | plain
        for change in (here, *(papers_code | {"weight_decay": c} for c in (0.05, 0.5, 2.5))):
            yield {"labels": labels, "seed": seed} | default | change


def key(row):
    """What tells one setting from another, read from a file or not."""
    return tuple(row[f] if f == "schedule" else float(row[f]) for f in FIELDS)


def measure(images: torch.Tensor, labels: torch.Tensor, setting: dict) -> dict:
    """Train on a class-balanced random set, evaluate on the held-out images."""
    order = torch.randperm(HELD_OUT.start, generator=generator(setting["seed"])).numpy()
    each = setting["labels"] // 10
    chosen = np.concatenate([order[labels.numpy()[order] == c][:each] for c in range(10)])
    torch.manual_seed(derive(setting["seed"], "initial weights"))
    network = BayesianCNN()
    recipe = Recipe(
        steps=setting["steps"],
        epochs=0,
        batch_size=setting["batch_size"],
        learning_rate=setting["learning_rate"],
        schedule=setting["schedule"],
    )
    start = time.perf_counter()
    training = train(
        network, images[chosen], labels[chosen], recipe,
        weight_decay=setting["weight_decay"], seed=setting["seed"],
    )  # fmt: skip
    seconds = time.perf_counter() - start
    draws = MCDropout(network).draw(20, seed=0)
    held_out, truth = images[HELD_OUT], labels[HELD_OUT]
    probs = torch.cat([mean_probs(draws.log_probs(part)) for part in held_out.split(256)])
    accuracy = float((probs.argmax(1) == truth).double().mean())
    return setting | {"accuracy": accuracy, "loss": training.loss, "seconds": round(seconds, 2)}


def main(path: Path) -> None:
    from askwell.datasets import DATASETS

    task = DATASETS["mnist"].load()
    images = torch.from_numpy(np.array(task.train.images)).float().unsqueeze(1) / 255
    labels = torch.from_numpy(np.array(task.train.labels))
    path.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if path.exists():
        with path.open() as file:
            done = {key(row) for row in csv.DictReader(file)}
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS + RESULTS)
        if not done:
            writer.writeheader()
        for setting in settings():
            if key(setting) in done:
                continue
            done.add(key(setting))
            row = measure(images, labels, setting)
            writer.writerow(row)
            file.flush()
            print(row, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
