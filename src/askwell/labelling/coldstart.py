"""What to label first: the typical images of more and more clusters.

Among few labels, typical images teach more than far-off ones (TypiClust: Hacohen, Dekel & Weinshall
2022, arXiv 2202.02794): k-center and uncertainty pick outliers then. Measured on real images in
docs/labelling-model.md.
"""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from askwell.labelling.vectors import random_rows, unit_rows
from askwell.randomness import derive

SAMPLE = 4000
"""Images that are clustered: which ones, depends on seed and ids, not on their order."""

LEVELS = (10, 20, 40, 80, 160)
"""Numbers of clusters."""

ENOUGH = 64
"""Images after which no level is begun: a new choice is made when a few of them are labelled."""

_WIDTH = 128
"""Features are projected at random to so many: distances change by about 1/sqrt(2 · 128), 6 %
(Johnson & Lindenstrauss 1984)."""

_ITERATIONS = 10


def typical_rows(
    features: NDArray[np.floating],
    ids: NDArray[np.int64],
    labelled: NDArray[np.int64],
    eligible: NDArray[np.int64],
    *,
    seed: int,
) -> NDArray[np.int64]:
    """Rows worth labelling first, best first: at most one for each cluster of each level.

    The images are cut into 10, 20, 40, … clusters by k-means on the directions of their features.
    At each level, every cluster that holds neither a labelled nor an earlier chosen image gives the
    eligible image nearest its centre; larger clusters come first. No level is begun once there
    are `ENOUGH` images.

    Args:
        features: shape (N, F).
        ids: of the items, by row.
        labelled: rows that have a label.
        eligible: rows that may be chosen.
        seed: of sample, projection and clusters.
    """
    candidates = np.setdiff1d(eligible, labelled)
    if len(candidates) == 0:
        return candidates
    candidates = candidates[random_rows(ids[candidates], SAMPLE, seed)]
    by_id = np.argsort(ids[labelled])
    rows = np.concatenate([candidates, labelled[by_id]])
    points = _projected(features, rows, seed)
    taken = list(range(len(candidates), len(rows)))  # of `rows`: the labelled ones, then chosen
    chosen: list[int] = []
    for clusters in LEVELS:
        fresh = _medoids(points, len(candidates), taken, min(clusters, len(rows)), seed)
        chosen += fresh
        taken += fresh
        if clusters >= len(candidates) or len(chosen) >= ENOUGH:
            break
    return candidates[chosen]


def _medoids(
    points: NDArray[np.float32], eligible: int, taken: list[int], clusters: int, seed: int
) -> list[int]:
    """One of the first `eligible` points for each cluster in which no point is taken."""
    kinds = len(np.unique(points, axis=0)) if len(points) <= clusters else clusters
    means = KMeans(
        min(clusters, kinds),
        n_init=1,
        max_iter=_ITERATIONS,
        random_state=derive(seed, "k-means", clusters) % 2**32,
    )
    with threadpool_limits(1):  # threads that wait for each other stand still on a busy machine
        means.fit(points)
    distance = np.linalg.norm(points - means.cluster_centers_[means.labels_], axis=1)
    sizes = np.bincount(means.labels_, minlength=clusters)
    covered = set(means.labels_[taken].tolist())
    found = []
    for cluster in np.argsort(-sizes, kind="stable").tolist():
        members = np.flatnonzero(means.labels_[:eligible] == cluster)
        if cluster not in covered and len(members):
            found.append(int(members[distance[members].argmin()]))
    return found


def _projected(
    features: NDArray[np.floating], rows: NDArray[np.int64], seed: int
) -> NDArray[np.float32]:
    """Directions of the features in fewer dimensions, shape (len(rows), ≤ 128)."""
    points = unit_rows(features[rows])
    if points.shape[1] <= _WIDTH:
        return points
    chance = np.random.default_rng(derive(seed, "projection"))
    axes = chance.standard_normal((points.shape[1], _WIDTH), dtype=np.float32)
    return np.asarray(points @ (axes / math.sqrt(_WIDTH)), dtype=np.float32)
