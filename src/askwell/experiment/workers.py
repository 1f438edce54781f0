"""Where steps are computed: in this process, or in worker processes that tell what they warn of."""

import multiprocessing
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Protocol

import torch

from askwell.experiment import machine
from askwell.experiment.spec import Arm, Spec
from askwell.experiment.workbench import Workbench
from askwell.records import Chain, StepRecord


@dataclass(frozen=True, slots=True)
class Said:
    """A warning as it crosses from one process to another: text, kind, file and line.

    The kind is Python's own that it is a case of: another process may not know the class itself.
    """

    text: str
    kind: type[Warning]
    file: str
    line: int

    @classmethod
    def of(cls, caught: warnings.WarningMessage) -> "Said":
        """What was caught."""
        known = (kind for kind in caught.category.__mro__ if kind.__module__ == "builtins")
        return cls(str(caught.message), next(known), caught.filename, caught.lineno)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step gave, and what a worker process warned of meanwhile."""

    record: StepRecord
    warnings: tuple[Said, ...] = ()


class Heard:
    """Gives the warnings of all workers in this process, each once.

    Two workers that find the same put other numbers into the same sentence (a loss, say), so
    sentences are compared without their numbers.
    """

    def __init__(self) -> None:
        self._sentences: set[tuple[str, type[Warning]]] = set()

    def repeat(self, said: Iterable[Said]) -> None:
        """Warn of what is new."""
        for one in said:
            sentence = re.sub(r"[\d.]+", "", one.text), one.kind
            if sentence not in self._sentences:
                self._sentences.add(sentence)
                warnings.warn_explicit(one.text, one.kind, one.file, one.line)


class Submit(Protocol):
    """Takes the next step of a chain; so many at a time."""

    @property
    def parallel(self) -> int:
        """How many steps are under way at once."""

    def __call__(self, arm: Arm, chain: Chain) -> "Future[Outcome]":
        """The step, as it will be."""


class _Here:
    """Steps in this process, one at a time."""

    parallel = 1

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def __call__(self, arm: Arm, chain: Chain) -> "Future[Outcome]":
        future: Future[Outcome] = Future()
        future.set_result(Outcome(self.bench.step(arm, chain)))
        return future


class _Elsewhere:
    """Steps in worker processes."""

    def __init__(self, pool: ProcessPoolExecutor, parallel: int) -> None:
        self.pool = pool
        self.parallel = parallel

    def __call__(self, arm: Arm, chain: Chain) -> "Future[Outcome]":
        with _stop_blocked():
            return self.pool.submit(_work, arm, chain)


@contextmanager
def steppers(bench: Workbench, jobs: int, threads: int) -> Iterator[Submit]:
    """Where steps are computed: here with one job, else in so many processes; ends them after."""
    if jobs == 1:
        machine.keep_freed_memory()
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield _Here(bench)
        finally:
            torch.set_num_threads(before)
        return
    _start_tracker()
    # `spawn`: a forked child would inherit locks of torch's threads. Each starts when it is needed.
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(bench.spec, str(bench.device), threads),
    )
    try:
        yield _Elsewhere(pool, jobs)
    except BaseException:
        _kill(pool)
        raise
    pool.shutdown()


def _start_tracker() -> None:
    """Start the process that removes what killed processes leave, and let it do so in silence.

    Otherwise it may end a run that was stopped with a warning about semaphores, which it has just
    removed, behind the sentence that says what happened.
    """
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    try:
        resource_tracker.ensure_running()  # takes over the options of this moment
    finally:
        sys.warnoptions.pop()


def _kill(pool: ProcessPoolExecutor) -> None:
    """End the workers now: a step takes long, and its record would not be written any more."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.kill()
    # The pool's thread sees the deaths and ends. Only then may the pool be shut down: both close
    # the same pipe, and the later one would fail.
    if (manager := getattr(pool, "_executor_manager_thread", None)) is not None:
        manager.join(10)
    pool.shutdown(wait=False, cancel_futures=True)


_STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def _stop_blocked() -> Iterator[None]:
    """Keep Ctrl-C and SIGTERM from a process that starts here: they are the main process's.

    Both may be sent to the whole group, and a worker that ended by itself would count as dead. A
    child inherits what is blocked, from its first instruction on; here it only waits a moment.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set(_STOPPING))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_bench: Workbench | None = None


def _start_worker(spec: Spec, device: str, threads: int) -> None:
    global _bench
    for number in _STOPPING:  # where they cannot be blocked before the start
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    machine.keep_freed_memory()
    torch.set_num_threads(threads)
    with warnings.catch_warnings(action="ignore"):  # the main process has given them
        _bench = Workbench(spec, device=device)


def _die_with_parent() -> None:
    """A killed main process must not leave workers computing for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(arm: Arm, chain: Chain) -> Outcome:
    assert _bench is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")  # the main process decides what becomes of them
        try:
            record = _bench.step(arm, chain)
        except Exception as error:
            error.__dict__[_SAID] = tuple(map(Said.of, caught))  # pickled with the error
            raise
    return Outcome(record, tuple(map(Said.of, caught)))


_SAID = "_askwell_said"


def said_before(error: BaseException) -> tuple[Said, ...]:
    """What a worker process warned of in a step that then failed: it may tell why."""
    said: tuple[Said, ...] = error.__dict__.get(_SAID, ())
    return said
