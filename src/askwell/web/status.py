"""The state of a project in words: what the side panel and the progress page say.

All measures of the model come from the reserve, images that were drawn at random and are never
trained on. Those that the model chose itself are the hard ones.
"""

from typing import Any

from askwell.labelling.estimate import FEWEST_IMAGES, Advice, advice
from askwell.labelling.intervals import Interval
from askwell.store import ClassName, Counts, Offer
from askwell.web.known import FEWEST, MORE, Estimate
from askwell.web.project import Project
from askwell.web.supervisor import TrainerState


def status(project: Project, annotator: int) -> dict[str, Any]:
    """What the labelling desk shows beside the image."""
    store = project.store
    counts = project.tally.recent()
    classes = store.classes()
    known = project.known.of(project.supervisor.history)
    say = advise(known, counts)
    elsewhere = store.held_by_others(annotator) if _left(counts) else 0
    return {
        "labelled": counts.labelled,
        "total": counts.items,
        "done": f"{number(counts.labelled)} of {number(counts.items)} images labelled"
        + (f", {number(counts.bad)} bad" if counts.bad else ""),
        "finished": finished(counts, elsewhere),
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
        "facts": facts(project, annotator, known, counts),
        "advice": {"stop": say.stop, "reason": say.reason if known.images or say.stop else ""},
        "ranking": project.supervisor.history[-1].version if project.supervisor.history else None,
        "trainer": project.supervisor.state.phase,
    }


def facts(
    project: Project, annotator: int, known: Estimate, counts: Counts
) -> list[tuple[str, str, str]]:
    """Term, value and a note for each number."""
    pace = project.pace.a_minute(annotator)
    lines = [("Labels a minute", "–" if pace is None else f"{pace:.0f}", "")]
    lines.append(("Model", *model_line(project)))
    if (line := features_line(project.supervisor.state)) is not None:
        lines.append(("Images read", *line))
    if known.accuracy is not None:
        of = f"on {number(known.images)} random images that it never learns from"
        lines.append(("Accuracy", *percents(known.accuracy, of)))
    elif known.images:
        few = f"{known.images} of the {FEWEST} random images that it takes are labelled"
        lines.append(("Accuracy", "–", few))
    gain = known.expectation.gain if enough_left(counts) else None
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
    about = f"the {ordinal(now.version)} so far"
    if now.stream == "cold":
        about = "variety first, until there are some five labels a class"
    labels = f"from {number(now.trained_on)} labels" if now.trained_on else "none yet"
    return (labels, f"{about}; {doing}" if doing else about)


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
    if state.done == 0:
        return None  # what was read before a restart is being looked up
    rest = ""
    if state.rate > 0:
        minutes = (state.total - state.done) / state.rate / 60
        rest = f"about {minutes:.0f} min left" if minutes >= 1.5 else "about a minute left"
    return (f"{number(state.done)} of {number(state.total)}", rest)


def advise(known: Estimate, counts: Counts) -> Advice:
    """Whether to stop."""
    left = _left(counts)
    if left and not enough_left(counts):
        what = "image is" if left == 1 else "images are"
        return Advice(False, f"{number(left)} {what} left, too few to say what they would bring.")
    if left and known.expectation.gain is None and counts.holdout < FEWEST_IMAGES:
        # Raised later, the share would take in images that the model chose: that is refused.
        way = "" if counts.decisions else ", or show a larger share at random: see the settings"
        return Advice(
            False,
            f"{number(counts.holdout)} of the images are set aside to measure the model, too few "
            f"to say what more labels would bring ({FEWEST_IMAGES}). Judge by the gallery{way}.",
        )
    return advice(known.expectation, known.accuracy, left=left)


def _left(counts: Counts) -> int:
    """Images that nobody has labelled or called bad."""
    return counts.items - counts.labelled - counts.bad


def enough_left(counts: Counts) -> bool:
    """Whether there are as many images left as it is said of what they would bring."""
    return _left(counts) >= MORE


def finished(counts: Counts, elsewhere: int) -> str:
    """What is said when there is no image left to show; so many are before other people."""
    if counts.items == 0:
        return "There are no images in this folder."
    skipped = [
        f"{number(n)} {what}"
        for n, what in ((counts.unsure, "unsure"), (counts.bad, "a bad image"))
        if n
    ]
    rest = f" Somebody called {' and '.join(skipped)}." if skipped else ""
    if counts.disputed:
        one = counts.disputed == 1
        rest += (
            f" {number(counts.disputed)} {'image has' if one else 'images have'} as many votes for "
            f"one class as for another: settle what {'it is' if one else 'they are'} on the page "
            "Agreement."
        )
    if elsewhere:
        one = elsewhere == 1
        rest += (
            f" {number(elsewhere)} {'is' if one else 'are'} before another annotator just now; "
            "what they leave comes to you."
        )
    return (
        f"No image is left for you: {number(counts.labelled)} of {number(counts.items)} are "
        f"labelled.{rest} The gallery shows which ones the model disagrees with."
    )


def why(offer: Offer, trained_on: int | None) -> str:
    """Why an image is shown."""
    if offer.second:
        return "A second opinion: another annotator has labelled it too"
    if offer.stream == "random":
        return "Drawn at random, to measure the accuracy"
    if offer.ranking is None:
        return "Drawn at random: there was no model yet"
    if offer.stream == "cold":
        return "Chosen for variety: there were too few labels for the model to choose"
    return f"Chosen by model {offer.ranking}, trained on {number(trained_on or 0)} labels"


def key_of(each: ClassName, place: int) -> str:
    """The key of the class at this place, as its button shows it."""
    if each.shortcut:
        return each.shortcut.upper()
    if place < 20:
        return ("⇧" if place >= 10 else "") + str((place + 1) % 10)
    return ""


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, …, 11th, …, 21st."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{number(n)}{ending}"


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
