"""Images of a data set as PNG files, with their labels beside."""

import csv
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from askwell.checks import whole_number
from askwell.datasets.task import ImageTask, LabelledImages
from askwell.errors import DatasetError, InputError
from askwell.paths import entries, is_file, is_folder, shown

LABELS = "labels.csv"


def write_images(
    task: ImageTask, folder: Path, count: int, *, split: Literal["train", "test"], seed: int
) -> int:
    """Draw images uniformly at random and write them as 00000.png, 00001.png, …, with labels.csv.

    The pixels are those of the data set. The folder is there as a whole or not at all.

    Args:
        task: the data set; a classification.
        folder: that is new or empty.
        count: how many; all if there are fewer.
        split: which part of the data set.
        seed: which images, and in which order.

    Returns:
        How many were written.

    Raises:
        InputError: a regression, or the folder holds something.
        DatasetError: the folder cannot be written.
    """
    from askwell.randomness import derive  # imports torch: only when needed

    count = whole_number("count", count)
    if not task.classes:
        raise InputError(f"{task.name} is a regression: its images have no classes to label.")
    _check_empty(folder)
    part = task.train if split == "train" else task.test
    order = np.random.default_rng(derive(seed, "images", split)).permutation(len(part))[:count]
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=".askwell-"))
        try:
            _write(task, part, order.tolist(), aside)
            aside.chmod(0o755)
            if folder.exists():
                folder.rmdir()
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise DatasetError(
            f"{shown(folder)} cannot be written: {error.strerror or error}. Make room, or give "
            "another folder."
        ) from error
    return len(order)


def _check_empty(folder: Path) -> None:
    if is_file(folder, InputError) or (
        is_folder(folder, InputError) and entries(folder, InputError)
    ):
        raise InputError(f"{shown(folder)} is not empty. Give a new folder, or an empty one.")


def _write(task: ImageTask, part: LabelledImages, order: list[int], folder: Path) -> None:
    with (folder / LABELS).open("w", encoding="utf-8", newline="") as file:
        labels = csv.writer(file, lineterminator="\n")
        labels.writerow(["path", "label"])
        for number, position in enumerate(order):
            name = f"{number:05}.png"
            Image.fromarray(np.asarray(part.images[position])).save(folder / name)
            labels.writerow([name, task.classes[part.labels[position]]])
