"""Real images of two digits, random graphs, and a reference that inverts matrices anew."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from askwell import ArrayPool
from askwell.baselines.graph import LEAK
from askwell.datasets import DATASETS

Array = NDArray[np.float64]


@lru_cache
def three_and_eight(items: int = 120) -> tuple[ArrayPool, Array, ArrayPool, Array]:
    """Pool, its labels, test pool, its labels: 8 × 8 digits, 3 is class 0 and 8 class 1."""
    task = DATASETS["digits"].load()

    def two(images, labels):
        chosen = np.flatnonzero(np.isin(labels, (3, 8)))[:items]
        return ArrayPool(images[chosen]), (labels[chosen] == 8).astype(np.int64)

    return *two(task.train.images, task.train.labels), *two(task.test.images, task.test.labels)


def points(n: int = 15, f: int = 2, *, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(n, f))


def as_pool(features: Array) -> ArrayPool:
    """A pool of which the pixels of item i are features[i]."""
    return ArrayPool(features.reshape(len(features), 1, -1))


def laplacian_with_leak(features: Array, width: float) -> Array:
    """Δ of N nodes and one more, the last, that has an edge LEAK · d_i to each; by loops."""
    n = len(features)
    weights = np.zeros((n + 1, n + 1))
    for i in range(n):
        for j in range(n):
            if i != j:
                square = ((features[i] - features[j]) ** 2).sum()
                weights[i, j] = np.exp(-square / (2 * width**2))
    weights[:n, n] = weights[n, :n] = LEAK * weights[:n, :n].sum(axis=1)
    return np.diag(weights.sum(axis=1)) - weights


def reference(features: Array, width: float, labels: dict[int, int], classes: int = 2) -> Array:
    """F = −Δ_UU⁻¹ Δ_UL F_L at every node, by inversion."""
    delta, n = laplacian_with_leak(features, width), len(features)
    u = [i for i in range(n) if i not in labels]
    known = [*labels, n]
    values = np.vstack([np.eye(classes)[list(labels.values())], np.full((1, classes), 1 / classes)])
    result = np.empty((n, classes))
    result[list(labels)] = values[:-1]
    result[u] = -np.linalg.inv(delta[np.ix_(u, u)]) @ delta[np.ix_(u, known)] @ values
    return result
