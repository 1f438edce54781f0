"""What is known of the model by the images of the reserve, worked out once for each model."""

from collections.abc import Sequence
from dataclasses import dataclass

from askwell.labelling.estimate import Expectation, Point, expected
from askwell.labelling.intervals import Interval, accuracy
from askwell.store import Ranking, Store

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
        points: the models that were measured, in their order; the last one is the one in use.
    """

    accuracy: Interval | None
    images: int
    expectation: Expectation
    points: Sequence[Point] = ()


class Known:
    """Keeps the last estimate: the resampling behind it takes longer than an image may."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: tuple[Sequence[Ranking], Estimate] | None = None

    def of(self, rankings: Sequence[Ranking]) -> Estimate:
        """What is known of the last of these models; the same sequence is not looked at again."""
        kept = self._kept
        if kept is None or kept[0] is not rankings:
            kept = self._kept = (rankings, estimate(self.points(rankings)))
        return kept[1]

    def points(self, rankings: Sequence[Ranking]) -> list[Point]:
        """The models that were measured, in their order, by the labels and classes of now.

        Left out are models of more labels than the last one: some of theirs were taken back.
        """
        every = self._store.classes(active_only=False)
        if sum(each.active for each in every) < 2:
            return []  # whatever is said, it is right
        truth = self._store.holdout_labels()
        counts_as = {each.id: each.counts_as for each in every}
        points = [
            Point.of(each.trained_on, each.metrics, truth, counts_as)
            for each in sorted(rankings, key=lambda each: each.version)
        ]
        measured = [point for point in points if point.correct]
        return [point for point in measured if point.labels <= measured[-1].labels]


def estimate(curve: Sequence[Point]) -> Estimate:
    """Accuracy of the last model on the reserve, and what more labels would bring."""
    right = list(curve[-1].correct.values()) if curve else []
    now = accuracy(right) if len(right) >= FEWEST else None
    return Estimate(now, len(right), expected(curve, MORE), curve)
