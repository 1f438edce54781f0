"""What a run's records say, as numbers: pure functions of chains, NumPy only.

Units: labels are counts of labelled training images (initial + acquired; validation images are
not among them), accuracy and error are fractions in [0, 1] with error = 1 − accuracy, times are
seconds. A standard deviation is the sample's (divided by n − 1) over seeds, `None` for one seed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from askwell.errors import InputError
from askwell.records import Chain, Run

THRESHOLDS = (0.10, 0.05, 0.02)
"""Test errors whose crossings are reported."""

CONSECUTIVE = 3
"""Acquisitions in a row that make a crossing a sustained one."""

PHASES = ("train", "score", "evaluate")
"""What the wall time of a step is divided into."""

_TOLERANCE = 1e-9
"""Absorbs rounding in 1 − accuracy (1 − 0.95 > 0.05 in floats); far below one test image."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds, its sample standard deviation (`None` for one seed), and how many."""

    mean: float
    std: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one arm against the number of labels.

    Attributes:
        labels: every label count that any seed has reached, increasing; shape (L,).
        mean: mean over the seeds that have reached it; (L,).
        std: their sample standard deviation, `nan` where there is one seed; (L,).
        seeds: how many seeds have reached it; (L,). It falls at the end of an unfinished run.
    """

    labels: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    seeds: NDArray[np.int64]


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


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """Which classes one arm asked for (the initial images are not counted).

    Attributes:
        counts: acquired images of each class, mean over seeds; shape (C,).
        entropy: entropy of a seed's class shares divided by ln C, over seeds: 1 = all classes
            alike, 0 = one class only. `None` where nothing was acquired or C < 2.
    """

    counts: NDArray[np.float64]
    entropy: Estimate | None


def arms(run: Run) -> dict[str, tuple[Chain, ...]]:
    """The chains that have at least one step, by arm, in the run's order.

    An arm whose chains have not begun is there, with no chains.
    """
    grouped: dict[str, list[Chain]] = {}
    for chain in run.chains:
        started = grouped.setdefault(chain.arm, [])
        if chain.steps:
            started.append(chain)
    return {arm: tuple(chains) for arm, chains in grouped.items()}


def estimate(values: Iterable[float]) -> Estimate | None:
    """Mean and sample standard deviation; `None` for no values."""
    array = np.fromiter(values, dtype=np.float64)
    if not array.size:
        return None
    std = float(array.std(ddof=1)) if array.size > 1 else None
    return Estimate(float(array.mean()), std, int(array.size))


def values(chain: Chain, metric: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Label counts and the metric at each step of one chain; steps without it are left out."""
    pairs = [(s.labels, s.metrics[metric]) for s in chain.steps if metric in s.metrics]
    return (
        np.array([labels for labels, _ in pairs], dtype=np.int64),
        np.array([value for _, value in pairs], dtype=np.float64),
    )


def curve(chains: Sequence[Chain], metric: str) -> Curve:
    """The metric's mean and spread over seeds at each label count (empty without records)."""
    by_labels: dict[int, list[float]] = {}
    for chain in chains:
        for labels, value in zip(*values(chain, metric), strict=True):
            by_labels.setdefault(int(labels), []).append(float(value))
    ordered = sorted(by_labels)
    estimates = [e for n in ordered if (e := estimate(by_labels[n])) is not None]
    return Curve(
        labels=np.array(ordered, dtype=np.int64),
        mean=np.array([e.mean for e in estimates], dtype=np.float64),
        std=np.array([np.nan if e.std is None else e.std for e in estimates], dtype=np.float64),
        seeds=np.array([e.seeds for e in estimates], dtype=np.int64),
    )


def last_common_labels(chains: Sequence[Chain]) -> int | None:
    """The largest label count that every one of these chains has reached; `None` if none."""
    common = set.intersection(*({s.labels for s in c.steps} for c in chains)) if chains else set()
    return max(common, default=None)


def final(chains: Sequence[Chain], metric: str, *, at: int | None = None) -> Estimate | None:
    """The metric over seeds at a label count, by default `last_common_labels`; `None` if none."""
    at = last_common_labels(chains) if at is None else at
    found = (s.metrics.get(metric) for c in chains for s in c.steps if s.labels == at)
    return estimate(value for value in found if value is not None)


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
    _check(counts, errors)
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


def area_under_curve(
    labels: ArrayLike, accuracy: ArrayLike, *, until: int | None = None
) -> float | None:
    """Trapezoid area under accuracy against labels, divided by the range of labels: in [0, 1].

    It is the mean accuracy over the range, so arms compare over the same range only: `until`
    leaves out larger label counts. `None` for fewer than two points.
    """
    counts, heights = np.asarray(labels), np.asarray(accuracy, dtype=np.float64)
    _check(counts, heights)
    if until is not None:
        kept = counts <= until
        counts, heights = counts[kept], heights[kept]
    if counts.size < 2:
        return None
    return float(np.trapezoid(heights, counts) / (counts[-1] - counts[0]))


def class_balance(chains: Sequence[Chain], classes: int) -> ClassBalance:
    """How evenly an arm's acquired labels fall on the classes (see `ClassBalance`)."""
    acquired = [[int(y) for s in c.steps for y in s.acquired_labels] for c in chains]
    counts = np.array([np.bincount(y, minlength=classes) for y in acquired if y], dtype=np.float64)
    if not counts.size:
        return ClassBalance(np.zeros(classes), None)
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropies = -(shares * logs).sum(axis=1)
    balance = estimate(np.clip(entropies / np.log(classes), 0, 1)) if classes > 1 else None
    return ClassBalance(counts.mean(axis=0), balance)


def step_seconds(chains: Sequence[Chain]) -> dict[str, float]:
    """Mean wall time of one step by phase, over all steps of all seeds.

    Scoring is averaged over the steps that asked for something: the last one does not. A phase
    that was never timed is left out.
    """
    means = {}
    for phase in PHASES:
        timed = [
            step.seconds[phase]
            for chain in chains
            for step in chain.steps
            if phase in step.seconds and (phase != "score" or step.acquired)
        ]
        if timed:
            means[phase] = float(np.mean(timed))
    return means


def _check(labels: NDArray[np.generic], heights: NDArray[np.float64]) -> None:
    if labels.ndim != 1 or not labels.size or labels.shape != heights.shape:
        raise InputError(
            f"a curve needs as many values as label counts, one or more; got shapes "
            f"{labels.shape} and {heights.shape}"
        )
    if not np.isfinite(heights).all():
        raise InputError("a curve must be finite; got NaN or infinity")
    if (np.diff(labels.astype(np.int64)) <= 0).any():
        raise InputError("label counts must increase; sort the steps and drop repeated ones")
