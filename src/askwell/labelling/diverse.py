"""A ranking without near-duplicates side by side: a person learns nothing from twice the same."""

import numpy as np
from numpy.typing import NDArray

from askwell.labelling.vectors import random_rows, unit_rows

RUN = 20
"""Images of a ranking among which no two are near-duplicates."""

_SAMPLE = 1000
_NEIGHBOUR = 10


def near_distance(features: NDArray[np.floating], ids: NDArray[np.int64], *, seed: int) -> float:
    """The distance between directions of features below which two images are near-duplicates.

    Half the median distance of an image to its tenth neighbour among 1 000 random ones. The tenth,
    so that bursts of a few shots of one scene do not set the measure. In data of m intrinsic
    dimensions, about 10 · 2^−m of those 1 000 are that near by accident: 0.01 for m = 10.

    Args:
        features: shape (N, F).
        ids: of the items, by row.
        seed: of the sample.

    Returns:
        0 where there are too few images to say: then equal features alone are duplicates.
    """
    rows = random_rows(ids, _SAMPLE, seed)
    if len(rows) <= _NEIGHBOUR + 1:
        return 0.0
    squared = _squared_distances(unit_rows(features[rows]))
    tenth = np.partition(squared, _NEIGHBOUR, axis=1)[:, _NEIGHBOUR]  # position 0 is the image
    return float(np.sqrt(np.median(tenth)) / 2)


def spread(features: NDArray[np.floating], distance: float, *, run: int = RUN) -> NDArray[np.int64]:
    """The order in which ranked images come when near-duplicates have to wait.

    At each place stands the best image left that is no near-duplicate of the `run` − 1 before it;
    where there is none, the ranking ends.

    Args:
        features: of the ranked images, best first, shape (K, F).
        distance: at or below which two directions are near-duplicates.
        run: how many images in a row must differ.

    Returns:
        Positions in the ranking, each at most once.
    """
    k = len(features)
    # Directions of unit length that are equal differ by rounding: about F · 1e-7 in the square.
    near = _squared_distances(unit_rows(features)) <= max(distance**2, 1e-6)
    near = near.astype(np.int32)
    hindered, left, order = np.zeros(k, dtype=np.int32), np.ones(k, dtype=bool), list[int]()
    for _ in range(k):
        free = left & (hindered == 0)
        best = int(free.argmax())
        if not free[best]:
            break
        order.append(best)
        left[best] = False
        hindered += near[best]
        if len(order) >= run:
            hindered -= near[order[-run]]
    return np.array(order, dtype=np.int64)


def _squared_distances(directions: NDArray[np.float32]) -> NDArray[np.float32]:
    """|a − b|² = 2 − 2 a·b of unit vectors, at least 0, shape (n, n)."""
    return np.asarray(np.maximum(2 - 2 * (directions @ directions.T), 0), dtype=np.float32)
