"""Decoded images, kept as one uint8 array: photographs of 6 megapixels take minutes to decode.

An array is named by its size in pixels and its images' ids, which are hashes of their content, so
it serves whatever folder the same images lie in, and never any others.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from askwell.datasets import decoding, images
from askwell.datasets.decoding import UnreadableImageError
from askwell.datasets.isic_files import ImageFiles
from askwell.datasets.sources import Progress
from askwell.durable import replacing
from askwell.errors import DatasetError

_DECODER = 1
"""One more whenever decoding or stretching changes, so that old arrays are not used any more."""

_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The readable ones of some images, in the order asked for.

    Attributes:
        ids: `ISIC_0000000@<first 16 hex digits of the file's SHA-256>`.
        pixels: uint8, shape (N, image_size, image_size, 3); a read-only memory map if it is kept.
        unreadable: file name → reason, for the others.
    """

    ids: tuple[str, ...]
    pixels: NDArray[np.uint8]
    unreadable: Mapping[str, str]


def decode_all(
    files: ImageFiles,
    wanted: Sequence[str],
    *,
    image_size: int,
    cache: Path | None,
    progress: Progress,
) -> Decoded:
    """Decode and stretch images (RGB), or find them in the cache.

    Args:
        files: where they lie.
        wanted: which of `files.names`.
        image_size: height and width; antialiased, the aspect is not kept.
        cache: folder of the arrays, made if need be; None neither looks nor keeps.
        progress: told the bytes of the image files that were decoded so far.

    Where the cache cannot be written a `UserWarning` says so, and the images are in memory.
    """
    ids, unreadable = _identify(files, wanted, cache)
    named = [image for image in wanted if image in ids]
    array = None if cache is None else cache / f"{_key(ids.values(), image_size)}.npy"
    shape = (len(named), image_size, image_size, 3)
    kept = _find(array, shape)
    if kept is None:
        with _one_at_a_time(cache):  # another process may have decoded them meanwhile
            kept = _find(array, shape)
            if kept is None:
                pixels, damaged = _decode(files, ids, named, image_size, progress)
                kept = _keep(array, pixels, damaged), damaged
    pixels, damaged = kept
    if damaged:
        readable = [row for row, image in enumerate(named) if files.names[image] not in damaged]
        named, pixels = [named[row] for row in readable], pixels[readable]
    return Decoded(tuple(ids[image] for image in named), pixels, unreadable | damaged)


def _identify(
    files: ImageFiles, wanted: Sequence[str], cache: Path | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Image → id, and file name → reason; files are hashed when they changed since the last time.

    What was hashed is remembered for each place: file name → [id, size, time or checksum].
    """
    place = hashlib.sha256(str(files.place.resolve()).encode(errors="surrogateescape"))
    memory = None if cache is None else cache / f"hashes-{place.hexdigest()[:16]}.json"
    known = {} if memory is None else _read_json(memory)

    def identify(image: str) -> str | UnreadableImageError:
        name = files.names[image]
        match known.get(name):
            case [str(found), *stamp] if stamp == files.stamps[name]:
                return found
        try:
            return images.image_id(image, files.read(name))
        except UnreadableImageError as error:
            return error

    found = dict(zip(wanted, images.in_threads(identify, wanted), strict=True))
    ids = {image: item for image, item in found.items() if isinstance(item, str)}
    reasons = {files.names[i]: str(e) for i, e in found.items() if not isinstance(e, str)}
    marks = {files.names[i]: [item, *files.stamps[files.names[i]]] for i, item in ids.items()}
    if memory is not None and not marks.items() <= known.items():
        with suppress(OSError):  # in a read-only folder they are hashed again the next time
            _write(memory, lambda out: out.write(json.dumps(known | marks).encode()))
    return ids, reasons


def _decode(
    files: ImageFiles,
    ids: Mapping[str, str],
    named: Sequence[str],
    image_size: int,
    progress: Progress,
) -> tuple[NDArray[np.uint8], dict[str, str]]:
    """Row i is `named[i]`, black where it cannot be decoded; file name → reason for those."""

    def decode(image: str) -> NDArray[np.uint8] | UnreadableImageError:
        content = _unchanged(files, image, ids[image])
        try:
            return decoding.decode(content, mode="RGB", image_size=image_size)
        except UnreadableImageError as error:
            return error

    sizes = [files.stamps[files.names[image]][0] for image in named]
    pixels = np.zeros((len(named), image_size, image_size, 3), dtype=np.uint8)
    reasons: dict[str, str] = {}
    for start in range(0, len(named), _BATCH):
        progress(f"decoding {files.place.name}", sum(sizes[:start]), sum(sizes))
        batch = named[start : start + _BATCH]
        for row, found in enumerate(images.in_threads(decode, batch), start):
            if isinstance(found, UnreadableImageError):
                reasons[files.names[named[row]]] = str(found)
            else:
                pixels[row] = found
    progress(f"decoding {files.place.name}", sum(sizes), sum(sizes))
    pixels.setflags(write=False)
    return pixels, reasons


def _unchanged(files: ImageFiles, image: str, item: str) -> bytes:
    """The content that was hashed; what is kept under its id must never be of another one."""
    name = files.names[image]
    try:
        content = files.read(name)
    except UnreadableImageError as error:
        raise DatasetError(f"{name} in {files.place} cannot be read any more: {error}.") from error
    if images.image_id(image, content) != item:
        raise DatasetError(f"{name} in {files.place} changed while it was read. Load it again.")
    return content


def _key(ids: Iterable[str], image_size: int) -> str:
    text = "\n".join([str(_DECODER), str(image_size), *ids])
    return f"{image_size}px-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _find(
    path: Path | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.uint8], dict[str, str]] | None:
    """A kept array as a read-only memory map, with the reasons of the files not in it."""
    if path is None or not path.with_suffix(".json").exists():
        return None
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or cut short
        return None
    if array.shape != shape or array.dtype != np.uint8:
        return None
    return array, _read_json(path.with_suffix(".json"))


def _keep(
    path: Path | None, pixels: NDArray[np.uint8], reasons: Mapping[str, str]
) -> NDArray[np.uint8]:
    """Write the array, after what it lacks, and return it as a memory map; as it is if in vain."""
    if path is None:
        return pixels
    try:
        _write(path.with_suffix(".json"), lambda out: out.write(json.dumps(reasons).encode()))
        _write(path, lambda out: np.save(out, pixels))
    except OSError as error:
        warnings.warn(
            f"The decoded images could not be kept in {path.parent}: {error.strerror or error}. "
            "Loading will take as long the next time. ASKWELL_DATA=… chooses another folder.",
            stacklevel=2,
        )
        return pixels
    found = _find(path, pixels.shape)
    if found is None:
        raise DatasetError(f"{path} was written, but cannot be read. Is the disk damaged?")
    return found[0]


def _write(path: Path, write: Callable[[Any], object]) -> None:
    """Write a file aside, fsync it, and put it in its place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as out:
        write(out)


@contextmanager
def _one_at_a_time(cache: Path | None) -> Iterator[None]:
    """So that processes that start together decode once; without a lock where none can be made."""
    if cache is None:
        yield
        return
    lock = filelock.FileLock(cache / ".lock")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
