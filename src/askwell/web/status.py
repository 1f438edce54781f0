"""The state of a project in words: what the side panel and the progress page say.

All measures of the model come from the reserve, images that were drawn at random and are never
trained on. Those that the model chose itself are the hard ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from askwell.labelling.estimate import (
    Advice,
    Expectation,
    Interval,
    Point,
    accuracy,
    advice,
    expected,
)
from askwell.store import ClassName, Counts, Ranking
from askwell.web.project import Project
from askwell.web.supervisor import TrainerState

MORE = 50
"""Labels whose gain is foretold."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of the model on the reserve."""

    accuracy: Interval | None
    images: int
    expectation: Expectation


def status(project: Project, annotator: int) -> dict[str, Any]:
    """What the labelling desk shows beside the image."""
    store = project.store
    counts = project.tally.recent()
    classes = store.classes()
    known = estimate(project.supervisor.history)
    left = max(0, counts.items - counts.labelled - counts.bad)
    say = advise(known, left)
    return {
        "labelled": counts.labelled,
        "total": counts.items,
        "done": f"{number(counts.labelled)} of {number(counts.items)} images labelled",
        "finished": finished(counts),
        "classes": [
            {
                "id": each.id,
                "name": each.name,
                "shortcut": each.shortcut.lower() if each.shortcut else None,
                "key": key_of(each, place),
                "count": counts.per_class.get(each.id, 0),
            }
            for place, each in enumerate(classes)
        ],
        "facts": facts(project, annotator, known),
        "advice": {"stop": say.stop, "reason": say.reason if known.images or say.stop else ""},
        "ranking": project.supervisor.history[-1].version if project.supervisor.history else None,
        "trainer": project.supervisor.state.phase,
    }


def facts(project: Project, annotator: int, known: Estimate) -> list[tuple[str, str, str]]:
    """Term, value and a note for each number."""
    pace = project.pace.a_minute(annotator)
    lines = [("Labels a minute", "–" if pace is None else f"{pace:.0f}", "")]
    lines.append(("Model", *model_line(project)))
    if (line := features_line(project.supervisor.state)) is not None:
        lines.append(("Images read", *line))
    if known.accuracy is not None:
        of = f"on {number(known.images)} random images that it never learns from"
        lines.append(("Accuracy", *percents(known.accuracy, of)))
    gain = known.expectation.gain
    if gain is not None:
        lines.append((f"{MORE} more labels", *points(gain)))
    return lines


def model_line(project: Project) -> tuple[str, str]:
    """Which model chooses, and what its trainer does."""
    state, history = project.supervisor.state, project.supervisor.history
    doing = trainer_sentence(state)
    if not history:
        return ("none yet", doing)
    now = history[-1]
    about = f"trained on {number(now.trained_on)} labels"
    if now.stream == "cold":
        about = "variety first, until each class has a label"
    return (str(now.version), f"{about}; {doing}" if doing else about)


def trainer_sentence(state: TrainerState) -> str:
    """What the trainer does now; empty when it waits for labels."""
    match state.phase:
        case "dead":
            return f"{state.message} It is started again in a moment; you can go on labelling."
        case "starting":
            return "the trainer is starting"
        case "training":
            return "learning from the last labels…"
        case "stopped":
            return "the trainer is not running"
    return state.message


def features_line(state: TrainerState) -> tuple[str, str] | None:
    """How far the trainer has read the images; None when it has read all."""
    if state.phase in ("dead", "stopped") or state.done + state.unreadable >= state.total:
        return None
    rest = ""
    if state.rate > 0:
        minutes = (state.total - state.done) / state.rate / 60
        rest = f"about {minutes:.0f} min left" if minutes >= 1.5 else "about a minute left"
    return (f"{number(state.done)} of {number(state.total)}", rest)


def estimate(rankings: Sequence[Ranking]) -> Estimate:
    """Accuracy of the last model on the reserve, and what more labels would bring."""
    models = [ranking for ranking in rankings if ranking.metrics.get("holdout_items")]
    return _estimate(tuple(_Model.of(each) for each in models))


def advise(known: Estimate, left: int) -> Advice:
    """Whether to stop."""
    return advice(known.expectation, known.accuracy, left=left)


def finished(counts: Counts) -> str:
    """What is said when there is no image left to show."""
    if counts.items == 0:
        return "There are no images in this folder."
    skipped = [f"{n} {what}" for n, what in ((counts.unsure, "unsure"), (counts.bad, "bad")) if n]
    rest = f" Skipped: {', '.join(skipped)}." if skipped else ""
    return (
        f"No image is left for you: {number(counts.labelled)} of {number(counts.items)} are "
        f"labelled.{rest} The gallery shows which ones the model disagrees with."
    )


def why(stream: str, ranking: int | None, trained_on: int | None) -> str:
    """Why an image is shown."""
    if stream == "random":
        return "Drawn at random, to measure the accuracy"
    if ranking is None:
        return "Drawn at random: there is no model yet"
    if stream == "cold":
        return "Chosen for variety: there are too few labels for the model to choose"
    return f"Chosen by model {ranking}, trained on {number(trained_on or 0)} labels"


def key_of(each: ClassName, place: int) -> str:
    """The key of the class at this place, as its button shows it."""
    if each.shortcut:
        return each.shortcut.upper()
    if place < 20:
        return ("⇧" if place >= 10 else "") + str((place + 1) % 10)
    return ""


def number(n: int) -> str:
    """1 234 567, with thin spaces that do not break."""
    return f"{n:,}".replace(",", "\u202f")


def percents(known: Interval, of: str) -> tuple[str, str]:
    """91 %, and between what it may lie."""
    return f"{100 * known.value:.0f} %", f"{100 * known.low:.0f} to {100 * known.high:.0f} %, {of}"


def points(gain: Interval) -> tuple[str, str]:
    """+1.2 points, and between what they may lie."""
    low, high = f"{100 * gain.low:.1f}", f"{100 * gain.high:.1f}"
    return f"+{100 * gain.value:.1f} points", f"of accuracy to be expected, {low} to {high}"


@dataclass(frozen=True, slots=True)
class _Model:
    """A ranking's measures, hashable."""

    labels: int
    correct: tuple[tuple[int, bool], ...]

    @classmethod
    def of(cls, ranking: Ranking) -> "_Model":
        point = Point.of(ranking.trained_on, ranking.metrics)
        return cls(point.labels, tuple(point.correct.items()))


@lru_cache(maxsize=4)
def _estimate(models: tuple[_Model, ...]) -> Estimate:
    # Kept until there is another model: the resampling takes longer than an image may.
    curve = [Point(each.labels, dict(each.correct)) for each in models]
    now = None
    if models:
        now = accuracy([right for _, right in models[-1].correct])
    images = len(models[-1].correct) if models else 0
    return Estimate(now, images, expected(curve, MORE))
