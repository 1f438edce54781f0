"""Which images a folder holds: relative path and SHA-256 of each. Nothing is decoded or written."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from askwell.datasets.images import LEADS_OUT, find_images
from askwell.errors import DatasetError
from askwell.paths import is_folder, shown
from askwell.store import Found, Store

_PIECE = 1 << 20

Known = Mapping[str, tuple[int, int, str]]
"""path → (size in bytes, time of change in ns, SHA-256) as an earlier scan found them."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found.

    Attributes:
        files: the image files, by path; whether they can be decoded is seen later.
        unreadable: relative path → reason, for images that are not taken up.
    """

    files: list[Found]
    unreadable: dict[str, str]


def scan(
    root: Path, known: Known | None = None, progress: Callable[[int, int], None] | None = None
) -> Scan:
    """Find and hash the images under a folder, at any depth, hidden ones left out.

    Args:
        root: the folder.
        known: of an earlier scan; a file of the same size and time of change is not read again.
        progress: called with the files that are done, and how many there are.

    Raises:
        DatasetError: there is no such folder, or it cannot be entered.
    """
    if not is_folder(root, DatasetError):
        raise DatasetError(f"There is no folder {shown(str(root))}. Give a folder of images.")
    base, known = root.resolve(), known or {}
    names, unreadable = find_images(base, within=True)
    files: list[Found] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as executor:
        results = executor.map(lambda name: _look(base, name, known.get(name)), names)
        for done, (name, result) in enumerate(zip(names, results, strict=True), start=1):
            if isinstance(result, Found):
                files.append(result)
            else:
                unreadable[name] = result
            if progress is not None:
                progress(done, len(names))
    return Scan(files, unreadable)


def take_up(store: Store, root: Path, progress: Callable[[int, int], None] | None = None) -> Scan:
    """Scan a project's folder and take over what is new, changed or gone; see `scan`."""
    known = {item.path: (item.size, item.mtime_ns, item.sha256) for item in store.items()}
    found = scan(root, known, progress)
    store.sync(found.files)
    return found


def _look(base: Path, name: str, known: tuple[int, int, str] | None) -> Found | str:
    """The file, or why it is not taken up."""
    path = base / name
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(base):
            return LEADS_OUT
        there = real.stat()
        if not stat.S_ISREG(there.st_mode):
            return "not a regular file"
        if there.st_size == 0:
            return "the file is empty"
        if not os.access(real, os.R_OK):
            return os.strerror(errno.EACCES)
        if known is not None and known[:2] == (there.st_size, there.st_mtime_ns):
            return Found(name, known[2], there.st_size, there.st_mtime_ns)
        return Found(name, _sha256(real), there.st_size, there.st_mtime_ns)
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
            return "symbolic links in a circle"
        return error.strerror or str(error)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
