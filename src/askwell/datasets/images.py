"""Image files on disk: find them, name them by path and content, decode them to uint8 arrays."""

import hashlib
import io
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from askwell.errors import DatasetError, InputError
from askwell.paths import shown

Mode = Literal["RGB", "L"]
"""Colour, or grey levels."""

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

LARGEST_PIXELS = 100_000_000
"""Pixels of a file that is decoded at all."""

LARGEST_BYTES = 300_000_000
"""Bytes of a file that is read for labelling."""

# What the suffixes stand for. By content, Pillow would open forty formats, and PostScript by
# starting Ghostscript.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_LARGE = 25_000_000  # pixels; of larger images one is decoded at a time, for the memory's sake
_alone = Lock()

LEADS_OUT = "a symbolic link that leads out of the folder"
"""The reason for a file or folder that is elsewhere."""

_SHOWN = 10

T = TypeVar("T")


class UnreadableImageError(DatasetError):
    """One file cannot be decoded; the message is the reason."""


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
                unreadable[name if _is_text(name) else shown(name)] = reason
            elif not _is_text(name):
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


def in_threads(function: Callable[[str], T], items: Sequence[str]) -> list[T]:
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


def decode(content: bytes, *, mode: Mode, image_size: int | None) -> NDArray[np.uint8]:
    """Decode one image file, turned upright as its EXIF says.

    16-bit grey levels are scaled to 8 bits; transparent pixels are shown on white; of an
    animation the first frame is taken.

    Args:
        content: the file.
        mode: "RGB" gives shape (height, width, 3), "L" gives (height, width).
        image_size: stretch to this height and width (nothing is cut off); None keeps the size.

    Raises:
        UnreadableImageError: damaged, truncated, not an image, or too large to be true.
    """
    with opened(content, mode=mode, draft=image_size and 2 * image_size) as flat:
        if image_size is not None and flat.size != (image_size, image_size):
            flat = flat.resize((image_size, image_size), Image.Resampling.BILINEAR)
        return np.array(flat, dtype=np.uint8)


@contextmanager
def opened(content: bytes, *, mode: Mode, draft: int | None) -> Iterator[Image.Image]:
    """Decode one image file to 8 bits, upright, as `decode` says.

    Args:
        content: the file.
        mode: of the image.
        draft: a side that is enough: larger JPEGs are decoded at a half, quarter or eighth.

    Raises:
        UnreadableImageError: the file cannot be decoded, or what is done with its image fails.
    """
    try:
        with _quiet, Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > LARGEST_PIXELS:
                raise UnreadableImageError(_too_large(f" {width}×{height}"))
            if draft is not None:
                image.draft(mode, (draft, draft))
            with _alone if image.width * image.height > _LARGE else nullcontext():
                image.load()
                yield flatten(_upright(image), mode)
    except (MemoryError, UnreadableImageError):
        raise
    except Exception as error:  # Pillow's decoders raise almost anything on damaged files
        reason = "not an image that Pillow can identify"
        if isinstance(error, Image.DecompressionBombError):
            reason = _too_large("")
        elif not isinstance(error, UnidentifiedImageError):
            reason = shown(str(error)) or type(error).__name__
        raise UnreadableImageError(reason) from error


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


def flatten(image: Image.Image, mode: Mode) -> Image.Image:
    """Convert any Pillow mode to 8-bit RGB or L; transparent pixels are shown on white."""
    if image.mode == "F":
        raise ValueError("floating-point pixels; save as 8 or 16 bits, or pass an array")
    if image.mode.startswith("I"):
        image = _to_8_bits(image)
    if image.mode == "La":  # alpha is multiplied in; Pillow converts that to LA alone
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if image.mode == "LAB":  # Pillow converts that to RGB alone
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def _upright(image: Image.Image) -> Image.Image:
    """As its EXIF says; as it is where that is damaged: the pixels are none the worse for it."""
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # of damaged EXIF, Pillow raises almost anything
        turn = None
    return image if turn is None else image.transpose(turn)


def _too_large(size: str) -> str:
    return (
        f"the image{size} has more than {LARGEST_PIXELS / 1e6:.0f} million pixels; it may be a "
        "decompression bomb"
    )


class _Quiet:
    """Silence about odd metadata, while any thread decodes.

    `warnings` has one list of filters for all threads: each putting back what it found would leave
    another's list behind.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_quiet = _Quiet()


def _to_8_bits(image: Image.Image) -> Image.Image:
    levels = np.asarray(image)
    if levels.min() < 0 or levels.max() > 65535:
        raise ValueError("32-bit pixels; save as 8 or 16 bits, or pass an array")
    wide = levels.astype(np.uint32)  # in whole numbers and in place: floats would fill a gigabyte
    wide += 128
    wide //= 257
    grey = wide.astype(np.uint8)
    if isinstance(clear := image.info.get("transparency"), int):
        grey[levels == clear] = 255
    return Image.fromarray(grey)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
