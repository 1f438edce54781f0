"""The data of an experiment: the spec's data set, cut to the spec's sizes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets import DATASETS, ImageTask, LabelledImages, load_folder
from askwell.datasets.names import nearest
from askwell.errors import SpecError
from askwell.experiment.spec import Spec
from askwell.pool import ArrayPool, Positions
from askwell.randomness import derive, item_keys
from askwell.records import ItemId


@dataclass(frozen=True, eq=False)
class Data:
    """What an experiment trains on, asks for and tests on.

    Attributes:
        classes: their names, in label order.
        pool: the training images; initial and validation images are among them.
        labels: of the pool, by position.
        test: the test images.
        test_labels: theirs.
        available: training images that there are; the pool has fewer where `pool_size` says so.
    """

    classes: tuple[str, ...]
    pool: ArrayPool
    labels: NDArray[np.int64]
    test: ArrayPool
    test_labels: NDArray[np.int64]
    available: int

    def digest(self) -> str:
        """What the data are, in 16 hex digits: classes, and ids and labels of both sets."""
        parts = [self.pool.ids, self.labels, self.test.ids, self.test_labels]
        text = json.dumps([self.classes, *(np.asarray(part).tolist() for part in parts)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def positions(self, items: Sequence[ItemId]) -> Positions:
        """Where some items stand in the pool."""
        return np.array([self.pool.position(item) for item in items], dtype=np.int64)

    def thumbnails(self, items: Sequence[ItemId]) -> Mapping[ItemId, NDArray[np.uint8]]:
        """The pixels of some pool items, for a report: uint8, (height, width[, channels])."""
        if not items:
            return {}
        images = self.pool.images(self.positions(items))
        return {
            item: (image * 255).round().byte().movedim(0, -1).squeeze(-1).numpy()
            for item, image in zip(items, images, strict=True)
        }


def load_data(spec: Spec) -> Data:
    """Load the spec's data set, whatever the experiment needs of it.

    Raises:
        DatasetError: the data set is not to be had.
        SpecError: there is none of that name, nor such a folder.
    """
    task, train_ids, test_ids = _load(spec)
    pool, labels = _some(task.train, train_ids, spec.pool_size)
    test, test_labels = _some(task.test, test_ids, spec.test_size)
    return Data(task.classes, pool, labels, test, test_labels, available=len(task.train))


def _load(spec: Spec) -> tuple[ImageTask, Sequence[ItemId], Sequence[ItemId]]:
    """The task, and the ids of its training and of its test images."""
    if spec.dataset in DATASETS:
        task = DATASETS[spec.dataset].load()
        return task, range(len(task.train)), range(len(task.test))
    if Path(spec.dataset).is_dir():
        folder = load_folder(Path(spec.dataset), image_size=spec.image_size or None)
        return folder.task, folder.train_ids, folder.test_ids
    raise SpecError(
        f"dataset {spec.dataset!r} is neither a data set ({', '.join(DATASETS)}) nor a folder."
        f"{nearest(spec.dataset, DATASETS)}"
    )


def _some(
    images: LabelledImages, ids: Sequence[ItemId], size: int
) -> tuple[ArrayPool, NDArray[np.int64]]:
    """So many random images, the same for every seed, in their old order; all if size is 0.

    Random, since the images of a folder stand in the order of their classes.
    """
    if not 0 < size < len(images):
        default = isinstance(ids, range)
        return ArrayPool(images.images, ids=None if default else ids), images.labels
    keys = item_keys(ids, derive(0, "subset"))
    chosen = np.sort(np.argsort(keys, kind="stable")[:size])
    pool = ArrayPool(images.images[chosen], ids=[ids[p] for p in chosen.tolist()])
    return pool, images.labels[chosen]
