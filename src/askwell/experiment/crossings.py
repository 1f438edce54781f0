"""Where an error curve gets to a threshold: first, and to stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from askwell.errors import InputError
from askwell.experiment.statistics import Estimate, check_curve, estimate, values
from askwell.records import Chain

THRESHOLDS = (0.10, 0.05, 0.02)
"""Test errors whose crossings are reported."""

CONSECUTIVE = 3
"""Acquisitions in a row that make a crossing a sustained one."""

_TOLERANCE = 1e-9
"""Absorbs rounding in 1 − accuracy (1 − 0.95 > 0.05 in floats); far below one test image."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where one error curve reaches a threshold.

    Attributes:
        labels: the label count, or `None` if it is censored: not established within the records.
        at_least: the label count itself or, if censored, the smallest one that the records leave
            possible: a lower bound.
    """

    labels: int | None
    at_least: int


@dataclass(frozen=True, slots=True)
class Crossings:
    """The crossings of one arm, by seed."""

    by_seed: Mapping[int, Crossing]

    @property
    def censored(self) -> int:
        """How many seeds have not reached the threshold."""
        return sum(c.labels is None for c in self.by_seed.values())

    @property
    def estimate(self) -> Estimate | None:
        """Mean and standard deviation of the label counts; `None` if any seed is censored.

        (The mean of those that got there would favour an arm whose bad seeds did not.)
        """
        reached = [c.labels for c in self.by_seed.values() if c.labels is not None]
        return estimate(reached) if len(reached) == len(self.by_seed) else None

    @property
    def at_least(self) -> float | None:
        """A lower bound of the mean over seeds; `None` without any seed."""
        bounds = [c.at_least for c in self.by_seed.values()]
        return float(np.mean(bounds)) if bounds else None


def first_crossing(labels: ArrayLike, error: ArrayLike, threshold: float) -> Crossing:
    """The smallest label count whose error is at or below `threshold`.

    On a noisy curve it comes early: one lucky step is enough. See `sustained_crossing`.
    """
    return sustained_crossing(labels, error, threshold, consecutive=1)


def sustained_crossing(
    labels: ArrayLike,
    error: ArrayLike,
    threshold: float,
    *,
    consecutive: int = CONSECUTIVE,
    to_end: bool = False,
) -> Crossing:
    """Where the error gets to `threshold` or below and stays there for `consecutive` steps.

    Args:
        labels: increasing label counts, shape (L,).
        error: the error at each, shape (L,).
        threshold: the error to reach; equality counts, up to rounding.
        consecutive: steps in a row that are needed; the value is the first one's label count.
        to_end: whether fewer are enough if the records end before. If not, a curve that crosses
            in its last `consecutive − 1` steps is censored: it cannot prove that it stays.

    Returns:
        The crossing. If censored, its lower bound is the start of that unproven crossing, or the
        last label count if the curve ends above the threshold.

    Raises:
        InputError: no points, unequal lengths, NaN, or label counts that do not increase.
    """
    counts, errors = np.asarray(labels), np.asarray(error, dtype=np.float64)
    check_curve(counts, errors)
    if consecutive < 1:
        raise InputError(f"`consecutive` must be at least 1; got {consecutive}")
    below = errors <= threshold + _TOLERANCE
    padded = np.append(below, np.full(consecutive - 1, to_end))
    hits = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(padded, consecutive).all(axis=1))
    if hits.size:
        reached = int(counts[hits[0]])
        return Crossing(reached, reached)
    trailing = int(np.argmin(below[::-1]))  # a curve wholly below can be shorter than needed
    if below.all():
        trailing = len(below)
    return Crossing(None, int(counts[-trailing] if trailing else counts[-1]))


def crossings(
    chains: Sequence[Chain], threshold: float, *, consecutive: int = CONSECUTIVE
) -> Crossings:
    """Each seed's crossing of a test error (`consecutive=1`: the first crossing)."""
    found = {}
    for chain in chains:
        labels, accuracy = values(chain, "accuracy")
        if labels.size:
            found[chain.seed] = sustained_crossing(
                labels, 1 - accuracy, threshold, consecutive=consecutive
            )
    return Crossings(found)
