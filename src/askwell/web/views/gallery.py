"""What was labelled, filtered, for review: likely mistakes first, if asked."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from askwell.store import Current
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.schemas import Id
from askwell.web.tiles import KINDS, SAID, Show, Tile, Words, away, filtered
from askwell.web.views.desk import annotator_of, entry, unanswered

router = APIRouter()

_PAGE = 60
_LONGEST = 600

ShowQuery = Annotated[Show, Query()]
# A form sends what is not chosen as an empty text.
IdQuery = Annotated[Id | None, BeforeValidator(lambda given: given or None), Query()]
PageQuery = Annotated[int, Query(ge=1, le=10**6)]


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
    found = filtered(project, seen, show, label, by)
    tiles = found.tiles
    people = {each.annotator for each in seen}
    pages = max(1, -(-len(tiles) // _PAGE))
    at = min(at, pages)
    classes = project.store.classes()
    kept = {"show": show} | {k: v for k, v in (("label", label), ("by", by)) if v is not None}
    shown = tiles[(at - 1) * _PAGE : at * _PAGE]
    files = project.store.some(tile.answer.shown for tile in shown)
    return page(
        request,
        "gallery.html",
        title="Gallery",
        tiles=shown,
        away=away(files),
        files=files,
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
    item: IdQuery = None,
) -> Response:
    """The labelling desk, going through a gallery in the place of new images.

    It begins at number `start` of the gallery, or at the image `item`, to which Agreement leads.
    """
    project, viewer = project_of(request), viewer_of(request)
    if viewer is None:
        return RedirectResponse("/start", 303)
    seen = project.store.visible_to(viewer.id)
    tiles = filtered(project, seen, show, label, by).tiles
    if item is not None:
        start = next((i for i, tile in enumerate(tiles) if tile.answer.shown == item), 0)
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
        back=f"/gallery?{request.url.query}" if item is None else "/agreement",
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
    tiles = filtered(project, seen, show, label, by).tiles
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
    known, settled = project.store.some(items), project.store.settlements(gone=True)
    words, gone = Words.of(project), away(known)
    entries = {
        item: unanswered(item)
        | {"others": [], "path": known[item].path, "away": gone.get(item, "")}
        | {"doubt": doubts.get(item)}
        | {"settled": words.verdict(settled[item]) if item in settled else None}
        for item in items
    }
    for each in sorted(seen, key=lambda each: each.seq):
        if (found := entries.get(each.shown)) is None:
            continue
        if each.annotator == viewer:
            found |= entry(each)
        elif each.kind in SAID:
            found["others"].append(words.of_answer(each))
    return [entries[item] for item in items]
