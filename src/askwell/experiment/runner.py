"""Run a spec: all chains side by side, step by step, resumable at any moment.

A step is a pure function of the spec and the records before it, so the unit of work is one step,
not one chain: any free process takes the next step of any chain. Three chains on two processes
keep both busy to the end, and what is lost in a crash is one step a process. The main process
alone writes records.
"""

import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from askwell.errors import InputError, RunError
from askwell.experiment import machine
from askwell.experiment.disk import locked
from askwell.experiment.journal import Journal
from askwell.experiment.reuse import take_over
from askwell.experiment.spec import Arm, Spec
from askwell.experiment.workbench import Workbench
from askwell.experiment.workers import Heard, Outcome, Submit, said_before, steppers
from askwell.records import Chain, Run, StepRecord


class Watcher(Protocol):
    """Is told what happens, to show it."""

    def features(self, done: int, total: int) -> None:
        """So many features of a pretrained network are computed, of those that were missing."""

    def begin(self, spec: Spec, chains: Sequence[Chain], jobs: int) -> None:
        """The run starts, or goes on where these chains end."""

    def step(self, chain: Chain) -> None:
        """A chain has a new last step, on disk."""


def run(
    spec: Spec,
    directory: Path,
    *,
    jobs: int | None = None,
    watcher: Watcher | None = None,
    reuse: Path | None = None,
) -> Run:
    """Run what is missing of a spec in its directory, and return the whole run.

    A run that was stopped, however it was, is taken up where its records end, with the same
    acquired ids and metrics as if nothing had happened, whatever `jobs`: the threads that each
    process computes with are kept from the first start.

    Args:
        spec: what to run.
        directory: where its records are; nothing is made there before the spec fits its data.
        jobs: processes; by default one for each core, but no more than chains (one on CUDA).
        watcher: is told of every step.
        reuse: directory of another run, whose chains are taken over where they are the same.

    Raises:
        SpecError: the data set is too small.
        RunError: the directory is in use, holds another spec, other data or files of somebody
            else, or cannot be written; nothing of `reuse` can be taken over; or a process died.

    Warns:
        UserWarning: the run was started with other versions, on another machine, or with more
            threads a process than OMP_NUM_THREADS now allows or than `jobs` processes have cores
            for: then fewer run. And whatever the steps warn of, wherever they run, each once.
    """
    journal = Journal(directory)
    journal.refuse_foreign()  # before the data are read, which may take minutes
    device = machine.default_device()
    report = None if watcher is None else watcher.features
    bench = Workbench(spec, device=device, report=report)
    spec = bench.spec  # its budget is a number of this data set now
    jobs = _jobs(jobs, len(spec.all_arms) * len(spec.seeds), device)
    starts = [(arm, bench.start(arm, seed)) for seed in spec.seeds for arm in spec.all_arms]
    with locked(directory):
        threads = _open(journal, bench, jobs)
        jobs = _within_cores(jobs, threads)
        chains = tuple(journal.start_chain(chain) for _, chain in starts)
        if reuse is not None:
            other = Journal(reuse)
            chains = take_over(journal, chains, other, spec.as_dict(), bench.data.digest())
        tasks = [_Task(arm, chain) for (arm, _), chain in zip(starts, chains, strict=True)]
        if watcher is not None:
            watcher.begin(spec, [t.chain for t in tasks], jobs)
        missing = [t for t in tasks if len(t.chain.steps) < spec.steps]
        with steppers(bench, min(jobs, max(1, len(missing))), threads) as submit:
            for task, record in _turns(missing, submit, spec.steps):
                journal.append(task.arm.name, task.chain.seed, record)
                task.chain = replace(task.chain, steps=(*task.chain.steps, record))
                if watcher is not None:
                    watcher.step(task.chain)
        return journal.read()


def _open(journal: Journal, bench: Workbench, jobs: int) -> int:
    """Open the journal for this spec and data; the threads that each process computes with."""
    threads = machine.threads_for(jobs)
    here = machine.describe(device=bench.device, jobs=jobs, threads=threads)
    then = journal.open(bench.spec.as_dict(), here, bench.classes, bench.data.digest())
    kept = int(then.get("threads", threads))
    threads = machine.within_limit(kept)
    _warn_of_another_environment(then, {**here, "threads": threads})
    return threads


def _within_cores(jobs: int, threads: int) -> int:
    """Fewer processes, where with the run's threads they would wait for each other's cores."""
    fitting = max(1, machine.available_cores() // threads)
    if threads == 1 or jobs <= fitting:
        return jobs
    warnings.warn(
        f"This run computes with {threads} threads a process, as it began; so {fitting} "
        f"{'process runs' if fitting == 1 else 'processes run'} at a time here, not {jobs}. With "
        "OMP_NUM_THREADS=1 more do, and sums may round a little differently.",
        stacklevel=3,
    )
    return fitting


def _warn_of_another_environment(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """The same numbers can be promised only where the arithmetic is the same."""
    if changed := machine.changed(then, now):
        warnings.warn(
            f"This is not where the run was started (other {', '.join(changed)}; see run.json): "
            "its further steps may differ a little from those of a run that was never stopped.",
            stacklevel=4,
        )


@dataclass(eq=False)
class _Task:
    """One chain that is being run."""

    arm: Arm
    chain: Chain


def _turns(
    tasks: Sequence[_Task], submit: Submit, steps: int
) -> Iterator[tuple[_Task, StepRecord]]:
    """Every missing step of every chain, as it is done; chains take turns.

    The caller appends a yielded record to its chain before it asks for the next.
    """
    waiting, running, heard = deque(tasks), dict[Future[Outcome], _Task](), Heard()
    while waiting or running:
        while waiting and len(running) < submit.parallel:
            task = waiting.popleft()
            with _told_of_death():
                running[submit(task.arm, task.chain)] = task
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            task = running.pop(future)
            with _told_of_death():
                if (failed := future.exception()) is not None:
                    heard.repeat(said_before(failed))
                outcome = future.result()
            heard.repeat(outcome.warnings)
            yield task, outcome.record
            if len(task.chain.steps) < steps:
                waiting.append(task)


@contextmanager
def _told_of_death() -> Iterator[None]:
    """A dead worker shows in its result, or already when it is given work."""
    try:
        yield
    except BrokenProcessPool as error:
        raise RunError(
            "A worker process died (killed, or out of memory?). Finished steps are safe: run the "
            "same command again, with fewer --jobs if memory is short."
        ) from error


def _jobs(jobs: int | None, chains: int, device: torch.device) -> int:
    if jobs is None:
        return 1 if device.type == "cuda" else min(machine.available_cores(), chains)
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1; got {jobs}.")
    return min(jobs, chains)
