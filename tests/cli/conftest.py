from pathlib import Path

import pytest

from askwell.records import Run
from tests.cli.shell import Shell
from tests.conftest import tiny_toml


@pytest.fixture
def askwell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("ASKWELL_TRACEBACK", raising=False)
    (tmp_path / "tiny.toml").write_text(tiny_toml())
    return Shell(monkeypatch, capsys)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports take seconds: they are left out where a test is about something else."""

    def instead(run: Run, directory: Path, *, images: object = None) -> Path:
        return directory / "report.html"

    monkeypatch.setattr("askwell.experiment.report.write_report", instead)
