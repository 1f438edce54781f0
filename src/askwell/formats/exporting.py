"""What a project holds, as rows to write: agreed labels, and every decision."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from askwell.formats.decisions import Logged
from askwell.formats.rows import Labelled
from askwell.paths import shown
from askwell.store import Item, Store


@dataclass(frozen=True, slots=True)
class Exported:
    """The agreed labels of a project, and what has none although somebody labelled it.

    Attributes:
        rows: by path; every copy of an image has its label.
        disputed: images on whose label as many annotators say one thing as another.
        bad: images with a label that somebody calls bad.
        vanished: labelled images that the last scan did not see, by the path they had last.
        problems: files that are not any more what was labelled; they are left out.
    """

    rows: list[Labelled]
    disputed: int
    bad: int
    vanished: list[str]
    problems: list[str]


def agreed_labels(store: Store, root: Path) -> Exported:
    """The label of every image that is there: as settled, else of the majority.

    Args:
        store: of the project.
        root: the folder of images; a file that changed since the last scan is left out.
    """
    items = store.items()
    names = {each.id: each.name for each in store.classes(active_only=False)}
    content = {item.id: item.sha256 for item in items}
    labels = {
        content[item]: names[label]
        for item, label in (store.labels() | store.holdout_labels()).items()
    }
    rows: list[Labelled] = []
    problems: list[str] = []
    present: set[str] = set()
    for item in sorted(items, key=lambda item: item.path):
        if item.status != "ok":
            continue
        present.add(item.sha256)
        if item.sha256 not in labels:
            continue
        if (problem := _change(root, item)) is None:
            rows.append(Labelled(item.path, labels[item.sha256], item.sha256))
        else:
            problems.append(f"{shown(item.path)}: {problem}")
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for each in store.current():
        kinds[content[each.item]].add(each.kind)
    left = [sha256 for sha256, said in kinds.items() if "label" in said and sha256 not in labels]
    bad = sum(sha256 in present and "bad" in kinds[sha256] for sha256 in left)
    paths = {item.sha256: item.path for item in items}
    vanished = sorted(paths[sha256] for sha256 in left if sha256 not in present)
    return Exported(rows, len(left) - bad - len(vanished), bad, vanished, problems)


def decision_log(store: Store) -> Iterator[Logged]:
    """Every decision, oldest first; classes as they are called, or are part of, now."""
    items = {item.id: item for item in store.items()}
    every = store.classes(active_only=False)
    names = {each.id: each.name for each in every}
    classes = {each.id: names[each.counts_as] for each in every}
    annotators = {each.id: each.name for each in store.annotators()}
    for event in store.events():
        decision = event.decision
        item = items[decision.item]
        yield Logged(
            event=event.seq,
            image_id=item.id,
            path=item.path,
            sha256=item.sha256,
            label=None if decision.label is None else classes[decision.label],
            action=decision.kind,
            annotator=annotators[decision.annotator],
            created_at=event.created_at,
            lead_time_ms=decision.lead_time_ms,
            stream=decision.stream,
            model_version=decision.ranking,
            predicted=None if decision.predicted is None else classes[decision.predicted],
            confidence=decision.confidence,
            acquisition=decision.acquisition,
            score=decision.score,
            supersedes=event.supersedes,
        )


def _change(root: Path, item: Item) -> str | None:
    """Why a file is not what the last scan saw."""
    again = "open the project with `askwell label`, which looks again"
    try:
        there = (root / item.path).stat()
    except OSError as error:
        return f"{error.strerror or error}; {again}"
    if (there.st_size, there.st_mtime_ns) != (item.size, item.mtime_ns):
        return f"it was changed since it was looked at; {again}"
    return None
