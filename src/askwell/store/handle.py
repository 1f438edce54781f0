"""An open project file: its connection, one transaction at a time, and its automatic backups."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from askwell.errors import AskwellError, RunError
from askwell.paths import shown
from askwell.store import backup
from askwell.store.connection import naming, transaction
from askwell.store.locking import ProjectLock

_LOG = logging.getLogger(__name__)


class Handle:
    """A connection that threads take turns at.

    Args:
        path: of the project file.
        db: the connection.
        lock: that makes this process the writer; None for reading alone.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, lock: ProjectLock | None) -> None:
        self.path = path
        self.read_only = lock is None
        self.backup_problem = ""
        self._db = db
        self._lock = lock
        self._turn = threading.Lock()
        self._copying: threading.Thread | None = None
        self._again = False

    def close(self) -> None:
        """Wait for a backup that is being made, and let another process write."""
        with self._turn:
            copying, self._copying = self._copying, None
        if copying is not None:
            copying.join()
        with self._turn:
            self._db.close()
            if self._lock is not None:
                self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that changes nothing: all that is read in it fits together."""
        with self._turn, naming(self.path), transaction(self._db, write=False):
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, on disk when it is left.

        Raises:
            RunError: the project was opened for reading alone, or cannot be written.
        """
        if self.read_only:
            raise RunError(
                f"The project {shown(self.path)} was opened for reading alone (Store.read). Use "
                "Store.open to change it."
            )
        with self._turn, naming(self.path), transaction(self._db):
            yield self._db

    def start_backup(self) -> None:
        """Copy the project in a thread of its own; nobody waits for it.

        While one is at it, it makes a further copy when it is done.
        """
        with self._turn:
            if self._copying is not None and self._copying.is_alive():
                self._again = True
                return
            self._copying = threading.Thread(target=self._copy, name="askwell backup")
            self._copying.start()

    def _copy(self) -> None:
        while True:
            try:
                backup.copy(self.path, None)
                problem = ""
            except AskwellError as error:
                _LOG.warning("%s", error)
                problem = str(error)
            with self._turn:
                again, self._again = self._again, False
                self.backup_problem = problem
                if not again:
                    self._copying = None
                    return
