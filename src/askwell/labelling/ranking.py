"""A snapshot and the features that there are → a ranking, probabilities, measures."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askwell.errors import LabelError
from askwell.labelling.archives import RankingFile, Stream
from askwell.labelling.choice import check_acquisition, rank
from askwell.labelling.coldstart import typical_rows
from askwell.labelling.diverse import near_distance, spread
from askwell.labelling.files import Snapshot
from askwell.labelling.head import (
    DRAWS,
    FeatureRows,
    Summary,
    fit_head,
    summarise,
)
from askwell.labelling.intervals import accuracy, auc, balanced_accuracy
from askwell.randomness import derive

RANKED = 1000
"""Items of a ranking at most."""

WAIT = 5
"""Labels a class before the model chooses: with fewer, variety taught it more (docs)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """What a trained head says of every row, and the rows that it would have labelled."""

    summary: Summary
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]


def make_ranking(pool: FeatureRows, snapshot: Snapshot, *, version: int) -> RankingFile:
    """Train a head on the snapshot's labels and rank what may be labelled next.

    Items that have no features yet are left out, as if they did not exist.

    * Fewer than two classes with labels: no model; typical images are ranked (`coldstart`).
    * Fewer than 5 labels a class, on average: the same, but there is a model, for opinions and
      measures.
    * Else the acquisition function ranks, stream "active".

    The result depends on the snapshot and on which items have features, not on their order.

    Raises:
        InputError: no such acquisition function.
        LabelError: a label of a class that is not listed.
        NonFiniteError: training diverged.
    """
    check_acquisition(snapshot.acquisition)
    ids = np.asarray(pool.ids, dtype=np.int64)
    classes = {each: index for index, each in enumerate(snapshot.classes)}
    labels = _known(snapshot.labels, classes, pool)
    labelled = np.array(sorted(pool.position(item) for item in labels), dtype=np.int64)
    open_rows = _open(ids, snapshot)
    clock = {"train": 0.0, "rank": 0.0}
    active = _is_active(labels, len(classes))
    model = None
    if len(set(labels.values())) >= 2:
        model = _model(pool, snapshot, labels, len(classes), open_rows if active else None, clock)
    start = time.perf_counter()
    if active and model is not None:
        rows, scores = model.rows, model.scores
    else:
        rows = typical_rows(pool.features, ids, labelled, open_rows, seed=snapshot.seed)
        scores = np.full(len(rows), np.nan)
    if len(rows):
        near = near_distance(pool.features, ids, seed=snapshot.seed)
        order = spread(pool.features[rows], near)
        rows, scores = rows[order], scores[order]
    clock["rank"] += time.perf_counter() - start
    stream: Stream = "active" if active else "cold"
    return RankingFile(
        version=version,
        trained_on=len(labels) if model else 0,
        acquisition=snapshot.acquisition if active else "",
        stream=stream,
        items=ids[rows],
        scores=scores.astype(np.float32),
        classes=np.array(snapshot.classes, dtype=np.int64),
        **_opinions(ids, model, len(classes)),
        metrics={
            **_measures(pool, model, _known(snapshot.holdout, classes, pool), snapshot.classes),
            "seconds": clock,
            "with_features": len(ids),
        },
    )


def _known(
    labels: Mapping[int, int], classes: Mapping[int, int], pool: FeatureRows
) -> dict[int, int]:
    """Item → class index, of items that have features."""
    strange = sorted(set(labels.values()) - classes.keys())
    if strange:
        raise LabelError(
            f"The labels name the classes {strange[:5]}, which are not among those of the project: "
            f"{sorted(classes)}."
        )
    return {item: classes[label] for item, label in labels.items() if pool.has(item)}


def _open(ids: NDArray[np.int64], snapshot: Snapshot) -> NDArray[np.int64]:
    """The rows that may be labelled next."""
    closed = snapshot.labels.keys() | snapshot.holdout.keys() | snapshot.excluded
    rows: NDArray[np.int64] = np.flatnonzero(~np.isin(ids, np.fromiter(closed, dtype=np.int64)))
    return rows


def _is_active(labels: Mapping[int, int], classes: int) -> bool:
    """Whether the model chooses; a class that nobody finds does not hold it up for ever."""
    return len(set(labels.values())) >= 2 and len(labels) >= WAIT * classes


def _model(
    pool: FeatureRows,
    snapshot: Snapshot,
    labels: Mapping[int, int],
    classes: int,
    rows: NDArray[np.int64] | None,
    clock: dict[str, float],
) -> _Model:
    start = time.perf_counter()
    posterior = fit_head(pool, labels, classes, seed=snapshot.seed)
    trained = time.perf_counter()
    draws = posterior.draw(DRAWS, seed=derive(snapshot.seed, "draws"))
    summary = summarise(draws, pool.features)
    found, scores = np.empty(0, dtype=np.int64), np.empty(0)
    if rows is not None:
        seed = derive(snapshot.seed, "ties", len(labels))
        found, scores = rank(snapshot.acquisition, draws, pool, rows, summary, RANKED, seed=seed)
    clock["train"], clock["rank"] = trained - start, time.perf_counter() - trained
    return _Model(summary, found, scores)


def _opinions(ids: NDArray[np.int64], model: _Model | None, classes: int) -> dict[str, Any]:
    """What the model says of every item, in the order of their ids."""
    if model is None:
        nothing = np.empty(0, dtype=np.float32)
        probs = np.empty((0, classes), dtype=np.float16)
        return {
            "all_items": np.empty(0, dtype=np.int64),
            "probs": probs,
            "entropy": nothing,
            "bald": nothing,
        }
    order = np.argsort(ids)
    return {
        "all_items": ids[order],
        "probs": model.summary.probs.numpy().astype(np.float16)[order],
        "entropy": model.summary.entropy.numpy()[order],
        "bald": model.summary.bald.numpy()[order],
    }


def _measures(
    pool: FeatureRows, model: _Model | None, holdout: Mapping[int, int], classes: Sequence[int]
) -> dict[str, Any]:
    """The model on the images that it never trains on."""
    if model is None or not holdout:
        return {"holdout": len(holdout)}
    items = sorted(holdout)
    truth = np.array([holdout[item] for item in items])
    p = model.summary.probs.numpy()[[pool.position(item) for item in items]].astype(np.float64)
    predicted = p.argmax(axis=1)
    correct = predicted == truth
    at_label = p[np.arange(len(items)), truth]
    measures: dict[str, Any] = {
        "holdout": len(items),
        "accuracy": accuracy(correct).value,
        "balanced_accuracy": balanced_accuracy(correct, truth).value,
        "nll": float(-np.log(np.maximum(at_label, np.finfo(np.float32).tiny)).mean()),
        "holdout_items": items,
        "holdout_predicted": [classes[index] for index in predicted],
    }
    if p.shape[1] == 2 and (area := auc(p[:, 1], truth == 1)) is not None:
        measures["auc"] = area.value
    return measures
