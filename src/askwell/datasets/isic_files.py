"""The official files of ISIC 2016, Part 3B: two folders (or zip archives) and two tables."""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from askwell.datasets import images
from askwell.datasets.decoding import UnreadableImageError
from askwell.errors import DatasetError
from askwell.paths import entries, is_file, is_folder, shown

ADDRESS = "https://isic-challenge-data.s3.amazonaws.com/2016/"
"""Where the four official files are, by their names."""

CLASSES = ("benign", "malignant")

_LABELS = {"benign": 0, "malignant": 1, "0.0": 0, "1.0": 1}
"""The training table has words, the test table has numbers."""

_MASK = "_Segmentation"
"""Part 3B has an outline of each lesion beside it: `ISIC_0000000_Segmentation.png`."""


@dataclass(frozen=True, slots=True)
class Part:
    """The training or the test part: its name, its files' prefix, its images of each class."""

    name: str
    prefix: str
    counts: tuple[int, int]

    @property
    def data(self) -> str:
        """Name of the folder of images; of the archive with `.zip`."""
        return f"{self.prefix}_Data"

    @property
    def table(self) -> str:
        """Name of the table of labels."""
        return f"{self.prefix}_GroundTruth.csv"


PARTS = (
    Part("training", "ISBI2016_ISIC_Part3B_Training", (727, 173)),
    Part("test", "ISBI2016_ISIC_Part3B_Test", (304, 75)),
)


@dataclass(frozen=True, slots=True, eq=False)
class ImageFiles:
    """The images of one part, in a folder or in an archive.

    Attributes:
        place: the folder or the archive.
        names: image (`ISIC_0000000`) → file name inside `place`.
        stamps: file name → its size in bytes and a number that changes when it is written.
        read: file name → content; `UnreadableImageError` with the reason.
        unreadable: file name → reason, for images in formats that are not read.
    """

    place: Path
    names: Mapping[str, str]
    stamps: Mapping[str, list[int]]
    read: Callable[[str], bytes]
    unreadable: Mapping[str, str] = field(default_factory=dict)


def missing(folder: Path, parts: Sequence[Part]) -> list[str]:
    """Those of the four official files that are not there, by the names to download them by."""
    return [
        name
        for part in parts
        for name, there in (
            (f"{part.data}.zip", _has_images(folder, part)),
            (part.table, is_file(folder / part.table, DatasetError)),
        )
        if not there
    ]


def explain_missing(folder: Path, parts: Sequence[Part], lacking: Sequence[str], url: str) -> str:
    """What was looked for and where, what is not there, and where it can be had."""
    wanted = "".join(
        f"\n  {part.data} (folder, or {part.data}.zip)\n  {part.table}" for part in parts
    )
    addresses = "".join(f"\n  {url}{name}" for part in parts for name in _official(part))
    there = is_folder(folder, DatasetError)
    seen = shown(folder) if there else f"{shown(folder)}, which is not a folder"
    return (
        f"ISIC 2016 (Part 3B) is not complete: {', '.join(lacking)} cannot be found. Looked in "
        f"{seen}, for these four:{wanted}\nThe official addresses are:{addresses}"
    )


def read_labels(path: Path) -> dict[str, int]:
    """Image → class index, in the table's order.

    Raises:
        DatasetError: no such table, or a row that is not `image,label`; the message has its line.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not a text file: {error}.") from error
    labels: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        image, label = _row(path, number, line)
        if image in labels:
            raise DatasetError(f"{path}, line {number}: {image} has a row already. Remove one.")
        labels[image] = label
    if not labels:
        raise DatasetError(f"{path} is empty; expected rows such as `ISIC_0000000,benign`.")
    return labels


@contextmanager
def open_images(folder: Path, part: Part) -> Iterator[ImageFiles]:
    """The images of one part: from the folder, or from the archive where there is no folder.

    Raises:
        DatasetError: the archive cannot be read, or two files are of one image.
    """
    if _has_folder(folder, part):
        yield _in_folder(folder / part.data)
    else:
        with open_zip(folder / f"{part.data}.zip") as files:
            yield files


@contextmanager
def open_zip(path: Path) -> Iterator[ImageFiles]:
    """The images of an archive, which is never unpacked; `DatasetError` if it is none."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"{path} cannot be read as a zip archive: {reason}. Download it again, for instance "
            "with `askwell data fetch isic2016`."
        ) from error

    def read(name: str) -> bytes:
        try:
            return archive.read(name)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise UnreadableImageError(str(error) or type(error).__name__) from error

    with archive:
        entries = {e.filename: e for e in archive.infolist() if _is_image(e.filename)}
        stamps = {name: [entry.file_size, entry.CRC] for name, entry in entries.items()}
        yield ImageFiles(path, _by_image(path, sorted(entries)), stamps, read)


def _in_folder(place: Path) -> ImageFiles:
    found, unsupported = images.find_images(place)
    names = _by_image(place, [name for name in found if _is_image(name)])
    stamps = {name: _stamp(place / name) for name in names.values()}
    return ImageFiles(
        place, names, stamps, lambda name: images.read_bytes(place / name), unsupported
    )


def _by_image(place: Path, names: Sequence[str]) -> dict[str, str]:
    """Image → file name; the image is the name without folders and extension."""
    by_image: dict[str, str] = {}
    for name in names:
        image = PurePosixPath(name).stem
        if image in by_image:
            raise DatasetError(
                f"{place} has two files of the image {image}: {by_image[image]} and {name}. "
                "Remove one."
            )
        by_image[image] = name
    return by_image


def _is_image(name: str) -> bool:
    """Whether a file is an image of a lesion: not its outline, nor a Mac's shadow file."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in images.SUFFIXES and not path.stem.endswith(_MASK) and not hidden


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:  # a broken link: reading it will say so
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def _has_folder(folder: Path, part: Part) -> bool:
    place = folder / part.data
    return is_folder(place, DatasetError) and bool(entries(place, DatasetError))


def _has_images(folder: Path, part: Part) -> bool:
    return _has_folder(folder, part) or is_file(folder / f"{part.data}.zip", DatasetError)


def _official(part: Part) -> tuple[str, str]:
    return f"{part.data}.zip", part.table


def _row(path: Path, number: int, line: str) -> tuple[str, int]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 2 or not cells[0]:
        raise DatasetError(f"{path}, line {number}: expected `image,label`; got {line[:80]!r}.")
    image, label = cells
    if label not in _LABELS:
        raise DatasetError(
            f"{path}, line {number}: the label of {image} must be benign or malignant (0.0 or 1.0 "
            f"in the test table); got {label[:80]!r}. The official tables have no header line."
        )
    return image, _LABELS[label]
