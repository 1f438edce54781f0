"""Malformed and odd image files: what a folder of photographs may hold, and what an attacker puts.

python -m tests.web.odd_files FOLDER OUTSIDE     writes them, with a secret in OUTSIDE
"""

import io
import os
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, PngImagePlugin

from tests.datasets.test_images import ODD as MODES
from tests.datasets.test_images import encoded

Fate = Literal["shown", "listed", "either"]

SECRET = (12, 200, 99)
"""The colour of the image outside of the folder, which nobody may ever see."""

HTML = "<img src=x onerror=alert(1)>.png"

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
_SUFFIX = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "BMP": "bmp", "TIFF": "tif", "WEBP": "webp"}
_CUTS = (0.01, 0.03, 0.06, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.999)


@dataclass(frozen=True, slots=True)
class Odd:
    """One file, and what must become of it.

    Attributes:
        name: relative to the folder.
        fate: shown as an image, or listed with a reason; either where Pillow may decide.
        size: (width, height) as shown; None where it does not matter.
        corners: the colours of its four quarters, row by row, as they must be shown.
        colour: the colour of the pixel at the top left.
    """

    name: str
    fate: Fate
    size: tuple[int, int] | None = None
    corners: tuple[tuple[int, int, int], ...] = ()
    colour: tuple[int, int, int] | None = None


QUARTERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
"""Red, green, blue and yellow, row by row: tells all eight orientations apart."""


def write(folder: Path, outside: Path) -> list[Odd]:
    """Write all files; `outside` gets a secret image that links in the folder lead to."""
    folder.mkdir(parents=True)
    outside.mkdir(parents=True)
    Image.new("RGB", (30, 30), SECRET).save(outside / "secret.png")
    (outside / "deep").mkdir()
    Image.new("RGB", (30, 30), SECRET).save(outside / "deep" / "deeper.png")
    odd: list[Odd] = []
    for content, each in _contents():
        path = folder / each.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        odd.append(each)
    return odd + list(_specials(folder, outside))


def quarters(side: int = 40, mode: str = "RGB") -> Image.Image:
    """A picture of four coloured quarters, twice as wide as high."""
    image = Image.new("RGB", (2 * side, side))
    for number, colour in enumerate(QUARTERS):
        x, y = (number % 2) * side, (number // 2) * (side // 2)
        image.paste(colour, (x, y, x + side, y + side // 2))
    return image.convert(mode)


def _contents() -> Iterator[tuple[bytes, Odd]]:
    yield from _formats()
    yield from _orientations()
    yield from _modes()
    yield from _bombs()
    yield from _shapes()
    yield from _metadata()
    yield from _not_images()
    yield from _names()


def _formats() -> Iterator[tuple[bytes, Odd]]:
    """Whole, cut off, with a wrong extension, and with flipped bits."""
    chance = random.Random(1)
    for kind in FORMATS:
        suffix, whole = _SUFFIX[kind], encoded(_noise(), format=kind)
        yield whole, Odd(f"whole.{suffix}", "shown", (64, 48))
        wrong = _SUFFIX[FORMATS[(FORMATS.index(kind) + 1) % len(FORMATS)]]
        yield encoded(_noise(), format=kind) + b"\0", Odd(f"{suffix}-named.{wrong}", "shown")
        for share in _CUTS:
            yield whole[: max(1, int(share * len(whole)))], Odd(f"cut-{share}.{suffix}", "either")
        for number in range(14):
            content = bytearray(whole)
            for _ in range(1 + number % 4):
                content[chance.randrange(min(len(content), 90))] ^= 1 << chance.randrange(8)
            yield bytes(content), Odd(f"flipped-{number}.{suffix}", "either")
        head = whole[:12]
        yield head + chance.randbytes(3000), Odd(f"head-and-noise.{suffix}", "either")
        yield chance.randbytes(2000), Odd(f"noise.{suffix}", "listed")
        yield b"", Odd(f"empty.{suffix}", "listed")


def _orientations() -> Iterator[tuple[bytes, Odd]]:
    upright = quarters()
    turns = Image.Transpose
    # What a camera stores, so that the turn of each EXIF number gives the upright picture back.
    stored = {
        1: upright,
        2: upright.transpose(turns.FLIP_LEFT_RIGHT),
        3: upright.transpose(turns.ROTATE_180),
        4: upright.transpose(turns.FLIP_TOP_BOTTOM),
        5: upright.transpose(turns.TRANSPOSE),
        6: upright.transpose(turns.ROTATE_90),
        7: upright.transpose(turns.TRANSVERSE),
        8: upright.transpose(turns.ROTATE_270),
    }
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        for number, image in stored.items():
            exif = Image.Exif()
            exif[0x0112] = number
            options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
            content = encoded(image, format=kind, exif=exif, **options)
            name = f"turned-{number}.{_SUFFIX[kind]}"
            yield content, Odd(name, "shown", (80, 40), QUARTERS)
    for number in (0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = number
        content = encoded(upright, format="JPEG", exif=exif)
        yield content, Odd(f"turned-{number}.jpg", "shown", (80, 40), QUARTERS)
    plain = encoded(upright, format="JPEG", comment=b"no EXIF")
    for name, exif_bytes in _odd_exif().items():
        app1 = b"\xff\xe1" + struct.pack(">H", len(exif_bytes) + 8) + b"Exif\0\0" + exif_bytes
        content = plain[:2] + app1 + plain[2:]
        yield content, Odd(f"exif-{name}.jpg", "shown", (80, 40), QUARTERS)
        content = _with_chunks(encoded(upright), (b"eXIf", exif_bytes))
        yield content, Odd(f"exif-{name}.png", "shown", (80, 40), QUARTERS)


def _odd_exif() -> dict[str, bytes]:
    """EXIF that is damaged, beside pixels that are not."""
    entry = struct.pack("<HHII", 0x0112, 2, 4, 0x41414141)  # an orientation of four letters
    turned = struct.pack("<HHII", 0x0112, 3, 1, 1)
    wild = struct.pack("<HHII", 0x9286, 7, 0x7FFFFFFF, 0xFFFFFFF0)  # a comment of two gigabytes
    circle = struct.pack("<HHII", 0x8769, 4, 1, 8)  # the EXIF part is the whole again
    return {
        "noise": random.Random(2).randbytes(300),
        "cut": b"II*\0\x08\0\0\0\x05\0" + entry[:7],
        "letters": b"II*\0\x08\0\0\0\x01\0" + entry + bytes(4),
        "gigabytes": b"II*\0\x08\0\0\0\x02\0" + turned + wild + bytes(4),
        "circle": b"II*\0\x08\0\0\0\x02\0" + turned + circle + struct.pack("<I", 8),
        "far": b"II*\0\xf0\xff\xff\xff",
    }


def _modes() -> Iterator[tuple[bytes, Odd]]:
    modes: dict[str, tuple[Image.Image, dict[str, Any], Any]] = dict(MODES)  # type: ignore[arg-type]
    for name, (image, options, expected) in modes.items():
        red, green, blue = expected[0]
        suffix = _SUFFIX[str(options.get("format", "PNG"))]
        yield (
            encoded(image, **options),
            Odd(f"mode {name}.{suffix}", "shown", image.size, colour=(red, green, blue)),
        )
    ink = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    yield encoded(ink, format="JPEG"), Odd("cmyk.jpg", "shown", colour=(255, 0, 0))
    yield _ycck(), Odd("ycck.jpg", "shown", (80, 40), QUARTERS)
    half = Image.fromarray(np.full((9, 9), 32768, np.int32))
    yield encoded(half, format="TIFF"), Odd("32-bit.tif", "shown", (9, 9), colour=(128, 128, 128))
    deep = Image.fromarray(np.full((9, 9), 1 << 30, np.int32))
    yield encoded(deep, format="TIFF"), Odd("32-bit-deep.tif", "listed")
    floats = Image.fromarray(np.full((9, 9), 0.5, np.float32))
    yield encoded(floats, format="TIFF"), Odd("float.tif", "listed")
    nan = Image.fromarray(np.full((9, 9), np.nan, np.float32))
    yield encoded(nan, format="TIFF"), Odd("nan.tif", "listed")
    first, blue = Image.new("RGB", (30, 30), "red"), Image.new("RGB", (30, 30), "blue")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        content = encoded(first, format=kind, save_all=True, append_images=[blue] * 3, **options)
        yield content, Odd(f"animated.{_SUFFIX[kind]}", "shown", (30, 30), colour=(255, 0, 0))


def _ycck() -> bytes:
    """A CMYK JPEG as Photoshop writes it: inks turned over, as YCbCr and K, with Adobe's mark."""
    inks = quarters().point(lambda level: 255 - level)  # no black
    ycc = inks.convert("YCbCr").point(lambda level: 255 - level)  # Pillow turns them over again
    black = Image.new("L", inks.size, 0)
    content = bytearray(
        encoded(Image.merge("CMYK", [*ycc.split(), black]), format="JPEG", quality=95)
    )
    content[content.index(b"Adobe") + 11] = 2  # of colour transforms, YCCK
    return bytes(content)


def _bombs() -> Iterator[tuple[bytes, Odd]]:
    for side in (10_001, 15_000, 60_000, 2**31 - 1):
        yield png(side, side, 8, 2, b""), Odd(f"claims-{side}.png", "listed")
    flat = zlib.compressobj(1)
    row = bytes(1 + 20_000 // 8)
    body = b"".join(flat.compress(row * 1000) for _ in range(20)) + flat.flush()
    yield png(20_000, 20_000, 1, 0, body), Odd("bomb-20000.png", "listed")
    flat = zlib.compressobj(1)
    row = b"\0" + b"\xff" * (9_000 // 8)
    body = b"".join(flat.compress(row * 1000) for _ in range(9)) + flat.flush()
    yield png(9_000, 9_000, 1, 0, body), Odd("nearly-a-bomb.png", "shown", (2560, 2560))
    gif = bytearray(encoded(quarters(), format="GIF"))
    gif[6:10] = struct.pack("<HH", 60_000, 60_000)
    yield bytes(gif), Odd("claims.gif", "listed")
    bmp = bytearray(encoded(quarters(), format="BMP"))
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    yield bytes(bmp), Odd("claims.bmp", "listed")
    jpeg = bytearray(encoded(quarters(), format="JPEG"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">HH", 60_000, 60_000)
    yield bytes(jpeg), Odd("claims.jpg", "listed")
    yield b"P5 60000 60000 255\n" + bytes(100), Odd("claims.pgm", "listed")
    yield (
        encoded(Image.new("1", (30_000, 8_000)), format="TIFF", compression="group4"),
        Odd("bomb.tif", "listed"),
    )
    huge = PngImagePlugin.PngInfo()
    huge.add_text("Comment", "a" * 20_000_000, zip=True)
    yield encoded(quarters(), pnginfo=huge), Odd("text-bomb.png", "either")
    profile = b"profile\0\0" + zlib.compress(bytes(20_000_000), 1)
    yield _with_chunks(encoded(quarters()), (b"iCCP", profile)), Odd("icc-bomb.png", "either")


def _shapes() -> Iterator[tuple[bytes, Odd]]:
    for width, height in ((0, 0), (0, 9), (9, 0)):
        yield png(width, height, 8, 2, zlib.compress(b"")), Odd(f"{width}x{height}.png", "listed")
    red = Image.new("RGB", (1, 1), "red")
    for kind in FORMATS:
        colour = None if kind in ("JPEG", "WEBP") else (255, 0, 0)
        suffix = _SUFFIX[kind]
        yield encoded(red, format=kind), Odd(f"1x1.{suffix}", "shown", (1, 1), colour=colour)
    for size in ((1, 20_000), (20_000, 1), (3, 60_000)):
        content = encoded(Image.new("RGB", size, "red"))
        yield content, Odd(f"thin-{size[0]}x{size[1]}.png", "shown")
    yield encoded(Image.new("L", (65_000, 1)), format="JPEG"), Odd("thin.jpg", "shown")


def _metadata() -> Iterator[tuple[bytes, Odd]]:
    image = quarters()
    yield encoded(image, icc_profile=os.urandom(3_000_000)), Odd("icc-3-MB.png", "either")
    yield encoded(image, icc_profile=os.urandom(900_000)), Odd("icc.png", "shown")
    yield encoded(image, format="JPEG", icc_profile=os.urandom(900_000)), Odd("icc.jpg", "shown")
    yield encoded(image, format="JPEG", comment=b"x" * 60_000), Odd("comment.jpg", "shown")
    chunks = [(b"tEXt", b"k%d\0v" % i) for i in range(20_000)]
    yield _with_chunks(encoded(image), *chunks), Odd("20000-chunks.png", "shown")
    yield encoded(image) + bytes(1_000_000), Odd("tail.png", "shown")
    yield encoded(image, format="JPEG") + b"<?php secret ?>", Odd("polyglot.jpg", "shown")


def _not_images() -> Iterator[tuple[bytes, Odd]]:
    script = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>1</script></svg>'
    yield script, Odd("svg.png", "listed")
    yield b"<!DOCTYPE html><script>alert(1)</script>", Odd("html.jpg", "listed")
    yield script, Odd("vector.svg", "listed")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 20\n%%EndComments\nshowpage\n"
    yield postscript, Odd("postscript.png", "listed")  # Pillow would start Ghostscript
    yield encoded(quarters(), format="ICO"), Odd("icon.png", "listed")
    yield encoded(quarters(), format="TGA"), Odd("targa.png", "listed")
    yield encoded(quarters(), format="PCX"), Odd("pcx.png", "listed")
    yield encoded(quarters(), format="PDF"), Odd("document.png", "listed")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(20_000_000))
    yield packed.getvalue(), Odd("zip.png", "listed")
    yield zlib.compress(bytes(20_000_000)), Odd("zlib.webp", "listed")
    yield b"\0" * 5000, Odd("zeros.bmp", "listed")
    yield b"\n" * 5000, Odd("lines.tiff", "listed")


def _names() -> Iterator[tuple[bytes, Odd]]:
    names = [
        HTML,
        "line\nbreak.png",
        "tab\tand\rreturn.png",
        "bell\x07 \x1b[31mred.png",
        "\"quoted\" 'both'.png",
        "100%.png",
        "%2e%2e%2fsecret.png",
        "a%00.png",
        "ünï→漢字.png",
        "e\u0301 and é.png",
        "😀👩\u200d⚕️.png",
        "\u202egnp.live.png",
        "-rf.png",
        "--config=x.png",
        "a\\b.png",
        "{{ 7*7 }}.png",
        "'; DROP TABLE item; --.png",
        " spaces .png",
        "a..png",
        "CAPITALS.PNG",
        "two.dots.jpeg.png",
        "x" * 251 + ".png",
        "ü" * 125 + ".png",
        "&lt;script&gt;.png",
        "folder <b>/a & b.png",
        "#?q=1&a=2.png",
    ]
    yield b"", Odd(f"empty {HTML}", "listed")
    yield b"no image", Odd(f"noise {HTML}", "listed")
    for number, name in enumerate(names):
        colour = (number, 100, 200)
        content = encoded(Image.new("RGB", (20, 20), colour))
        yield content, Odd(name, "shown", (20, 20), colour=colour)


def _specials(folder: Path, outside: Path) -> Iterator[Odd]:
    """Links, a pipe, folders, names that are no text."""
    links = {
        "link-out.png": outside / "secret.png",
        "link-out-relative.png": Path("..") / outside.name / "secret.png",
        "link-nowhere.png": Path("nothing.png"),
        "link-round.png": Path("link-round.png"),
        "link-a.png": Path("link-b.png"),
        "link-b.png": Path("link-a.png"),
        "link-proc.png": Path("/proc/self/environ"),
        "link-zero.png": Path("/dev/zero"),
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
        yield Odd(name, "listed")
    (folder / "link-in.png").symlink_to("whole.png")
    yield Odd("link-in.png", "shown", (64, 48))
    (folder / "up").symlink_to("..")
    (folder / "out").symlink_to(outside)
    (folder / "here").symlink_to(".")
    (folder / "folder.png").mkdir()
    (folder / "link-folder.png").symlink_to("folder.png")
    (folder / "link-chain.png").symlink_to("link-in.png/../../secret.png")
    yield Odd("link-chain.png", "listed")
    os.mkfifo(folder / "pipe.png")
    yield Odd("pipe.png", "listed")
    for raw in (b"not-\xff-text.png", b"not-\xfe-text.heic"):
        with (folder / os.fsdecode(raw)).open("wb") as file:
            file.write(encoded(quarters()))
        yield Odd(ascii(os.fsdecode(raw))[1:-1], "listed")


def png(width: int, height: int, bits: int, colour: int, body: bytes) -> bytes:
    """A PNG of these pixels, compressed already, whatever it says that it has."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _with_chunks(content: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with more chunks after its header."""
    after = 8 + 25  # the signature, and IHDR
    return content[:after] + b"".join(_chunk(*each) for each in chunks) + content[after:]


def _noise() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    return Image.fromarray(pixels)


if __name__ == "__main__":
    for each in write(Path(sys.argv[1]), Path(sys.argv[2])):
        print(each)
