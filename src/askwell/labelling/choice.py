"""A trained head → the images to label next, by any acquisition function, best first."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError
from askwell.labelling.head import ROWS, FeatureRows, Summary
from askwell.likelihoods import categorical
from askwell.pool import Chunk, Positions
from askwell.posterior.dropout import DropoutDraws
from askwell.randomness import item_keys
from askwell.select import Race, TopK
from askwell.tensors import Scores

_ROUNDING = 1e-5
"""What a score of the summary may be off by: means of T float32 numbers of a few nats at most."""

_ROUNDING_OF_STD = 1e-3
"""The same for standard deviations: √ε where they are nearly 0."""

_MOST_EXACT = 2
"""Rows that are scored exactly, as a multiple of what is asked for, where very many are alike."""


def rank(
    acquisition: str,
    draws: DropoutDraws,
    pool: FeatureRows,
    rows: Positions,
    summary: Summary,
    k: int,
    *,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k best rows by an acquisition function, best first, with their exact scores.

    Where the summary has the score of every item in float32, the best of these are scored exactly
    (float64, T draws); the other acquisition functions are raced. Ties are broken by seed and id.

    Args:
        acquisition: a name in `ACQUISITIONS`, or "random", whose scores are NaN.
        draws: of the posterior.
        pool: the features.
        rows: which of the pool's rows may be ranked.
        summary: of all rows of the pool.
        k: how many are wanted; fewer where there are fewer.
        seed: breaks ties, orders at random.

    Raises:
        InputError: no such acquisition function, or one for regression.
    """
    check_acquisition(acquisition)
    if acquisition == "random":
        return random_rows(pool, rows, k, seed=seed)
    k = min(k, len(rows))
    if k == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    if acquisition in _SCREENS:
        screen = _SCREENS[acquisition](summary).numpy()[rows]
        rounding = _ROUNDING_OF_STD if acquisition == "mean_std" else _ROUNDING
        rows = _promising(pool, screen, rows, k, seed, rounding)
    of = TopK(ACQUISITIONS[acquisition])
    parts = np.split(rows, range(ROWS, len(rows), ROWS))
    chunks = (_chunk(pool, part) for part in parts)
    query = (of if acquisition in _SCREENS else Race(of)).select(draws, chunks, k, seed=seed)
    found = np.array([pool.position(item) for item in query.ids], dtype=np.int64)
    return found, np.array(query.scores)


def _promising(
    pool: FeatureRows,
    screen: NDArray[np.floating],
    rows: Positions,
    k: int,
    seed: int,
    rounding: float,
) -> Positions:
    """The rows that may be among the k best: all that float32 cannot tell from the k-th."""
    bar = np.partition(screen, len(screen) - k)[len(screen) - k]
    candidates = np.flatnonzero(screen >= bar - rounding)
    if len(candidates) > _MOST_EXACT * k:  # many alike, of which chance decides
        keys = item_keys([pool.ids[row] for row in rows[candidates].tolist()], seed)
        order = np.lexsort((keys, -screen[candidates]))
        candidates = candidates[order[: _MOST_EXACT * k]]
    return rows[np.sort(candidates)]


def _chunk(pool: FeatureRows, rows: Positions) -> Chunk:
    return Chunk([pool.ids[row] for row in rows.tolist()], lambda: pool.images(rows))


def check_acquisition(name: str) -> None:
    """Raise `InputError` unless images can be ranked by this name."""
    if name not in RANKINGS:
        raise InputError(
            f"There is no acquisition function {name!r} of classes. Known are "
            f"{', '.join(RANKINGS)}."
        )


def random_rows(
    pool: FeatureRows, rows: Positions, k: int, *, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """k rows in the random order of seed and id; their scores are NaN."""
    keys = item_keys([pool.ids[row] for row in rows.tolist()], seed)
    found = rows[np.argsort(keys)[:k]]
    return found, np.full(len(found), np.nan)


def _variation_ratios(summary: Summary) -> Scores:
    return 1 - summary.probs.amax(dim=1)


def _margin(summary: Summary) -> Scores:
    top = summary.probs.topk(2, dim=1).values
    return top[:, 1] - top[:, 0]


def _mean_std(summary: Summary) -> Scores:
    return (summary.squares - summary.probs.square()).clamp_min(0).sqrt().mean(dim=1)


_SCREENS: Mapping[str, Callable[[Summary], Scores]] = MappingProxyType(
    {
        "bald": lambda summary: summary.bald,
        "max_entropy": lambda summary: summary.entropy,
        "variation_ratios": _variation_ratios,
        "least_confidence": _variation_ratios,
        "margin": _margin,
        "mean_std": _mean_std,
    }
)
"""Acquisition functions that the summary of all draws holds, in float32."""

RANKINGS = (
    *(name for name, entry in ACQUISITIONS.items() if entry.likelihood is categorical),
    "random",
)
"""What images can be ranked by."""
