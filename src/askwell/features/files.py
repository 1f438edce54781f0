"""The two files of a feature store, and how they survive being killed at any moment.

    <backbone>-<digits>.f16     one row of F little-endian float16 values for each key
    <backbone>-<digits>.keys    a line of JSON that says what the rows are, then a line for each key

The digits are the first of the fingerprint. A row is on disk (fsync) before its key is written,
so a key always has its row: what a kill or a power cut leaves behind the last such pair is cut off
when the store is next opened for writing.
"""

import json
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from askwell.durable import sync_folder
from askwell.errors import RunError

FORMAT = 1
DTYPE = np.dtype("<f2")
KEY = re.compile(r"[0-9a-f]{16,64}(:[a-z]+)?")


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """Where the features of a trunk are kept, and what they are.

    Attributes:
        directory: of the files; those of other trunks may be there too.
        backbone: the trunk's name.
        features: F.
        fingerprint: the hex digest of all that decides the features.
    """

    directory: Path
    backbone: str
    features: int
    fingerprint: str

    @property
    def rows(self) -> Path:
        """The file of features."""
        return self._path(self.fingerprint[:12], ".f16")

    @property
    def keys(self) -> Path:
        """The file of keys."""
        return self._path(self.fingerprint[:12], ".keys")

    @property
    def row_bytes(self) -> int:
        """The size of one row of features."""
        return self.features * DTYPE.itemsize

    @property
    def header(self) -> dict[str, Any]:
        """What the first line of the keys' file says."""
        return {
            "format": FORMAT,
            "backbone": self.backbone,
            "features": self.features,
            "dtype": "float16",
            "fingerprint": self.fingerprint,
        }

    def _path(self, digits: str, suffix: str) -> Path:
        plain = re.sub(r"[^\w.-]", "_", self.backbone)
        return self.directory / f"{plain}-{digits}{suffix}"

    def locked(self, *, wait: bool) -> FileLock:
        """The lock of the one process that may write; the directory is made if needed.

        Raises:
            RunError: another process has it and we do not `wait`, or it cannot be had.
        """
        with self.naming_the_files():
            self.directory.mkdir(parents=True, exist_ok=True)
            # Opened in one thread, closed in another: the lock is the process's.
            lock = FileLock(self._path(self.fingerprint[:12], ".lock"), thread_local=False)
            try:
                lock.acquire(timeout=-1 if wait else 0)
            except Timeout as error:
                raise RunError(
                    f"Another process is writing {self.rows}. Wait for it, or take another "
                    "directory."
                ) from error
        return lock

    @contextmanager
    def naming_the_files(self) -> Iterator[None]:
        """Turn the system's refusal into a sentence.

        Raises:
            RunError: instead of an `OSError`.
        """
        try:
            yield
        except OSError as error:
            raise RunError(
                f"The features in {self.rows} and {self.keys.name} cannot be read or written: "
                f"{error.strerror or error}. What they hold is safe. Make room, or take another "
                "directory."
            ) from error

    def whole_pairs(self) -> list[str]:
        """The keys that have a row, in the order of the rows; none where there is no store yet.

        Raises:
            RunError: the keys' file belongs to other features, or is no such file.
        """
        try:
            data = self.keys.read_bytes()
        except FileNotFoundError:
            return []
        first, newline, rest = data.partition(b"\n")
        if not newline:  # killed while the store was made
            return []
        self._check_header(first)
        keys: list[str] = []
        for line in rest.split(b"\n")[:-1]:  # behind the last newline stands a torn line
            key = line.decode("ascii", "replace")
            if not KEY.fullmatch(key):
                break
            keys.append(key)
        # The rows' file is measured after the keys are read: it may only have grown since.
        size = self.rows.stat().st_size if self.rows.exists() else 0
        return keys[: size // self.row_bytes]

    def recover(self) -> list[str]:
        """The same, with both files cut to what is whole, and made if there are none.

        Raises:
            RunError: as `whole_pairs`.
        """
        keys = self.whole_pairs()
        header = json.dumps(self.header).encode() + b"\n"
        self.keys.touch()
        with self.keys.open("rb") as file:
            whole = file.read(len(header)) == header
        if not whole:  # new, or killed while the store was made
            self._warn_of_others()
            cut(self.keys, 0)
            write_at(self.keys, 0, header)
        cut(self.keys, len(header) + sum(len(key) + 1 for key in keys))
        self.rows.touch()
        cut(self.rows, len(keys) * self.row_bytes)
        sync_folder(self.directory)
        return keys

    def append(self, present: int, keys: Sequence[str], rows: bytes) -> None:
        """Write rows behind the `present` ones, then their keys; on disk when this returns."""
        write_at(self.rows, present * self.row_bytes, rows)
        write_at(self.keys, None, "".join(f"{key}\n" for key in keys).encode())

    def _check_header(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if found == self.header:
            return
        if not isinstance(found, dict):
            raise RunError(
                f"{self.keys} is no list of keys of features. Delete it and {self.rows}."
            )
        different = [name for name in self.header if found.get(name) != self.header[name]]
        raise RunError(
            f"{self.keys} belongs to other features: its {', '.join(different)} "
            f"{[found.get(name) for name in different]} should be "
            f"{[self.header[name] for name in different]}. Take another directory, or delete it "
            f"and {self.rows.name}."
        )

    def _warn_of_others(self) -> None:
        alike = self.directory.glob(self._path("?" * 12, ".f16").name)
        others = sorted(path.name for path in alike if path != self.rows)
        if others:
            warnings.warn(
                f"{self.directory} holds features of {self.backbone} with other weights or another "
                f"image size ({', '.join(others)}). They are left alone and features are "
                "computed anew; delete those files, and their .keys, if nobody needs them.",
                stacklevel=4,
            )


def write_at(path: Path, position: int | None, data: bytes) -> None:
    """Write at a position, or at the end (None); on disk when this returns."""
    path.touch()
    with path.open("r+b") as file:
        if position is None:
            file.seek(0, os.SEEK_END)
        else:
            file.seek(position)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def cut(path: Path, size: int) -> None:
    """Cut a file that is longer than `size` bytes; the cut is on disk when this returns."""
    if path.stat().st_size > size:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
