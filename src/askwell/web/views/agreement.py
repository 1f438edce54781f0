"""How far annotators agree, and who is right where they do not."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from askwell.errors import LabelError
from askwell.store import Decision, Kind, cohen_kappa, fleiss_kappa, percent
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.schemas import AdjudicationBody, UnsettleBody
from askwell.web.views.desk import annotator_of

router = APIRouter()

_SHOWN = 50

Answers = Mapping[int, int]


@router.get("/agreement", include_in_schema=False)
def agreement(request: Request) -> Response:
    """Agreement by pairs and of all, and the images that two see differently."""
    project, viewer = project_of(request), viewer_of(request)
    if viewer is None:
        return RedirectResponse("/start", 303)
    pairs = project.store.agreement_pairs()
    said, settled = project.store.said_alone(), project.store.settlements()
    open_ = [
        (item, answers)
        for item, answers in said.items()
        if len(set(answers.values())) > 1 and item not in settled
    ]
    closed = list(settled.items())[:_SHOWN]
    listed = [item for item, _ in (*open_[:_SHOWN], *closed)]
    return page(
        request,
        "agreement.html",
        title="Agreement",
        shared=len(pairs),
        rows=_rows(project, [answers for _, answers in pairs]),
        fleiss=_fleiss([answers for _, answers in pairs]),
        disagreements=[(item, answers, secrets.token_hex(16)) for item, answers in open_[:_SHOWN]],
        more=max(0, len(open_) - _SHOWN),
        settled=[(item, said.get(item, {}), by, secrets.token_hex(16)) for item, by in closed],
        paths={item: each.path for item, each in project.store.some(listed).items()},
        viewer=viewer.id,
        settled_in_all=len(settled),
        classes=project.store.classes(),
        names={each.id: each.name for each in project.store.classes(active_only=False)},
        annotators={each.id: each.name for each in project.store.annotators()},
        overlap=project.store.settings().overlap_share,
    )


@router.post("/api/adjudicate")
def adjudicate(request: Request, body: AdjudicationBody) -> dict[str, Any]:
    """Settle what an image is."""
    project = project_of(request)
    several = {item for item, said in project.store.said_alone().items() if len(said) > 1}
    image = project.store.showing(body.item)  # the file may have been renamed since
    if image.id not in several | project.store.settlements().keys():
        raise LabelError(
            f"{image.path} has no two labels to decide between any more, or its file is gone. "
            "Load the page anew."
        )
    who = annotator_of(request, None)
    kind: Kind = "bad" if body.label is None else "label"
    project.store.decide(
        [Decision(body.key, image.id, who, kind, label=body.label, stream="adjudication")]
    )
    project.decided(trains=True)
    return {"said": "Settled."}


@router.post("/api/unsettle")
def unsettle(request: Request, body: UnsettleBody) -> dict[str, Any]:
    """Take back that the annotator settled what an image is."""
    project = project_of(request)
    image = project.store.showing(body.item)
    if project.store.unsettle(annotator_of(request, None), image.id, body.key) is None:
        raise LabelError(f"You have not settled what {image.path} is. Load the page anew.")
    project.decided(trains=True)
    return {"said": "Taken back."}


def _rows(project: Project, shared: Sequence[Answers]) -> list[tuple[str, int, str, str]]:
    """Each two annotators with common images: names, images, percent, Cohen's kappa."""
    names = {each.id: each.name for each in project.store.annotators()}
    rows = []
    for one, other in combinations(sorted(names), 2):
        both = [(each[one], each[other]) for each in shared if one in each and other in each]
        if both:
            rows.append(
                (
                    f"{names[one]} and {names[other]}",
                    len(both),
                    _percent(percent(both)),
                    _kappa(cohen_kappa(both)),
                )
            )
    return rows


def _fleiss(shared: Sequence[Answers]) -> str | None:
    """Fleiss' kappa of all together; None for two people, who have Cohen's."""
    people = {who for answers in shared for who in answers}
    if len(people) < 3:
        return None
    return _kappa(fleiss_kappa([Counter(answers.values()) for answers in shared]))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _kappa(kappa: float | None) -> str:
    return "–" if kappa is None else f"{kappa:.2f}"
