"""The application: views behind the guard, and errors as sentences."""

import logging
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from askwell.errors import AskwellError, InputError, LabelError
from askwell.version import __version__
from askwell.web.project import Project
from askwell.web.rendering import page
from askwell.web.security import Guard
from askwell.web.views import (
    agreement,
    classes,
    desk,
    gallery,
    pictures,
    problems,
    progress,
    session,
)

STATIC = Path(__file__).parent / "static"

log = logging.getLogger("askwell.web")


def create_app(project: Project) -> FastAPI:
    """The labelling page of a project; whoever made the project closes it."""
    app = FastAPI(
        title="askwell",
        version=__version__,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.project = project
    for view in (session, desk, pictures, gallery, progress, agreement, classes, problems):
        app.include_router(view.router)
    app.add_api_route("/help", _help, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(AskwellError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_middleware(Guard, access=project.access)
    return app


def _help(request: Request) -> Response:
    return page(request, "help.html", title="Help")


def _answer(request: Request, status: int, sentence: str) -> Response:
    """JSON for the interface, a page for people."""
    path = request.url.path
    if path.startswith(("/api/", "/image/", "/thumb/", "/static/")):
        return JSONResponse({"error": sentence}, status_code=status)
    try:
        return page(
            request, "message.html", title=HTTPStatus(status).phrase, status=status, said=sentence
        )
    except AskwellError:  # the store itself does not answer
        return PlainTextResponse(sentence, status_code=status)


async def _refused(request: Request, error: Exception) -> Response:
    """What cannot be done as asked; or, of the store, what the disk does not let happen."""
    if isinstance(error, LabelError) and request.method == "GET":  # an image that is not there
        return _answer(request, 404, str(error))
    if isinstance(error, InputError):
        return _answer(request, 422, str(error))
    log.error("%s", error)
    return _answer(request, 503, str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        f"{' → '.join(map(str, each['loc'][1:])) or each['loc'][0]}: {each['msg']}"
        for each in error.errors()[:3]
    ]
    sentence = f"The request cannot be understood. {'; '.join(problems)}."
    return _answer(request, 422, sentence.encode("utf-8", "replace").decode())


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {404: "There is no such page.", 405: "That cannot be done at this address."}
    answer = _answer(
        request, error.status_code, sentences.get(error.status_code, str(error.detail))
    )
    answer.headers.update(error.headers or {})
    return answer


async def _system(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    log.error("The system refuses: %s", error)
    return _answer(request, 503, f"The system refuses: {error.strerror or error}. Try again.")


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.exception("Unforeseen", exc_info=error)
    return _answer(
        request, 500, "Something went wrong here; the terminal says what. Answers are safe."
    )
