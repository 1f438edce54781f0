"""The files of a run directory: held by one process, written whole or line by line, and synced."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from askwell.durable import replacing, sync_folder
from askwell.errors import RunError
from askwell.paths import shown


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the run directory, made if needed, for this process alone.

    Raises:
        RunError: another process holds it, or it cannot be made or written.
    """
    lock = _acquired(directory)
    try:
        yield
    finally:
        lock.release()


def _acquired(directory: Path) -> FileLock:
    try:
        if directory.is_file():
            raise RunError(
                f"{directory} is a file, and a run needs a directory. Choose one with --out."
            )
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(
            f"Another process is running in {directory}. Wait for it, or choose another directory "
            "with --out."
        ) from error
    except (OSError, ValueError) as error:  # a ValueError for NUL in the name
        why = getattr(error, "strerror", None) or error
        raise RunError(
            f"The run directory {shown(directory)} cannot be made or written: {why}. Choose "
            "another one with --out."
        ) from error
    return lock


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a sentence."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"Cannot write {path}: {error.strerror or error}. Finished steps are safe. Make room "
            "or choose another directory with --out, then run the same command again."
        ) from error


def whole_lines(path: Path, *, cut: bool) -> bytes:
    """The lines of a file with their newlines, none where there is no file.

    What stands behind the last newline is torn: it is left out, and with `cut` removed.

    Raises:
        RunError: it cannot be read, or not be cut.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from error
    whole = data[: data.rfind(b"\n") + 1]
    if cut and len(whole) < len(data):
        with writing(path):
            os.truncate(path, len(whole))
    return whole


def append_line(path: Path, line: str, *, first: bool = False) -> None:
    """One more line; it is on disk when this returns.

    Args:
        path: of the file, made if needed.
        line: without its newline.
        first: of its file, whose name, too, must then survive a power cut.

    Raises:
        RunError: it cannot be written (disk full, say); what was there stays as it is.
    """
    with writing(path):
        with path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if first:
            sync_folder(path.parent)


def write_whole(path: Path, text: str) -> None:
    """All or nothing: written aside, synced, renamed, and the rename synced too.

    Raises:
        RunError: it cannot be written.
    """
    with writing(path), replacing(path) as file:
        file.write(text.encode())
