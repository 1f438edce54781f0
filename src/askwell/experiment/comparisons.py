"""Arms against each other over the whole curve, paired by seed, with a test.

Each against random acquisition; and where a run has both posteriors of its network, each
acquisition function with dropout against the same one with the deterministic network.

The area under the learning curve is one number a seed, so the curves of two arms are compared by
its differences within seeds: their bootstrap interval, and Wilcoxon's signed-rank test (Wilcoxon
1945), corrected for the number of arms (Holm 1979).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, wilcoxon

from askwell.experiment.facts import started, started_chains
from askwell.experiment.metrics import Metric, primary_metric
from askwell.experiment.savings import Saving, baseline_arm, bootstrap_interval, matching_saving
from askwell.experiment.statistics import areas, last_common_labels
from askwell.records import Run

LEVEL = 0.05
"""Below it, after the correction, a difference counts as established."""

_DETERMINISTIC = "deterministic"  # as arms are named after it

_MOST_EXACT = 50  # pairs; 2^50 sign flips are still counted exactly in doubles


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against another, the baseline.

    Attributes:
        arm: its name.
        baseline: the other's.
        metric: whose curves are compared.
        areas: area under the arm's curve, by seed.
        baseline_areas: under the baseline's.
        differences: the arm's area − the baseline's, by paired seed, in the metric's units.
        interval: bootstrap percentile interval (95 %) of the mean difference.
        p: two-sided p of the signed-rank test; `None` without a pair.
        adjusted: p by Holm's correction over the comparisons of the same kind.
        smallest: the least that `adjusted` could have been with so many seeds and comparisons.
        saving: labels that the baseline needs to come to its own final value, over the arm's.
    """

    arm: str
    baseline: str
    metric: Metric
    areas: Mapping[int, float]
    baseline_areas: Mapping[int, float]
    differences: Mapping[int, float]
    interval: tuple[float, float] | None
    p: float | None
    adjusted: float | None
    smallest: float | None
    saving: Saving

    @property
    def mean(self) -> float | None:
        """Mean difference over the pairs."""
        return float(np.mean(list(self.differences.values()))) if self.differences else None

    @property
    def better(self) -> int:
        """In how many pairs the arm is better."""
        return sum(self.metric.gain(d) > 0 for d in self.differences.values())


def comparisons(run: Run) -> list[Comparison]:
    """Every other arm against random acquisition; empty without it, or without other arms.

    All areas go up to the last label count that every chain of the run has reached.
    """
    baseline, grouped = baseline_arm(run), started(run)
    if baseline is None or baseline not in grouped:
        return []
    return _compared(run, {arm: baseline for arm in grouped if arm != baseline})


def posterior_comparisons(run: Run) -> list[Comparison]:
    """Each acquisition function with dropout against itself with the deterministic network.

    Empty unless some function has both. Areas are as in `comparisons`.
    """
    grouped = started(run)
    pairs = {arm: f"{arm}/{_DETERMINISTIC}" for arm in grouped if "/" not in arm}
    return _compared(run, {arm: other for arm, other in pairs.items() if other in grouped})


def _compared(run: Run, pairs: Mapping[str, str]) -> list[Comparison]:
    """Each of these arms against its baseline, with Holm's correction over all of them."""
    metric, grouped = primary_metric(run), started(run)
    until = last_common_labels(started_chains(run))
    found = {arm: areas(grouped[arm], metric.name, until) for arm in {*pairs, *pairs.values()}}
    differences = {
        arm: {s: found[arm][s] - found[other][s] for s in found[arm] if s in found[other]}
        for arm, other in pairs.items()
    }
    tested = {arm: signed_rank_p(list(d.values())) for arm, d in differences.items() if d}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return [
        Comparison(
            arm=arm,
            baseline=other,
            metric=metric,
            areas=found[arm],
            baseline_areas=found[other],
            differences=differences[arm],
            interval=bootstrap_interval(list(differences[arm].values())),
            p=tested.get(arm),
            adjusted=adjusted.get(arm),
            smallest=smallest_p(len(differences[arm]), len(tested)) if arm in tested else None,
            saving=matching_saving(grouped[arm], grouped[other], metric=metric),
        )
        for arm, other in pairs.items()
    ]


def signed_rank_p(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test: are differences symmetric about 0?

    Zeros are dropped; equal sizes share their mean rank. Up to 50 differences p is exact: the
    share of all 2^n sign flips whose rank sum is as far from its mean. Beyond, SciPy's normal
    approximation. Without any difference from 0, 1.
    """
    array = np.asarray(differences, dtype=np.float64)
    array = array[array != 0]
    if not array.size:
        return 1.0
    if array.size > _MOST_EXACT:
        return float(wilcoxon(array).pvalue)
    ranks = np.rint(2 * rankdata(np.abs(array))).astype(np.int64)  # mean ranks are halves
    positive = int(ranks[array > 0].sum())
    extreme = max(positive, int(ranks.sum()) - positive)
    flips = float(_flips(ranks)[extreme:].sum())
    return min(1.0, 2 * flips / 2.0 ** len(array))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values, in the order given.

    The smallest is multiplied by their number m, the next by m − 1, …; none is below a smaller
    one's, none above 1.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return [float(value) for value in adjusted]


def smallest_p(seeds: int, arms: int) -> float:
    """The least adjusted p of the best of `arms` arms: all its `seeds` differences on one side."""
    return min(1.0, arms * 2.0 ** (1 - seeds))


def seeds_needed(arms: int, level: float = LEVEL) -> int:
    """The fewest seeds with which the best of `arms` arms can come to `level`."""
    return 1 + int(np.ceil(np.log2(arms / level)))


def _flips(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many of the 2^n sign flips have each sum of positive ranks, 0 … ranks.sum()."""
    counts = np.zeros(int(ranks.sum()) + 1)
    counts[0] = 1
    for rank in ranks:
        counts[rank:] += counts[: len(counts) - rank].copy()
    return counts
