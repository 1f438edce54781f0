"""Labels that may be mistakes: what a model says of an image whose label it was not taught.

A model that was trained on a wrong label repeats it. So the labels are divided into folds, and
each fold is judged by a head that was trained on the others (cross-validation, as in confident
learning: Northcutt, Jiang & Chuang 2021). A fold is a step of its own, so that a ranking that
somebody waits for comes in between.
"""

from collections.abc import Mapping

import numpy as np

from askwell.labelling.archives import CheckFile
from askwell.labelling.files import Snapshot
from askwell.labelling.head import DRAWS, FeatureRows, fit_head, summarise
from askwell.randomness import derive, item_keys

FOLDS = 5


class CrossCheck:
    """The check of one snapshot's labels, a fold at a time.

    Labels of items without features are left out. So are those whose class has no other label: a
    model that was never shown a class cannot confirm it.

    Args:
        pool: features; those of the labelled items are copied.
        snapshot: the labels.
    """

    def __init__(self, pool: FeatureRows, snapshot: Snapshot) -> None:
        columns = {each: column for column, each in enumerate(snapshot.classes)}
        known = {i: columns[c] for i, c in snapshot.labels.items() if c in columns and pool.has(i)}
        self._classes = np.array(snapshot.classes, dtype=np.int64)
        self._seed = snapshot.seed
        self._labels = known
        items = sorted(known)
        rows = pool.features[[pool.position(item) for item in items]]
        self._pool = FeatureRows(rows, items)
        self._folds = folds(known, seed=snapshot.seed)
        self._probs = np.zeros((len(items), len(columns)), dtype=np.float16)
        self._next = 0

    @property
    def done(self) -> bool:
        """Whether every fold was judged."""
        return self._next == FOLDS or not self._folds

    def step(self) -> None:
        """Judge the next fold.

        Raises:
            NonFiniteError: training diverged.
        """
        fold, self._next = self._next, self._next + 1
        judged = [item for item, where in self._folds.items() if where == fold]
        if not judged:
            return
        others = {i: c for i, c in self._labels.items() if self._folds.get(i) != fold}
        posterior = fit_head(self._pool, others, len(self._classes), seed=self._seed)
        draws = posterior.draw(DRAWS, seed=derive(self._seed, "draws"))
        rows = [self._pool.position(item) for item in judged]
        self._probs[rows] = summarise(draws, self._pool.features[rows]).probs.numpy()

    def result(self) -> CheckFile:
        """What the models said, once every fold was judged."""
        items = sorted(self._folds)
        rows = [self._pool.position(item) for item in items]
        return CheckFile(
            len(self._labels),
            np.array(items, dtype=np.int64),
            self._classes,
            self._probs[rows],
        )


def folds(labels: Mapping[int, int], *, seed: int) -> dict[int, int]:
    """Item → fold, so that every class of two labels or more has one outside each fold.

    Without the items that are their class's only one; empty where fewer than two classes are left.
    """
    classes = {c: [i for i, each in labels.items() if each == c] for c in set(labels.values())}
    several = {c: items for c, items in sorted(classes.items()) if len(items) > 1}
    if len(several) < 2:
        return {}
    keys = dict(zip(labels, item_keys(list(labels), seed).tolist(), strict=True))
    order = [item for items in several.values() for item in sorted(items, key=keys.__getitem__)]
    return {item: place % FOLDS for place, item in enumerate(order)}
