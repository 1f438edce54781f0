"""How many labels an arm saves against random acquisition, paired by seed.

For one seed, all arms share the split, the initial images and the initial weights, so ratios are
formed within seeds and only then averaged. What the records do not show is never filled in: a
ratio is exact, a bound, or unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from askwell.experiment.crossings import CONSECUTIVE, Crossing, crossings, sustained_crossing
from askwell.experiment.metrics import METRICS, Metric
from askwell.experiment.statistics import values
from askwell.records import Chain, Run

Bound = Literal["exact", "at least", "at most"]

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Ratio:
    """Labels that random needs divided by labels that the arm needs, for one seed.

    2 means that the arm needs half the labels; below 1 it needs more than random does.
    """

    value: float
    bound: Bound = "exact"


@dataclass(frozen=True, slots=True)
class Saving:
    """The ratios of one arm over paired seeds.

    Attributes:
        by_seed: the ratio of each paired seed; `None` where neither arm got there.
        mean: mean ratio over seeds; a bound if any seed's ratio is one. `None` if a seed is
            unknown, or if lower and upper bounds are mixed.
        bound: what `mean` is.
        interval: bootstrap percentile interval (95 %) of the mean over seeds; `None` unless all
            ratios are exact and there are two seeds or more.
    """

    by_seed: Mapping[int, Ratio | None]
    mean: float | None
    bound: Bound
    interval: tuple[float, float] | None


def baseline_arm(run: Run) -> str | None:
    """The arm to compare with: `random`, else the first of `random/<posterior>`, else `None`."""
    names = list(dict.fromkeys(chain.arm for chain in run.chains))
    if "random" in names:
        return "random"
    return next((name for name in names if name.startswith("random/")), None)


def label_saving(
    arm: Sequence[Chain],
    baseline: Sequence[Chain],
    threshold: float,
    *,
    consecutive: int = CONSECUTIVE,
    seed: int = 0,
) -> Saving:
    """Labels that the baseline needs to reach a test error, divided by labels that the arm needs.

    Both by the sustained crossing. Where only the baseline is censored the ratio is at least
    (baseline's lower bound) / (arm's labels); where only the arm is, at most the mirror image.

    Args:
        arm: chains of the arm; `baseline`: chains of random acquisition. Seeds are paired.
        baseline: see above.
        threshold: the test error.
        consecutive: steps that the error must stay there.
        seed: of the bootstrap.
    """
    ours = crossings(arm, threshold, consecutive=consecutive).by_seed
    theirs = crossings(baseline, threshold, consecutive=consecutive).by_seed
    paired = [s for s in ours if s in theirs]
    return _saving({s: _ratio(theirs[s], ours[s]) for s in paired}, seed=seed)


def matching_saving(
    arm: Sequence[Chain],
    baseline: Sequence[Chain],
    *,
    metric: Metric = METRICS["accuracy"],
    consecutive: int = CONSECUTIVE,
    seed: int = 0,
) -> Saving:
    """As `label_saving`, at the value that the baseline itself ends with (in the same seed).

    This point exists in every run, however small its budget, and for every metric. Either arm
    counts as there once it stays for `consecutive` steps or to the end of its records, so the
    baseline against itself gives exactly 1.
    """
    ours = {chain.seed: values(chain, metric.name) for chain in arm}
    ratios: dict[int, Ratio | None] = {}
    for chain in baseline:
        labels, heights = values(chain, metric.name)
        if not labels.size or chain.seed not in ours or not ours[chain.seed][0].size:
            continue
        level = float(metric.loss(heights)[-1])
        scale = level if level > 0 else 1.0  # a tolerance for rounding must know no units
        theirs, mine = (
            sustained_crossing(
                n, metric.loss(h) / scale, level / scale, consecutive=consecutive, to_end=True
            )
            for n, h in ((labels, heights), ours[chain.seed])
        )
        ratios[chain.seed] = _ratio(theirs, mine)
    return _saving(ratios, seed=seed)


def bootstrap_interval(
    sample: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES, level: float = 0.95
) -> tuple[float, float] | None:
    """Percentile interval of the mean: resample with replacement, take the means' quantiles.

    `None` for fewer than two values. With few values it is too narrow (three values reach at most
    from the smallest to the largest), so read it as the spread that the seeds show.

    Args:
        sample: one number a seed; a paired comparison passes its ratios or differences.
        seed: of the resampling.
        resamples: how many.
        level: coverage aimed at.
    """
    array = np.asarray(sample, dtype=np.float64)
    if array.size < 2:
        return None
    picks = np.random.default_rng(seed).integers(array.size, size=(resamples, array.size))
    tail = (1 - level) / 2
    low, high = np.quantile(array[picks].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def _ratio(baseline: Crossing, arm: Crossing) -> Ratio | None:
    if baseline.labels is None and arm.labels is None:
        return None
    bound: Bound = (
        "at least" if baseline.labels is None else "at most" if arm.labels is None else "exact"
    )
    return Ratio(baseline.at_least / arm.at_least, bound)


def _saving(by_seed: Mapping[int, Ratio | None], *, seed: int) -> Saving:
    known = [ratio for ratio in by_seed.values() if ratio is not None]
    bounds = {ratio.bound for ratio in known} - {"exact"}
    if not known or len(known) < len(by_seed) or len(bounds) > 1:
        return Saving(by_seed, None, "exact", None)
    ratios = [ratio.value for ratio in known]
    if bounds:
        return Saving(by_seed, float(np.mean(ratios)), bounds.pop(), None)
    interval = bootstrap_interval(ratios, seed=seed)
    return Saving(by_seed, float(np.mean(ratios)), "exact", interval)
