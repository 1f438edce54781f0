"""Files that cannot be labelled, each with its reason; nothing is left out in silence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from askwell.store import Item
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.status import number, trainer_sentence

router = APIRouter()

_SHOWN = 500

T = TypeVar("T")


@router.get("/problems", include_in_schema=False)
def problems(request: Request) -> Response:
    """Unreadable, refused, vanished and duplicate files; the trainer's last error."""
    project = project_of(request)
    if viewer_of(request) is None:
        return RedirectResponse("/start", 303)
    items, state = project.store.items(), project.supervisor.state
    paths = {each.id: each.path for each in items}
    unreadable = [(each.path, each.reason) for each in items if each.status == "unreadable"]
    refused = sorted(project.refused.items())
    gone = _gone(items, project)
    duplicates = [
        (each.path, paths[each.duplicate_of])
        for each in items
        if each.status == "ok" and each.duplicate_of is not None
    ]
    lists = [*unreadable, *refused], gone.vanished, duplicates, gone.changed, gone.renamed
    return page(
        request,
        "problems.html",
        title="Problems",
        unreadable=lists[0][:_SHOWN],
        vanished=lists[1][:_SHOWN],
        duplicates=lists[2][:_SHOWN],
        changed=lists[3][:_SHOWN],
        renamed=lists[4][:_SHOWN],
        numbers=[len(each) for each in lists],
        shown=_SHOWN,
        trainer=trainer_sentence(state) if state.phase == "dead" else state.message,
    )


@router.post("/api/problems/retry")
def retry(request: Request) -> dict[str, Any]:
    """Look at the folder anew and decode each file that could not be read or has changed."""
    look = project_of(request).look_again()
    found = [
        (look.new, "new"),
        (look.returned, "back again"),
        (look.changed, "with other content"),
        (look.renamed, "renamed"),
        (look.gone, "gone"),
        (look.mended, "readable now"),
        (look.still, "still unreadable"),
        (look.worse, "unreadable"),
    ]
    said = ", ".join(f"{number(n)} {what}" for n, what in found if n)
    return {"said": f"Files: {said}." if said else "Nothing has changed."}


@dataclass(frozen=True, slots=True)
class _Gone:
    """Files that are not what they were.

    Attributes:
        vanished: paths at which there is no file, nor their content anywhere else.
        changed: paths of labelled images at which there is another image, not labelled there yet.
        renamed: the path under which an image was labelled, and where it is now.
    """

    vanished: list[str]
    changed: list[str]
    renamed: list[tuple[str, str]]


def _gone(items: Sequence[Item], project: Project) -> _Gone:
    """Each path once, whatever became of it in between."""
    content = {each.id: each.sha256 for each in items}
    answered = {each.item for each in project.store.current() if each.kind == "label"}
    labelled = {content[item] for item in answered}
    here = {each.path: each.sha256 for each in items if each.status != "vanished"}
    now = {each.sha256: each.path for each in items if each.showable}
    missing = [each for each in items if each.status == "vanished"]
    kept = {*here.values()}
    lost = [each for each in missing if each.sha256 not in kept]
    there = here.keys() | project.refused.keys()
    readable = {each.path for each in items if each.status == "ok"}
    done = {each.path for each in items if each.status != "vanished" and each.id in answered}
    return _Gone(
        _once(each.path for each in lost if each.path not in there),
        # Of images that nobody labelled, nothing is lost; what was labelled anew is settled.
        _once(
            each.path for each in lost if each.sha256 in labelled and each.path in readable - done
        ),
        _once((e.path, now[e.sha256]) for e in missing if e.id in answered and e.sha256 in now),
    )


def _once(found: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(found))


@router.post("/api/backup")
def backup(request: Request) -> dict[str, Any]:
    """Make a copy of the project file now."""
    made = project_of(request).store.backup()
    return {"said": f"Saved as {made.name}."}
