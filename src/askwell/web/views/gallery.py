"""What was labelled, filtered, for review: likely mistakes first, if asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from askwell.store import Current
from askwell.web.judging import judge
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.schemas import Id
from askwell.web.views.desk import annotator_of, entry, unanswered

router = APIRouter()

_PAGE = 60
_LONGEST = 600

Show = Literal["label", "unsure", "bad", "later", "flagged", "disagrees", "settled"]

KINDS: dict[Show, str] = {
    "label": "labelled",
    "disagrees": "model disagrees (likely mistakes)",
    "flagged": "flagged",
    "unsure": "unsure",
    "bad": "bad image",
    "later": "put off",
    "settled": "settled",
}

_LOOKED = frozenset({"review", "adjudication"})
"""Answers on a second look: whoever gave them has seen what a model may doubt."""

_SAID = {"label": "", "bad": "a bad image"}
"""Answers that say what an image is; of a label, its class does."""

ShowQuery = Annotated[Show, Query()]
# A form sends what is not chosen as an empty text.
IdQuery = Annotated[Id | None, BeforeValidator(lambda given: given or None), Query()]
PageQuery = Annotated[int, Query(ge=1, le=10**6)]


@dataclass(frozen=True, slots=True)
class Tile:
    """One annotator's answer about one image, with what a model says that was not taught it.

    Attributes:
        answer: that stands.
        settled: what the image was settled as, where that is not the answer.
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
class Found:
    """Tiles, and where the model was to be asked, of how many answers it was or could not be."""

    tiles: list[Tile]
    judged: int = 0
    unchecked: int = 0


@router.get("/gallery", include_in_schema=False)
def gallery(
    request: Request,
    show: ShowQuery = "label",
    label: IdQuery = None,
    by: IdQuery = None,
    at: PageQuery = 1,
) -> Response:
    """Tiles of what was labelled."""
    project, viewer = project_of(request), viewer_of(request)
    if viewer is None:
        return RedirectResponse("/start", 303)
    seen = project.store.visible_to(viewer.id)
    found = _filtered(project, seen, show, label, by)
    tiles = found.tiles
    people = {each.annotator for each in seen}
    pages = max(1, -(-len(tiles) // _PAGE))
    at = min(at, pages)
    classes = project.store.classes()
    kept = {"show": show} | {k: v for k, v in (("label", label), ("by", by)) if v is not None}
    return page(
        request,
        "gallery.html",
        title="Gallery",
        tiles=tiles[(at - 1) * _PAGE : at * _PAGE],
        found=len(tiles),
        images=len({tile.answer.shown for tile in tiles}),
        # Of a class, or of a kind, the number would tell what others said.
        hidden=len(project.store.current()) - len(seen) if kept == {"show": "label"} else 0,
        judged=found.judged,
        unchecked=found.unchecked,
        first=(at - 1) * _PAGE,
        at=at,
        page_count=pages,
        query=urlencode(kept),
        show=show,
        kinds=KINDS,
        label=label,
        by=by,
        classes=classes,
        names={each.id: each.name for each in classes},
        annotators={e.id: e.name for e in project.store.annotators() if e.id in people},
    )


@router.get("/review", include_in_schema=False)
def review(
    request: Request,
    start: Annotated[int, Query(ge=0, le=10**9)] = 0,
    show: ShowQuery = "label",
    label: IdQuery = None,
    by: IdQuery = None,
) -> Response:
    """The labelling desk, going through a gallery in the place of new images."""
    project, viewer = project_of(request), viewer_of(request)
    if viewer is None:
        return RedirectResponse("/start", 303)
    seen = project.store.visible_to(viewer.id)
    tiles = _filtered(project, seen, show, label, by).tiles
    start = min(start, max(0, len(tiles) - 1))
    begin = start - start % _LONGEST
    among = tiles[begin : begin + _LONGEST]
    part = list(dict.fromkeys(tile.answer.shown for tile in among))
    return page(
        request,
        "label.html",
        title="Review",
        mode="review",
        review=_entries(project, seen, viewer.id, part, _doubts(project, among, show)),
        start=part.index(tiles[start].answer.shown) if tiles else 0,
        back=f"/gallery?{request.url.query}",
    )


@router.get("/api/gallery")
def listed(
    request: Request,
    show: ShowQuery = "label",
    label: IdQuery = None,
    by: IdQuery = None,
    at: PageQuery = 1,
    annotator: IdQuery = None,
) -> dict[str, Any]:
    """A page of the gallery as JSON."""
    project = project_of(request)
    seen = project.store.visible_to(annotator_of(request, annotator))
    tiles = _filtered(project, seen, show, label, by).tiles
    return {
        "found": len(tiles),
        "tiles": [
            {
                "item": tile.answer.item,
                "annotator": tile.answer.annotator,
                "kind": tile.answer.kind,
                "label": tile.answer.label,
                "flagged": tile.answer.flagged,
                "predicted": tile.predicted,
                "confidence": None if tile.predicted is None else tile.confidence,
            }
            for tile in tiles[(at - 1) * _PAGE : at * _PAGE]
        ],
    }


def _filtered(
    project: Project, seen: Sequence[Current], show: Show, label: int | None, by: int | None
) -> Found:
    """The answers, of those that a viewer may see, that are asked for: newest or worst first."""
    settled = project.store.adjudicated()
    current = [
        each
        for each in seen
        if _is_shown(each, show, settled)
        and (label is None or each.label == label)
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


def _is_shown(each: Current, show: Show, settled: Mapping[int, int | None]) -> bool:
    if show == "flagged":
        return each.flagged
    if show == "settled":
        return each.shown in settled and each.kind in _SAID
    return each.kind == ("label" if show == "disagrees" else show)


def _with_predictions(
    project: Project, current: list[Current], settled: Mapping[int, int | None]
) -> list[Tile]:
    names = {each.id: each.name for each in project.store.classes(active_only=False)}
    said = judge(project, [each.shown for each in current])
    columns = {number: column for column, number in enumerate(said.classes.tolist())}
    tiles = []
    for each, probs in zip(current, said.probs, strict=True):
        verdict = _settled(each, settled, names)
        if not len(probs) or np.isnan(probs[0]):
            tiles.append(Tile(each, verdict))
            continue
        best = int(np.argmax(probs))
        own = columns.get(each.label or 0)
        gap = 0.0 if own is None else float(probs[best] - probs[own])
        tiles.append(Tile(each, verdict, int(said.classes[best]), float(probs[best]), gap))
    return tiles


def _settled(each: Current, settled: Mapping[int, int | None], names: Mapping[int, str]) -> str:
    """What an image was settled as, where this answer says otherwise."""
    if each.shown not in settled or (verdict := settled[each.shown]) == each.label:
        return ""
    return _SAID["bad"] if verdict is None else names[verdict]


def _doubts(project: Project, tiles: Sequence[Tile], show: Show) -> dict[int, dict[str, Any]]:
    """What the model says instead, of each image among the likely mistakes."""
    if show != "disagrees":
        return {}
    names = {each.id: each.name for each in project.store.classes(active_only=False)}
    return {
        tile.answer.shown: {"name": names[tile.predicted], "probability": tile.confidence}
        for tile in reversed(tiles)  # of several answers about an image, the likeliest mistake's
        if tile.predicted is not None
    }


def _entries(
    project: Project,
    seen: Sequence[Current],
    viewer: int,
    items: Sequence[int],
    doubts: Mapping[int, dict[str, Any]],
) -> list[dict[str, Any]]:
    """The viewer's own answers about these images, in this order, with what others say they are.

    Where there are such, they are in sight: what the viewer says then settles what the image is.
    A correction goes to the file that the viewer answered on, also where a copy stands for it now.
    """
    entries = {
        item: unanswered(item)
        | {"others": [], "path": project.store.item(item).path, "doubt": doubts.get(item)}
        for item in items
    }
    people = {each.id: each.name for each in project.store.annotators()}
    names = {each.id: each.name for each in project.store.classes(active_only=False)}
    for each in sorted(seen, key=lambda each: each.seq):
        if (found := entries.get(each.shown)) is None:
            continue
        if each.annotator == viewer:
            found |= entry(each)
        elif each.kind in _SAID:
            word = _SAID[each.kind] or names[each.label or 0]
            found["others"].append({"by": people[each.annotator], "label": word})
    return [entries[item] for item in items]
