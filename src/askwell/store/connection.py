"""Connections to the project file, its transactions, and its refusals in words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from askwell.errors import RunError
from askwell.paths import shown

_PATIENCE = 30.0
"""Seconds to wait for a reader or a backup in another process to let go of the file."""

_OLDEST = (3, 37, 0)
"""The first SQLite with STRICT tables."""

_SENTENCES = {
    "SQLITE_FULL": "the disk is full. What was saved before is safe. Make room and try again",
    "SQLITE_IOERR": "the disk cannot be read or written (is it full, or gone?). What was saved "
    "before is safe. Look at the disk and try again",
    "SQLITE_READONLY": "it may not be written. Check the permissions of the file and its folder",
    "SQLITE_PERM": "it may not be opened. Check the permissions of the file and its folder",
    "SQLITE_CANTOPEN": "it cannot be opened. Check that it is there, and the permissions of the "
    "file and its folder",
    "SQLITE_BUSY": f"another program has kept it locked for {_PATIENCE:g} s. Close the program "
    "that reads it, and try again",
    "SQLITE_LOCKED": "another program keeps it locked. Close that program, and try again",
    "SQLITE_NOTADB": "it is no labelling project of askwell (not an SQLite file), or its start "
    "was overwritten. Nothing was changed",
    "SQLITE_CORRUPT": "it is damaged",
}
"""What SQLite's errors mean, by the start of their name."""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the file; every transaction is begun by hand, and is on disk when it is committed.

    Raises:
        RunError: SQLite is too old.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise RunError(
            f"This Python has SQLite {sqlite3.sqlite_version}; labelling needs at least "
            f"{'.'.join(map(str, _OLDEST))}. Use a newer Python."
        )
    db = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rwc'}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            # A write-ahead log can be damaged by two writers in SQLite before 3.51.3.
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: sqlite3.Connection, *, write: bool = True) -> Iterator[None]:
    """All or nothing: committed, and on disk, when it is left; undone if that fails."""
    db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn SQLite's refusals into sentences about the project file.

    Raises:
        RunError: in the place of SQLite's errors.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise RunError(f"The project {shown(path)}: {_reason(error)}.") from error


def is_damage(error: RunError) -> bool:
    """Whether this is the sentence for a file that is damaged or overwritten."""
    cause = error.__cause__
    return _name(cause) in ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def needs_recovery(error: sqlite3.Error) -> bool:
    """Whether a writer died in a transaction, which a reader may not roll back."""
    return _name(error, whole=True) in ("SQLITE_READONLY_ROLLBACK", "SQLITE_CANTOPEN")


def _reason(error: sqlite3.Error) -> str:
    name = _name(error)
    if name in _SENTENCES:
        return _SENTENCES[name]
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return "it was closed. Open it again"
    return f"SQLite says: {error}"


def _name(error: BaseException | None, *, whole: bool = False) -> str:
    """`SQLITE_IOERR` of `SQLITE_IOERR_FSYNC`; "" where SQLite gave none."""
    name: str = getattr(error, "sqlite_errorname", "") or ""
    return name if whole else "_".join(name.split("_")[:2])
