"""Images by id: what leaves is made here, never a file of the user's."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from askwell.datasets.decoding import UnreadableImageError
from askwell.web.images import Size
from askwell.web.rendering import project_of
from askwell.web.schemas import Id

router = APIRouter()


@router.get("/image/{item}")
async def image(request: Request, item: Id) -> Response:
    """An image, upright, at most 2 560 pixels a side."""
    return await _picture(request, item, "full")


@router.get("/thumb/{item}")
async def thumb(request: Request, item: Id) -> Response:
    """A thumbnail, at most 256 pixels a side."""
    return await _picture(request, item, "thumb")


async def _picture(request: Request, number: int, size: Size) -> Response:
    project = project_of(request)
    item = await run_in_threadpool(project.store.showing, number)
    try:
        shown = await project.images.read(item.path, item.sha256, size)
    except UnreadableImageError as error:
        if item.status == "ok":  # it must not be offered again and again
            await run_in_threadpool(project.store.unreadable, {item.id: str(error)})
            project.decided(trains=False)
        gone = f"{item.path} is gone; what was said of it counts again when it is back"
        return JSONResponse(
            {"error": f"{gone if item.status == 'vanished' else error}."}, status_code=410
        )
    return Response(shown.body, media_type=shown.media_type)
