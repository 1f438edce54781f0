"""Copies of the project file: made beside, synced, renamed; the oldest of many are removed."""

import os
import re
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from askwell.durable import sync_folder
from askwell.errors import InputError, RunError
from askwell.paths import is_file, is_folder, shown
from askwell.store.connection import connect

KEPT = 10
"""How many copies stay in the project's own folder of them."""

_STALE = 3600.0
"""Seconds after its last change at which nobody can be writing a copy any more."""


def folder(project: Path) -> Path:
    """Where a project's backups are."""
    return project.parent / "backups"


def listing(project: Path) -> list[Path]:
    """The project's backups with names of ours, oldest first."""
    return _named(project, "", "")


def copy(project: Path, to: Path | None) -> Path:
    """Copy a project as it is at this moment, while it is in use.

    Args:
        project: its file.
        to: a file that is not there yet, or a folder; by default the project's own.

    Raises:
        InputError: the file is there already.
        RunError: it cannot be written.
    """
    try:
        target = _target(project, to)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(project, target)
        if target.parent == folder(project):
            prune(project)
    except OSError as error:
        raise RunError(
            f"The backup of {shown(project)} cannot be written: {error.strerror or error}. The "
            "project itself is safe. Make room, or give another place with --out."
        ) from error
    except sqlite3.Error as error:
        raise RunError(
            f"The backup of {shown(project)} cannot be written: {error}. The project itself is "
            "safe. Make room, or give another place with --out."
        ) from error
    return target


def prune(project: Path) -> None:
    """Remove all but the newest copies, and what earlier processes left half-written."""
    for old in listing(project)[:-KEPT]:
        old.unlink(missing_ok=True)
    for part in _named(project, r"\.", r"\.part(-journal)?"):
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _STALE:
                part.unlink()


def _named(project: Path, before: str, after: str) -> list[Path]:
    """What is in the folder of backups by our names, with something around them; sorted."""
    stamped = re.escape(project.stem) + r"-\d{8}T\d{6}\.\d{6}Z\.db"
    pattern = re.compile(before + stamped + after)
    place = folder(project)
    if not place.is_dir():
        return []
    return sorted(path for path in place.iterdir() if pattern.fullmatch(path.name))


def _target(project: Path, to: Path | None) -> Path:
    if to is None or is_folder(to, RunError):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return (folder(project) if to is None else to.resolve()) / f"{project.stem}-{stamp}.db"
    if is_file(to, RunError) or to.is_symlink():
        raise InputError(f"{shown(to)} is there already, and is not overwritten. Give a new name.")
    return to.resolve()


def _write(project: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}.part")
    aside.unlink(missing_ok=True)  # a process that was killed left it
    try:
        with (
            closing(connect(project, read_only=True)) as source,
            closing(sqlite3.connect(aside, isolation_level=None)) as copied,
        ):
            copied.execute("PRAGMA synchronous = OFF")  # synced once, as a whole, below
            source.backup(copied)
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(target)
        sync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)
