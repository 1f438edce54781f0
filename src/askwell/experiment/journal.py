"""A run directory: the resolved spec, and one append-only file of records for each chain.

    run.json                      spec, environment, classes, data; written once, atomically
    steps/<arm>-seed<seed>.jsonl  first the split, then one line a step, each fsync'ed
    .lock                        held while a process runs here

A step counts once its line is on disk, newline included. A torn last line (the process or the
machine died while writing it) is cut off on opening; its step runs again, with the same result.
"""

import json
import math
import os
from collections.abc import Container, Iterator, Mapping
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
        self,
        spec: Mapping[str, Any],
        environment: Mapping[str, Any],
        classes: tuple[str, ...],
        data: str,
    ) -> Mapping[str, Any]:
        """Start the directory, or make sure that it holds this very spec with this very data.

        `data` is its digest. A name, a summary and the folder of the same data may change: they
        change no result.

        Returns:
            The environment that the run was started in: this one, or the earlier one.

        Raises:
            RunError: it holds another spec or other data, or cannot be written.
        """
        path = self.directory / "run.json"
        if not path.exists():
            if any(self.directory.glob("steps/*.jsonl")):
                raise RunError(
                    f"{self.directory} holds steps, but run.json, which says of what, is gone. "
                    "Choose another directory with --out, or delete that one."
                )
            header = {"spec": spec, "environment": environment, "classes": classes, "data": data}
            with _writing(path):
                (self.directory / "steps").mkdir(exist_ok=True)
                _write_whole(path, json.dumps(header, indent=1))
            return environment
        found = self._header()
        same_data = "data" in found and found["data"] == data
        free = {"name", "summary", "dataset"} if same_data else {"name", "summary"}
        if (differing := _differences(found["spec"], spec, free)) != "":
            raise RunError(
                f"{self.directory} holds a run of another spec: {differing}. Choose another "
                "directory with --out, or delete that one."
            )
        if "data" in found and not same_data:
            raise RunError(
                f"{self.directory} holds a run on other data: images were added, removed, edited "
                "or labelled anew since it started. Restore them, or choose another directory "
                "with --out."
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
            with _writing(path):
                _sync_folder(path.parent)  # the file's name, too, must survive a power cut
            return chain
        found = _chain(path, chain.arm, chain.seed, lines)
        if _split(found) != _split(chain):
            raise RunError(
                f"{path} starts from another split than this data set and seed give. The data "
                "has changed; choose another directory with --out."
            )
        return found

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
                chains.append(_chain(path, arm, seed, lines))
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
        spec = header["spec"]
        if not isinstance(spec, dict) or {"acquisitions", "posteriors", "seeds"} - spec.keys():
            raise RunError(f"{path} is damaged: its spec lacks acquisitions, posteriors or seeds.")
        return header

    def _path(self, arm: str, seed: int) -> Path:
        return self.directory / "steps" / f"{arm.replace('/', '-')}-seed{seed}.jsonl"

    def _append(self, path: Path, record: Mapping[str, Any]) -> None:
        line = json.dumps(_as_json(record), separators=(",", ":"), allow_nan=False) + "\n"
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


def _complete_lines(path: Path, *, cut: bool = True) -> list[Any]:
    """The records of a file; what stands behind the last newline is torn, and cut off."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from error
    whole = data[: data.rfind(b"\n") + 1]
    if cut and len(whole) < len(data):
        with _writing(path):
            os.truncate(path, len(whole))
    records = []
    for number, line in enumerate(whole.split(b"\n")[:-1]):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise _damaged(path, number + 1, str(error)) from error
    return records


def _chain(path: Path, arm: str, seed: int, lines: list[Any]) -> Chain:
    """A chain from its records; the first is the split."""
    try:
        split = {key: tuple(items) for key, items in lines[0]["split"].items()}
        chain = Chain(arm, seed, **split)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, 1, "it is no split") from error
    steps = []
    for number, line in enumerate(lines[1:]):
        try:
            step = _as_step(line["step"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(path, number + 2, "it is no step") from error
        if step.step != number:
            raise _damaged(path, number + 2, f"step {step.step} stands where {number} should")
        steps.append(step)
    return replace(chain, steps=tuple(steps))


def _damaged(path: Path, line: int, what: str) -> RunError:
    return RunError(
        f"{path} is damaged in line {line}: {what}. Restore the file from a copy, or delete it "
        "to run its steps again."
    )


def _as_step(table: Mapping[str, Any]) -> StepRecord:
    values = dict(table)
    training = dict(values["training"])
    training["validation"] = {float(c): _number(v) for c, v in training["validation"].items()}
    training["loss"] = _number(training["loss"])
    values["training"] = Training(**training)
    values["scores"] = tuple(map(_number, values["scores"]))
    values["metrics"] = {name: _number(value) for name, value in values["metrics"].items()}
    for key in ("acquired", "acquired_labels"):
        values[key] = tuple(values[key])
    return StepRecord(**values)


def _as_json(value: Any) -> Any:
    """JSON knows no NaN and no infinity (a likelihood of exactly 0): null, "inf" and "-inf"."""
    if isinstance(value, Mapping):
        return {str(k): _as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _number(value: float | str | None) -> float:
    """What `_as_json` made of a number."""
    if isinstance(value, str):
        return float(value)
    return math.nan if value is None else value


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], free: Container[str], prefix: str = ""
) -> str:
    """The keys with other values, as a sentence; empty where there are none but `free` ones."""
    parts = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            parts.append(_differences(a, b, (), f"{key}."))
        elif a != b and key not in free:
            there, here = (repr(t[key]) if key in t else "unknown" for t in (old, new))
            parts.append(f"{prefix}{key} is {there} there and {here} here")
    return "; ".join(p for p in parts if p)


def _write_whole(path: Path, text: str) -> None:
    """All or nothing: written aside, synced, renamed, and the rename synced too."""
    aside = path.with_suffix(".tmp")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
