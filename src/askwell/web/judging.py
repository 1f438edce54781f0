"""What the model says of answered images, without repeating what it was taught.

Of a labelled image it is what a model says that was trained on other labels (the trainer's
`crosscheck`); of all others, those of the reserve among them, what the last model says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askwell.labelling.archives import CheckFile, RankingFile
from askwell.store import ClassName
from askwell.web.project import Project


@dataclass(frozen=True, slots=True, eq=False)
class Opinions:
    """Probabilities of images. Images N, classes C.

    Attributes:
        classes: int64 (C,), ids of the classes that there are now.
        probs: float32 (N, C); a row of NaN where nothing can be said yet.
    """

    classes: NDArray[np.int64]
    probs: NDArray[np.float32]


def judge(project: Project, items: Sequence[int]) -> Opinions:
    """What the models say of some images, with what was merged counted together."""
    every = project.store.classes(active_only=False)
    active = active_ids(every)
    wanted = np.array(items, dtype=np.int64)
    said = Opinions(active, np.full((len(wanted), len(active)), np.nan, dtype=np.float32))
    last, checked = project.supervisor.predictions, project.supervisor.checked
    if last is not None and len(last.all_items):
        taught = np.fromiter(project.store.labels(), dtype=np.int64)
        _enter(said, wanted, ~np.isin(wanted, taught), last.all_items, last, every)
    if checked is not None and len(checked.items):
        _enter(said, wanted, np.ones(len(wanted), dtype=bool), checked.items, checked, every)
    return said


def shares(
    every: Sequence[ClassName], source: RankingFile | CheckFile, row: int
) -> dict[int, float]:
    """Class → probability of one row, with what was merged counted together, likeliest first."""
    probs = source.probs[row].tolist()
    found: dict[int, float] = {}
    for column, number in _columns(every, source):
        found[number] = found.get(number, 0.0) + probs[column]
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def active_ids(every: Sequence[ClassName]) -> NDArray[np.int64]:
    """The classes that there are now, (C,)."""
    return np.array([each.id for each in every if each.active], dtype=np.int64)


def active_shares(
    every: Sequence[ClassName], source: RankingFile | CheckFile, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Probabilities of some rows by the classes that there are now, (N, C)."""
    place = {number: column for column, number in enumerate(active_ids(every).tolist())}
    probs = np.zeros((len(rows), len(place)), dtype=np.float32)
    for column, number in _columns(every, source):
        if number in place:
            probs[:, place[number]] += source.probs[rows, column]
    return probs


def _columns(every: Sequence[ClassName], source: RankingFile | CheckFile) -> list[tuple[int, int]]:
    """Each column of a source's probabilities with the class that it counts for now."""
    now = {each.id: each.counts_as for each in every}
    return [(i, now[number]) for i, number in enumerate(source.classes.tolist()) if number in now]


def _enter(
    said: Opinions,
    wanted: NDArray[np.int64],
    asked: NDArray[np.bool_],
    items: NDArray[np.int64],
    source: RankingFile | CheckFile,
    every: Sequence[ClassName],
) -> None:
    """Take over what a source says of those that are asked, where it knows them."""
    rows = np.searchsorted(items, wanted).clip(max=len(items) - 1)
    known = np.flatnonzero(asked & (items[rows] == wanted))
    said.probs[known] = active_shares(every, source, rows[known])
