"""A simulated expert labels a real folder over HTTP: BALD against random, five seeds.

The expert starts `askwell label` on a folder of image files, answers what the page offers with the
true class, and waits for the model after every few answers, as a person who looks at the images
gives it the time to follow. At some of these points the labels in the project (without the random
stream's, which are never trained on) train the page's own head, which is tested on images of
another folder: nobody who labels has these.

    python benchmarks/labelling_expert.py fashion_mnist WORK results/labelling/fashion_mnist.csv
    python benchmarks/labelling_expert.py isic2016 WORK results/labelling/isic2016.csv --source DIR

WORK keeps folders, features and finished runs: started again, it goes on. Beside the table of all
looks stands one of the images that each level took (`…_needed.csv`), and the figure.
"""

import argparse
import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from labelling_server import Annotator, Server
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from askwell.datasets import DATASETS
from askwell.datasets.decoding import decode
from askwell.datasets.images import find_images, read_bytes
from askwell.datasets.isic_files import PARTS, read_labels
from askwell.experiment.crossings import sustained_crossing
from askwell.features import feature_pool
from askwell.labelling.head import DRAWS, FeatureRows, fit_head, summarise
from askwell.pool import ArrayPool
from askwell.store import Store

BACKBONE = "efficientnet_lite0"
ACQUISITIONS, SEEDS = ("bald", "random"), range(5)
PATIENCE = 5
"""Answers between two rankings that the expert waits for."""
LEVELS = {"auc": (0.65, 0.68, 0.7, 0.72), "accuracy": (0.75, 0.78, 0.8, 0.82)}
LABELS = {
    "auc": "AUC on the test images",
    "accuracy": "accuracy on the test images",
    "positives": "positive images labelled",
}
FIELDS = ("dataset", "acquisition", "seed", "shown", "labels", "accuracy", "auc", "positives")
NEEDED = ("dataset", "acquisition", "seed", "measure", "level", "shown")


@dataclass(frozen=True)
class Task:
    """Two folders of image files, and the class name of every file."""

    name: str
    pool: Path
    test: Path
    truth: Mapping[str, str]
    test_truth: Mapping[str, str]
    budget: int
    every: int

    @property
    def classes(self) -> list[str]:
        """Sorted; of two, the second is the positive one."""
        return sorted(set(self.truth.values()))


def fashion_mnist(work: Path, pool: int = 2000, test: int = 2000) -> Task:
    """Random training and test images of Fashion-MNIST, written as PNG files."""
    task = DATASETS["fashion_mnist"].load()
    chance = np.random.default_rng(0)
    truths = []
    for folder, part, count in (("pool", task.train, pool), ("test", task.test, test)):
        place = work / folder
        place.mkdir(parents=True, exist_ok=True)
        truth = {}
        for k in chance.permutation(len(part.labels))[:count].tolist():
            name = f"{k:05}.png"
            truth[name] = task.classes[int(part.labels[k])]
            if not (place / name).exists():
                Image.fromarray(np.asarray(part.images[k]).squeeze()).save(place / name)
        truths.append(truth)
    return Task("fashion_mnist", work / "pool", work / "test", *truths, budget=300, every=10)


def isic2016(work: Path, source: Path) -> Task:
    """The official training and test images, copied; the answers are the tables'."""
    truths = []
    for folder, part in zip(("pool", "test"), PARTS, strict=True):
        place = work / folder
        place.mkdir(parents=True, exist_ok=True)
        names = ("benign", "malignant")
        truth = {
            f"{image}.jpg": names[label]
            for image, label in read_labels(source / part.table).items()
        }
        for name in truth:
            if not (place / name).exists():
                shutil.copy2(source / part.data / name, place / name)
        truths.append(truth)
    return Task("isic2016", work / "pool", work / "test", *truths, budget=400, every=20)


def features_of(folder: Path, work: Path) -> tuple[list[str], NDArray[np.float16]]:
    """Names of the image files and their features, by the same trunk as the page's."""
    names = find_images(folder)[0]
    images = [decode(read_bytes(folder / name), mode="RGB", image_size=None) for name in names]
    pool = feature_pool(ArrayPool(np.stack(images)), BACKBONE, work / "features")
    return names, pool.images(np.arange(len(names))).numpy().astype(np.float16)


@dataclass(frozen=True)
class Examiner:
    """Trains the page's head on what is labelled, and tests it on the other folder."""

    task: Task
    rows: FeatureRows
    test: NDArray[np.float16]
    answers: NDArray[np.int64]

    @classmethod
    def of(cls, task: Task, work: Path) -> "Examiner":
        """Compute all features, once."""
        names, features = features_of(task.pool, work)
        test_names, test = features_of(task.test, work)
        answers = [task.classes.index(task.test_truth[name]) for name in test_names]
        return cls(task, FeatureRows(features, names), test, np.array(answers))

    def examine(self, project: Path, seed: int) -> dict[str, object]:
        """Accuracy, and AUC for two classes, with the labels that the project has now."""
        with Store.read(project) as store:
            paths = {item.id: item.path for item in store.items()}
            names = {each.id: each.name for each in store.classes()}
            labels = {paths[item]: names[label] for item, label in store.labels().items()}
            shown = store.counts().labelled
        found: dict[str, object] = {
            "shown": shown,
            "labels": len(labels),
            "positives": sum(name == self.task.classes[-1] for name in labels.values()),
        }
        if len(set(labels.values())) < 2:
            return found
        indices = {path: self.task.classes.index(name) for path, name in labels.items()}
        posterior = fit_head(self.rows, indices, len(self.task.classes), seed=seed)
        probs = summarise(posterior.draw(DRAWS, seed=seed), self.test).probs.numpy()
        found["accuracy"] = round(float((probs.argmax(axis=1) == self.answers).mean()), 4)
        if len(self.task.classes) == 2:
            found["auc"] = round(float(roc_auc_score(self.answers, probs[:, 1])), 4)
        return found


def label(task: Task, examiner: Examiner, work: Path, acquisition: str, seed: int) -> None:
    """One expert's work from the first image to the budget, written to a CSV file of its own."""
    project = work / "projects" / f"{acquisition}-{seed}" / "project.db"
    if project.parent.exists():
        shutil.rmtree(project.parent)
    project.parent.mkdir(parents=True)
    if (features := work / "page_features").exists():
        shutil.copytree(features, project.parent / "features")
    rows = []
    options = ["--project", str(project), "--acquisition", acquisition, "--seed", str(seed)]
    with Server(task.pool, *options, classes=task.classes) as server:
        expert = Annotator(server, "expert")
        expert.wait_until_read()
        with Store.read(project) as store:
            items = store.by_path()
        while True:
            rows.append(examiner.examine(project, seed))
            print(acquisition, seed, rows[-1], flush=True)
            if int(str(rows[-1]["shown"])) >= task.budget:
                break
            truth = {items[path]: name for path, name in task.truth.items()}
            for _ in range(task.every // PATIENCE):
                expert.answer(truth, PATIENCE)
    if not features.exists():
        shutil.copytree(project.parent / "features", features)
    target = work / "runs" / f"{acquisition}-{seed}.csv"
    target.parent.mkdir(exist_ok=True)
    with target.open("w", newline="") as file:
        table = csv.DictWriter(file, FIELDS, lineterminator="\n")
        table.writeheader()
        same = {"dataset": task.name, "acquisition": acquisition, "seed": seed}
        table.writerows(same | row for row in rows)


def main() -> None:
    """Run what is missing, then write all runs to one table."""
    parser = argparse.ArgumentParser(description="A simulated expert labels a folder over HTTP.")
    parser.add_argument("dataset", choices=("fashion_mnist", "isic2016"))
    parser.add_argument("work", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--source", type=Path, help="the official files of ISIC 2016 Part 3B")
    given = parser.parse_args()
    work = given.work / given.dataset
    task = fashion_mnist(work) if given.dataset == "fashion_mnist" else isic2016(work, given.source)
    examiner = Examiner.of(task, work)
    for seed in SEEDS:
        for acquisition in ACQUISITIONS:
            if not (work / "runs" / f"{acquisition}-{seed}.csv").exists():
                label(task, examiner, work, acquisition, seed)
    parts = [path.read_text().splitlines() for path in sorted((work / "runs").glob("*.csv"))]
    given.table.parent.mkdir(parents=True, exist_ok=True)
    lines = [parts[0][0], *(line for part in parts for line in part[1:])]
    given.table.write_text("\n".join(lines) + "\n")
    rows = list(csv.DictReader(lines))
    write_needed(given.table.with_name(f"{given.table.stem}_needed.csv"), rows)
    draw(given.table, rows)


def write_needed(table: Path, rows: list[dict[str, str]]) -> None:
    """Images shown until a level was reached to stay; empty where it never was."""
    measure = "auc" if any(row["auc"] for row in rows) else "accuracy"
    with table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NEEDED)
        for name, seed, level in product(ACQUISITIONS, SEEDS, LEVELS[measure]):
            run = [row for row in rows if (row["acquisition"], row["seed"]) == (name, str(seed))]
            missing = [1 - float(row[measure] or 0) for row in run]
            crossing = sustained_crossing([int(row["shown"]) for row in run], missing, 1 - level)
            writer.writerow([rows[0]["dataset"], name, seed, measure, level, crossing.labels])


def draw(table: Path, rows: list[dict[str, str]]) -> None:
    """Mean and range over the seeds, of what was found at each number of images shown."""
    measures = ["auc", "positives"] if any(row["auc"] for row in rows) else ["accuracy"]
    figure, axes = plt.subplots(1, len(measures), figsize=(5 * len(measures), 3.6), squeeze=False)
    for axis, measure in zip(axes[0], measures, strict=True):
        for name, colour in zip(ACQUISITIONS, ("#0072b2", "#d55e00"), strict=True):
            points: dict[int, list[float]] = {}
            for row in rows:
                if row["acquisition"] == name and row[measure]:
                    points.setdefault(int(row["shown"]), []).append(float(row[measure]))
            whole = {x: y for x, y in points.items() if len(y) == len(SEEDS)}
            shown, found = list(whole), np.array(list(whole.values()))
            axis.plot(shown, found.mean(axis=1), color=colour, label=name)
            axis.fill_between(shown, found.min(axis=1), found.max(axis=1), color=colour, alpha=0.15)
        axis.set_xlabel("images that the expert was shown")
        axis.set_ylabel(LABELS[measure])
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    figure.suptitle(f"{rows[0]['dataset']}: mean and range of {len(SEEDS)} seeds")
    figure.tight_layout()
    for suffix in (".svg", ".png"):
        figure.savefig(table.with_suffix(suffix), dpi=150)


if __name__ == "__main__":
    main()
