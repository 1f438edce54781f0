"""How sure is the page's head, and how right? By weight decay, on clean and on noisy classes.

Random labels of ISIC 2016 (benign or malignant, on which experts err) and of Fashion-MNIST, on the
features and test images of `labelling_expert.py`, six draws of the labels. `sure` is the share of
test images to which the head gives a class more than 99.5 %.

    python benchmarks/labelling_calibration.py WORK benchmarks/results/labelling_calibration.csv
        --source DIR

WORK is a folder of `labelling_expert.py`, or a new one; DIR has the official files of ISIC 2016.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import Report
from labelling_expert import Examiner, fashion_mnist, isic2016
from numpy.typing import NDArray

from askwell.labelling import head
from askwell.labelling.head import DRAWS, fit_head, summarise

WEIGHT_DECAYS, DRAWN = (0.2, 0.5, 1.0, 2.0, 5.0), range(6)
SIZES = {"isic2016": (60, 150, 350), "fashion_mnist": (20, 50, 100, 200)}


def measure(examiner: Examiner, labels: int, draw: int) -> tuple[float, float, float]:
    """Accuracy, negative log-likelihood and share of sure answers of a head on random labels."""
    task, ids = examiner.task, list(examiner.rows.ids)
    np.random.default_rng(draw).shuffle(ids)
    known = {name: task.classes.index(task.truth[str(name)]) for name in ids[:labels]}
    posterior = fit_head(examiner.rows, known, len(task.classes), seed=draw)
    p: NDArray[np.float64] = (
        summarise(posterior.draw(DRAWS, seed=draw), examiner.test).probs.numpy().astype(np.float64)
    )
    right = np.maximum(p[np.arange(len(p)), examiner.answers], np.finfo(np.float32).tiny)
    accuracy = (p.argmax(axis=1) == examiner.answers).mean()
    return float(accuracy), float(-np.log(right).mean()), float((p.max(axis=1) > 0.995).mean())


def main() -> None:
    """Every weight decay on the same labels."""
    parser = argparse.ArgumentParser(description="Calibration of the page's head.")
    parser.add_argument("work", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    given = parser.parse_args()
    report, chosen = Report(given.table), head.RECIPE
    for name, sizes in SIZES.items():
        work = given.work / name
        task = isic2016(work, given.source) if name == "isic2016" else fashion_mnist(work)
        examiner = Examiner.of(task, work)
        for weight_decay in WEIGHT_DECAYS:
            head.RECIPE = replace(chosen, weight_decay=(weight_decay,))
            for labels in sizes:
                found = np.mean([measure(examiner, labels, draw) for draw in DRAWN], axis=0)
                accuracy, nll, sure = (round(float(each), 3) for each in found)
                report.add(
                    dataset=name, labels=labels, weight_decay=weight_decay,
                    accuracy=accuracy, nll=nll, sure=sure,
                )  # fmt: skip
    report.show("Calibration of the labelling page's head")


if __name__ == "__main__":
    main()
