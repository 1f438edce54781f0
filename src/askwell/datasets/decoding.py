"""One image file → pixels: upright, 8 bits, of one size, whatever the file holds; or why not."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from askwell.errors import DatasetError
from askwell.paths import shown

Mode = Literal["RGB", "L"]
"""Colour, or grey levels."""

LARGEST_PIXELS = 100_000_000
"""Pixels of a file that is decoded at all."""

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


class UnreadableImageError(DatasetError):
    """One file cannot be decoded; the message is the reason."""


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
