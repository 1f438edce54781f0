"""The way in: one-time link, password, name; and the project's settings."""

import getpass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from askwell.errors import InputError
from askwell.web.acquisitions import ACQUISITIONS
from askwell.web.rendering import page, project_of, viewer_of
from askwell.web.schemas import LoginBody, SettingsBody, StartBody
from askwell.web.views.classes import refuse_alike

router = APIRouter()

_GO_ON = (
    '<!DOCTYPE html><html lang="en-GB"><meta charset="utf-8"><title>askwell</title>'
    '<link rel="icon" href="/static/icon.svg">'
    '<meta http-equiv="refresh" content="0;url=/"><p><a href="/">Go on</a></p></html>'
)


def enter(request: Request, token: str) -> Response:
    """Redeem the one-time link; the token leaves the address bar."""
    access = project_of(request).access
    early = "prefetch" in request.headers.get("sec-purpose", "").lower()
    cookie = None if early else access.redeem(token)
    if cookie is None:
        return RedirectResponse("/" if request.scope.get("annotator") else "/login", 303)
    # A page that goes on by itself, not a redirect: after a click in another program's window, a
    # browser sends no SameSite=Strict cookie along a redirect.
    response = HTMLResponse(_GO_ON)
    response.headers["set-cookie"] = cookie
    return response


@router.get("/login", include_in_schema=False)
def login_page(request: Request) -> Response:
    """Where everybody lands who has no session."""
    access = project_of(request).access
    return page(
        request,
        "login.html",
        title="Log in",
        status=200 if access.password else 401,
        password=access.password is not None,
    )


@router.post("/api/login")
async def login(request: Request, body: LoginBody) -> Response:
    """Open a session by password."""
    access = project_of(request).access
    if access.password is None:
        raise InputError("This page has no password: open the link that askwell printed.")
    if not await access.guess(body.password):
        return JSONResponse({"error": "That is not the password."}, status_code=403)
    # Not the name given to the command: several people may have the password.
    return JSONResponse({"said": "Welcome."}, headers={"set-cookie": access.set_cookie(None)})


@router.get("/start", include_in_schema=False)
def start_page(request: Request) -> Response:
    """Who labels, and into which classes."""
    project = project_of(request)
    viewer = viewer_of(request)
    known = [each.name for each in project.store.annotators()]
    return page(
        request,
        "start.html",
        title="Start",
        counts=project.tally.recent(),
        known=known,
        name=viewer.name if viewer else ("" if known else _user()),
        classes=[each.name for each in project.store.classes()],
        invite=viewer is not None,
    )


@router.post("/api/start")
def start(request: Request, body: StartBody) -> Response:
    """Take a name for this browser, and the first classes."""
    project = project_of(request)
    there = {each.name for each in project.store.classes()}
    if not there and not body.classes:
        raise InputError("Name at least one class, one on each line.")
    before = {each.id for each in project.store.annotators()}
    who = project.store.annotator(body.name)
    for name in dict.fromkeys(body.classes):
        if name not in there:
            refuse_alike(project, name)
            project.store.add_class(name)
    if body.classes:
        project.decided(trains=True)
    cookie = project.access.set_cookie(who.id)
    said = {"said": f"You go on as {who.name}."} if who.id in before else {}
    return JSONResponse({"id": who.id, "name": who.name} | said, headers={"set-cookie": cookie})


@router.post("/api/settings")
def settings(request: Request, body: SettingsBody) -> dict[str, Any]:
    """Change settings of the project."""
    project = project_of(request)
    if body.acquisition is not None and body.acquisition not in ACQUISITIONS:
        raise InputError(
            f"There is no acquisition function {body.acquisition!r}; there are "
            f"{', '.join(ACQUISITIONS)}."
        )
    changes = {name: value for name, value in body.model_dump().items() if value is not None}
    if changes:
        project.store.change_settings(**changes)
        project.decided(trains=True)
    return {"said": "Saved."}


@router.post("/api/invite")
def invite(request: Request) -> dict[str, Any]:
    """A link that lets one more browser in."""
    token = project_of(request).access.new_token(invited=True)
    return {"value": f"{request.url.scheme}://{request.headers['host']}/?token={token}"}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
