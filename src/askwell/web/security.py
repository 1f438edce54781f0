"""Who may talk to the page: a one-time link, a signed cookie, and what browsers are told to refuse.

The page binds 127.0.0.1, but every website that is open in the same browser can send requests
there. So each request must name a host of ours (a rebound DNS name is refused), carry the session
cookie (SameSite=Strict, HttpOnly), and each write must come from our own origin. The content
security policy lets a page load from here alone: nothing is ever asked of another machine.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import socket
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from askwell.errors import InputError, RunError
from askwell.paths import shown

LARGEST_BODY = 1 << 20
"""Bytes of a request: a thousand decisions take a fifth of it."""

_DAYS = 30
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OPEN = frozenset({"/login", "/api/login"})

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # "no-referrer" would make browsers send `Origin: null` with forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",  # no image and no answer stays on the browser's disk
}
"""Sent with every response."""


@dataclass(slots=True)
class Access:
    """What lets a browser in: unused one-time tokens, a password, and the key of the cookies.

    Attributes:
        key: signs session cookies; kept beside the project, so that a restart logs nobody out.
        host: the address that the server binds.
        password: needed where others can reach that address; None on this machine alone.
        annotator: whose name a fresh session gets; None asks for it.
    """

    key: bytes
    host: str = "127.0.0.1"
    password: str | None = None
    annotator: int | None = None
    _tokens: dict[str, int | None] = field(default_factory=dict)
    _guessing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Refuse a page that anybody on the network could open."""
        if not is_loopback(self.host) and not self.password:
            raise InputError(
                f"--host {self.host} can be reached from other machines: give a --password too "
                "(or set ASKWELL_PASSWORD), or leave --host out to stay on this machine."
            )

    @property
    def cookie(self) -> str:
        """The cookie's name: of this project alone, since cookies know no ports."""
        return "askwell_" + hashlib.sha256(b"name" + self.key).hexdigest()[:10]

    @property
    def port(self) -> int:
        """The project's own port: what waits in a browser is kept by port, over restarts too.

        Between 20 000 and 30 000, where neither services nor outgoing connections usually are.
        """
        return 20_000 + int(hashlib.sha256(b"port" + self.key).hexdigest(), 16) % 10_000

    def new_token(self, *, invited: bool = False) -> str:
        """A token that opens one session; of somebody invited, who has not given a name yet."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = None if invited else self.annotator
        return token

    def redeem(self, token: str) -> str | None:
        """The `Set-Cookie` header that a token opens a session with; None if used or not ours."""
        try:
            return self.set_cookie(self._tokens.pop(token))
        except KeyError:
            return None

    async def guess(self, password: str) -> bool:
        """Whether this is the password; a wrong one costs a second, one guess at a time."""
        async with self._guessing:
            right = self.password is not None and hmac.compare_digest(
                password.encode("utf-8", "replace"), self.password.encode("utf-8", "replace")
            )
            if not right:
                await asyncio.sleep(1.0)
            return right

    def session(self, annotator: int | None) -> str:
        """A signed cookie value for an annotator, or for somebody not yet named."""
        text = f"{annotator or 0}.{int(time.time())}.{secrets.token_hex(8)}"
        return f"{text}.{self._sign(text)}"

    def annotator_of(self, value: str | None) -> int | None:
        """The annotator of a cookie value, 0 if not yet named; None if it is not ours or old."""
        text, _, signature = (value or "").rpartition(".")
        if not hmac.compare_digest(self._sign(text).encode(), signature.encode("utf-8", "replace")):
            return None
        annotator, made_at, _ = text.split(".")
        return int(annotator) if time.time() - int(made_at) < _DAYS * 86_400 else None

    def set_cookie(self, annotator: int | None) -> str:
        """The `Set-Cookie` header that opens a session."""
        return (
            f"{self.cookie}={self.session(annotator)}; Path=/; Max-Age={_DAYS * 86_400}; "
            "HttpOnly; SameSite=Strict"
        )

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this machine, not a name that was rebound to it."""
        name = _without_port(host).lower()
        if is_loopback(name):
            return True
        if is_loopback(self.host):
            return False
        return _is_address(name) or name in _own_names() | {self.host.lower()}

    def _sign(self, text: str) -> str:
        digest = hmac.new(self.key, text.encode("utf-8", "replace"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def session_key(path: Path) -> bytes:
    """The key of a project's cookies: read, or made and kept readable by its owner alone.

    Raises:
        RunError: the file can be neither read nor written.
    """
    try:
        if path.exists() and len(key := path.read_bytes()) == 32:
            return key
        path.unlink(missing_ok=True)
        key = secrets.token_bytes(32)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(key)
    except OSError as error:
        raise RunError(
            f"{shown(path)} cannot be read or written: {error.strerror or error}. The project's "
            "folder must be writable."
        ) from error
    return key


def is_loopback(host: str) -> bool:
    """Whether a host can be reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """The ASGI layer around the page: host, origin, size, session, and headers of every answer.

    Puts the annotator's id into `scope["annotator"]`, 0 for one who has not given a name.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to the page."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets here

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] = list(message["headers"]) + [
                    (name.encode(), value.encode())
                    for name, value in HEADERS.items()
                    if name.encode() not in known
                ]
            await send(message)

        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, with_headers, *refusal)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(
        self, scope: MutableMapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, str] | None:
        """Status and sentence if the request is not let through."""
        host = headers.get("host", "")
        if not self._access.knows(host):
            return 421, "This address is not one of the page's: open the link that askwell printed."
        if scope["method"] in _WRITES:
            if headers.get("origin", "").partition("://")[2].lower() != host.lower():
                return 403, "Only the page itself may write: the Origin header names another."
            if (refusal := _size(headers)) is not None:
                return refusal
        path = scope["path"]
        annotator = self._access.annotator_of(_cookie(headers, self._access.cookie))
        scope["annotator"] = annotator or 0
        fresh = path == "/" and b"token=" in scope.get("query_string", b"")
        if annotator is None and not (fresh or path in _OPEN or path.startswith("/static/")):
            return 401, "no session"
        return None


def _size(headers: Mapping[str, str]) -> tuple[int, str] | None:
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return 411, "A request must say how long it is: send a Content-Length header."
    if len(length) > 12 or int(length) > LARGEST_BODY:
        return 413, f"A request may have {LARGEST_BODY:,} bytes: send fewer decisions at a time."
    return None


async def _refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """A sentence for programs, a page for people; without a session, the way in."""
    api = scope["path"].startswith(("/api/", "/image/", "/thumb/"))
    if status == 401 and not api and scope["method"] == "GET":
        headers, body = [(b"location", b"/login")], b""
        status = 303
    else:
        if status == 401:
            sentence = "There is no session: open the link that askwell printed in its terminal."
        headers = [(b"content-type", b"application/json" if api else b"text/plain; charset=utf-8")]
        body = json.dumps({"error": sentence}).encode() if api else sentence.encode()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name; of repeated ones the last, but every cookie."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}; {text}" if name == "cookie" and name in headers else text
    return headers


def _cookie(headers: Mapping[str, str], name: str) -> str | None:
    for part in headers.get("cookie", "").split(";"):
        found, _, value = part.strip().partition("=")
        if found == name:
            return value
    return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, name.partition(".")[0], f"{name.partition('.')[0]}.local"}
