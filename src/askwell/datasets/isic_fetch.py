"""Download the official files of ISIC 2016; their hashes are not published, so counts decide."""

import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import filelock

from askwell.datasets.fetch import SCRATCH
from askwell.datasets.files import SourceError, writing
from askwell.datasets.isic_files import Part, explain_missing, missing, open_zip, read_labels
from askwell.datasets.sources import Progress, download
from askwell.errors import DatasetError

_LIMIT = 4 << 30
"""Bytes. The larger archive has about 0.6 GB; more than this cannot be it."""

_LOCK_SECONDS = 3600.0


def fetch_parts(folder: Path, parts: Sequence[Part], url: str, *, progress: Progress) -> None:
    """Download those of the four files that are not in `folder`, or cannot be read.

    What is there and can be read stays, whole or not. What comes must have the official numbers
    of images and labels, then takes its place in one step; a broken download goes on where it
    broke off. A second process that fetches waits for the first one.

    Raises:
        DatasetError: a file cannot be had (each is named with the reason, and the four files with
            their addresses), or the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except filelock.Timeout:
            raise DatasetError(
                f"Another process has been fetching isic2016 into {folder} for "
                f"{_LOCK_SECONDS:g} s. Wait for it, or end it and try again."
            ) from None
    try:
        _fetch_all(folder, parts, url, progress)
    finally:
        with suppress(OSError):  # stays where it holds parts to go on from
            (folder / SCRATCH).rmdir()
        lock.release()


def _fetch_all(folder: Path, parts: Sequence[Part], url: str, progress: Progress) -> None:
    failures: dict[str, str] = {}
    for part in parts:
        absent = missing(folder, [part])
        for name in (f"{part.data}.zip", part.table):
            if name in absent or _damaged(folder / name):
                try:
                    _fetch(folder, part, name, url, progress)
                except SourceError as error:
                    failures[name] = str(error)
    if failures:
        tried = "".join(f"\n  - {name}: {reason}" for name, reason in failures.items())
        needed = explain_missing(folder, parts, list(failures), url)
        raise DatasetError(
            f"isic2016 could not be fetched. Tried:{tried}\n{needed}\nDownload them elsewhere and "
            f"put them into {folder}, or give the folder that holds them."
        )


def _fetch(folder: Path, part: Part, name: str, url: str, progress: Progress) -> None:
    """Download one file, once more from the start if an old beginning of it was to blame."""
    aside = folder / SCRATCH / f"{name}.part"
    with writing(aside):
        aside.parent.mkdir(exist_ok=True)
    for _ in range(2 if aside.exists() else 1):
        download(f"{url}{name}", aside, limit=_LIMIT, progress=progress)
        problem = _problem(aside, part, name)
        if problem is None:
            with writing(folder), aside.open("rb+") as stream:
                os.fsync(stream.fileno())
                aside.replace(folder / name)
            return
        aside.unlink()
    raise SourceError(problem)


def _problem(path: Path, part: Part, name: str) -> str | None:
    """What tells a downloaded file from the official one, or None."""
    try:
        if name == part.table:
            counts = Counter(read_labels(path).values())
            if (found := (counts[0], counts[1])) != part.counts:
                return f"has {found} benign and malignant images instead of {part.counts}"
        else:
            with open_zip(path) as files:
                if len(files.names) != sum(part.counts):
                    return f"has {len(files.names)} images instead of {sum(part.counts)}"
            if _damaged(path):
                return "is damaged: a checksum inside does not fit"
    except DatasetError as error:
        return f"is not the file: {error}"
    return None


def _damaged(path: Path) -> bool:
    """Whether a file is there, but cannot be read through."""
    if not path.is_file():
        return False
    if path.suffix == ".csv":
        try:
            read_labels(path)
        except DatasetError:
            return True
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except (OSError, zipfile.BadZipFile, EOFError):
        return True
