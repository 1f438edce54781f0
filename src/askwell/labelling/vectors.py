"""Features as directions, by which their likeness is measured, and random rows of them."""

import numpy as np
from numpy.typing import NDArray

from askwell.randomness import derive


def unit_rows(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Each row scaled to length 1, float32; a row of zeros stays one."""
    rows = np.asarray(features, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def random_rows(ids: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """So many random rows, or all of fewer, in the order of ids: no matter how rows are ordered."""
    by_id: NDArray[np.int64] = np.argsort(ids)
    if len(ids) <= most:
        return by_id
    chance = np.random.default_rng(derive(seed, "random rows"))
    return by_id[np.sort(chance.choice(len(ids), most, replace=False))]
