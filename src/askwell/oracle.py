"""Who answers in an experiment: known labels, or known labels with mistakes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from askwell.checks import plain_id, several_ids
from askwell.errors import InputError, LabelError
from askwell.randomness import derive, item_keys
from askwell.records import ItemId, Label, Query


class Oracle(Protocol):
    """Answers a query; some or all of the ids, in any order."""

    def label(self, query: Query) -> Mapping[ItemId, Label]:
        """The label of each item that is answered."""


class KnownLabels:
    """Labels that are known beforehand; every answer is right.

    Raises:
        LabelError: from `label`, for an item without a known label.
    """

    def __init__(self, labels: Mapping[ItemId, Label]) -> None:
        self._labels = MappingProxyType(dict(labels))

    @classmethod
    def from_array(
        cls, labels: NDArray[Any] | Sequence[Label], ids: Sequence[ItemId] | None = None
    ) -> "KnownLabels":
        """Labels by position, for the ids 0 … N−1 or for those given.

        Raises:
            InputError: not one-dimensional, not numbers, or not one label for each unique id.
        """
        values = np.asarray(labels)
        if values.ndim != 1 or values.dtype.kind not in "iuf":
            raise InputError(
                "labels must be a one-dimensional array of class indices or numbers; got shape "
                f"{values.shape} of {values.dtype}."
            )
        names = range(len(values)) if ids is None else [*map(plain_id, several_ids(ids))]
        known = dict(zip(names, values.tolist(), strict=False))
        if not len(known) == len(names) == len(values):
            raise InputError(
                f"Every label needs one unique id; got {len(values)} labels and {len(names)} ids, "
                f"{len(set(names))} of them different."
            )
        return cls(known)

    def label(self, query: Query) -> Mapping[ItemId, Label]:
        """The known label of every item of the query."""
        unknown = [item for item in query.ids if item not in self._labels]
        if unknown:
            example = next(iter(self._labels), None)
            raise LabelError(
                f"No label is known for the items {unknown[:10]}"
                f"{f' and {len(unknown) - 10} more' if len(unknown) > 10 else ''}; one is known "
                f"for {len(self._labels)} items, for instance {example!r}."
            )
        return {item: self._labels[item] for item in query.ids}


class NoisyLabels:
    """Another oracle's classes, some of them wrong.

    With probability `rate` the answer is one of the other classes, each equally likely. Both
    draws come from (seed, item), so an item gets the same answer whenever it is asked for.

    Args:
        oracle: whose answers are changed.
        classes: number of classes C ≥ 2.
        rate: between 0 and 1.
        seed: of the mistakes.

    Raises:
        InputError: an argument is out of range.
        LabelError: from `label`, when an answer is not a class index 0 … C−1.
    """

    def __init__(self, oracle: Oracle, *, classes: int, rate: float, seed: int) -> None:
        if not 0 <= rate <= 1:
            raise InputError(f"rate must lie between 0 and 1; got {rate!r}.")
        if classes < 2:
            raise InputError(
                f"classes must be at least 2, to mistake one for another; got {classes}."
            )
        self._oracle, self._classes = oracle, classes
        self._rate, self._seed = rate, seed

    def label(self, query: Query) -> Mapping[ItemId, Label]:
        """The answers of the other oracle, with its mistakes added."""
        answers = self._oracle.label(query)
        ids = list(answers)
        flips = _uniform(ids, derive(self._seed, "label noise: whether")) < self._rate
        # An offset 1 … C−1 around the circle of classes is another class, each equally likely.
        offsets = 1 + _uniform(ids, derive(self._seed, "label noise: which")) * (self._classes - 1)
        return {
            item: (self._class(item, answers[item]) + (int(offset) if flip else 0)) % self._classes
            for item, flip, offset in zip(ids, flips, offsets, strict=True)
        }

    def _class(self, item: ItemId, label: Label) -> int:
        # NumPy's numbers are no `int`, and a class index may come as 2.0.
        is_number = isinstance(label, int | float | np.number)
        if is_number and 0 <= label < self._classes and label == int(label):
            return int(label)
        raise LabelError(
            f"The label of item {item!r} must be a class index 0 … {self._classes - 1}; got "
            f"{label!r}."
        )


def _uniform(ids: Sequence[ItemId], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each item, from (seed, id) alone."""
    return (item_keys(ids, seed) >> np.uint64(11)).astype(np.float64) * 2.0**-53
