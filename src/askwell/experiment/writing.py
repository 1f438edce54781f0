"""How numbers are written: means with their spread, label counts, ratios, p values."""

from collections.abc import Sequence

import numpy as np

from askwell.experiment.crossings import Crossings
from askwell.experiment.metrics import Metric
from askwell.experiment.savings import Saving
from askwell.experiment.statistics import Estimate, Spread
from askwell.records import Chain

DASH = "–"


def written(
    value: Estimate | None, factor: float = 1, digits: int = 0, spread: Spread = "std"
) -> str:
    """A mean, with ± its standard deviation (or error) where there are seeds for one."""
    if value is None or not np.isfinite(value.mean):
        return DASH
    mean = f"{factor * value.mean:.{digits}f}"
    beside = value.spread(spread)
    return mean if beside is None else f"{mean} ± {factor * beside:.{digits}f}"


def labels_written(found: Crossings, chains: Sequence[Chain], spread: Spread = "std") -> str:
    """Label counts as `295 ± 20`; `≥ 412` with some seeds censored, `> 500` with all."""
    if not found.by_seed:
        return DASH
    if found.estimate is not None:
        return written(found.estimate, spread=spread)
    if found.censored == len(found.by_seed):
        return f"> {min(c.steps[-1].labels for c in chains if c.seed in found.by_seed)}"
    return f"≥ {found.at_least:.0f}"


def saving_written(saving: Saving, *, digits: int = 2) -> str:
    """A ratio as `2.8× (2.4–3.1)`, `≥ 2.8×` or `≤ 0.9×`; a dash where it is unknown."""
    if saving.mean is None:
        return DASH
    sign = {"exact": "", "at least": "≥ ", "at most": "≤ "}[saving.bound]
    text = f"{sign}{saving.mean:.{digits}f}×"
    if saving.interval is None:
        return text
    low, high = saving.interval
    return f"{text} ({low:.{digits}f}–{high:.{digits}f})"


def difference_written(
    mean: float | None, interval: tuple[float, float] | None, metric: Metric
) -> str:
    """A difference of a metric with its sign, as `+1.20 (0.80 to 1.60)`."""
    if mean is None:
        return DASH
    factor, digits = metric.factor, metric.digits
    text = f"{factor * mean:+.{digits}f}"
    if interval is not None:
        low, high = interval
        text += f" ({factor * low:.{digits}f} to {factor * high:.{digits}f})"
    return text.replace("-", "−")


def p_written(p: float | None) -> str:
    """A p value with two digits that count; `< 0.0001` below."""
    if p is None:
        return DASH
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def counted(n: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
