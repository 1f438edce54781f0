"""The data of an experiment: a data set, cut to the spec's classes, sizes and test sets."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askwell.datasets import (
    DATASETS,
    FolderTask,
    ImageTask,
    LabelledImages,
    load_folder,
    load_isic2016,
)
from askwell.datasets.names import nearest
from askwell.errors import SpecError
from askwell.experiment.spec import Spec
from askwell.paths import expanded
from askwell.pool import ArrayPool, Positions
from askwell.randomness import derive, item_keys
from askwell.records import ItemId

Labels = NDArray[Any]
"""int64 class indices, or float64 targets of a regression."""


@dataclass(frozen=True, eq=False)
class TestSet:
    """Images to test on.

    Attributes:
        pool: the images.
        labels: theirs.
        aside: which of them are in the training pool too, and so must not be asked for.
    """

    __test__ = False  # no test case for pytest, in spite of its name

    pool: ArrayPool
    labels: Labels
    aside: tuple[ItemId, ...] = ()


@dataclass(frozen=True, eq=False)
class Data:
    """What an experiment trains on, asks for and tests on.

    Attributes:
        classes: their names, in label order; empty in a regression.
        pool: the training images; initial and validation images are among them.
        labels: of the pool, by position.
        tests: the test sets; a seed has one of them.
        available: training images that there are; the pool has fewer where `pool_size` says so.
    """

    classes: tuple[str, ...]
    pool: ArrayPool
    labels: Labels
    tests: tuple[TestSet, ...]
    available: int

    def test_for(self, seed: int) -> TestSet:
        """The test set of a seed."""
        return self.tests[seed % len(self.tests)]

    def digest(self) -> str:
        """What the data are, in 16 hex digits: classes, and ids and labels of all sets."""
        parts = [self.pool.ids, self.labels]
        for test in self.tests:
            parts += [test.pool.ids, test.labels]
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


@dataclass(frozen=True, eq=False)
class _Some:
    """Some labelled images, with their ids."""

    images: NDArray[np.uint8]
    labels: Labels
    ids: Sequence[ItemId]

    def take(self, positions: Positions) -> "_Some":
        ids = [self.ids[p] for p in positions.tolist()]
        return _Some(self.images[positions], self.labels[positions], ids)

    def pool(self) -> ArrayPool:
        return ArrayPool(self.images, ids=None if isinstance(self.ids, range) else self.ids)


def load_data(spec: Spec) -> Data:
    """Load the spec's data set, whatever the experiment needs of it.

    Raises:
        DatasetError: the data set is not to be had.
        SpecError: there is none of that name, nor such a folder; it lacks a class of the spec, or
            has too few images for the test sets.
    """
    task, train, test = _load(spec)
    names = task.classes
    if spec.classes:
        train, test, names = _only(train, spec, names), _only(test, spec, names), spec.classes
    pool = _random(train, spec.pool_size)
    tests = (
        _set_aside(spec, pool, names) if spec.test_per_class else (_random(test, spec.test_size),)
    )
    aside = bool(spec.test_per_class)
    return Data(
        names,
        pool.pool(),
        pool.labels,
        tuple(TestSet(t.pool(), t.labels, tuple(t.ids) if aside else ()) for t in tests),
        available=len(train.ids),
    )


def _load(spec: Spec) -> tuple[ImageTask, _Some, _Some]:
    """The task, its training and its test images."""
    found = _find(spec)
    if isinstance(found, FolderTask):
        task, train, test = found.task, found.train_ids, found.test_ids
        return task, _some(task.train, train), _some(task.test, test)
    return (
        found,
        _some(found.train, range(len(found.train))),
        _some(found.test, range(len(found.test))),
    )


def _some(images: LabelledImages, ids: Sequence[ItemId]) -> _Some:
    return _Some(images.images, images.labels, ids)


def _find(spec: Spec) -> ImageTask | FolderTask:
    if spec.dataset == "isic2016" and (spec.data_dir or spec.image_size):
        folder = expanded(spec.data_dir, SpecError) if spec.data_dir else None
        return load_isic2016(folder, image_size=spec.image_size or 224)
    if spec.dataset in DATASETS:
        return DATASETS[spec.dataset].load()
    if Path(spec.dataset).is_dir():
        return load_folder(Path(spec.dataset), image_size=spec.image_size or None)
    raise SpecError(
        f"dataset {spec.dataset!r} is neither a data set ({', '.join(DATASETS)}) nor a folder."
        f"{nearest(spec.dataset, DATASETS)}"
    )


def _only(images: _Some, spec: Spec, names: Sequence[str]) -> _Some:
    """The images of the spec's classes, which are numbered anew in its order."""
    for name in spec.classes:
        if name not in names:
            raise SpecError(
                f"{spec.dataset} has no class {name!r}.{nearest(name, names)} It has: "
                f"{', '.join(names)}."
            )
    number = np.full(len(names), -1)
    number[[names.index(name) for name in spec.classes]] = np.arange(len(spec.classes))
    kept = images.take(np.flatnonzero(number[images.labels] >= 0))
    return replace(kept, labels=number[kept.labels])


def _random(images: _Some, size: int) -> _Some:
    """So many random images, the same for every seed, in their old order; all if size is 0.

    Random, since the images of a folder stand in the order of their classes.
    """
    if not 0 < size < len(images.ids):
        return images
    keys = item_keys(images.ids, derive(0, "subset"))
    return images.take(np.sort(np.argsort(keys, kind="stable")[:size]))


def _set_aside(spec: Spec, images: _Some, names: Sequence[str]) -> tuple[_Some, ...]:
    """Random test sets out of the training images, so many of each class."""
    if len(spec.test_per_class) != len(names):
        raise SpecError(
            f"test_per_class must have a count for each of the classes {', '.join(names)}; got "
            f"{list(spec.test_per_class)}."
        )
    sets = []
    for split in range(spec.test_splits):
        order = np.argsort(item_keys(images.ids, derive(split, "test set")), kind="stable")
        chosen = []
        for label, count in enumerate(spec.test_per_class):
            of_class = order[images.labels[order] == label]
            if len(of_class) < count:
                raise SpecError(
                    f"test_per_class sets {count} images of the class {names[label]!r} aside, but "
                    f"there are {len(of_class)}. Lower it, or add such images."
                )
            chosen.append(of_class[:count])
        sets.append(images.take(np.sort(np.concatenate(chosen))))
    return tuple(sets)
