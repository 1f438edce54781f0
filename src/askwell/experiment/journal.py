"""A run directory: the resolved spec, and one append-only file of records for each chain.

    run.json                     spec, environment, class names; written once, atomically
    steps/<arm>-seed<seed>.jsonl  first the split, then one line a step, each fsync'ed
    .lock                        held while a process runs here

A step counts once its line is on disk, newline included. A torn last line (the process or the
machine died while writing it) is cut off on opening; its step runs again, with the same result.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from askwell.errors import RunError
from askwell.records import Chain, Run, StepRecord, Training


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the run directory, made if needed, for this process alone.

    Raises:
        RunError: another process holds it, or it cannot be written.
    """
    with _writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RunError(
                f"Another process is running in {directory}. Wait for it, or choose another "
                "directory with --out."
            ) from error
    try:
        yield
    finally:
        lock.release()


class Journal:
    """Reads and appends the records of one run directory.

    Args:
        directory: of the run.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def open(
        self, spec: Mapping[str, Any], environment: Mapping[str, Any], classes: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """Start the directory, or make sure that it holds this very spec.

        Returns:
            The environment that the run was started in: this one, or the earlier one.

        Raises:
            RunError: it holds another spec, or cannot be written.
        """
        if not (self.directory / "run.json").exists():
            header: dict[str, Any] = {"spec": spec, "environment": environment, "classes": classes}
            with _writing(self.directory):
                (self.directory / "steps").mkdir(exist_ok=True)
                _write_whole(self.directory / "run.json", json.dumps(header, indent=1))
            return environment
        found = self._header()
        if (differing := _differences(found["spec"], spec)) != "":
            raise RunError(
                f"{self.directory} holds a run of another spec: {differing}. Choose another "
                "directory with --out, or delete that one."
            )
        started_in: Mapping[str, Any] = found["environment"]
        return started_in

    def start_chain(self, chain: Chain) -> Chain:
        """The chain as it is on disk; where there is nothing, its split is written first.

        Raises:
            RunError: a record is damaged elsewhere than in its last line, or another split.
        """
        path = self._path(chain.arm, chain.seed)
        lines = _complete_lines(path)
        if not lines:
            self._append(path, {"split": _split(chain)})
            return chain
        if lines[0] != {"split": json.loads(json.dumps(_split(chain)))}:
            raise RunError(
                f"{path} starts from another split than this data set and seed give. The data "
                "has changed; choose another directory with --out."
            )
        return replace(chain, steps=_steps(path, lines[1:]))

    def append(self, arm: str, seed: int, step: StepRecord) -> None:
        """Write one step; it is on disk when this returns.

        Raises:
            RunError: it cannot be written (disk full, say); earlier steps stay as they are.
        """
        self._append(self._path(arm, seed), {"step": asdict(step)})

    def read(self) -> Run:
        """Everything that is on disk, whole lines only; nothing is changed.

        Raises:
            RunError: no run directory, or damaged records.
        """
        header = self._header()
        chains = []
        for acquisition, posterior, seed in _combinations(header["spec"]):
            arm = acquisition if posterior is None else f"{acquisition}/{posterior}"
            path = self._path(arm, seed)
            lines = _complete_lines(path, cut=False)
            if lines:
                split = {k: tuple(v) for k, v in lines[0]["split"].items()}
                chains.append(Chain(arm, seed, **split, steps=_steps(path, lines[1:])))
        classes = tuple(header["classes"])
        return Run(header["spec"], header["environment"], classes, tuple(chains))

    def _header(self) -> dict[str, Any]:
        path = self.directory / "run.json"
        try:
            header = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.directory} is no run directory: it has no run.json. `askwell run` "
                "makes one."
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(f"Cannot read {path}: {error}") from error
        if not isinstance(header, dict) or {"spec", "environment", "classes"} - header.keys():
            raise RunError(f"{path} is not askwell's: it lacks spec, environment or classes.")
        return header

    def _path(self, arm: str, seed: int) -> Path:
        return self.directory / "steps" / f"{arm.replace('/', '-')}-seed{seed}.jsonl"

    def _append(self, path: Path, record: Mapping[str, Any]) -> None:
        line = json.dumps(_finite(record), separators=(",", ":"), allow_nan=False) + "\n"
        with _writing(path), path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())


def _combinations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str | None, int]]:
    for acquisition in spec["acquisitions"]:
        for posterior in spec["posteriors"]:
            for seed in spec["seeds"]:
                yield acquisition, None if posterior == "mc_dropout" else posterior, seed


def _split(chain: Chain) -> dict[str, Any]:
    return {
        "initial": chain.initial,
        "initial_labels": chain.initial_labels,
        "validation": chain.validation,
    }


def _complete_lines(path: Path, *, cut: bool = True) -> list[dict[str, Any]]:
    """The records of a file; what stands behind the last newline is torn, and cut off."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if cut and len(whole) < len(data):
        with _writing(path):
            os.truncate(path, len(whole))
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except ValueError as error:
        raise RunError(
            f"{path} is damaged: {error}. Restore it from a copy, or delete it to run its steps "
            "again."
        ) from error


def _steps(path: Path, lines: list[dict[str, Any]]) -> tuple[StepRecord, ...]:
    steps = []
    for number, line in enumerate(lines):
        try:
            step = _as_step(line["step"])
        except (KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged in line {number + 2}: {error!r}.") from error
        if step.step != number:
            raise RunError(f"{path} is damaged: step {step.step} stands where {number} should.")
        steps.append(step)
    return tuple(steps)


def _as_step(table: Mapping[str, Any]) -> StepRecord:
    values = dict(table)
    training = dict(values["training"])
    training["validation"] = {float(c): v for c, v in training["validation"].items()}
    values["training"] = Training(**training)
    values["scores"] = tuple(math.nan if s is None else s for s in values["scores"])
    values["metrics"] = {k: math.nan if v is None else v for k, v in values["metrics"].items()}
    for key in ("acquired", "acquired_labels"):
        values[key] = tuple(values[key])
    return StepRecord(**values)


def _finite(value: Any) -> Any:
    """JSON knows no NaN: null. Infinity (a likelihood of exactly 0) has no place there either."""
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> str:
    parts = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            parts.append(_differences(a, b, f"{key}."))
        elif a != b and (prefix + key) != "summary":
            parts.append(f"{prefix}{key} is {a!r} there and {b!r} here")
    return "; ".join(p for p in parts if p)


def _write_whole(path: Path, text: str) -> None:
    """All or nothing: written aside, synced, renamed, and the rename synced too."""
    aside = path.with_suffix(".tmp")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a sentence."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"Cannot write {path}: {error.strerror or error}. Finished steps are safe. Make room "
            "or choose another directory with --out, then run the same command again."
        ) from error
