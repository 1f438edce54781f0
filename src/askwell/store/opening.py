"""Opening a project file: to write, by one process; to read, by any number beside it."""

import sqlite3
from pathlib import Path

from askwell.errors import RunError
from askwell.paths import is_file, is_folder, shown
from askwell.store import backup, integrity, settings
from askwell.store.connection import connect, is_damage, naming, needs_recovery, transaction
from askwell.store.locking import ProjectLock
from askwell.store.migrations import MIGRATIONS, check_ours, migrate, version
from askwell.store.records import Settings


def to_write(path: Path, new: Settings) -> sqlite3.Connection:
    """A connection that writes; the file is made or brought to this version, and checked.

    Args:
        path: of the file; the caller holds its lock.
        new: the settings, if it is to be made.

    Raises:
        RunError: it is another program's or a newer askwell's, damaged, or cannot be written.
    """
    if is_folder(path, RunError):
        raise RunError(f"{shown(path)} is a folder. A project is a file: give --project FILE.")
    try:
        with naming(path):
            db = connect(path, read_only=False)
            try:
                _prepare(db, path, new)
            except BaseException:
                db.close()
                raise
    except RunError as error:
        raise _with_backup(path, error) if is_damage(error) else error from error.__cause__
    return db


def to_read(path: Path) -> sqlite3.Connection:
    """A connection that reads.

    Raises:
        RunError: there is no such project, or it is not of this version.
    """
    if not is_file(path, RunError):
        raise RunError(
            f"There is no labelling project {shown(path)}. `askwell label FOLDER` "
            "and `askwell ingest FOLDER LABELS` make one."
        )
    try:
        return _reader(path)
    except sqlite3.Error as error:
        if not needs_recovery(error):
            with naming(path):
                raise
    recover(path)
    with naming(path):
        return _reader(path)


def recover(path: Path) -> None:
    """Take back what a process that was killed had begun to write.

    Raises:
        RunError: the file or its folder cannot be written, or another process has it.
    """
    lock = ProjectLock(path)
    lock.acquire()
    try:
        with naming(path):
            db = connect(path, read_only=False)
            db.close()
    finally:
        lock.release()


def _reader(path: Path) -> sqlite3.Connection:
    db = connect(path, read_only=True)
    try:
        check_ours(db, path)
        if version(db) < len(MIGRATIONS):
            raise RunError(
                f"The project {shown(path)} is of an older askwell, or was never finished. Open "
                "it once with `askwell label`, which brings it up to date."
            )
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, new: Settings) -> None:
    check_ours(db, path)
    is_new = version(db) == 0
    if not is_new and version(db) < len(MIGRATIONS):
        backup.copy(path, None)
    migrate(db)
    if db.execute("SELECT count(*) FROM setting").fetchone() == (0,):
        with transaction(db):
            settings.create(db, new)
    if problems := integrity.check(db):
        raise _with_backup(path, RunError(f"The project {shown(path)}: {problems[0]}"))


def _with_backup(path: Path, error: RunError) -> RunError:
    """The sentence about damage, with the way out."""
    made = backup.listing(path)
    way = (
        f"Move it away, copy the newest backup, {shown(made[-1])}, to its place, and start again."
        if made
        else f"There is no backup in {shown(backup.folder(path))}. Move the file away and start "
        "again; exported labels can be read in."
    )
    return RunError(f"{str(error).rstrip('.')}. {way}")
