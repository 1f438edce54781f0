"""A project of sixty real images with the page in this process, and a client that is logged in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from askwell.web.app import create_app
from askwell.web.project import Project
from tests.web.serving import opened, write_digits

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_digits(tmp_path / "photos", 60)
    return tmp_path / "photos"


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    project = opened(folder)
    yield project
    project.close()


@pytest.fixture
def stranger(project: Project) -> TestClient:
    """A client of the right origin without a session."""
    return TestClient(create_app(project), base_url=ORIGIN, headers={"origin": ORIGIN})


@pytest.fixture
def client(project: Project, stranger: TestClient) -> TestClient:
    """A client with ada's session."""
    assert stranger.get("/", params={"token": project.access.new_token()}).status_code == 200
    return stranger
