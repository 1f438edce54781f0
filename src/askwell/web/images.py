"""Images as the page shows them: found by id, decoded here, and encoded anew.

The user's files never reach the browser as they are: a hostile file would have to get through
Pillow first, within limits of bytes and pixels, and what comes out is a plain PNG or JPEG without
metadata. Decoding runs in a few threads of its own; thumbnails never stand before the image that
somebody waits for.
"""

import asyncio
import hashlib
import io
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from PIL import Image

from askwell.datasets.decoding import UnreadableImageError, opened
from askwell.datasets.images import LARGEST_BYTES, read_bytes

Size = Literal["full", "thumb"]

SIDES = {"full": 2560, "thumb": 256}
"""The longest side in pixels that an image is sent with."""

_EXACT_PIXELS = 512 * 512  # below, PNG: every pixel as it is, and still small
_CACHE = 128 << 20


@dataclass(frozen=True, slots=True)
class Shown:
    """An encoded image."""

    body: bytes
    media_type: str


class ImageReader:
    """Encoded images of one folder, the recent ones kept in memory."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._threads = {
            "full": ThreadPoolExecutor(2, "image"),
            "thumb": ThreadPoolExecutor(2, "thumb"),
        }
        self._cache = _Cache(_CACHE)

    async def read(self, path: str, sha256: str, size: Size) -> Shown:
        """The image of a file, if its content is still what was recorded.

        Raises:
            UnreadableImageError: gone, changed, damaged, too large, or outside the folder.
        """
        if (known := self._cache.get((sha256, size))) is not None:
            return known
        loop = asyncio.get_running_loop()
        shown = await loop.run_in_executor(self._threads[size], self._read, path, sha256, size)
        self._cache.put((sha256, size), shown)
        return shown

    def problem(self, path: str, sha256: str) -> str:
        """Why the image of a file cannot be shown; empty if it can."""
        try:
            self._cache.put((sha256, "full"), self._read(path, sha256, "full"))
        except UnreadableImageError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """End the threads."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, path: str, sha256: str, size: Size) -> Shown:
        if (known := self._cache.get((sha256, size))) is not None:  # asked for twice at once
            return known
        try:
            place = (self._root / path).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
            reason = getattr(error, "strerror", None) or "the path cannot be followed"
            raise UnreadableImageError(f"the file cannot be opened: {reason}") from error
        if not place.is_relative_to(self._root):
            raise UnreadableImageError("a link leads out of the folder")
        content = read_bytes(place, LARGEST_BYTES)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise UnreadableImageError(
                "the file has changed since askwell looked at it; start askwell again to take up "
                "the new one"
            )
        return encode(content, SIDES[size])


def encode(content: bytes, side: int) -> Shown:
    """Decode an image file, turn it upright, shrink it to `side`, and encode it anew.

    PNG for small images, so that each pixel is as it was; JPEG with full colour resolution for
    others. No metadata goes along.

    Raises:
        UnreadableImageError: damaged, not an image, or of too many pixels.
    """
    with opened(content, mode="RGB", draft=side) as flat:
        if max(flat.size) > side:
            flat.thumbnail((side, side), Image.Resampling.LANCZOS)
        return _encoded(flat, side)


def _encoded(flat: Image.Image, side: int) -> Shown:
    out = io.BytesIO()
    if flat.width * flat.height <= _EXACT_PIXELS and side > SIDES["thumb"]:
        _bare(flat).save(out, "PNG", compress_level=3)
        return Shown(out.getvalue(), "image/png")
    if max(flat.size) <= 64:  # a tiny image: JPEG would smear it
        _bare(flat).save(out, "PNG", compress_level=3)
        return Shown(out.getvalue(), "image/png")
    _bare(flat).save(out, "JPEG", quality=92, subsampling=0)
    return Shown(out.getvalue(), "image/jpeg")


def _bare(image: Image.Image) -> Image.Image:
    """The pixels alone: no comments, profiles or EXIF records."""
    bare = image.copy()  # no file's object, which would know more than its `info`
    bare.info = {}
    return bare


class _Cache:
    """The images used last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._images: OrderedDict[tuple[str, str], Shown] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str]) -> Shown | None:
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
            return self._images.get(key)

    def put(self, key: tuple[str, str], image: Shown) -> None:
        with self._lock:
            if key in self._images:
                return
            self._images[key] = image
            self._bytes += len(image.body)
            while self._bytes > self._limit and len(self._images) > 1:
                _, oldest = self._images.popitem(last=False)
                self._bytes -= len(oldest.body)
