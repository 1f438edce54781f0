"""ISIC 2016, Part 3B: dermoscopic images, benign or melanoma (Gutman et al. 2016).

The official layout, complete or a part of it, in any folder:

    ISBI2016_ISIC_Part3B_Training_Data/ISIC_0000000.jpg …   (or the .zip as it was downloaded)
    ISBI2016_ISIC_Part3B_Training_GroundTruth.csv           ISIC_0000000,benign
    ISBI2016_ISIC_Part3B_Test_Data/ISIC_0000003.jpg …       (or the .zip)
    ISBI2016_ISIC_Part3B_Test_GroundTruth.csv               ISIC_0000003,0.0
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from askwell.checks import whole_number
from askwell.datasets import images
from askwell.datasets.dataset import Dataset, State, data_dir
from askwell.datasets.fetch import SCRATCH, silent
from askwell.datasets.folder import FolderTask
from askwell.datasets.isic_cache import Decoded, decode_all
from askwell.datasets.isic_fetch import fetch_parts
from askwell.datasets.isic_files import (
    ADDRESS,
    CLASSES,
    PARTS,
    ImageFiles,
    Part,
    explain_missing,
    missing,
    open_images,
    read_labels,
)
from askwell.datasets.sources import Progress
from askwell.datasets.task import ImageTask, LabelledImages
from askwell.errors import DatasetError

_NAME = "isic2016"
_CACHE = "decoded"
_IMAGE_SIZE = 224
_SHOWN = 5


def load_isic2016(
    folder: Path | None = None,
    *,
    image_size: int = _IMAGE_SIZE,
    progress: Progress = silent,
) -> FolderTask:
    """Read ISIC 2016, Part 3B, from a folder in the official layout, complete or a part of it.

    Decoding and stretching (antialiased; the aspect is not kept) is done once for each image
    size; the arrays are kept in `isic2016/decoded` of the data directory, by the hashes of the
    images, and memory-mapped. The folder itself is only read, an archive is not unpacked.

    Args:
        folder: holds the four files; by default the one that `askwell data fetch isic2016` fills.
        image_size: height and width of every image.
        progress: told how many bytes of images were decoded so far, and of how many.

    Returns:
        uint8 RGB images in the order of the tables, and ids `ISIC_0000000@<16 hex digits of the
        file's SHA-256>`. Classes are benign (0) and malignant (1).

    Raises:
        DatasetError: one of the four is not there, a table has a bad row, or no image of a part
            can be read. The message names files, addresses and what to do.

    Images without a row, rows without an image and unreadable images are left out; one
    `UserWarning` says so, with the counts, whenever the data are not the official ones (900
    training images, 379 for testing).
    """
    home = data_dir() / _NAME
    here = home if folder is None else Path(folder)
    return _OFFICIAL.load(here, image_size=image_size, cache=home / _CACHE, progress=progress)


@dataclass(frozen=True, slots=True)
class Isic2016:
    """Looks after a folder with the official files.

    Attributes:
        parts: training and test.
        url: where the files can be had.
    """

    parts: tuple[Part, Part] = PARTS
    url: str = ADDRESS

    def state(self, folder: Path) -> State:
        """Ready when all four are there; how many images they hold is not looked at."""
        lacking = len(missing(folder, self.parts))
        if lacking == 0:
            return "ready"
        return "incomplete" if lacking < 4 or (folder / SCRATCH).exists() else "not fetched"

    def fetch(self, folder: Path, *, progress: Progress) -> None:
        """Download what is not there, and decode the images for the next time."""
        fetch_parts(folder, self.parts, self.url, progress=progress)
        self.load(folder, image_size=_IMAGE_SIZE, cache=folder / _CACHE, progress=progress)

    def verify(self, folder: Path) -> tuple[str, ...]:
        """Decode every image: which cannot be read, or what is missing."""
        try:
            task = self.load(folder, image_size=32, cache=None)  # a small size decodes faster
        except DatasetError as error:
            return (str(error),)
        return tuple(
            f"{name} cannot be read: {reason}. Replace it."
            for name, reason in task.unreadable.items()
        )

    def read(self, folder: Path) -> tuple[LabelledImages, LabelledImages]:
        """Both parts, in the size that the table of data sets states."""
        task = self.load(folder, image_size=_IMAGE_SIZE, cache=folder / _CACHE).task
        return task.train, task.test

    def load(
        self,
        folder: Path,
        *,
        image_size: int,
        cache: Path | None,
        progress: Progress = silent,
    ) -> FolderTask:
        """As `load_isic2016`; `cache` is the folder of the arrays, or None to keep none."""
        images.check_image_size(whole_number("image_size", image_size))
        if lacking := missing(folder, self.parts):
            raise DatasetError(
                f"{explain_missing(folder, self.parts, lacking, self.url)}\n`askwell data fetch "
                "isic2016` downloads them; or give the folder that holds them."
            )
        train, test = (_load_part(folder, p, image_size, cache, progress) for p in self.parts)
        if remarks := [*train.remarks, *test.remarks]:
            warnings.warn(
                f"ISIC 2016 in {folder} is not the complete official data set:\n  "
                + "\n  ".join(remarks),
                stacklevel=3,
            )
        task = ImageTask(_NAME, CLASSES, train.images, test.images)
        return FolderTask(task, train.ids, test.ids, train.unreadable | test.unreadable)


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """One part: images, their ids, what was left out, and what to say about it."""

    images: LabelledImages
    ids: tuple[str, ...]
    unreadable: dict[str, str]
    remarks: list[str]


def _load_part(
    folder: Path, part: Part, image_size: int, cache: Path | None, progress: Progress
) -> _Loaded:
    labels = read_labels(folder / part.table)
    with open_images(folder, part) as files:
        wanted = [image for image in labels if image in files.names]
        decoded = decode_all(files, wanted, image_size=image_size, cache=cache, progress=progress)
        remarks = _left_out(part, files, labels, decoded)
    y = np.array([labels[item.rpartition("@")[0]] for item in decoded.ids], dtype=np.int64)
    y.setflags(write=False)
    counts = (int((y == 0).sum()), int((y == 1).sum()))
    if not len(y):
        raise DatasetError(
            f"No {part.name} image of {folder} can be used.\n  " + "\n  ".join(remarks)
        )
    if remarks or counts != part.counts:
        remarks.insert(0, _counts(part, counts))
    unreadable = {
        f"{files.place.name}/{name}": reason for name, reason in _merged(files, decoded).items()
    }
    return _Loaded(LabelledImages(decoded.pixels, y), decoded.ids, unreadable, remarks)


def _left_out(part: Part, files: ImageFiles, labels: dict[str, int], decoded: Decoded) -> list[str]:
    """A line for each kind of thing that is not used."""
    no_image = [image for image in labels if image not in files.names]
    no_row = [name for image, name in files.names.items() if image not in labels]
    unreadable = _merged(files, decoded)
    found = []
    if no_image:
        found.append(f"{len(no_image)} rows of {part.table} have no image: {_some(no_image)}")
    if no_row:
        found.append(
            f"{len(no_row)} images in {files.place.name} have no row in {part.table}: "
            f"{_some(no_row)}"
        )
    if unreadable:
        found.append(
            f"{len(unreadable)} images in {files.place.name} cannot be read:"
            f"{images.list_reasons(unreadable)}"
        )
    return found


def _merged(files: ImageFiles, decoded: Decoded) -> dict[str, str]:
    return {**files.unreadable, **decoded.unreadable}


def _counts(part: Part, found: tuple[int, int]) -> str:
    return (
        f"{sum(found)} {part.name} images, {found[0]} benign and {found[1]} malignant (official: "
        f"{sum(part.counts)}, {part.counts[0]} and {part.counts[1]})"
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


_OFFICIAL = Isic2016()

ISIC2016 = Dataset(
    name=_NAME,
    summary="skin lesions, benign or melanoma",
    classes=CLASSES,
    image_shape=(_IMAGE_SIZE, _IMAGE_SIZE, 3),
    sizes=(sum(PARTS[0].counts), sum(PARTS[1].counts)),
    licence="CC0 1.0",
    source="https://challenge.isic-archive.com/data/#2016",
    citation="Gutman et al., Skin lesion analysis toward melanoma detection: a challenge at the "
    "International Symposium on Biomedical Imaging (ISBI) 2016, hosted by the International Skin "
    "Imaging Collaboration (ISIC), arXiv:1605.01397, 2016",
    read=_OFFICIAL.read,
    archive=_OFFICIAL,
)
