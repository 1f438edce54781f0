"""One process writes a project: a lock beside the file, which dies with the process."""

import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from askwell.errors import RunError
from askwell.paths import shown

_PATIENCE = 1.0
"""Seconds: a child that a killed process was just starting holds the lock a moment longer."""


class ProjectLock:
    """Held from `acquire` to `release` by one process (and one `Store` in it).

    The lock itself is the system's, on `project.db.lock`: it ends with the process, however that
    ends. `project.db.pid` says whose it is, for the sentence alone.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._owner = project.with_name(project.name + ".pid")
        self._lock = FileLock(project.with_name(project.name + ".lock"))

    def acquire(self) -> None:
        """Take the lock, or say who has it.

        Raises:
            RunError: another process has it, or the folder cannot be written.
        """
        try:
            self._project.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise RunError(
                f"The project {shown(self._project)} is open in {self._holder()}. One process "
                "writes at a time: use the page that is open there, or stop it (Ctrl+C) and try "
                "again."
            ) from None
        except (OSError, ValueError) as error:  # a ValueError for NUL in the name
            why = getattr(error, "strerror", None) or error
            raise RunError(
                f"The project {shown(self._project)} cannot be made or written: {why}. Check the "
                "permissions of its folder, or keep the project elsewhere with --project FILE."
            ) from error
        self._sign()

    def release(self) -> None:
        """Let others write; harmless if it is not held."""
        if self._lock.is_locked:
            self._owner.unlink(missing_ok=True)
            self._lock.release()

    def _sign(self) -> None:
        try:
            self._owner.write_text(f"{os.getpid()} {socket.gethostname()}\n", "utf-8")
        except OSError as error:
            self._lock.release()
            raise RunError(
                f"Cannot write {shown(self._owner)}: {error.strerror or error}. Make room, or "
                "keep the project elsewhere with --project FILE."
            ) from error

    def _holder(self) -> str:
        try:
            pid, _, host = self._owner.read_text("utf-8").strip().partition(" ")
        except (OSError, ValueError):
            pid, host = "", ""
        if not pid.isdigit():
            return "another process"
        if host and host != socket.gethostname():
            return f"process {pid} on {shown(host)}"
        return "this process already" if int(pid) == os.getpid() else f"process {pid}"
