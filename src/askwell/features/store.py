"""Features by key on disk: what was appended stays, whatever happens to the process."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from askwell.errors import InputError, NonFiniteError, RunError
from askwell.features.files import DTYPE, KEY, StoreFiles

_SHOWN = 5


class Source(Protocol):
    """What features come from: a `Trunk`."""

    @property
    def name(self) -> str:
        """Of the backbone."""

    @property
    def features(self) -> int:
        """F."""

    def fingerprint(self) -> str:
        """A hex digest of all that decides the features."""


class FeatureStore:
    """The features of images, shape (F,) each, by key; made by `open` (to write) or `read`.

    A key is the hex digest of an image's content, with a suffix (`:h`, …) for another view of it.
    One process writes at a time. Any number may read meanwhile: they see what was there when they
    opened it.
    """

    def __init__(self, files: StoreFiles, keys: Sequence[str], lock: FileLock | None) -> None:
        self.files = files
        self._row = {key: row for row, key in enumerate(keys)}
        self._lock = lock
        self._map: NDArray[np.float16] | None = None

    @classmethod
    def open(cls, directory: str | Path, source: Source, *, wait: bool = False) -> "FeatureStore":
        """Open a trunk's store for writing; it is made if there is none.

        Args:
            directory: of its files; those of other trunks may be there too.
            source: the trunk. Features of other weights are never mixed in.
            wait: for another process that is writing, instead of refusing.

        Raises:
            RunError: another process is writing, the files are not what their names say, or the
                directory cannot be written.
        """
        files = _files(directory, source)
        lock = files.locked(wait=wait)
        try:
            with files.naming_the_files():
                return cls(files, files.recover(), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, directory: str | Path, source: Source) -> "FeatureStore":
        """What is in the store now, for reading alone: nothing is made, locked or cut.

        Raises:
            RunError: the files are not what their names say, or cannot be read.
        """
        files = _files(directory, source)
        with files.naming_the_files():
            return cls(files, files.whole_pairs(), None)

    def __len__(self) -> int:
        """How many keys it holds."""
        return len(self._row)

    def __contains__(self, key: object) -> bool:
        return key in self._row

    def __enter__(self) -> "FeatureStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write; reading goes on."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that are not in the store, each once, in order."""
        return [key for key in dict.fromkeys(keys) if key not in self._row]

    def append(self, keys: Sequence[str], features: NDArray[np.floating[Any]]) -> None:
        """Add features; they are on disk when this returns. Keys that it has are left alone.

        An error or an interrupt while it writes closes the store; what it held is safe.

        Args:
            keys: one for each row.
            features: shape (N, F), kept as float16.

        Raises:
            InputError: another shape, or a key that is no hex digest.
            NonFiniteError: NaN, or beyond float16's 65 504; the message names the keys.
            RunError: the store is not open for writing, or the disk is full.
        """
        if self._lock is None:
            raise RunError(f"{self.files.rows} is not open for writing; use FeatureStore.open.")
        rows = self._checked(keys, features)
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        new = self.missing(keys)
        if not new:
            return
        try:
            with self.files.naming_the_files():
                self.files.append(len(self), new, rows[[first[key] for key in new]].tobytes())
        except BaseException:  # what is on disk may be more than what is known here
            self.close()
            raise
        self._row |= {key: row for row, key in enumerate(new, start=len(self))}

    def rows(self, keys: Sequence[str]) -> NDArray[np.float16]:
        """The features of these keys in their order, shape (N, F), read from a memory map.

        Raises:
            InputError: a key that the store has not.
        """
        missing = self.missing(keys)
        if missing:
            raise InputError(
                f"{self.files.rows} lacks the features of {len(missing)} keys, for instance "
                f"{missing[:_SHOWN]}. Extract them first, or read the store anew."
            )
        if not keys:
            return np.empty((0, self.files.features), dtype=np.float16)
        if self._map is None or len(self._map) < len(self):
            shape = (len(self), self.files.features)
            self._map = np.memmap(self.files.rows, DTYPE, "r", shape=shape)
        found = self._map[[self._row[key] for key in keys]]
        return np.asarray(found, dtype=np.float16)

    def _checked(
        self, keys: Sequence[str], features: NDArray[np.floating[Any]]
    ) -> NDArray[np.float16]:
        wanted = (len(keys), self.files.features)
        if features.shape != wanted:
            raise InputError(f"Features must have shape (N, F) = {wanted}; got {features.shape}.")
        for key in keys:
            if not KEY.fullmatch(key):
                raise InputError(
                    "A key is a hex digest of 16 to 64 digits, with a suffix like :h for another "
                    f"view; got {key!r}."
                )
        with np.errstate(over="ignore"):
            rows = features.astype(DTYPE)
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            raise NonFiniteError(
                f"The features of {len(bad)} of {len(keys)} images are NaN or too large for "
                f"float16 (65 504), for instance {[keys[i] for i in bad[:_SHOWN]]}. Look at these "
                "images, or take other weights."
            )
        return rows


def _files(directory: str | Path, source: Source) -> StoreFiles:
    return StoreFiles(Path(directory), source.name, source.features, source.fingerprint())
