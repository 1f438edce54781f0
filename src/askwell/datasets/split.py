"""A split that keeps every class's share, and depends on the ids and the seed alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from askwell.randomness import derive, item_keys
from askwell.records import ItemId


def stratified_split(
    labels: NDArray[np.int64], *, test: int, ids: Sequence[ItemId], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the training and of the test items, both ascending.

    Each class gives its share of the `test` items, rounded by largest remainder, but keeps at
    least one item for training (so fewer than `test` may come where classes are tiny). Which
    ones is decided by a random key of each id, not by the order of the items.
    """
    keys = item_keys(ids, derive(seed, "test split"))
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * (test / max(len(labels), 1))
    quota = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(quota - exact, kind="stable")
    quota[by_remainder[: test - int(quota.sum())]] += 1
    quota = np.minimum(quota, counts - 1)
    is_test = np.zeros(len(labels), dtype=bool)
    for label, n in zip(classes, quota, strict=True):
        members = np.flatnonzero(labels == label)
        is_test[members[np.argsort(keys[members], kind="stable")[:n]]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)
