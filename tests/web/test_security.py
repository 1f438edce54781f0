"""Who gets in, from where, and what a browser is told to refuse."""

import os
import stat
import subprocess
import sys

import pytest

from askwell.errors import InputError
from askwell.web.security import LARGEST_BODY, Access, is_loopback, session_key

READS = ("/gallery", "/progress", "/api/next", "/api/status", "/image/1", "/thumb/1", "/review")


def test_nothing_is_shown_without_a_session(stranger):
    for path in READS:
        response = stranger.get(path, follow_redirects=False)
        assert response.status_code in (303, 401), path
        assert response.headers.get("location", "/login") == "/login"
    response = stranger.post("/api/decisions", json={"decisions": []})
    assert response.status_code == 401
    assert "open the link" in response.json()["error"]


def test_the_link_works_once(project, stranger):
    token = project.access.new_token()
    first = stranger.get("/", params={"token": token})
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert token not in first.text
    stranger.cookies.clear()
    again = stranger.get("/", params={"token": token}, follow_redirects=False)
    assert again.headers["location"] == "/login"
    assert "set-cookie" not in again.headers


def test_a_prefetch_does_not_use_the_link_up(project, stranger):
    token = project.access.new_token()
    early = stranger.get("/", params={"token": token}, headers={"sec-purpose": "prefetch"})
    assert early.url.path == "/login"
    assert stranger.get("/", params={"token": token}).status_code == 200


def test_a_session_outlives_the_server(project, folder, client):
    cookie = client.cookies[project.access.cookie]
    access = Access(session_key(folder / ".askwell" / "project.key"))
    assert access.annotator_of(cookie) == project.access.annotator
    assert access.annotator_of(cookie[:-1] + ("A" if cookie[-1] != "A" else "B")) is None
    assert access.annotator_of("9." + cookie.partition(".")[2]) is None
    assert access.annotator_of("") is access.annotator_of(None) is None


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_key_is_the_owners_alone(project, folder):
    mode = (folder / ".askwell" / "project.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil.example:80"])
def test_a_rebound_name_is_refused(client, host):
    response = client.get("/api/status", headers={"host": host})
    assert response.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9000", "LOCALHOST"])
def test_our_own_names_are_taken(client, host):
    assert client.get("/api/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:9999"])
def test_only_the_page_itself_writes(client, origin):
    response = client.post("/api/undo", json={"key": "a" * 16}, headers={"origin": origin})
    assert response.status_code == 403


def test_requests_say_how_long_they_are_and_are_short(client):
    too_long = client.post("/api/undo", content=b" " * (LARGEST_BODY + 1))
    assert too_long.status_code == 413

    def piecemeal():
        yield b"{}"

    assert client.post("/api/undo", content=piecemeal()).status_code == 411
    both = {"content-length": "2", "transfer-encoding": "chunked"}  # which of them counts?
    assert client.post("/api/undo", content=b"{}", headers=both).status_code == 411


def test_every_answer_forbids_everything_from_elsewhere(client):
    for path in ("/", "/api/status", "/image/1", "/static/app.js", "/nowhere", "/gallery"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_no_template_or_static_file_names_another_machine(client):
    for path in ("/", "/gallery", "/progress", "/classes", "/problems", "/help", "/start"):
        page = client.get(path).text
        assert "http://" not in page, path
        assert "https://" not in page, path
        assert "style=" not in page, path
        assert "onclick" not in page, path


def test_other_machines_need_a_password():
    with pytest.raises(InputError, match="--password"):
        Access(b"k" * 32, "0.0.0.0")
    access = Access(b"k" * 32, "0.0.0.0", "secret")
    assert access.knows("192.168.1.7:8000")
    assert access.knows("localhost")
    assert not access.knows("evil.example")
    assert not Access(b"k" * 32).knows("192.168.1.7:8000")


def test_the_password_opens_a_session(project, stranger, monkeypatch):
    assert stranger.post("/api/login", json={"password": "x"}).status_code == 422  # none is set
    project.access.password = "geheim ü"
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    monkeypatch.setattr("askwell.web.security.asyncio.sleep", pause)
    assert stranger.post("/api/login", json={"password": "geheim"}).status_code == 403
    assert pauses == [1.0]
    assert stranger.post("/api/login", json={"password": "geheim ü"}).status_code == 200
    assert stranger.get("/").url.path == "/start"  # several people may have it: no name is set
    assert stranger.post("/api/start", json={"name": "ada"}).status_code == 200
    assert stranger.get("/api/status").status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.0.1", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_what_is_loopback(host, expected):
    assert is_loopback(host) is expected


def test_the_page_loads_no_torch():
    code = "import askwell.web.server, askwell.cli.label, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
