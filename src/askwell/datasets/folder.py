"""Your own images, sorted into one folder for each class.

`root/<class>/…/x.png`, split at random, or `root/train/<class>/…` with `root/test/<class>/…` (or
`val`, `valid`, `validation`). Anything that Pillow reads; files are never moved, renamed or
written.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets import images
from askwell.datasets.decoding import Mode
from askwell.datasets.images import ImageFile
from askwell.datasets.task import ImageTask, LabelledImages
from askwell.errors import DatasetError, InputError
from askwell.paths import entries, is_folder, shown

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")
"""What the folders of a split are called, in any capitals; of several test folders the first."""


@dataclass(frozen=True, eq=False)
class FolderTask:
    """Image files as a task, with the file behind every image.

    Attributes:
        task: the images and labels; of class folders, the classes are their names, sorted.
        train_ids: id of each training image, `name@<16 hex digits of the file's SHA-256>`. The name
            is the file's path relative to the folder, `cat/1.png`; in ISIC 2016 the image's in
            its table, `ISIC_0000000`.
        test_ids: the same for the test images.
        unreadable: files that were left out: relative path (or name) → reason.
    """

    task: ImageTask
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    unreadable: Mapping[str, str]

    @property
    def train_files(self) -> tuple[str, ...]:
        """Name of each training image: its path relative to the folder."""
        return tuple(item.rpartition("@")[0] for item in self.train_ids)

    @property
    def test_files(self) -> tuple[str, ...]:
        """Name of each test image: its path relative to the folder."""
        return tuple(item.rpartition("@")[0] for item in self.test_ids)


@dataclass(frozen=True, eq=False)
class _Part:
    """Decoded images and the class name of each."""

    files: list[ImageFile]
    classes: list[str]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(file.id for file in self.files)


def load_folder(
    path: str | Path,
    *,
    image_size: int | None = None,
    mode: Mode = "RGB",
    test_fraction: float = 0.2,
    seed: int = 0,
) -> FolderTask:
    """Read a folder of class folders into memory.

    Args:
        path: the folder.
        image_size: stretch every image to this height and width; may be None if all are equal.
        mode: "RGB" (N, height, width, 3) or "L", grey levels (N, height, width).
        test_fraction: share of each class for testing, where there is no test folder.
        seed: of that split, which depends on the files' ids alone, not on their order.

    Raises:
        InputError: an argument is out of range, or sizes differ and `image_size` is None.
        DatasetError: no such folder, no class folders, or not one image of a class can be read.

    Files that cannot be read are listed in a `UserWarning` and in the result; they never stop
    the others of their class.
    """
    root = Path(path)
    images.check_image_size(image_size)
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction must lie between 0 and 1; got {test_fraction!r}.")
    if not is_folder(root, DatasetError):
        raise DatasetError(f"{shown(root)} is not a folder.")
    unreadable: dict[str, str] = {}
    names = _part_names(root)
    parts = [_read_part(root, name, mode, image_size, unreadable) for name in names]
    for name, part in zip(names, parts, strict=True):
        _check_not_empty(root, name, part)
    images.check_same_size(file.size for part in parts for file in part.files)
    images.warn_unreadable(root, unreadable)
    classes = tuple(sorted({name for part in parts for name in part.classes}))
    if len(parts) == 1:
        train, test = _split(parts[0], test_fraction, seed)
    else:
        train, test = parts
    task = ImageTask(root.resolve().name, classes, _stack(train, classes), _stack(test, classes))
    return FolderTask(task, train.ids, test.ids, unreadable)


def _part_names(root: Path) -> tuple[str, ...]:
    """The folders with the class folders: the training and the test folder, or the root alone."""
    folders = [place.name for place in _folders(root)]
    train, test = (_called(folders, names) for names in (_TRAIN, _TEST))
    if not train or not test:
        for name in folders:
            _check_no_part(root / name)
        return (".",)
    if len(train) > 1:
        raise DatasetError(f"{root} has several training folders: {', '.join(train)}. Keep one.")
    if len(test) > 1:
        unused = " and ".join(str(root / name) for name in test[1:])
        warnings.warn(f"{unused} is not used: {root / test[0]} is.", stacklevel=3)
    return train[0], test[0]


def _called(folders: Sequence[str], names: Sequence[str]) -> list[str]:
    """The folders of these names, whatever the capitals, in the order of the names."""
    found = [folder for folder in folders if folder.lower() in names]
    return sorted(found, key=lambda folder: names.index(folder.lower()))


def _check_no_part(folder: Path) -> None:
    """Refuse a folder that is called like half of a split and holds only folders: the classes."""
    name = folder.name.lower()
    if not name.startswith("train") and name not in _TEST:
        return
    if _folders(folder) and not _loose_images(folder):
        raise DatasetError(
            f"{folder} holds only folders, as if these were the classes and it one half of a "
            "split; but the other half is missing. Call the halves train/ and test/ (or val/). Or "
            f"give {folder} itself, to have it split at random. If {folder.name} is a class, put "
            "its images right into it."
        )


def _folders(place: Path) -> list[Path]:
    """The folders in a folder, hidden ones left out."""
    found = []
    for entry in entries(place, DatasetError):
        if entry.name.startswith("."):
            continue
        if is_folder(entry, DatasetError):
            found.append(entry)
        elif entry.is_symlink() and not entry.suffix and not entry.exists():
            raise DatasetError(
                f"{entry} is a link that leads nowhere, so a class may be missing. Mend or remove "
                "it."
            )
    return found


def _loose_images(folder: Path) -> int:
    """Image files right in a folder."""
    return sum(entry.suffix.lower() in images.SUFFIXES for entry in entries(folder, DatasetError))


def _read_part(
    root: Path, below: str, mode: Mode, image_size: int | None, unreadable: dict[str, str]
) -> _Part:
    part = _Part([], [])
    for place in _folders(root / below):
        names, unsupported = images.find_images(root, place.relative_to(root).as_posix())
        files, damaged = images.read_all(root, names, mode=mode, image_size=image_size, keep=True)
        left_out = unsupported | damaged
        if left_out and not files:
            raise DatasetError(
                f"No image in {shown(place)} can be read, so a class would be missing. Mend them, "
                f"or move the folder away:{images.list_reasons(left_out)}"
            )
        unreadable.update(left_out)
        part.files.extend(files)
        part.classes.extend([place.name] * len(files))
    return part


def _check_not_empty(root: Path, name: str, part: _Part) -> None:
    if not part.files:
        halves = ", or train/ and test/ with such folders" if name == "." else ""
        raise DatasetError(
            f"{root / name} must hold one folder for each class with images in it (cat/1.jpg, "
            f"dog/2.jpg){halves}; found {_loose_images(root / name)} images outside class folders "
            "and none inside. For images without labels use FolderPool."
        )


def _split(part: _Part, test_fraction: float, seed: int) -> tuple[_Part, _Part]:
    from askwell.datasets.split import stratified_split  # imports torch: only when needed

    labels = np.unique(part.classes, return_inverse=True)[1].astype(np.int64)
    wanted = max(1, round(test_fraction * len(labels)))
    train, test = stratified_split(labels, test=wanted, ids=part.ids, seed=seed)
    if not len(test):
        raise DatasetError(
            "There are too few images for a test set: every class has only one. Add images, or "
            "make train/ and test/ folders."
        )
    return _subset(part, train), _subset(part, test)


def _subset(part: _Part, positions: NDArray[np.int64]) -> _Part:
    chosen = positions.tolist()
    return _Part(
        [part.files[i] for i in chosen],
        [part.classes[i] for i in chosen],
    )


def _stack(part: _Part, classes: Sequence[str]) -> LabelledImages:
    index = {name: label for label, name in enumerate(classes)}
    labels = np.array([index[name] for name in part.classes], dtype=np.int64)
    return LabelledImages(
        np.stack([file.pixels for file in part.files if file.pixels is not None]), labels
    )
