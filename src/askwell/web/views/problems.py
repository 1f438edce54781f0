"""Files that cannot be labelled, each with its reason; nothing is left out in silence."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.status import trainer_sentence

router = APIRouter()

_SHOWN = 500


@router.get("/problems", include_in_schema=False)
def problems(request: Request) -> Response:
    """Unreadable, refused, vanished and duplicate files; the trainer's last error."""
    project = project_of(request)
    if viewer_of(request) is None:
        return RedirectResponse("/start", 303)
    items = project.store.items()
    paths = {each.id: each.path for each in items}
    unreadable = [(each.path, each.reason) for each in items if each.status == "unreadable"]
    refused = sorted(project.refused.items())
    vanished = [each.path for each in items if each.status == "vanished"]
    duplicates = [
        (each.path, paths[each.duplicate_of])
        for each in items
        if each.status == "ok" and each.duplicate_of is not None
    ]
    lists = [*unreadable, *refused], vanished, duplicates
    return page(
        request,
        "problems.html",
        title="Problems",
        unreadable=lists[0][:_SHOWN],
        retry=bool(unreadable),
        vanished=lists[1][:_SHOWN],
        duplicates=lists[2][:_SHOWN],
        numbers=[len(each) for each in lists],
        shown=_SHOWN,
        trainer=project.supervisor.state.message and trainer_sentence(project.supervisor.state),
    )


@router.post("/api/problems/retry")
def retry(request: Request) -> dict[str, Any]:
    """Take unreadable files as readable again, until they prove otherwise."""
    project = project_of(request)
    unreadable = [each.id for each in project.store.items() if each.status == "unreadable"]
    project.store.clear(unreadable)
    project.decided(trains=False)
    return {"said": f"{len(unreadable)} files are tried again."}


@router.post("/api/backup")
def backup(request: Request) -> dict[str, Any]:
    """Make a copy of the project file now."""
    made = project_of(request).store.backup()
    return {"said": f"Saved as {made.name}."}
