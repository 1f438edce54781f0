"""What a run's records say, as numbers: pure functions of chains, NumPy only.

Units: labels are counts of labelled training images (initial + acquired; validation images are
not among them), accuracy, AUC and error are fractions in [0, 1] with error = 1 − accuracy, times
are seconds. A standard deviation is the sample's (divided by n − 1) over seeds, `None` for one
seed; a standard error is that divided by √n.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from askwell.errors import InputError
from askwell.records import Chain, Run

PHASES = ("train", "score", "evaluate")
"""What the wall time of a step is divided into."""

Spread = Literal["std", "error", "none"]
"""What stands beside a mean: the standard deviation over seeds, the standard error, nothing."""


Points = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Label counts, increasing, and the values of one seed there; each of shape (L,)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds, its sample standard deviation (`None` for one seed), and how many."""

    mean: float
    std: float | None
    seeds: int

    def spread(self, kind: Spread) -> float | None:
        """What stands after ±; `None` where nothing does."""
        if self.std is None or kind == "none":
            return None
        return self.std if kind == "std" else self.std / self.seeds**0.5


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

    def spread(self, kind: Spread) -> NDArray[np.float64]:
        """Half the height of the band, 0 where there is none; (L,)."""
        if kind == "none":
            return np.zeros(len(self.labels))
        spread = np.nan_to_num(self.std)
        return spread if kind == "std" else spread / np.sqrt(self.seeds)


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


def values(chain: Chain, metric: str) -> Points:
    """Label counts and the metric at each step of a chain; steps where it is no number left out."""
    pairs = [(s.labels, s.metrics.get(metric, np.nan)) for s in chain.steps]
    finite = [(labels, value) for labels, value in pairs if np.isfinite(value)]
    return (
        np.array([labels for labels, _ in finite], dtype=np.int64),
        np.array([value for _, value in finite], dtype=np.float64),
    )


def curve(chains: Sequence[Chain], metric: str) -> Curve:
    """The metric's mean and spread over seeds at each label count (empty without records)."""
    return mean_curve(values(chain, metric) for chain in chains)


def mean_curve(points: Iterable[Points]) -> Curve:
    """The mean of one curve a seed, each given by its label counts and its values there."""
    by_labels: dict[int, list[float]] = {}
    for counts, heights in points:
        for labels, value in zip(counts.tolist(), heights.tolist(), strict=True):
            by_labels.setdefault(labels, []).append(value)
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


def common_labels(chains: Sequence[Chain], wanted: int) -> int | None:
    """`wanted` where all these chains have a step there, else the last before it that they share.

    Where all of that comes later, `last_common_labels`.
    """
    common = set.intersection(*({s.labels for s in c.steps} for c in chains)) if chains else set()
    return max((n for n in common if n <= wanted), default=max(common, default=None))


def final(chains: Sequence[Chain], metric: str, *, at: int | None = None) -> Estimate | None:
    """The metric over seeds at a label count, by default `last_common_labels`; `None` if none."""
    at = last_common_labels(chains) if at is None else at
    found = (s.metrics.get(metric) for c in chains for s in c.steps if s.labels == at)
    return estimate(value for value in found if value is not None)


def area_under_curve(
    labels: ArrayLike, heights: ArrayLike, *, until: int | None = None
) -> float | None:
    """Trapezoid area under a metric against labels, divided by the range of labels.

    It is the metric's mean over the range, so arms compare over the same range only: `until`
    leaves out larger label counts. `None` for fewer than two points.
    """
    counts, values = np.asarray(labels), np.asarray(heights, dtype=np.float64)
    check_curve(counts, values)
    if until is not None:
        kept = counts <= until
        counts, values = counts[kept], values[kept]
    if counts.size < 2:
        return None
    return float(np.trapezoid(values, counts) / (counts[-1] - counts[0]))


def areas(chains: Sequence[Chain], metric: str, until: int | None) -> dict[int, float]:
    """The area under each seed's curve up to `until`; seeds that have no value there left out."""
    found = {}
    for chain in chains:
        labels, heights = values(chain, metric)
        if until in labels.tolist():
            area = area_under_curve(labels, heights, until=until)
            if area is not None:
                found[chain.seed] = area
    return found


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


def check_curve(labels: NDArray[np.generic], heights: NDArray[np.float64]) -> None:
    """Raise `InputError` unless these are the points of a curve, in order."""
    if labels.ndim != 1 or not labels.size or labels.shape != heights.shape:
        raise InputError(
            f"a curve needs as many values as label counts, one or more; got shapes "
            f"{labels.shape} and {heights.shape}"
        )
    if not np.isfinite(heights).all():
        raise InputError("a curve must be finite; got NaN or infinity")
    if (np.diff(labels.astype(np.int64)) <= 0).any():
        raise InputError("label counts must increase; sort the steps and drop repeated ones")
