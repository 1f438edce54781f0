"""The progress page: how good the model is, how that came, and the settings."""

from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from askwell.labelling.estimate import Interval, Point, accuracy, auc, balanced_accuracy
from askwell.store import Counts, Ranking
from askwell.web.acquisitions import ACQUISITIONS
from askwell.web.curve import Dot, draw
from askwell.web.known import FEWEST
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.status import advise, facts, number

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
    dots = curve(rankings)
    largest = max([1, *counts.per_class.values()])
    return page(
        request,
        "progress.html",
        title="Progress",
        counts=counts,
        facts=[_labelled(counts), *facts(project, viewer.id, known)],
        advice=advise(known, counts),
        expectation=known.expectation,
        svg=draw(dots) if len(dots) > 1 else None,
        dots=dots,
        more_measures=_measures(project),
        classes=[(each.name, counts.per_class.get(each.id, 0)) for each in store.classes()],
        largest=largest,
        settings=store.settings(),
        acquisitions=ACQUISITIONS,
    )


def curve(rankings: Sequence[Ranking]) -> list[Dot]:
    """Accuracy on the reserve by number of labels; of models with equally many the last."""
    dots: dict[int, Dot] = {}
    for ranking in sorted(rankings, key=lambda each: each.version):
        right = ranking.metrics.get("holdout_correct") or ()
        if len(right) >= FEWEST:
            now = accuracy([bool(each) for each in right])
            dots[ranking.trained_on] = Dot(
                ranking.trained_on, now.value, now.low, now.high, len(right)
            )
    return [dots[labels] for labels in sorted(dots)]


def _measures(project: Project) -> list[tuple[str, str]]:
    """Further measures of the last model on the reserve, with their 95 % intervals."""
    ranking = project.supervisor.predictions
    if ranking is None or not ranking.metrics.get("holdout_items"):
        return []
    truth = project.store.holdout_labels()
    correct = Point.of(ranking.trained_on, ranking.metrics).correct
    items = [item for item in correct if item in truth]
    if len(items) < FEWEST:
        return []
    right, classes = [correct[item] for item in items], [truth[item] for item in items]
    found = [
        ("Balanced accuracy (mean over classes)", _percents(balanced_accuracy(right, classes)))
    ]
    rows = [ranking.row(item) for item in items]
    if len(ranking.classes) == 2 and None not in rows:
        positive = np.array(classes) == ranking.classes[1]
        area = auc(ranking.probs[np.array(rows, dtype=np.int64), 1], positive)
        if area is not None:
            value = f"{area.value:.2f} ({area.low:.2f} to {area.high:.2f})"
            found.append(("Area under the ROC curve", value))
    if (nll := ranking.metrics.get("nll")) is not None:
        found.append(("Negative log-likelihood (nats)", f"{nll:.3f}"))
    return found


def _percents(known: Interval) -> str:
    return f"{100 * known.value:.0f} % ({100 * known.low:.0f} to {100 * known.high:.0f} %)"


def _labelled(counts: Counts) -> tuple[str, str, str]:
    parts = ((counts.unsure, "unsure"), (counts.bad, "bad"), (counts.later, "put off"))
    skipped = ", ".join(f"{number(n)} {what}" for n, what in parts if n)
    return "Labelled", f"{number(counts.labelled)} of {number(counts.items)}", skipped
