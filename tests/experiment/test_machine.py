import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from askwell.experiment import machine
from askwell.version import __version__


def git(folder: Path, *command: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    asked = ["git", "-C", str(folder), *identity, *command]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in which machine.py pretends to lie."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(tmp_path, "init", "-q")
    (tmp_path / "mine.py").write_text("")
    git(tmp_path, "add", "mine.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "machine.py").write_text("")
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    return tmp_path


def describe() -> dict[str, object]:
    return machine.describe(device=torch.device("cpu"), jobs=3, threads=2)


def test_a_description_says_what_may_influence_numbers_and_is_json():
    about = json.loads(json.dumps(describe(), allow_nan=False))
    assert (about["askwell"], about["jobs"], about["threads"]) == (__version__, 3, 2)
    assert (about["device"], about["cores"]) == ("CPU", machine.available_cores())
    assert about["packages"]["torch"] == torch.__version__.partition("+")[0] or torch.__version__
    assert about["training_dtype"] in ("float32", "bfloat16")
    assert about["processor"]
    assert about["started"].endswith("+00:00")


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= machine.available_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_cores_that_are_taken_away_do_not_count():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert machine.available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_commit_is_that_of_the_source_and_marked_where_it_was_changed(repository):
    git(repository, "add", "machine.py")
    git(repository, "commit", "-q", "-m", "two")
    assert describe()["commit"] == git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / "machine.py").write_text("changed")
    assert str(describe()["commit"]).endswith("+")


def test_the_commit_of_a_repository_that_it_is_merely_installed_in_is_not_ours(repository):
    assert describe()["commit"] == "unknown"


def test_without_git_or_a_repository_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe()["commit"] == "unknown"


def test_a_package_that_is_not_installed_is_said_to_be_none(monkeypatch):
    monkeypatch.setattr(machine, "_PACKAGES", ("numpy", "no-such-package"))
    packages = describe()["packages"]
    assert isinstance(packages, dict)
    assert packages["no-such-package"] == "not installed"
    assert packages["numpy"][0].isdigit()


def test_keeping_freed_memory_changes_no_number_and_may_be_asked_for_twice():
    before = torch.arange(1e6).sum()
    machine.keep_freed_memory()
    machine.keep_freed_memory()
    assert torch.arange(1e6).sum() == before
