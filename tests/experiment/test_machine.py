import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from askwell.experiment import machine
from askwell.experiment.quota import cpu_quota
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


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        pytest.param(["0::/"], {"cpu.max": "max 100000"}, None, id="no limit"),
        pytest.param(["0::/"], {"cpu.max": "150000 100000"}, 1.5, id="container"),
        pytest.param(["0::/a/b"], {"a/cpu.max": "50000 100000"}, 0.5, id="of a group above"),
        pytest.param(
            ["0::/a/b"],
            {"a/b/cpu.max": "400000 100000", "a/cpu.max": "max 100000", "cpu.max": "3000 1000"},
            3.0,
            id="the tightest",
        ),
        pytest.param(["0::/host/7"], {"cpu.max": "200000 100000"}, 2.0, id="seen from inside"),
        pytest.param(
            ["2:cpu,cpuacct:/a", "1:memory:/a", "0::/"],
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
             "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
             "cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            2.5,
            id="version 1",
        ),
        pytest.param(
            ["1:cpu:/"],
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
            id="version 1, no limit",
        ),
        pytest.param(["1:cpuset:/"], {"cpuset/cpu.cfs_quota_us": "1"}, None, id="another group"),
        pytest.param(["nonsense", "", "0::/"], {"cpu.max": "a b"}, None, id="nonsense"),
        pytest.param([], {"cpu.max": "1 0"}, None, id="no groups"),
    ],
)  # fmt: skip
def test_the_quota_is_that_of_the_control_groups(tmp_path, groups, files, quota):
    texts = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in {**texts, "proc/self/cgroup": "\n".join(groups)}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == quota


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert cpu_quota(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be feigned here")
@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (0.1, 1), (1.5, 2), (3.0, 3), (64.0, 8)])
def test_cores_beyond_the_quota_do_not_count(monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert machine.available_cores() == cores


@pytest.mark.parametrize(
    ("limit", "threads"),
    [(None, [8, 2, 1]), ("3", [3, 2, 1]), ("1", [1, 1, 1]), ("2,1", [2, 2, 1]), ("99", [8, 2, 1])]
    + [(nonsense, [8, 2, 1]) for nonsense in ("", "0", "-1", "many", "1.5")],
)
def test_threads_are_a_share_of_the_cores_within_omp_num_threads(monkeypatch, limit, threads):
    monkeypatch.setattr(machine, "available_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if limit is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert [machine.threads_for(jobs) for jobs in (1, 4, 16)] == threads


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
