"""The files of a data set: exact size and hash, and a way in that leaves them whole or absent."""

import errno
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from askwell.durable import sync_folder
from askwell.errors import DatasetError

MARKER = ".verified.json"
"""Remembers which files were hashed: name → [size, modification time in ns, SHA-256]."""

_BLOCK = 1 << 20


class SourceError(Exception):
    """One source did not deliver; the next one is tried, so this never reaches the user."""


class MismatchError(SourceError):
    """A source delivered something else than the file that it should."""


@dataclass(frozen=True, slots=True)
class File:
    """One uncompressed file: its name in the data set's folder, size in bytes, SHA-256 in hex."""

    name: str
    size: int
    sha256: str

    def mismatch(self, size: int, sha256: str) -> str:
        """Say what was expected and what came."""
        return (
            f"{self.name} is not what it should be: expected {self.size} bytes with SHA-256 "
            f"{self.sha256}, got {size} bytes with SHA-256 {sha256}"
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the local disk into a `DatasetError` with the way out."""
    try:
        yield
    except OSError as error:
        remedy = "Choose another folder with ASKWELL_DATA=… (or --dir)."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DatasetError(
                f"The disk is full: {path} could not be written. Free some space and try again; "
                f"what was fetched so far is kept. {remedy}"
            ) from error
        reason = error.strerror or str(error)
        raise DatasetError(f"Cannot write to {path}: {reason}. {remedy}") from error


def size_problem(folder: Path, file: File) -> str | None:
    """What is wrong with a file at a glance (absent, or not of its exact size)."""
    try:
        size = (folder / file.name).stat().st_size
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror or error}"
    if size != file.size:
        return f"{file.name} has {size} bytes instead of {file.size}: truncated or another file"
    return None


def problem(folder: Path, file: File, *, remember: bool = True) -> str | None:
    """What is wrong with a file, or None.

    Args:
        folder: where the file lies.
        file: what it should be.
        remember: believe the marker when size and modification time are unchanged since the file
            was last hashed; False hashes the file whatever the marker says.
    """
    if (at_a_glance := size_problem(folder, file)) is not None:
        return at_a_glance
    path = folder / file.name
    if remember and _marks(folder).get(file.name) == _mark(path, file):
        return None
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror or error}"
    if sha256 != file.sha256:
        return file.mismatch(file.size, sha256)
    _remember(folder, file)
    return None


def install(source: Path, folder: Path, file: File) -> None:
    """Copy `source` (plain or gzip) to its place: hashed, fsync'ed, then renamed in one step.

    Raises:
        MismatchError: size or SHA-256 differ; nothing has changed in the folder.
        DatasetError: the folder cannot be written, or the disk is full.
    """
    aside = folder / f".{file.name}.new"
    digest, size = hashlib.sha256(), 0
    try:
        with writing(aside), aside.open("wb") as out:
            for block in _blocks(source):
                size += len(block)
                digest.update(block)
                if size > file.size:  # a gzip bomb, or another file: no need to see the rest
                    break
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if (size, digest.hexdigest()) != (file.size, file.sha256):
            raise MismatchError(file.mismatch(size, digest.hexdigest()))
        with writing(folder):
            aside.replace(folder / file.name)
            sync_folder(folder)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    _remember(folder, file)


def _blocks(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as plain:
            compressed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            with gzip.GzipFile(fileobj=plain) if compressed else plain as stream:
                while block := stream.read(_BLOCK):
                    yield block
    except (OSError, EOFError, zlib.error) as error:
        raise MismatchError(f"{source} cannot be read or decompressed: {error}") from error


def _mark(path: Path, file: File) -> list[int | str]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, file.sha256]


def _marks(folder: Path) -> dict[str, object]:
    try:
        marks = json.loads((folder / MARKER).read_text())
    except (OSError, ValueError):
        return {}
    return marks if isinstance(marks, dict) else {}


def _remember(folder: Path, file: File) -> None:
    """Note that a file was hashed. In a read-only folder it is simply hashed again next time."""
    with suppress(OSError):
        marks = _marks(folder) | {file.name: _mark(folder / file.name, file)}
        aside = folder / f"{MARKER}.{os.getpid()}"
        aside.write_text(json.dumps(marks))
        aside.replace(folder / MARKER)
