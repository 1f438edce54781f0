"""Files that are on disk when it is said so: replaced as a whole, and kept through a power cut."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` when this is left, or leaves it as it is.

    Written aside, synced, renamed in one step; the rename is synced too. The folder must be there.

    Args:
        path: of the file.
        private: for its owner alone; else as new files are (the umask).

    Raises:
        OSError: the system refuses; nothing has changed.
    """
    # A short name of its own: the file's own name may be as long as names can be.
    aside = path.with_name(f".askwell-{secrets.token_hex(8)}.part")
    handle = os.open(
        aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600 if private else 0o666
    )
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut, where the system can open one to say so."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_BINARY = getattr(os, "O_BINARY", 0)
"""Windows alone has it."""
