"""Labelling: the page, the next images, decisions, undo, and what the model thinks."""

import math
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from askwell.errors import LabelError
from askwell.labelling.archives import RankingFile
from askwell.store import Current, Decision, Event, Item
from askwell.web.judging import judge, shares
from askwell.web.project import Project
from askwell.web.reliability import when_as_sure
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.schemas import DecisionsBody, Id, UndoBody
from askwell.web.status import status, why
from askwell.web.tiles import others
from askwell.web.views.session import enter

router = APIRouter()

AHEAD = 5
_TRAINS = frozenset({"label", "bad"})
_SKIPS = frozenset({"unsure", "later"})
_REVIEWS = frozenset({"review", "adjudication"})
_MOST_PAST = 500

Wanted = Annotated[int, Query(ge=0, le=20)]
Who = Annotated[Id | None, Query()]


@router.get("/", include_in_schema=False)
def desk(request: Request, token: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """The labelling desk; before a name and classes are there, the start."""
    if token is not None:
        return enter(request, token)
    if viewer_of(request) is None or not project_of(request).store.classes():
        return RedirectResponse("/start", 303)
    return page(request, "label.html", title="Label", mode="label", review=[], start=0, back="/")


@router.get("/api/next")
def next_images(request: Request, n: Wanted = AHEAD, annotator: Who = None) -> dict[str, Any]:
    """The next images for an annotator, leased, and the state of the project."""
    project, who = project_of(request), annotator_of(request, annotator)
    return _answer(project, who, n)


@router.get("/api/status")
def state(request: Request, annotator: Who = None) -> dict[str, Any]:
    """The state of the project."""
    return status(project_of(request), annotator_of(request, annotator))


@router.post("/api/decisions")
def decide(request: Request, body: DecisionsBody, n: Wanted = AHEAD) -> dict[str, Any]:
    """Store decisions: what is answered is on disk. A key that is known changes nothing."""
    project = project_of(request)
    decisions = []
    for each in body.decisions:
        values = each.model_dump() | {"annotator": annotator_of(request, each.annotator)}
        decisions.append(Decision(**values))
    events = project.store.decide(decisions)
    who = decisions[-1].annotator
    new = sum(each.kind == "label" and each.stream not in _REVIEWS for each in decisions)
    project.pace.note(who, new)
    project.decided(trains=any(map(_changes_labels, events)))
    stored = [{"key": e.decision.key, "seq": e.seq, "created_at": e.created_at} for e in events]
    return {"events": stored, **_answer(project, who, n)}


def _changes_labels(event: Event) -> bool:
    """Whether there is a label more, or one less: what was said before may have been one."""
    kind = event.decision.kind
    return kind in _TRAINS or (kind in _SKIPS and event.supersedes is not None)


@router.post("/api/undo")
def undo(request: Request, body: UndoBody, n: Wanted = AHEAD) -> dict[str, Any]:
    """Undo the annotator's last decision that stands.

    `item` is the image it was about, as it stands now; `undone` is what was taken back.
    """
    project, who = project_of(request), annotator_of(request, body.annotator)
    event = project.store.undo(who, body.key)
    item: dict[str, Any] | None = None
    undone = None
    if event is not None:
        project.decided(trains=True)
        item = _standing(project, who, event.decision.item)
        (last,) = project.store.events(after=(event.supersedes or 1) - 1, limit=1)
        path = project.store.showing(last.decision.item).path
        undone = {"kind": last.decision.kind, "label": last.decision.label, "path": path}
        if last.decision.stream == "adjudication":  # given with the others' answers in sight
            item |= {"others": others(project, last.decision.item, who), "path": path}
    return {"item": item, "undone": undone, **_answer(project, who, n)}


@router.get("/api/history")
def history(
    request: Request, limit: Annotated[int, Query(ge=1, le=_MOST_PAST)] = 200, annotator: Who = None
) -> dict[str, Any]:
    """What an annotator answered last, oldest first."""
    project, who = project_of(request), annotator_of(request, annotator)
    return {"entries": [entry(each) for each in project.store.answered(who, limit)]}


@router.get("/api/opinion/{item}")
def opinion(request: Request, item: Id, annotator: Who = None) -> dict[str, Any]:
    """What the model thinks of an image: probabilities, and why it is unsure."""
    project, who = project_of(request), annotator_of(request, annotator)
    image = project.store.showing(item)
    ranking = project.supervisor.predictions
    row = None if ranking is None else ranking.row(image.id)
    silent = _no_opinion(ranking)
    if _gives_away(project, who, image):
        row, silent = None, _LEARNED
    elif row is not None and image.id in project.store.labels():
        return _untaught(project, image)
    if ranking is None or row is None:
        return {"probabilities": [], "model": silent, "path": image.path}
    largest = math.log(len(ranking.classes)) if len(ranking.classes) > 1 else 1.0
    total = float(ranking.entropy[row])
    epistemic = min(max(float(ranking.bald[row]), 0.0), total)
    probabilities = _probabilities(project, ranking, row)
    return {
        "probabilities": probabilities,
        "model": f"model {ranking.version}, trained on {ranking.trained_on} labels",
        "epistemic": epistemic,
        "aleatoric": total - epistemic,
        "largest": largest,
        "words": _words(
            total / largest,
            epistemic / total if total > 0 else 0.0,
            early=ranking.stream == "cold",
        ),
        "reliability": when_as_sure(
            ranking,
            project.store.holdout_labels(),
            project.store.classes(active_only=False),
            image.id,
        ),
        "measures": project.store.is_reserved(image),
        "path": image.path,
    }


def _untaught(project: Project, image: Item) -> dict[str, Any]:
    """What is said of a labelled image by a model that was not taught its label."""
    said = judge(project, [image.id])
    (probs,) = said.probs.tolist()
    if not probs or math.isnan(probs[0]):
        return {"probabilities": [], "model": _REPEATS, "path": image.path}
    names = {each.id: each.name for each in project.store.classes()}
    likeliest = sorted(zip(probs, said.classes.tolist(), strict=True), key=lambda pair: -pair[0])
    return {
        "probabilities": [
            {"id": number, "name": names[number], "probability": share}
            for share, number in likeliest
        ],
        "model": "a model that was trained on the other labels",
        "path": image.path,
    }


def annotator_of(request: Request, given: int | None) -> int:
    """The annotator whom a request names, or else the session's.

    Raises:
        LabelError: there is none of that number.
    """
    number = given if given is not None else request.scope.get("annotator", 0)
    if any(each.id == number for each in project_of(request).store.annotators()):
        return int(number)
    raise LabelError(
        "Nobody is labelling yet: give your name on the start page."
        if given is None
        else f"There is no annotator {given}: give a name on the start page."
    )


def entry(each: Current) -> dict[str, Any]:
    """An answered image as the desk keeps it."""
    kind = None if each.kind == "flag" else each.kind
    return {"item": each.item, "kind": kind, "label": each.label, "flagged": each.flagged}


def unanswered(item: int) -> dict[str, Any]:
    """An image as the desk keeps it, before an answer."""
    return {"item": item, "kind": None, "label": None, "flagged": False}


def _answer(project: Project, annotator: int, n: int) -> dict[str, Any]:
    offers = project.store.offer(annotator, n) if n else []
    trained_on = {each.version: each.trained_on for each in project.supervisor.history}
    ranking = project.supervisor.predictions
    return {
        "offers": [
            {
                "item": each.item,
                "stream": each.stream,
                "ranking": each.ranking,
                "acquisition": each.acquisition,
                "score": each.score,
                "expires_at": each.expires_at,
                "why": why(each, trained_on.get(each.ranking or -1)),
                **_prediction(None if each.second else ranking, each.item),
            }
            for each in offers
        ],
        "status": status(project, annotator),
    }


def _prediction(ranking: RankingFile | None, item: int) -> dict[str, Any]:
    row = None if ranking is None else ranking.row(item)
    if ranking is None or row is None:
        return {"predicted": None, "confidence": None}
    best = int(np.argmax(ranking.probs[row]))
    confidence = min(1.0, float(ranking.probs[row, best]))
    return {"predicted": int(ranking.classes[best]), "confidence": confidence}


def _probabilities(project: Project, ranking: RankingFile, row: int) -> list[dict[str, Any]]:
    """Classes that still are, likeliest first; a merged class's share goes to the one it is now."""
    every = project.store.classes(active_only=False)
    names = {each.id: each.name for each in every}
    return [
        {"id": number, "name": names[number], "probability": share}
        for number, share in shares(every, ranking, row).items()
    ]


def _standing(project: Project, annotator: int, item: int) -> dict[str, Any]:
    for each in project.store.answers(item):
        if each.item == item and each.annotator == annotator:
            return entry(each)
    return unanswered(item)


_LEARNED = (
    "Another annotator has labelled this image, and the model learned from it: it would only "
    "repeat that label. It is shown when you have answered."
)


_REPEATS = (
    "The model learned the label of this image: it would only repeat it. Models that did not are "
    "asked when nobody has answered for two seconds."
)


def _gives_away(project: Project, annotator: int, image: Item) -> bool:
    """Whether the opinion would tell somebody who has not answered what another one said."""
    if project.store.is_reserved(image):
        return False  # nothing was learned from it
    said = project.store.answers(image.id)
    if not any(each.kind == "label" and each.annotator != annotator for each in said):
        return False
    return project.store.is_asked(annotator, image.id)


def _no_opinion(ranking: RankingFile | None) -> str:
    if ranking is None or ranking.trained_on == 0:
        return "There is no model yet: it needs labels of two classes."
    return "The model has not read this image yet."


def _words(total: float, epistemic: float, *, early: bool) -> str:
    if early:
        return "It has too few labels to tell an ambiguous image from one that is new to it."
    if total < 0.15:
        return "The model is sure."
    if epistemic > 0.5:
        return "It has seen too little of the kind: a label here teaches it much."
    return "To it, such images look ambiguous: more labels may not settle that."
