"""Files that cannot be labelled, each with its reason; nothing is left out in silence."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.status import number, trainer_sentence

router = APIRouter()

_SHOWN = 500


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
    here = {each.path: each.id for each in items if each.status != "vanished"}
    gone = [each for each in items if each.status == "vanished"]
    vanished = [each.path for each in gone if each.path not in here]
    # Other content has the path now; only what was said of the former content is worth a word.
    answered = {each.item for each in project.store.current() if each.kind == "label"}
    new = {path for path, item in here.items() if item not in answered}
    changed = [each.path for each in gone if each.id in answered and each.path in new]
    duplicates = [
        (each.path, paths[each.duplicate_of])
        for each in items
        if each.status == "ok" and each.duplicate_of is not None
    ]
    lists = [*unreadable, *refused], vanished, duplicates, changed
    return page(
        request,
        "problems.html",
        title="Problems",
        unreadable=lists[0][:_SHOWN],
        vanished=lists[1][:_SHOWN],
        duplicates=lists[2][:_SHOWN],
        changed=lists[3][:_SHOWN],
        numbers=[len(each) for each in lists],
        shown=_SHOWN,
        trainer=trainer_sentence(state) if state.phase == "dead" else state.message,
    )


@router.post("/api/problems/retry")
def retry(request: Request) -> dict[str, Any]:
    """Look at the folder anew and decode each file that could not be read."""
    mended, still = project_of(request).look_again()
    if not mended and not still:
        return {"said": "Every image in the folder can be read."}
    said = f"{number(mended)} of them can be read now" if mended else "None of them can be read"
    return {"said": f"{said}; {number(still)} still cannot." if still and mended else f"{said}."}


@router.post("/api/backup")
def backup(request: Request) -> dict[str, Any]:
    """Make a copy of the project file now."""
    made = project_of(request).store.backup()
    return {"said": f"Saved as {made.name}."}
