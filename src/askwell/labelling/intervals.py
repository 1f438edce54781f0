"""Measures on a few hold-out images, each with between what it may lie.

Intervals hold for few images: none has width 0 because every image happened to be right, as those
of a bootstrap do.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import beta, norm, rankdata, sem
from scipy.stats import t as student

from askwell.errors import InputError

FEWEST_OF_A_CLASS = 3
"""Hold-out images in each class below which no mean over classes is told."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and between what it may lie, at the level asked for."""

    value: float
    low: float
    high: float


def accuracy(correct: Sequence[bool] | NDArray[Any], *, level: float = 0.95) -> Interval:
    """Share of right predictions with the interval of Clopper & Pearson (1934).

    Exact: it holds the truth with at least this probability, whatever the truth, also next to 1,
    where a good model is and where Wilson's interval misses too often.

    Raises:
        InputError: no image.
    """
    k, n = int(np.sum(correct)), len(correct)
    if n == 0:
        raise InputError("An accuracy needs at least one hold-out image; there is none yet.")
    return _clopper_pearson(k / n, n, level)


def _clopper_pearson(share: float, n: float, level: float) -> Interval:
    tail, k = (1 - level) / 2, share * n
    low = 0.0 if share == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if share == 1 else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(share, low, high)


def balanced_accuracy(
    correct: Sequence[bool] | NDArray[Any],
    truth: Sequence[int] | NDArray[Any],
    *,
    level: float = 0.95,
) -> Interval:
    """Mean over the classes that occur of the share of right predictions in each.

    The interval is Clopper & Pearson's of as many images as tell equally much of one share (Korn &
    Graubard 1998): C² / Σ_c 1/n_c, what they are if all classes are equally hard, or fewer where
    the smallest classes seem the most uncertain ones. Intervals from a distribution for each class
    (Jeffreys', a bootstrap's) are too narrow with few images in each of many classes: measured, 50
    to 75 % in the place of 95 % with three images in each of ten classes that are 80 to 98 % right.

    Raises:
        InputError: no image, or not one class for each.
    """
    right, classes = np.asarray(correct, dtype=bool), np.asarray(truth)
    if len(right) == 0 or right.shape != classes.shape:
        raise InputError(
            f"Give each hold-out image its class; got {right.shape} and {classes.shape}."
        )
    _, where, n = np.unique(classes, return_inverse=True, return_counts=True)
    k = np.bincount(where, weights=right)
    smooth = (k + 0.5) / (n + 1)  # Jeffreys: no class is certain
    equally = len(n) ** 2 / (1 / n).sum()
    variance = (smooth * (1 - smooth) / n).sum() / len(n) ** 2
    told = min(equally, smooth.mean() * (1 - smooth.mean()) / variance)
    return _clopper_pearson(float((k / n).mean()), float(told), level)


def scarce(truth: Iterable[int], classes: Iterable[int]) -> set[int]:
    """Those classes that have too few hold-out images to tell a mean over classes.

    Args:
        truth: the class of each hold-out image.
        classes: that have labels at all.
    """
    held_out = Counter(truth)
    return {each for each in classes if held_out[each] < FEWEST_OF_A_CLASS}


def mean(values: ArrayLike, *, least: float = -math.inf, level: float = 0.95) -> Interval:
    """The mean with Student's interval, cut off at the least value that it can have.

    Raises:
        InputError: fewer than two values.
    """
    given = np.asarray(values, dtype=float)
    if given.ndim != 1 or len(given) < 2:
        raise InputError(f"An interval of a mean needs two values or more; got {given.shape}.")
    value = float(given.mean())
    half = float(student.ppf((1 + level) / 2, len(given) - 1) * sem(given))
    return Interval(value, max(least, value - half), value + half)


def auc(scores: ArrayLike, positive: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Area under the ROC curve, that a positive image scores above a negative one (ties: half).

    The interval is the score interval on Hanley & McNeil's (1982) variance with both sample sizes
    replaced by their mean, method 5 of Newcombe (2006): no point where the classes are separated.

    Args:
        scores: of each hold-out image, larger for positive ones.
        positive: which are.
        level: of the interval.

    Returns:
        None where one of the two classes is missing.
    """
    values, is_positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    m, n = int(is_positive.sum()), int((~is_positive).sum())
    if m == 0 or n == 0:
        return None
    ranks = rankdata(values)
    theta = float((ranks[is_positive].sum() - m * (m + 1) / 2) / (m * n))
    z = float(norm.ppf((1 + level) / 2))

    def too_far(t: float) -> float:
        return (theta - t) ** 2 - z**2 * _auc_variance(t, m, n)

    # At 0 and 1 themselves the variance is 0: what is wanted there is the other root.
    inside = min(max(theta, 1e-12), 1 - 1e-12)
    low = 0.0 if theta == 0 else float(brentq(too_far, 0.0, inside))
    high = 1.0 if theta == 1 else float(brentq(too_far, inside, 1.0))
    return Interval(theta, low, high)


def _auc_variance(theta: float, m: int, n: int) -> float:
    others = (m + n) / 2 - 1
    spread = (1 - theta) / (2 - theta) + theta / (1 + theta)
    return theta * (1 - theta) * (1 + others * spread) / (m * n)
