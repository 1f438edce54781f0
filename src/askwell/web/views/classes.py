"""Classes: added, renamed, merged and given keys at any time; every change is recorded."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from askwell.errors import InputError
from askwell.store import ClassName
from askwell.store.classes import named
from askwell.web.project import Project
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.schemas import ClassBody, Id, MergeBody, NewClassBody
from askwell.web.status import key_of

router = APIRouter()

RESERVED = frozenset("ubflrhz+-=?[]{} 0123456789")
"""Keys that mean something on the desk already; digits are the classes' places."""

ClassId = Annotated[Id, Path()]


@router.get("/classes", include_in_schema=False)
def classes(request: Request) -> Response:
    """All classes, with forms to change them."""
    project = project_of(request)
    if viewer_of(request) is None:
        return RedirectResponse("/start", 303)
    counts = project.tally.exact().per_class
    every = project.store.classes(active_only=False)
    active = [each for each in every if each.active]
    names = {each.id: each.name for each in every}
    return page(
        request,
        "classes.html",
        title="Classes",
        rows=[(each, key_of(each, i), counts.get(each.id, 0)) for i, each in enumerate(active)],
        used=project.store.used_classes(),
        merged=[(each, names[each.part_of]) for each in every if each.part_of is not None],
    )


@router.post("/api/classes")
def add(request: Request, body: NewClassBody) -> dict[str, Any]:
    """Add a class."""
    project = project_of(request)
    refuse_alike(project, body.name)
    made = project.store.add_class(body.name, _key(body.shortcut))
    return _trains(project, made, f"Added {made.name}.")


@router.patch("/api/classes/{number}")
def change(request: Request, number: ClassId, body: ClassBody) -> dict[str, Any]:
    """Rename a class, or give it another key; null takes its own key away."""
    project = project_of(request)
    found = _active(project, number)
    if "shortcut" in body.model_fields_set and (key := _key(body.shortcut)) != found.shortcut:
        project.store.set_shortcut(number, key)
    if body.name is not None and body.name != found.name:
        refuse_alike(project, body.name, but=number)
        project.store.rename_class(number, body.name)
    return _said(_active(project, number), "Changed.")


@router.post("/api/classes/{number}/merge")
def merge(request: Request, number: ClassId, body: MergeBody) -> dict[str, Any]:
    """Make a class part of another: its labels count for that one from now on."""
    project = project_of(request)
    found, into = _active(project, number), _active(project, body.into)
    project.store.merge_class(number, body.into)
    return _trains(project, into, f"{found.name} is now part of {into.name}.")


@router.post("/api/classes/{number}/separate")
def separate(request: Request, number: ClassId) -> dict[str, Any]:
    """Take a merge back: the class has its own labels again."""
    project = project_of(request)
    found = project.store.separate_class(number)
    return _trains(project, found, f"{found.name} is a class of its own again.")


@router.post("/api/classes/{number}/remove")
def remove(request: Request, number: ClassId) -> dict[str, Any]:
    """Take away a class that no label is of."""
    project = project_of(request)
    found = project.store.remove_class(_active(project, number).id)
    return _trains(project, found, f"Removed {found.name}.")


@router.post("/api/classes/{number}/up")
def move_up(request: Request, number: ClassId) -> dict[str, Any]:
    """Have a class change places, and number keys, with the one before it."""
    project = project_of(request)
    found = project.store.move_class_up(_active(project, number).id)
    return _said(found, f"Moved {found.name}.")


def refuse_alike(project: Project, name: str, *, but: int | None = None) -> None:
    """Refuse a name that another class has but for capitals: sooner or later they are mixed up.

    The same name is the store's to refuse, and what comes with files may differ by capitals.

    Raises:
        InputError: there is such a class.
    """
    wanted = name.strip()
    found = named([each for each in project.store.classes() if each.id != but], wanted)
    if found is not None and found.name != wanted:
        raise InputError(
            f"There is a class {found.name!r}, which differs in capitals alone: they would be "
            "mixed up. Choose another name."
        )


def _active(project: Project, number: int) -> ClassName:
    for each in project.store.classes():
        if each.id == number:
            return each
    raise InputError(f"There is no class {number} any more: load the page again.")


def _key(shortcut: str | None) -> str | None:
    """A letter that is free on the desk, in lower case."""
    key = shortcut.lower() if shortcut else None
    if key is not None and (key in RESERVED or not key.isprintable() or len(key) != 1):
        raise InputError(
            f"The key {shortcut!r} already means something: take another letter. The first twenty "
            "classes have 1 … 0 and Shift + 1 … 0 anyway."
        )
    return key


def _trains(project: Project, found: ClassName, sentence: str) -> dict[str, Any]:
    """The answer to a change after which the model has other classes, or other labels of them."""
    project.decided(trains=True)
    return _said(found, sentence)


def _said(found: ClassName, sentence: str) -> dict[str, Any]:
    return {"said": sentence, "id": found.id, "name": found.name, "shortcut": found.shortcut}
