"""The progress page: how good the model is, how that came, and the settings."""

import math
from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from askwell.labelling.estimate import Point
from askwell.labelling.intervals import (
    FEWEST_OF_A_CLASS,
    Interval,
    accuracy,
    auc,
    balanced_accuracy,
    mean,
    scarce,
)
from askwell.store import Counts
from askwell.web.acquisitions import ACQUISITIONS
from askwell.web.curve import NARROW, WIDE, Dot, draw
from askwell.web.known import FEWEST
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.status import advise, enough_left, facts, number

router = APIRouter()


@router.get("/progress", include_in_schema=False)
def progress(request: Request) -> Response:
    """Numbers, curve, classes, settings."""
    project, viewer = project_of(request), viewer_of(request)
    if viewer is None:
        return RedirectResponse("/start", 303)
    store = project.store
    counts, rankings = project.tally.exact(), project.supervisor.history
    known = project.known.of(rankings)
    dots = curve(known.points)
    largest = max([1, *counts.per_class.values()])
    return page(
        request,
        "progress.html",
        title="Progress",
        counts=counts,
        facts=[_labelled(counts), *facts(project, viewer.id, known, counts)],
        advice=advise(known, counts),
        foretold=known.expectation if enough_left(counts) else None,
        curves=[draw(dots, width) for width in (WIDE, NARROW)] if len(dots) > 1 else None,
        dots=dots,
        more_measures=_measures(project),
        classes=[(each.name, counts.per_class.get(each.id, 0)) for each in store.classes()],
        ignorance=math.log(max(1, len(counts.per_class))),
        largest=largest,
        disputed=counts.disputed,
        settings=store.settings(),
        acquisitions=ACQUISITIONS,
    )


def curve(points: Sequence[Point]) -> list[Dot]:
    """Accuracy on the reserve by number of labels; of models with equally many the last."""
    dots: dict[int, Dot] = {}
    for point in points:
        right = list(point.correct.values())
        if len(right) >= FEWEST:
            now = accuracy(right)
            dots[point.labels] = Dot(point.labels, now.value, now.low, now.high, len(right))
    return [dots[labels] for labels in sorted(dots)]


def _measures(project: Project) -> list[tuple[str, str]]:
    """Further measures of the last model on the reserve, with their 95 % intervals."""
    ranking, history = project.supervisor.predictions, project.supervisor.history
    if ranking is None or not history or history[-1].version != ranking.version:
        return []
    truth = project.store.holdout_labels()
    correct = next((point.correct for point in project.known.points(history[-1:])), {})
    items = list(correct)
    if len(items) < FEWEST:
        return []
    right, classes = [correct[item] for item in items], [truth[item] for item in items]
    found = [("Balanced accuracy (mean over classes)", _balanced(project, right, classes))]
    rows = [row for item in items if (row := ranking.row(item)) is not None]
    if len(rows) < len(items) or not set(classes) <= set(ranking.classes.tolist()):
        return found
    probs = ranking.probs[rows].astype(np.float64)
    if len(ranking.classes) == 2:
        area = auc(probs[:, 1], np.array(classes) == ranking.classes[1])
        if area is not None:
            found.append(("Area under the ROC curve", _between(area)))
    columns = {number: column for column, number in enumerate(ranking.classes.tolist())}
    at_label = probs[np.arange(len(items)), [columns[each] for each in classes]]
    nll = mean(-np.log(np.maximum(at_label, np.finfo(np.float16).tiny)), least=0)
    found.append(("Negative log-likelihood (nats)", _between(nll)))
    return found


def _balanced(project: Project, right: Sequence[bool], classes: Sequence[int]) -> str:
    """Balanced accuracy, where the reserve has a few images of every class that has labels."""
    missing = scarce(classes, {*project.store.labels().values(), *classes})
    few = [each.name for each in project.store.classes() if each.id in missing]
    if few:
        names = ", ".join(few[:3]) + (f" and {len(few) - 3} more" if len(few) > 3 else "")
        return f"– (fewer than {FEWEST_OF_A_CLASS} random images are {names})"
    now = balanced_accuracy(right, classes)
    return f"{100 * now.value:.0f} % ({100 * now.low:.0f} to {100 * now.high:.0f} %)"


def _between(known: Interval) -> str:
    return f"{known.value:.2f} ({known.low:.2f} to {known.high:.2f})"


def _labelled(counts: Counts) -> tuple[str, str, str]:
    parts = ((counts.unsure, "unsure"), (counts.bad, "bad"), (counts.later, "put off"))
    skipped = ", ".join(f"{number(n)} {what}" for n, what in parts if n)
    return "Labelled", f"{number(counts.labelled)} of {number(counts.items)}", skipped
