"""From any earlier version of the project file to this one, a step at a time."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from askwell.errors import RunError
from askwell.paths import shown
from askwell.store.connection import transaction
from askwell.store.schema import (
    CLASSES_CHANGE_FURTHER,
    MERGES_IN_STEPS,
    SETTLED_IS_CLOSED,
    TABLES,
)

APPLICATION = 0x61736B77
"""`PRAGMA application_id` of a project file: "askw"."""

Migration = Callable[[sqlite3.Connection], None]


def run_script(db: sqlite3.Connection, script: str) -> None:
    """Run statements within the open transaction, which `executescript` would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


def _first(db: sqlite3.Connection) -> None:
    run_script(db, TABLES)
    db.execute(f"PRAGMA application_id = {APPLICATION}")


def _second(db: sqlite3.Connection) -> None:
    run_script(db, CLASSES_CHANGE_FURTHER)


def _third(db: sqlite3.Connection) -> None:
    run_script(db, MERGES_IN_STEPS)


def _fourth(db: sqlite3.Connection) -> None:
    run_script(db, SETTLED_IS_CLOSED)


MIGRATIONS: Sequence[Migration] = (_first, _second, _third, _fourth)
"""Number n, from 0, leads from version n to n + 1. Those that were released never change."""


def version(db: sqlite3.Connection) -> int:
    """The version of the file: how many migrations it has been through."""
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the file to the newest version, each step in a transaction of its own."""
    for number in range(version(db), len(migrations)):
        with transaction(db):
            migrations[number](db)
            db.execute(f"PRAGMA user_version = {number + 1}")


def check_ours(db: sqlite3.Connection, path: Path, newest: int = len(MIGRATIONS)) -> None:
    """Refuse files of other programs and of a newer askwell; an empty file is nobody's.

    Raises:
        RunError: it is one of these.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (tables or application or version(db)):
        raise RunError(
            f"{shown(path)} is a database of another program, not a labelling project of askwell. "
            "Nothing was changed. Give another file with --project."
        )
    if version(db) > newest:
        raise RunError(
            f"{shown(path)} was written by a newer askwell (version {version(db)} of the project "
            f"file; this one knows {newest}). Install the newer askwell: pip install -U askwell."
        )
