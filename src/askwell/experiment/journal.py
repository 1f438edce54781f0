"""A run directory: the resolved spec, and one append-only file of records for each chain.

    run.json                      spec, environment, classes, data; written at once or not at all
    steps/<arm>-seed<seed>.jsonl  first the split, then one line a step, each fsync'ed
    .lock                        held while a process runs here

A step counts once its line is on disk, newline included. A torn last line (the process or the
machine died while writing it) is cut off on opening; its step runs again, with the same result.
A directory in which no step counts yet holds nothing of worth: any spec may start anew there. One
with steps may grow (`growth`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from askwell.errors import RunError
from askwell.experiment.chain_lines import chain_of, same_split, split_line, step_line
from askwell.experiment.disk import append_line, whole_lines, write_whole, writing
from askwell.experiment.growth import combinations, differences, ungrown, whole_steps
from askwell.paths import entries, is_file, is_folder, shown
from askwell.records import Chain, Run, StepRecord


class Journal:
    """Reads and appends the records of one run directory.

    Args:
        directory: of the run.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def refuse_foreign(self) -> None:
        """Refuse a directory that holds something else than a run; writes nothing itself.

        Raises:
            RunError: it has files and no run.json of ours, or cannot be read.
        """
        if not is_folder(self.directory, RunError):
            return
        if is_file(self.directory / "run.json", RunError):
            self._header()
            return
        foreign = [path for path in entries(self.directory, RunError) if not _left_over(path)]
        if foreign:
            raise RunError(
                f"{shown(self.directory)} holds other files ({shown(foreign[0].name)}"
                f"{', …' if len(foreign) > 1 else ''}) and no run: nothing is written there. "
                "Choose a new or empty directory with --out."
            )

    def open(
        self,
        spec: Mapping[str, Any],
        environment: Mapping[str, Any],
        classes: tuple[str, ...],
        data: str,
    ) -> Mapping[str, Any]:
        """Start the directory, or make sure that it holds this very spec with this very data.

        `data` is its digest. A name, a summary and the folder of the same data may change: they
        change no result. Seeds, arms and budget may grow. Before the first step everything may
        change.

        Returns:
            The environment that the run was started in: this one, or the earlier one.

        Raises:
            RunError: it holds steps of another spec or other data, or cannot be written.
        """
        path = self.directory / "run.json"
        begun = self._has_steps()
        if path.exists():
            found = self._header()
            if begun:
                self._check_same(found, spec, data)
                self._grow(found, spec)
                started_in: Mapping[str, Any] = found["environment"]
                return started_in
            self._forget_splits(found["spec"])
        elif begun:
            raise RunError(
                f"{self.directory} holds steps, but run.json, which says of what, is gone. "
                "Choose another directory with --out, or delete that one."
            )
        with writing(path):
            (self.directory / "steps").mkdir(exist_ok=True)
        header = {"spec": spec, "environment": environment, "classes": classes, "data": data}
        write_whole(path, json.dumps(header, indent=1))
        return environment

    def _has_steps(self) -> bool:
        folder = self.directory / "steps"
        found = entries(folder, RunError) if is_folder(folder, RunError) else []
        files = [path for path in found if path.suffix == ".jsonl"]
        return any(whole_lines(path, cut=False).count(b"\n") > 1 for path in files)

    def _forget_splits(self, spec: Mapping[str, Any]) -> None:
        for arm, seed in combinations(spec):
            path = self._path(arm, seed)
            with writing(path):
                path.unlink(missing_ok=True)

    def _grow(self, found: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Take over more seeds, arms or labels; steps that the old budget cut short run again."""
        old = found["spec"]
        if ungrown(old, spec) == spec:
            return
        for arm, seed in combinations(old):
            path = self._path(arm, seed)
            data = whole_lines(path, cut=True)
            chain = chain_of(path, arm, seed, data)
            if chain is not None and (kept := whole_steps(chain, spec)) < len(chain.steps):
                split_and_steps = data.splitlines(keepends=True)[: 1 + kept]
                write_whole(path, b"".join(split_and_steps).decode())
        # Last: a crash before leaves the old run, which only lost steps that it can run again.
        write_whole(self.directory / "run.json", json.dumps({**found, "spec": spec}, indent=1))

    def _check_same(self, found: Mapping[str, Any], spec: Mapping[str, Any], data: str) -> None:
        same_data = found.get("data") == data
        free = {"name", "summary", "cost"} | ({"dataset", "data_dir"} if same_data else set())
        if (differing := differences(found["spec"], ungrown(found["spec"], spec), free)) != "":
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

    def start_chain(self, chain: Chain) -> Chain:
        """The chain as it is on disk; where there is nothing, its split is written first.

        Raises:
            RunError: a record is damaged elsewhere than in its last line, or another split.
        """
        path = self._path(chain.arm, chain.seed)
        found = chain_of(path, chain.arm, chain.seed, whole_lines(path, cut=True))
        if found is None:
            append_line(path, split_line(chain), first=True)
            return chain
        if not same_split(found, chain):
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
        append_line(self._path(arm, seed), step_line(step))

    def note_reuse(self, taken: Mapping[str, Any]) -> None:
        """Have run.json say which steps were computed by another run.

        Raises:
            RunError: it cannot be written.
        """
        header = self._header()
        reused = [*header.get("reused", []), taken]
        write_whole(self.directory / "run.json", json.dumps({**header, "reused": reused}, indent=1))

    def read(self) -> Run:
        """Everything that is on disk, whole lines only; nothing is changed.

        Raises:
            RunError: no run directory, or damaged records.
        """
        header = self._header()
        chains = []
        for arm, seed in combinations(header["spec"]):
            path = self._path(arm, seed)
            if (chain := chain_of(path, arm, seed, whole_lines(path, cut=False))) is not None:
                chains.append(chain)
        classes = tuple(header["classes"])
        return Run(header["spec"], header["environment"], classes, tuple(chains))

    def data(self) -> str | None:
        """The digest of the data that the run is on; None where an older version left it out.

        Raises:
            RunError: no run directory.
        """
        digest: str | None = self._header().get("data")
        return digest

    def _header(self) -> dict[str, Any]:
        path = self.directory / "run.json"
        if is_file(self.directory, RunError):
            raise RunError(
                f"{self.directory} is a file. A run is a directory with a run.json in it, as "
                "`askwell run` makes one; give that."
            )
        try:
            header = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.directory} is no run directory: it has no run.json. `askwell run` "
                "makes one."
            ) from error
        except OSError as error:
            raise RunError(f"Cannot read {path}: {error.strerror or error}.") from error
        except ValueError as error:
            raise _broken(path, f"cut off or overwritten ({error})") from error
        if not isinstance(header, dict) or {"spec", "environment", "classes"} - header.keys():
            raise RunError(f"{path} is not askwell's: it lacks spec, environment or classes.")
        _check_header(path, header)
        return header

    def _path(self, arm: str, seed: int) -> Path:
        return self.directory / "steps" / f"{arm.replace('/', '-')}-seed{seed}.jsonl"


def _left_over(path: Path) -> bool:
    """Whether a run that was stopped before its run.json was there, or lost it, left this."""
    if path.name == "steps" and is_folder(path, RunError):
        return all(file.suffix == ".jsonl" for file in entries(path, RunError))
    return path.name in (".lock", "run.tmp")


def _check_header(path: Path, header: Mapping[str, Any]) -> None:
    """Refuse a header whose parts are of other kinds than `Journal.open` writes."""
    spec, lists = header["spec"], ("acquisitions", "posteriors", "seeds")
    if not isinstance(spec, dict) or not all(isinstance(spec.get(key), list) for key in lists):
        raise _broken(path, "its spec lacks acquisitions, posteriors or seeds")
    names = (*spec["acquisitions"], *spec["posteriors"], *_listed(spec, "arms"))
    if not all(isinstance(name, str) for name in names):
        raise _broken(path, "its acquisitions, posteriors or arms are no names")
    if not all(isinstance(seed, int) for seed in spec["seeds"]):
        raise _broken(path, "its seeds are no whole numbers")
    environment = header["environment"]
    if not isinstance(environment, dict) or not isinstance(environment.get("threads", 1), int):
        raise _broken(path, "its environment is no table, or its threads are no whole number")
    if not isinstance(header["classes"], list):
        raise _broken(path, "its classes are no list")


def _listed(spec: Mapping[str, Any], key: str) -> list[Any]:
    """A list of a spec that older versions left out; something that is no list as its item."""
    value = spec.get(key, [])
    return value if isinstance(value, list) else [value, None]


def _broken(path: Path, what: str) -> RunError:
    return RunError(
        f"{path} is damaged: {what}. It says what the steps beside it are of, so restore it from a "
        "copy, or run into another directory with --out."
    )
