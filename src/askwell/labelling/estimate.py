"""How good the model is, what more labels would bring, and whether to stop.

Everything is measured on hold-out images, which were drawn uniformly at random and never trained
on: the images that an acquisition function chooses are the hard ones, and say nothing of the rest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askwell.labelling.intervals import Interval

FEWEST_IMAGES = 20
"""Hold-out images below which nothing is said about more labels."""

FEWEST_POINTS = 4
"""Numbers of labels at which the accuracy must be known, and …"""

LEAST_GROWTH = 1.5
"""… by which factor the labels must have grown from the first to the last."""

_RESAMPLES = 2000
_MOST_POINTS = 60


@dataclass(frozen=True, slots=True)
class Point:
    """A model on the curve: how many labels it had, and which hold-out images it gets right."""

    labels: int
    correct: Mapping[int, bool]

    @classmethod
    def of(
        cls,
        trained_on: int,
        metrics: Mapping[str, Any],
        truth: Mapping[int, int],
        counts_as: Mapping[int, int],
    ) -> "Point":
        """From what a ranking says, by the labels and classes that there are now.

        What was merged since counts as one class, and a corrected label as corrected. A model that
        was trained when classes counted as one that are apart now could not tell them, and says
        nothing of the models since: its point has no images.

        Args:
            trained_on: of the ranking.
            metrics: of the ranking; "merged", pairs of a class and the one that it counted as.
            truth: item → class, of the hold-out.
            counts_as: class → the class that its labels count for, of all classes.
        """
        if any(
            counts_as.get(one) != counts_as.get(into) for one, into in metrics.get("merged", ())
        ):
            return cls(trained_on, {})
        items = metrics.get("holdout_items", ())
        said = zip(items, metrics.get("holdout_predicted", ()), strict=False)  # older: none
        return cls(
            trained_on,
            {item: counts_as.get(label) == truth[item] for item, label in said if item in truth},
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What so many more labels would add to the accuracy.

    Attributes:
        more: labels.
        gain: of accuracy (0.01 is a percentage point), or None where it cannot be said yet.
        reason: why it cannot, or what it rests on; a sentence.
    """

    more: int
    gain: Interval | None
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether to stop labelling, and why; a sentence."""

    stop: bool
    reason: str


def expected(
    points: Sequence[Point], more: int = 50, *, level: float = 0.95, seed: int = 0
) -> Expectation:
    """What `more` labels would add to the accuracy, extrapolated from the curve so far.

    The error is taken to fall as a power of the labels, e(n) = a · n^−b, the common shape of
    learning curves (Hestness et al. 2017), fitted in logarithms. The interval is that of fits to
    resampled hold-out images (Bayesian bootstrap, Rubin 1981; the images that the models share
    stay together) whose scatter about the curve is resampled as well. It assumes that the curve
    goes on as it did.

    Args:
        points: models, in any order; the last of those with equally many labels counts.
        more: labels beyond those of the last model.
        level: of the interval.
        seed: of the resampling.
    """
    last = {point.labels: point for point in points if point.correct}
    curve = _thinned([last[labels] for labels in sorted(last)])
    reason = _too_little(curve)
    if reason:
        return Expectation(more, None, reason)
    gains = _gains(curve, more, np.random.default_rng(seed))
    low, high = np.quantile(gains[1:], [(1 - level) / 2, (1 + level) / 2])
    gain = Interval(
        float(gains[0]), min(float(gains[0]), float(low)), max(float(gains[0]), float(high))
    )
    images = len(curve[-1].correct)
    return Expectation(
        more,
        gain,
        f"Extrapolated from {len(curve)} models with {curve[0].labels} to {curve[-1].labels} "
        f"labels on {images} hold-out images: {more} more labels would add about "
        f"{_points(gain.value)} of accuracy ({100 * gain.low:.1f} to {100 * gain.high:.1f}).",
    )


def _thinned(curve: Sequence[Point]) -> Sequence[Point]:
    """At most `_MOST_POINTS` of a curve, evenly by the logarithm of the labels, ends included.

    After thousands of labels the fits would take longer than an image may; models that had nearly
    the same labels say nearly the same.
    """
    if len(curve) <= _MOST_POINTS:
        return curve
    labels = np.array([point.labels for point in curve])
    wanted = np.geomspace(max(1, labels[0]), labels[-1], _MOST_POINTS).round()
    wanted[-1] = labels[-1]
    chosen = np.unique(np.searchsorted(labels, wanted))
    return [curve[i] for i in chosen]


def _too_little(curve: Sequence[Point]) -> str:
    images = len(curve[-1].correct) if curve else 0
    if images < FEWEST_IMAGES:
        return (
            f"Too early to say what more labels would bring: {images} of the images drawn at "
            f"random are labelled, and {FEWEST_IMAGES} are needed."
        )
    if len(curve) < FEWEST_POINTS or curve[-1].labels < LEAST_GROWTH * curve[0].labels:
        return (
            f"Too early to say: the accuracy is known at {len(curve)} numbers of labels, from "
            f"{curve[0].labels} to {curve[-1].labels}; {FEWEST_POINTS} are needed, of which the "
            f"last is {LEAST_GROWTH} times the first."
        )
    return ""


def _gains(curve: Sequence[Point], more: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """The gain by the fit, then by the fits to resampled images, shape (1 + R,)."""
    items = sorted({item for point in curve for item in point.correct})
    known = np.array([[item in point.correct for item in items] for point in curve])  # P I
    wrong = np.array([[point.correct.get(item) is False for item in items] for point in curve])
    weights = chance.exponential(size=(1 + _RESAMPLES, len(items)))  # R I
    weights[0] = 1
    # Half an image of either kind (Jeffreys): an error of 0 has no logarithm.
    errors = (weights @ wrong.T + 0.5) / (weights @ known.T + 1)  # R P
    labels = np.array([point.labels for point in curve], dtype=float)
    trust = wrong.sum(axis=1) + 0.5  # the variance of log e is about 1 / (images wrong)
    fitted, slope = _fit(np.log(labels), np.log(errors), trust)
    scatter = (np.log(errors[0]) - fitted[0]) * math.sqrt(len(curve) / (len(curve) - 2))
    again = fitted + chance.choice([-1.0, 1.0], fitted.shape) * scatter  # wild bootstrap (Wu 1986)
    again[0] = np.log(errors[0])
    fitted, slope = _fit(np.log(labels), again, trust)
    now = np.exp(fitted[:, -1])  # R
    growth = (labels[-1] + more) / labels[-1]
    return np.asarray(now * (1 - growth ** -np.maximum(slope, 0.0)))


def _fit(
    x: NDArray[np.float64], y: NDArray[np.float64], trust: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted least squares of y (R, P) on x (P,): fitted values, and the slopes negated."""
    share = trust / trust.sum()
    centred = x - x @ share
    mean = y @ share  # R
    slope = (y * share) @ centred / (centred**2 @ share)
    return mean[:, None] + slope[:, None] * centred, -slope


def advice(
    expectation: Expectation,
    accuracy_now: Interval | None,
    *,
    left: int,
    target: float | None = None,
    worth: float = 0.01,
) -> Advice:
    """Whether to stop labelling.

    Args:
        expectation: of some more labels.
        accuracy_now: on the hold-out; None before there is one.
        left: images that are not labelled yet.
        target: accuracy that is enough; None where nobody said.
        worth: gain of accuracy for which as many labels as `expectation` has are worth the work.
    """
    if left == 0:
        return Advice(True, "Every image has an answer.")
    if target is not None and accuracy_now is not None and accuracy_now.low >= target:
        return Advice(
            True,
            f"The accuracy on images that were never trained on is at least "
            f"{100 * accuracy_now.low:.1f} %: the {100 * target:g} % that you want are reached.",
        )
    gain = expectation.gain
    if gain is None:
        return Advice(False, expectation.reason)
    if gain.high < worth:
        return Advice(
            True,
            f"{expectation.more} more labels would add at most {_points(gain.high)} of accuracy, "
            f"which is less than {_points(worth)}.",
        )
    if gain.low >= worth:
        return Advice(
            False,
            f"{expectation.more} more labels would add at least {_points(gain.low)} of accuracy.",
        )
    return Advice(
        False,
        f"{expectation.more} more labels would add {100 * gain.low:.1f} to {_points(gain.high)} of "
        "accuracy: not known well enough to stop.",
    )


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"
