"""Fetch the files of a data set: source after source, one process at a time, verified."""

import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import filelock

from askwell.datasets.files import File, MismatchError, SourceError, install, problem, writing
from askwell.datasets.sources import Folder, Progress, Source
from askwell.errors import DatasetError

SCRATCH = ".partial"
"""What has come so far lies in this subfolder; it goes when the data set is complete."""

_LOCK_SECONDS = 1800.0


def silent(what: str, done: int, total: int | None) -> None:
    """The progress callback of a library: says nothing."""
    del what, done, total


def fetch(
    name: str,
    files: Sequence[File],
    sources: Sequence[Source],
    folder: Path,
    *,
    progress: Progress = silent,
    lock_seconds: float = _LOCK_SECONDS,
) -> None:
    """Make every file of a data set be in `folder`, whole and verified.

    Files that are there and good stay as they are; bad ones are replaced. Files placed by hand
    (plain or `.gz`) come first, then the sources in order. A second process that fetches the same
    data set waits for the first one.

    Raises:
        DatasetError: no source had the files (each is named with its reason, and the files with
            their hashes, to place them by hand); or the folder cannot be written.
    """
    scratch = folder / SCRATCH
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=lock_seconds)
        except filelock.Timeout:
            raise DatasetError(
                f"Another process has been fetching {name} into {folder} for "
                f"{lock_seconds:g} s. Wait for it, or end it and try again."
            ) from None
    try:
        missing = [file for file in files if problem(folder, file) is not None]
        failures: list[str] = []
        for source in (Folder(folder), *sources):
            if not missing:
                break
            with writing(scratch):
                scratch.mkdir(exist_ok=True)
            try:
                _take(source, missing, folder, progress)
                reason = "does not have all of the files"
            except SourceError as error:
                reason = str(error)
            failures.append(f"{source.name}: {reason}")
            missing = [file for file in missing if problem(folder, file) is not None]
        if missing:
            raise DatasetError(_nothing_worked(name, missing, failures, folder))
        shutil.rmtree(scratch, ignore_errors=True)
    finally:
        with suppress(OSError):  # stays where it holds parts to go on from
            scratch.rmdir()
        lock.release()


def _take(source: Source, files: Sequence[File], folder: Path, progress: Progress) -> None:
    """Install what one source delivers; once more from the start if an old part was to blame."""
    leftovers = any((folder / SCRATCH).glob("*.part"))
    try:
        _install_all(source, files, folder, progress)
    except MismatchError:
        if not leftovers:
            raise
        still = [file for file in files if problem(folder, file) is not None]
        _install_all(source, still, folder, progress)


def _install_all(source: Source, files: Sequence[File], folder: Path, progress: Progress) -> None:
    scratch = folder / SCRATCH
    with closing(source.deliver(files, scratch, progress)) as deliveries:
        for file, path in deliveries:
            try:
                install(path, folder, file)
            except MismatchError:
                if path.is_relative_to(scratch):  # ours; a file placed by hand is never deleted
                    path.unlink(missing_ok=True)
                raise
            if path.is_relative_to(scratch):
                path.unlink(missing_ok=True)


def _nothing_worked(
    name: str, missing: Sequence[File], failures: Sequence[str], folder: Path
) -> str:
    tried = "".join(f"\n  - {failure}" for failure in failures)
    wanted = "".join(
        f"\n  {file.name}  {file.size} bytes  SHA-256 {file.sha256}" for file in missing
    )
    return (
        f"{name} could not be fetched. Tried:{tried}\nTo place the files by hand, put these "
        f"(uncompressed, or gzip with .gz appended) into {folder}:{wanted}\n"
        f"Then run `askwell data fetch {name}`."
    )
