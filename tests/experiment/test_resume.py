"""Runs that are killed, interrupted or lose a worker end as one that was left alone."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from askwell.experiment import machine
from askwell.experiment.journal import Journal
from askwell.experiment.runner import run
from askwell.experiment.spec_files import load
from askwell.records import Run
from tests.conftest import tiny_toml
from tests.experiment.test_runner import Noted, cores, results

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="reads /proc to find processes that were left behind"
)

JOBS = 2
PATIENCE = 200.0
"""Seconds until something that must happen counts as not happening."""

SPEC = tiny_toml(seeds=(0, 1), query_size=2, budget=40, weight_decay=(0.05, 0.5))
STEPS = 4 * 16


@dataclass
class Started:
    """`askwell run` in a process group of its own."""

    process: "subprocess.Popen[bytes]"
    directory: Path
    log: Path

    def recorded(self) -> int:
        """Steps on disk."""
        found = 0
        for file in self.directory.glob("steps/*.jsonl"):
            # A run that starts anew before its first step writes the splits again.
            with contextlib.suppress(FileNotFoundError):
                found += max(0, file.read_bytes().count(b"\n") - 1)
        return found

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Until it is so; the run must not end before."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, f"ended too soon: {self.output()}"
            assert time.monotonic() < deadline, f"waited in vain: {self.output()}"
            time.sleep(0.002)

    def wait_for_steps(self, count: int) -> None:
        before = self.recorded()
        self.wait_for(lambda: self.recorded() >= before + count)

    def output(self) -> str:
        return self.log.read_text("utf-8")

    def end(self) -> int:
        """Its exit code; no process of it may live on."""
        code = self.process.wait(PATIENCE)
        deadline = time.monotonic() + 60
        while left := self.family():
            assert time.monotonic() < deadline, f"left behind: {left}"
            time.sleep(0.05)
        return code

    def family(self) -> dict[int, str]:
        """Command lines of the living processes of the group, by id (zombies do not live)."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                command = (entry / "cmdline").read_text().replace("\0", " ")
            except (OSError, UnicodeDecodeError):
                continue  # it has just ended, or is not ours
            if int(group) == self.process.pid and state not in "ZX":
                found[int(entry.name)] = command
        return found

    def workers(self) -> list[int]:
        return [pid for pid, command in self.family().items() if "spawn_main" in command]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "resumed.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture(scope="module")
def whole(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Never stopped, in this process, with the threads that each of two processes would have."""
    with cores(machine.threads_for(JOBS)):
        found = run(load(str(spec)), tmp_path_factory.mktemp("whole"), jobs=1)
    assert sum(len(chain.steps) for chain in found.chains) == STEPS
    return found


@pytest.fixture
def start(spec: Path, tmp_path: Path) -> Iterator[Callable[[], Started]]:
    """Starts the run, or goes on with it, in `tmp_path / "out"`; kills what a test leaves."""
    everything: list[Started] = []

    def start() -> Started:
        command = [sys.executable, "-m", "askwell", "run", str(spec), "--jobs", str(JOBS)]
        log = tmp_path / f"{len(everything)}.log"
        # A shell's background job ignores Ctrl-C, and what it starts would, too.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [*command, "--out", "out"],
                    cwd=tmp_path,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=os.environ | {"TERM": "dumb", "PYTHONPATH": os.pathsep.join(sys.path)},
                )
        finally:
            signal.signal(signal.SIGINT, before)
        everything.append(Started(process, tmp_path / "out", log))
        return everything[-1]

    yield start
    for started in everything:
        for pid in started.family():
            os.kill(pid, signal.SIGKILL)
        started.process.wait()


@pytest.mark.timeout(900)
def test_a_run_killed_again_and_again_ends_with_the_records_of_one_left_alone(
    start: Callable[[], Started], whole: Run
) -> None:
    chance = random.Random(0)
    # Two moments while the processes start, the others just after so many new steps.
    for steps in (2, 0, 1, 0, 3):
        started = start()
        if steps:
            started.wait_for_steps(steps)
        time.sleep(chance.uniform(0, 0.05 if steps else 1.5))
        assert started.process.poll() is None, started.output()
        started.process.kill()
        assert started.end() == -signal.SIGKILL
    before = started.recorded()
    assert 0 < before < STEPS
    last = start()
    assert last.end() == 0, last.output()
    assert f"{before} done before; 2 processes." in last.output()
    assert "Report: " in last.output()
    assert (last.directory / "report" / "report.html").is_file()
    found = Journal(last.directory).read()
    assert found.environment["threads"] == whole.environment["threads"]
    assert results(found) == results(whole)


@pytest.mark.timeout(900)
def test_ctrl_c_sigterm_and_a_killed_worker_end_a_run_in_words_and_it_goes_on(
    start: Callable[[], Started], spec: Path, whole: Run
) -> None:
    # While the workers start: they must not answer to Ctrl-C themselves.
    started = start()
    started.wait_for(lambda: len(started.workers()) == JOBS)
    time.sleep(0.2)
    os.killpg(started.process.pid, signal.SIGINT)
    assert started.end() == 130, started.output()
    assert started.output().splitlines()[-1] == (
        "Stopped. Finished steps are safe in out; the same command goes on from there."
    )
    assert "Traceback" not in started.output()

    # While they work.
    started = start()
    started.wait_for_steps(2)
    os.killpg(started.process.pid, signal.SIGINT)
    assert started.end() == 130, started.output()
    assert "Stopped. Finished steps are safe in out" in started.output()
    assert "Traceback" not in started.output()

    # SIGTERM, as `kill` sends it to the run, and a scheduler to all its processes.
    for send in (os.kill, os.killpg):
        started = start()
        started.wait_for_steps(1)
        send(started.process.pid, signal.SIGTERM)
        assert started.end() == 143, started.output()
        assert started.output().splitlines()[-1].startswith("Stopped. Finished steps are safe")
        assert "Traceback" not in started.output()

    # One worker is killed, as the system does when memory is short.
    started = start()
    started.wait_for_steps(1)
    os.kill(started.workers()[0], signal.SIGKILL)
    assert started.end() == 1, started.output()
    assert started.output().splitlines()[-1] == (
        "Error: A worker process died (killed, or out of memory?). Finished steps are safe: run "
        "the same command again, with fewer --jobs if memory is short."
    )
    assert "Traceback" not in started.output()

    # The rest in this process: another --jobs changes nothing.
    before, watcher = started.recorded(), Noted()
    assert 5 <= before < STEPS
    found = run(load(str(spec)), started.directory, jobs=1, watcher=watcher)
    assert len(watcher.steps) == STEPS - before
    assert watcher.threads == {whole.environment["threads"]}
    assert results(found) == results(whole)
