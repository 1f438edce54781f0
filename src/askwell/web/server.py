"""Serving the page: one process, one socket, an end that loses nothing."""

import logging
import signal
import socket
from collections.abc import Callable

import uvicorn

from askwell.errors import RunError
from askwell.web.app import create_app
from askwell.web.project import Project

_GRACE = 3  # seconds for requests that are under way when the server is stopped


def serve(
    project: Project,
    *,
    host: str,
    port: int | None = None,
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a project until Ctrl-C or SIGTERM, then close it.

    Args:
        project: whatever happens, it is closed at the end.
        host: address to bind.
        port: by default the project's own, if it is free, else a free one; 0 takes a free one.
        started: gets the one-time address once the server listens.

    Raises:
        RunError: the address cannot be bound.
    """
    try:
        bound = _own_port(host, project.access.port) if port is None else _bind(host, port)
        place = f"[{host}]" if ":" in host else host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else place
        url = f"http://{shown}:{bound.getsockname()[1]}/?token={project.access.new_token()}"
        logging.getLogger("askwell.web").setLevel(logging.WARNING)
        config = uvicorn.Config(
            create_app(project),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            h11_max_incomplete_event_size=64 << 10,
            timeout_graceful_shutdown=_GRACE,
        )
        project.supervisor.start()
        started(url)
        with bound:
            _Server(config).run(sockets=[bound])
    finally:
        project.close()


class _Server(uvicorn.Server):
    """A server that ends by Ctrl-C or SIGTERM as by itself: the project is closed after it."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            super().run(sockets)
        except KeyboardInterrupt:  # uvicorn sends the signal again once it has shut down
            return
        finally:
            signal.signal(signal.SIGTERM, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _own_port(host: str, port: int) -> socket.socket:
    try:
        return _bind(host, port)
    except RunError:  # another program has it, or the address is not ours: the next call says so
        return _bind(host, 0)


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket; connections wait in its queue until the server takes them.

    Raises:
        RunError: the address is taken, not ours, or forbidden.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said in full: without the protocol's name asyncio leaves out TCP_NODELAY, and every answer
    # waits 40 ms for the acknowledgement of its own headers.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise RunError(
            f"{host}:{port} cannot be bound: {error.strerror or error}. Leave --port out to take a "
            "free one, or give another --host."
        ) from error
    return bound
