"""Image files on disk: find them, name them by path and content, read many of them at a time."""

import hashlib
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from askwell.datasets.decoding import Mode, UnreadableImageError, decode
from askwell.errors import InputError
from askwell.paths import is_unicode, shown

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Files that are read; every other file is left alone."""

_UNSUPPORTED = frozenset(
    {".avif", ".cr2", ".dcm", ".dng", ".heic", ".heif", ".jp2", ".nef", ".nii", ".svg"}
)
"""Images too, but not read: they are reported, so that nobody misses them silently."""

LARGEST = 4096
"""Side in pixels that images may be stretched to: beyond, a few hundred fill any memory."""

LARGEST_BYTES = 300_000_000
"""Bytes of a file that is read for labelling."""

LEADS_OUT = "a symbolic link that leads out of the folder"
"""The reason for a file or folder that is elsewhere."""

_SHOWN = 10

S = TypeVar("S")
T = TypeVar("T")


def find_images(
    root: Path, below: str = "", *, within: bool = False
) -> tuple[list[str], dict[str, str]]:
    """The image files under `root/below`, at any depth, hidden ones left out.

    Args:
        root: the folder.
        below: a folder in it, to look there alone.
        within: look no further behind a link that leads out of `root`: there may be a whole disk.

    Returns:
        names: paths relative to `root` with forward slashes, sorted.
        unreadable: name → reason, for images in formats that are not read, and for folders, whose
            names end with a slash.
    """
    names: list[str] = []
    unreadable: dict[str, str] = {}
    seen: set[Path] = set()
    base = root.resolve()

    def refused(error: OSError) -> None:
        name = Path(error.filename).relative_to(root).as_posix()
        unreadable[f"{shown(name)}/"] = f"the folder cannot be read: {error.strerror}"

    for folder, subfolders, files in os.walk(root / below, onerror=refused, followlinks=True):
        place = Path(folder)
        real = place.resolve()
        if real in seen:  # a symbolic link to a folder above
            subfolders.clear()
            continue
        seen.add(real)
        if within and subfolders and not real.is_relative_to(base):
            unreadable[f"{shown(place.relative_to(root).as_posix())}/"] = LEADS_OUT
            subfolders.clear()
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for file in files:
            suffix = Path(file).suffix.lower()
            if file.startswith(".") or suffix not in SUFFIXES | _UNSUPPORTED:
                continue
            name = (place / file).relative_to(root).as_posix()
            if suffix in _UNSUPPORTED:
                reason = f"{suffix} files are not read; convert it to PNG or JPEG"
                unreadable[name if is_unicode(name) else shown(name)] = reason
            elif not is_unicode(name):
                unreadable[shown(name)] = "its name is not valid UTF-8; rename it"
            else:
                names.append(name)
    return sorted(names), unreadable


@dataclass(frozen=True, slots=True, eq=False)
class ImageFile:
    """One readable image file: `path@hash`, (width, height), and the pixels if they were kept."""

    id: str
    size: tuple[int, int]
    pixels: NDArray[np.uint8] | None


def read_all(
    root: Path, names: Sequence[str], *, mode: Mode, image_size: int | None, keep: bool
) -> tuple[list[ImageFile], dict[str, str]]:
    """Read and decode files in a few threads (Pillow decodes without the interpreter's lock).

    Returns:
        files: the readable ones, in the order of `names`; with their pixels if `keep`.
        unreadable: name → reason for the others.
    """

    def read(name: str) -> ImageFile | UnreadableImageError:
        try:
            content = read_bytes(root / name)
            pixels = decode(content, mode=mode, image_size=image_size)
        except UnreadableImageError as error:
            return error
        height, width = pixels.shape[:2]
        return ImageFile(image_id(name, content), (width, height), pixels if keep else None)

    files: list[ImageFile] = []
    unreadable: dict[str, str] = {}
    for name, result in zip(names, in_threads(read, names), strict=True):
        if isinstance(result, UnreadableImageError):
            unreadable[name] = str(result)
        else:
            files.append(result)
    return files, unreadable


def in_threads(function: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """`[function(item) for item in items]`, a few at a time."""
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as executor:
        return list(executor.map(function, items))


def read_bytes(path: Path, largest: int | None = None) -> bytes:
    """The content of a file; `UnreadableImageError` if the system refuses.

    What is no regular file is refused, too: reading a pipe may never end. So is what has more than
    `largest` bytes.
    """
    try:
        there = path.stat()
        if not stat.S_ISREG(there.st_mode):
            raise UnreadableImageError("not a regular file")
        if largest is not None and there.st_size > largest:
            raise UnreadableImageError(
                f"the file has {there.st_size / 1e6:,.0f} MB; at most {largest / 1e6:,.0f} are read"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImageError(error.strerror or str(error)) from error


def image_id(name: str, content: bytes) -> str:
    """`path@<first 16 hex digits of the content's SHA-256>`: changes when the image does."""
    return f"{name}@{hashlib.sha256(content).hexdigest()[:16]}"


def check_image_size(image_size: int | None) -> None:
    """Raise `InputError` unless the size is None or 1 … `LARGEST` pixels."""
    if image_size is not None and (isinstance(image_size, bool) or image_size < 1):
        raise InputError(f"image_size must be a positive number of pixels; got {image_size!r}.")
    if image_size is not None and image_size > LARGEST:
        raise InputError(f"image_size must be at most {LARGEST} pixels; got {image_size!r}.")


def check_same_size(sizes: Iterable[tuple[int, int]]) -> None:
    """Raise `InputError`, naming the sizes (width × height), unless all are equal."""
    counts = Counter(sizes)
    if len(counts) > 1:
        most = counts.most_common(5)
        named = ", ".join(f"{width}×{height} ({n} files)" for (width, height), n in most)
        more = f" and {len(counts) - 5} more sizes" if len(counts) > 5 else ""
        raise InputError(
            f"The images differ in size: {named}{more}. Pass image_size=…, the height and width "
            "in pixels that all are stretched to."
        )


def warn_unreadable(root: Path, unreadable: Mapping[str, str]) -> None:
    """List the files that were left out, each with its reason, in one `UserWarning`."""
    if unreadable:
        what = "files or folders" if any(name.endswith("/") for name in unreadable) else "files"
        warnings.warn(
            f"{len(unreadable)} image {what} in {root} cannot be read and are left out:"
            f"{list_reasons(unreadable)}",
            stacklevel=3,
        )


def list_reasons(unreadable: Mapping[str, str]) -> str:
    """One line for each of the first files, then how many more there are."""
    first = [f"\n  {shown(name)}: {reason}" for name, reason in list(unreadable.items())[:_SHOWN]]
    more = len(unreadable) - len(first)
    return "".join(first) + (f"\n  and {more} more" if more else "")
