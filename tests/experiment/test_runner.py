import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from askwell.errors import InputError, NonFiniteError, RunError, SpecError
from askwell.experiment import machine, runner
from askwell.experiment.disk import locked
from askwell.experiment.journal import Journal
from askwell.experiment.runner import run
from askwell.experiment.spec import Spec
from askwell.experiment.workbench import Workbench
from askwell.experiment.workers import Outcome
from askwell.records import Chain, Run, StepRecord
from tests.experiment.test_workbench import TINY

SMALL = replace(TINY, budget=20, seeds=(0, 1))
"""Four chains of three steps."""


class Noted:
    """A watcher that writes down what it is told, and the threads torch computes with then."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, tuple[int, ...], int]] = []
        self.steps: list[tuple[str, int, int]] = []
        self.threads: set[int] = set()

    def begin(self, spec: Spec, chains: Sequence[Chain], jobs: int) -> None:
        self.begun.append((spec.name, tuple(len(c.steps) for c in chains), jobs))

    def features(self, done: int, total: int) -> None:
        raise AssertionError("there are none")

    def step(self, chain: Chain) -> None:
        self.steps.append((chain.arm, chain.seed, chain.steps[-1].step))
        self.threads.add(torch.get_num_threads())


class Stopping(Noted):
    """Presses Ctrl-C after so many steps."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def step(self, chain: Chain) -> None:
        super().step(chain)
        if len(self.steps) == self.after:
            raise KeyboardInterrupt


def results(run: Run) -> str:
    """Everything but times; as text, since NaN is not equal to itself."""
    return repr([
        replace(chain, steps=tuple(
            replace(s, seconds={}, training=replace(s.training, seconds=0.0)) for s in chain.steps
        ))
        for chain in run.chains
    ])  # fmt: skip


@contextmanager
def cores(count: int) -> Iterator[None]:
    """A machine with so many cores, and no other limit of threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)
        patch.setattr(machine, "available_cores", lambda: count)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small spec, run in this process with one thread, never stopped."""
    with cores(1):
        return run(SMALL, tmp_path_factory.mktemp("whole"), jobs=1)


def test_a_run_holds_every_chain_in_the_specs_order_with_every_step(whole):
    names = [(chain.arm, chain.seed) for chain in whole.chains]
    assert names == [("bald", 0), ("bald", 1), ("random", 0), ("random", 1)]
    assert all([s.step for s in chain.steps] == [0, 1, 2] for chain in whole.chains)
    assert whole.spec == SMALL.as_dict()
    assert whole.classes == tuple("0123456789")
    assert (whole.environment["threads"], whole.environment["jobs"]) == (1, 1)


def test_two_processes_give_the_records_of_one(whole, tmp_path):
    watcher = Noted()
    with cores(2):
        found = run(SMALL, tmp_path, jobs=2, watcher=watcher)
    assert (found.environment["threads"], found.environment["jobs"]) == (1, 2)
    assert results(found) == results(whole)
    assert sorted(watcher.steps) == [(a, s, i) for a in ("bald", "random") for s in (0, 1)
                                     for i in range(3)]  # fmt: skip


def test_a_watcher_is_told_of_the_start_and_once_of_each_step(tmp_path):
    watcher = Noted()
    run(SMALL, tmp_path, jobs=1, watcher=watcher)
    assert watcher.begun == [("tiny", (0, 0, 0, 0), 1)]
    # Chains take turns, the arms of a seed side by side.
    first = [("bald", 0, 0), ("random", 0, 0), ("bald", 1, 0), ("random", 1, 0)]
    assert watcher.steps == [(a, s, i) for i in range(3) for a, s, _ in first]


def test_a_finished_run_does_nothing_new(whole, tmp_path):
    with cores(1):
        run(SMALL, tmp_path, jobs=1)
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        watcher = Noted()
        again = run(SMALL, tmp_path, jobs=1, watcher=watcher)
    assert (watcher.begun, watcher.steps) == ([("tiny", (3, 3, 3, 3), 1)], [])
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    assert results(again) == results(whole)


@pytest.mark.parametrize(
    "smaller",
    [{"seeds": (1,)}, {"acquisitions": ("random",)}, {"budget": 17}, {"budget": 15}, {"budget": 10},
     {"seeds": (1,), "acquisitions": (), "arms": ("random",), "budget": 19}],
)  # fmt: skip
def test_a_run_that_grows_ends_as_if_it_had_always_been_so(whole, tmp_path, smaller):
    with cores(1):
        first = run(replace(SMALL, **smaller), tmp_path, jobs=1)
        assert results(first) != results(whole)
        watcher = Noted()
        grown = run(SMALL, tmp_path, jobs=1, watcher=watcher)
    assert results(grown) == results(whole)
    assert grown.spec == SMALL.as_dict()
    assert len(watcher.steps) < sum(len(chain.steps) for chain in whole.chains) or (
        smaller == {"budget": 10}
    ), "what was there and whole is kept"


def test_a_run_that_was_stopped_grows(whole, tmp_path):
    with cores(1):
        with pytest.raises(KeyboardInterrupt):
            run(replace(SMALL, seeds=(0,), budget=17), tmp_path, jobs=1, watcher=Stopping(3))
        assert results(run(SMALL, tmp_path, jobs=1)) == results(whole)


@pytest.mark.parametrize(
    ("smaller", "message"),
    [
        ({"seeds": (1,)}, r"seeds is \[0, 1\] there and \[1\] here"),
        ({"acquisitions": ("bald",)}, "acquisitions is .* there and"),
        ({"budget": 15}, "budget is 20 there and 15 here"),
        ({"seeds": (0, 1, 2), "draws": 5}, "spec: draws is 4 there and 5 here. Choose"),
    ],
)
def test_a_run_does_not_shrink_nor_grow_into_another(whole, tmp_path, smaller, message):
    with cores(1):
        run(SMALL, tmp_path, jobs=1)
        with pytest.raises(RunError, match=message):
            run(replace(SMALL, **smaller), tmp_path, jobs=1)
        assert results(run(SMALL, tmp_path, jobs=1)) == results(whole)


@pytest.mark.parametrize("after", [1, 5, 11])
def test_a_run_stopped_by_ctrl_c_goes_on_to_the_same_end(whole, tmp_path, after):
    threads = torch.get_num_threads()
    with cores(1), pytest.raises(KeyboardInterrupt):
        run(SMALL, tmp_path, jobs=1, watcher=Stopping(after))
    assert torch.get_num_threads() == threads
    with locked(tmp_path):  # it was given back
        assert sum(len(c.steps) for c in Journal(tmp_path).read().chains) == after
    watcher = Noted()
    with cores(1):
        assert results(run(SMALL, tmp_path, jobs=1, watcher=watcher)) == results(whole)
    assert len(watcher.steps) == 12 - after


def test_a_step_that_fails_leaves_the_earlier_ones(whole, tmp_path, monkeypatch):
    step = Workbench.step

    def failing(bench: Workbench, arm: object, chain: Chain) -> StepRecord:
        if (chain.arm, len(chain.steps)) == ("random", 1):
            raise NonFiniteError("Training diverged.")
        return step(bench, arm, chain)  # type: ignore[arg-type]

    with monkeypatch.context() as broken, cores(1):
        broken.setattr(Workbench, "step", failing)
        with pytest.raises(NonFiniteError, match="Training diverged"):
            run(SMALL, tmp_path, jobs=1)
    assert sum(len(c.steps) for c in Journal(tmp_path).read().chains) == 5
    with cores(1):
        assert results(run(SMALL, tmp_path, jobs=1)) == results(whole)


def test_the_threads_of_the_first_start_are_kept(tmp_path):
    with cores(1), pytest.raises(KeyboardInterrupt):
        run(SMALL, tmp_path, jobs=1, watcher=Stopping(1))
    watcher = Noted()
    with cores(4):
        found = run(SMALL, tmp_path, jobs=1, watcher=watcher)
    assert watcher.threads == {1}
    assert (found.environment["threads"], found.environment["cores"]) == (1, 1)


def test_no_more_processes_run_than_have_cores_for_the_threads_of_the_first_start(tmp_path):
    with cores(2), pytest.raises(KeyboardInterrupt):
        run(SMALL, tmp_path, jobs=1, watcher=Stopping(1))
    watcher = Noted()
    with cores(2), pytest.warns(UserWarning, match="2 threads a process, .* so 1 process runs at"):
        run(SMALL, tmp_path, jobs=2, watcher=watcher)
    assert watcher.begun[0][2] == 1
    assert watcher.threads == {2}


def test_cores_are_shared_out_among_processes(tmp_path):
    with cores(7), pytest.raises(KeyboardInterrupt):
        run(replace(SMALL, seeds=(0,)), tmp_path, jobs=1, watcher=(watcher := Stopping(1)))
    assert watcher.threads == {7}
    with cores(7):
        assert [runner._jobs(jobs, 4, torch.device("cpu")) for jobs in (None, 2, 9)] == [4, 2, 4]
        assert runner._jobs(None, 40, torch.device("cpu")) == 7
        assert runner._jobs(None, 40, torch.device("cuda")) == 1


def test_omp_num_threads_bounds_the_threads_of_every_process(tmp_path, monkeypatch):
    spec = replace(SMALL, seeds=(0,))
    monkeypatch.setattr(machine, "available_cores", lambda: 7)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path, jobs=1, watcher=(watcher := Stopping(1)))
    assert watcher.threads == {2}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with pytest.warns(UserWarning, match=r"\(other threads; see run\.json\)"):
        found = run(spec, tmp_path, jobs=1, watcher=(watcher := Noted()))
    assert (watcher.threads, found.environment["threads"]) == ({1}, 2)


def test_more_jobs_than_chains_are_as_many_as_chains(tmp_path):
    spec = replace(SMALL, seeds=(0,), acquisitions=("random",))
    watcher = Noted()
    run(spec, tmp_path, jobs=16, watcher=watcher)
    assert watcher.begun == [("tiny", (0,), 1)]


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_job_at_all_is_refused_before_anything_is_made(tmp_path, jobs):
    with pytest.raises(InputError, match=f"--jobs must be at least 1; got {jobs}"):
        run(SMALL, tmp_path / "new", jobs=jobs)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("changes", [{"budget": 5000}, {"dataset": "digit"}, {"initial": 299}])
def test_a_spec_that_does_not_fit_its_data_leaves_nothing_behind(tmp_path, changes):
    spec = replace(SMALL, **{"budget": 299, "validation": 1} | changes)
    with pytest.raises(SpecError):
        run(spec, tmp_path / "new", jobs=1)
    assert not (tmp_path / "new").exists()


def test_a_spec_that_fails_in_its_first_step_can_be_corrected(whole, tmp_path, monkeypatch):
    def failing(*_: object) -> StepRecord:
        raise NonFiniteError("Training diverged.")

    with monkeypatch.context() as broken, cores(2):
        broken.setattr(Workbench, "step", failing)
        with pytest.raises(NonFiniteError, match="Training diverged"):
            run(replace(SMALL, initial=12, seeds=(0, 1, 2)), tmp_path, jobs=1)
    assert Journal(tmp_path).read().chains
    with cores(1):
        found = run(SMALL, tmp_path, jobs=1)
    assert (found.spec, found.environment["threads"]) == (SMALL.as_dict(), 1)
    assert results(found) == results(whole)


def test_a_directory_in_use_is_refused(tmp_path):
    with locked(tmp_path), pytest.raises(RunError, match="Another process is running in"):
        run(SMALL, tmp_path, jobs=1)


def test_another_spec_or_other_data_are_refused_and_a_renamed_spec_is_not(tmp_path):
    spec = replace(SMALL, seeds=(0,), acquisitions=("random",))
    run(spec, tmp_path, jobs=1)
    with pytest.raises(RunError, match="holds a run of another spec: draws is 4 there and 5 here"):
        run(replace(spec, draws=5), tmp_path, jobs=1)
    header = json.loads((tmp_path / "run.json").read_text("utf-8"))
    (tmp_path / "run.json").write_text(json.dumps(header | {"data": "0" * 16}))
    with pytest.raises(RunError, match="holds a run on other data"):
        run(spec, tmp_path, jobs=1)
    (tmp_path / "run.json").write_text(json.dumps(header))
    found = run(replace(spec, name="renamed"), tmp_path, jobs=1)
    assert found.spec["name"] == "tiny"


def test_going_on_with_other_versions_is_warned_of(tmp_path):
    spec = replace(SMALL, seeds=(0,), acquisitions=("random",))
    run(spec, tmp_path, jobs=1)
    header = json.loads((tmp_path / "run.json").read_text("utf-8"))
    header["environment"]["packages"]["torch"] = "1.0"
    header["environment"]["processor"] = "abacus"
    (tmp_path / "run.json").write_text(json.dumps(header))
    with pytest.warns(UserWarning, match=r"\(other packages, processor; see run\.json\)"):
        run(spec, tmp_path, jobs=1)


class Dying:
    """Workers of which one dies: when it is given work, or before its result is there."""

    parallel = 2

    def __init__(self, when: str) -> None:
        self.when = when

    def __call__(self, arm: object, chain: Chain) -> "Future[Outcome]":
        if self.when == "given work":
            raise BrokenProcessPool
        future: Future[Outcome] = Future()
        future.set_exception(BrokenProcessPool())
        return future


@pytest.mark.parametrize("when", ["given work", "asked for its result"])
def test_a_dead_worker_is_an_error_in_words_whenever_it_shows(when):
    task = runner._Task(SMALL.all_arms[0], Chain("bald", 0, (), (), ()))
    with pytest.raises(RunError, match=r"A worker process died .* run the same command again"):
        next(runner._turns([task], Dying(when), 3))


def test_a_full_disk_stops_a_run_which_then_goes_on(whole, tmp_path: Path, monkeypatch):
    fsync, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 14:  # run.json and four splits with their folders are ten
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as broken, cores(1):
        broken.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"No space left on device\. Finished steps are safe"):
            run(SMALL, tmp_path, jobs=1)
    assert sum(len(c.steps) for c in Journal(tmp_path).read().chains) in (4, 5)
    with cores(1):
        assert results(run(SMALL, tmp_path, jobs=1)) == results(whole)


@pytest.mark.parametrize(("start", "said"), [("", True), ("_start_tracker()", False)])
def test_what_a_killed_process_leaves_is_removed_in_silence(start, said):
    program = f"""
from multiprocessing import resource_tracker
from askwell.experiment.workers import _start_tracker
{start}
resource_tracker.register("/askwell-left-behind", "semaphore")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0
    assert ("resource_tracker" in ended.stderr) is said
    assert said or not ended.stderr
