"""Whatever is sent, no answer is a fault of ours: every operation of the interface, fuzzed."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

schemathesis = pytest.importorskip("schemathesis")

from askwell.web.app import create_app  # noqa: E402
from tests.web.conftest import ORIGIN  # noqa: E402


@pytest.fixture
def api(project, client):
    for name in ("bob", "eve"):
        project.store.annotator(name)
    cookie = f"{project.access.cookie}={client.cookies[project.access.cookie]}"
    headers = {"origin": ORIGIN, "host": "127.0.0.1:8000", "cookie": cookie}
    loaded = schemathesis.openapi.from_asgi(
        "/api/openapi.json", create_app(project), headers=headers
    )
    return loaded, headers


def test_no_input_causes_a_fault(api):
    loaded, headers = api
    answered = set()
    for result in loaded.get_all_operations():
        operation = result.ok()
        if operation.path == "/api/login":
            continue  # each wrong password costs a second; see test_security.py

        @given(case=operation.as_strategy())
        @settings(
            max_examples=20,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case):
            response = case.call(headers=headers)
            assert response.status_code < 500, (case, response.text)
            assert response.status_code not in (401, 403, 421)  # not stopped at the door
            if response.status_code == 200:
                answered.add(case.path)
            if response.status_code >= 400 and case.path.startswith("/api/"):
                assert len(response.json()["error"]) > 10

        check()
    assert {"/api/next", "/api/status", "/api/history", "/api/gallery", "/api/undo"} <= answered
