"""Which answers a gallery lists, each with what a model says that was not taught it."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from askwell.store import Current, Item, Settlement
from askwell.web.judging import judge
from askwell.web.project import Project

Show = Literal["label", "unsure", "bad", "later", "flagged", "disagrees", "differs", "settled"]

KINDS: dict[Show, str] = {
    "label": "labelled",
    "disagrees": "model disagrees (likely mistakes)",
    "differs": "annotators disagree",
    "flagged": "flagged",
    "unsure": "unsure",
    "bad": "bad image",
    "later": "put off",
    "settled": "settled",
}

_LOOKED = frozenset({"review", "adjudication"})
"""Answers on a second look: whoever gave them has seen what a model may doubt."""

SAID = frozenset({"label", "bad"})
"""Answers that say what an image is."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One annotator's answer about one image, with what a model says that was not taught it.

    Attributes:
        answer: that stands.
        settled: by whom the image was settled, and as what if that is not the answer.
        predicted: the likeliest class; None where no model can say yet.
        confidence: its probability.
        disagreement: by how much more probable that is than the answer, 0 to 1.
    """

    answer: Current
    settled: str = ""
    predicted: int | None = None
    confidence: float = 0.0
    disagreement: float = 0.0


@dataclass(frozen=True, slots=True)
class Words:
    """The names of all classes and people, by number."""

    classes: Mapping[int, str]
    people: Mapping[int, str]

    @classmethod
    def of(cls, project: Project) -> "Words":
        """Those of a project."""
        return cls(
            {each.id: each.name for each in project.store.classes(active_only=False)},
            {each.id: each.name for each in project.store.annotators()},
        )

    def said(self, label: int | None) -> str:
        """What an image is said to be; None is a bad image."""
        return "a bad image" if label is None else self.classes[label]

    def of_answer(self, each: Current) -> dict[str, str]:
        """Who gave an answer, and what it says that the image is."""
        return {"by": self.people[each.annotator], "label": self.said(each.label)}

    def verdict(self, settled: Settlement) -> dict[str, str]:
        """Who settled an image, and as what."""
        return {"by": self.people[settled.by], "label": self.said(settled.label)}


def others(project: Project, item: int, viewer: int) -> list[dict[str, str]]:
    """What other people say that an image is, the last one last."""
    words = Words.of(project)
    return [
        words.of_answer(each)
        for each in project.store.answers(item)
        if each.annotator != viewer and each.kind in SAID
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """Tiles, and where the model was to be asked, of how many answers it was or could not be."""

    tiles: list[Tile]
    judged: int = 0
    unchecked: int = 0


def filtered(
    project: Project, seen: Sequence[Current], show: Show, label: int | None, by: int | None
) -> Found:
    """The answers, of those that a viewer may see, that are asked for: newest or worst first."""
    settled = project.store.settlements(gone=True)
    differing = _differing(seen, settled) if show == "differs" else set()
    current = [
        each
        for each in seen
        if _is_shown(each, show, settled, differing)
        and (label is None or label == _class(each, show, settled))
        and (by is None or each.annotator == by)
    ]
    if show != "disagrees":
        tiles = _with_predictions(project, current, settled)
        return Found(sorted(tiles, key=lambda tile: -tile.answer.seq))
    fresh = [each for each in current if each.shown not in settled and each.stream not in _LOOKED]
    tiles = _with_predictions(project, fresh, settled)
    wrong = [tile for tile in tiles if tile.disagreement > 0]
    judged = sum(tile.predicted is not None for tile in tiles)
    worst_first = sorted(wrong, key=lambda tile: -tile.disagreement)
    return Found(worst_first, judged, len(tiles) - judged)


def _is_shown(
    each: Current, show: Show, settled: Mapping[int, Settlement], differing: Container[int]
) -> bool:
    match show:
        case "flagged":
            return each.flagged
        case "settled":
            return each.shown in settled and each.kind in SAID
        case "differs":
            return each.shown in differing and each.kind in SAID
        case "disagrees":
            return each.kind == "label"
    return each.kind == show


def _class(each: Current, show: Show, settled: Mapping[int, Settlement]) -> int | None:
    """The class by which an answer is found: of what was settled, that as which it was."""
    return settled[each.shown].label if show == "settled" else each.label


def _differing(seen: Sequence[Current], settled: Container[int]) -> set[int]:
    """Images of which people said different things, and that nobody settled."""
    said = defaultdict[int, set[int | None]](set)
    for each in seen:
        if each.kind in SAID and each.shown not in settled:
            said[each.shown].add(each.label)
    return {item for item, labels in said.items() if len(labels) > 1}


def away(items: Mapping[int, Item]) -> dict[int, str]:
    """What is said in the place of pictures that there are none of."""
    return {
        number: f"The file {'is gone' if item.status == 'vanished' else 'cannot be read'}"
        for number, item in items.items()
        if item.status != "ok"
    }


def _with_predictions(
    project: Project, current: list[Current], settled: Mapping[int, Settlement]
) -> list[Tile]:
    words = Words.of(project)
    said = judge(project, [each.shown for each in current])
    columns = {number: column for column, number in enumerate(said.classes.tolist())}
    tiles = []
    for each, probs in zip(current, said.probs, strict=True):
        verdict = _settled(each, settled, words)
        if not len(probs) or np.isnan(probs[0]):
            tiles.append(Tile(each, verdict))
            continue
        best = int(np.argmax(probs))
        own = columns.get(each.label or 0)
        gap = 0.0 if own is None else float(probs[best] - probs[own])
        tiles.append(Tile(each, verdict, int(said.classes[best]), float(probs[best]), gap))
    return tiles


def _settled(each: Current, settled: Mapping[int, Settlement], words: Words) -> str:
    """By whom the image of an answer was settled; as what, too, where the answer is another."""
    if (verdict := settled.get(each.shown)) is None:
        return ""
    by = f"settled by {words.people[verdict.by]}"
    agrees = each.kind in SAID and each.label == verdict.label
    return by if agrees else f"{by}: {words.said(verdict.label)}"
