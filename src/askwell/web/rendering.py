"""Pages from templates, with what every page shows."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from askwell.store import Annotator
from askwell.version import __version__
from askwell.web.project import Project
from askwell.web.status import number

PAGES = (
    ("/", "Label"),
    ("/gallery", "Gallery"),
    ("/progress", "Progress"),
    ("/agreement", "Agreement"),
    ("/classes", "Classes"),
    ("/problems", "Problems"),
    ("/help", "Help"),
)

_templates = Environment(
    loader=PackageLoader("askwell.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["number"] = number


def project_of(request: Request) -> Project:
    """The project that the application was made for."""
    project: Project = request.app.state.project
    return project


def viewer_of(request: Request) -> Annotator | None:
    """Who looks, by the session cookie; None before a name was given."""
    number: int = request.scope.get("annotator", 0)
    found = (each for each in project_of(request).store.annotators() if each.id == number)
    return next(found, None)


def page(
    request: Request, template: str, *, title: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """A whole page."""
    project, here = project_of(request), request.url.path
    viewer = viewer_of(request)
    body = _templates.get_template(template).render(
        title=title,
        project="askwell" if here == "/login" else project.name,
        project_key=project.access.cookie,
        version=__version__,
        pages=PAGES,
        here=here,
        annotator=viewer,
        problems=project.problems(),
        **values,
    )
    return HTMLResponse(body, status_code=status)
