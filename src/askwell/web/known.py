"""What is known of the model by the images of the reserve, worked out once for each model."""

from collections.abc import Sequence
from dataclasses import dataclass

from askwell.labelling.estimate import Expectation, Point, expected
from askwell.labelling.intervals import Interval, accuracy
from askwell.store import Ranking

MORE = 50
"""Labels whose gain is foretold."""

FEWEST = 5
"""Images of the reserve below which no measure is told: one right answer is not 100 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of the model on the reserve.

    Attributes:
        accuracy: of the last model; None before there are enough images.
        images: of the reserve that were labelled when it was made.
        expectation: what more labels would bring.
    """

    accuracy: Interval | None
    images: int
    expectation: Expectation


class Known:
    """Keeps the last estimate: the resampling behind it takes longer than an image may."""

    def __init__(self) -> None:
        self._kept: tuple[Sequence[Ranking], Estimate] | None = None

    def of(self, rankings: Sequence[Ranking]) -> Estimate:
        """What is known of the last of these models; the same sequence is not looked at again."""
        kept = self._kept
        if kept is None or kept[0] is not rankings:
            kept = self._kept = (rankings, estimate(rankings))
        return kept[1]


def estimate(rankings: Sequence[Ranking]) -> Estimate:
    """Accuracy of the last model on the reserve, and what more labels would bring."""
    curve = [
        Point.of(each.trained_on, each.metrics)
        for each in rankings
        if each.metrics.get("holdout_items")
    ]
    right = list(curve[-1].correct.values()) if curve else []
    now = accuracy(right) if len(right) >= FEWEST else None
    return Estimate(now, len(right), expected(curve, MORE))
