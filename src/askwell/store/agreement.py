"""How far annotators agree, beyond what chance would give.

A kappa is (observed − expected) / (1 − expected) agreement: 1 for annotators that always agree,
0 for such that agree as often as chance, given how often each class is chosen. None where it is
not defined: nothing was labelled twice, or only one class was ever chosen.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from askwell.errors import InputError

Label = TypeVar("Label", bound=Hashable)


def percent(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Share of pairs of labels that are the same, from 0 to 1; None if there are none."""
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else None


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Agreement of two annotators (Cohen 1960).

    Args:
        pairs: what the first and the second said about each image.
    """
    observed = percent(pairs)
    if observed is None:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[label] * second[label] for label in first)
    if expected == len(pairs) ** 2:
        return None
    chance = expected / len(pairs) ** 2
    return (observed - chance) / (1 - chance)


def fleiss_kappa(table: Sequence[Mapping[Label, int]]) -> float | None:
    """Agreement of any number of annotators (Fleiss 1971).

    Images may have different numbers of labels: each image's agreement is that of its pairs of
    labels, and images with fewer than two are left out.

    Args:
        table: for each image, class → how many annotators said so.

    Raises:
        InputError: a count below 0.
    """
    if any(count < 0 for row in table for count in row.values()):
        raise InputError("fleiss_kappa takes counts of labels, which are at least 0.")
    rows = [row for row in table if sum(row.values()) > 1]
    totals: Counter[Label] = Counter()
    for row in rows:
        totals.update(row)
    labels = sum(totals.values())
    if not rows or max(totals.values()) == labels:
        return None
    observed = sum(_agreeing(row) for row in rows) / len(rows)
    chance = sum((count / labels) ** 2 for count in totals.values())
    return (observed - chance) / (1 - chance)


def _agreeing(row: Mapping[Label, int]) -> float:
    """Share of the pairs of labels of one image that are the same."""
    n = sum(row.values())
    return sum(count * (count - 1) for count in row.values()) / (n * (n - 1))
