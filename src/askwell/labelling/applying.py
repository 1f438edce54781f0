"""A project → its model; a model and a folder of images → probabilities and uncertainties."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.errors import LabelError
from askwell.features import FeatureStore
from askwell.labelling.background import FeatureQueue
from askwell.labelling.files import Listed, Snapshot
from askwell.labelling.head import FeatureRows, fit_head, summarise
from askwell.labelling.intervals import scarce
from askwell.labelling.model import LabelModel
from askwell.labelling.ranking import make_ranking
from askwell.models.backbone import Trunk
from askwell.randomness import derive

Report = Callable[[int, int], None]
"""Called with the images that are done, and how many there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model says of images.

    Attributes:
        items: int64 (N,).
        probs: float32 (N, C), the posterior predictive.
        entropy: float32 (N,), nats: all uncertainty.
        epistemic: float32 (N,), nats: what more labels could remove of it (BALD).
    """

    items: NDArray[np.int64]
    probs: NDArray[np.float32]
    entropy: NDArray[np.float32]
    epistemic: NDArray[np.float32]


def features_of(
    root: Path, directory: Path, trunk: Trunk, images: Sequence[Listed], report: Report
) -> tuple[FeatureRows, Mapping[int, str]]:
    """The features of all readable images, computed where they are missing, and why others fail.

    Raises:
        RunError: features are missing and another process computes them, or the disk is full.
    """
    read = FeatureStore.read(directory, trunk)
    whole = not read.missing(image.sha256 for image in images)
    with read if whole else FeatureStore.open(directory, trunk) as store:
        queue = FeatureQueue(root, trunk, store)
        queue.want(images)
        while queue.waiting:
            report(len(images) - queue.waiting, len(images))
            queue.step()
        return queue.pool, queue.unreadable


def train_model(
    pool: FeatureRows, snapshot: Snapshot, names: Sequence[str], trunk: Trunk
) -> LabelModel:
    """Train on every label of a project, the hold-out too; measure without it.

    The measures are of a model that was trained on all but the hold-out: the one that is returned
    saw a few more labels, and cannot be measured on them.

    Raises:
        LabelError: fewer than two classes have labels.
        NonFiniteError: training diverged.
    """
    index = {each: i for i, each in enumerate(snapshot.classes)}
    known = {**snapshot.holdout, **snapshot.labels}
    labels = {item: index[each] for item, each in known.items() if pool.has(item)}
    if len(set(labels.values())) < 2:
        raise LabelError(
            f"A model needs labels of at least two classes; this project has {len(labels)} labels "
            f"of {len(set(labels.values()))}. Label some more: askwell label FOLDER."
        )
    measured = make_ranking(_only(pool, labels), snapshot, version=0).metrics
    few = scarce(snapshot.holdout.values(), known.values())
    return LabelModel(
        posterior=fit_head(pool, labels, len(index), seed=snapshot.seed),
        classes=tuple(names),
        backbone=trunk.name,
        fingerprint=trunk.fingerprint(),
        image_size=trunk.image_size,
        seed=derive(snapshot.seed, "draws"),
        trained_on=len(labels),
        metrics={
            name: value
            for name, value in measured.items()
            if name in ("holdout", "accuracy", "nll", "auc")
            or (name == "balanced_accuracy" and not few)
        },
    )


def predict(model: LabelModel, pool: FeatureRows) -> Predictions:
    """What a model says of every image of a pool, in the order of ids."""
    ids = np.array(pool.ids, dtype=np.int64)
    order = np.argsort(ids)  # products round by the place of a row: give each always the same
    summary = summarise(model.draw(), pool.features[order])
    return Predictions(
        ids[order],
        summary.probs.numpy(),
        summary.entropy.numpy(),
        summary.bald.numpy(),
    )


def _only(pool: FeatureRows, items: Mapping[int, int]) -> FeatureRows:
    kept = sorted(items)
    return FeatureRows(pool.features[[pool.position(item) for item in kept]], kept)
