"""Your own images, sorted into one folder for each class.

`root/<class>/…/x.png`, split at random, or `root/train/<class>/…` with `root/test/<class>/…` (or
`val`). Anything that Pillow reads; files are never moved, renamed or written.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets import images
from askwell.datasets.images import ImageFile, Mode
from askwell.datasets.task import ImageTask, LabelledImages
from askwell.errors import DatasetError, InputError


@dataclass(frozen=True, eq=False)
class FolderTask:
    """A folder of images as a task, with the file behind every image.

    Attributes:
        task: the images and labels; classes are the folders' names, sorted.
        train_ids: id of each training image, `relative/path.png@<16 hex digits of SHA-256>`.
        test_ids: the same for the test images.
        unreadable: files that were left out: relative path → reason.
    """

    task: ImageTask
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    unreadable: Mapping[str, str]

    @property
    def train_files(self) -> tuple[str, ...]:
        """Path of each training image, relative to the folder."""
        return tuple(item.rpartition("@")[0] for item in self.train_ids)

    @property
    def test_files(self) -> tuple[str, ...]:
        """Path of each test image, relative to the folder."""
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
        test_fraction: share of each class for testing, where there is no `test` or `val` folder.
        seed: of that split, which depends on the files' ids alone, not on their order.

    Raises:
        InputError: an argument is out of range, or sizes differ and `image_size` is None.
        DatasetError: no such folder, no class folders, or not one image can be read.

    Files that cannot be read are listed in a `UserWarning` and in the result; they never stop
    the others.
    """
    root = Path(path)
    images.check_image_size(image_size)
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction must lie between 0 and 1; got {test_fraction!r}.")
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder.")
    unreadable: dict[str, str] = {}
    test_name = _test_folder(root)
    parts = [
        _read_part(root, below, mode, image_size, unreadable)
        for below in ((".",) if test_name is None else ("train", test_name))
    ]
    _check_readable(root, parts, unreadable)
    images.check_same_size(file.size for part in parts for file in part.files)
    images.warn_unreadable(root, unreadable)
    classes = tuple(sorted({name for part in parts for name in part.classes}))
    if test_name is None:
        train, test = _split(parts[0], test_fraction, seed)
    else:
        train, test = parts
    task = ImageTask(root.resolve().name, classes, _stack(train, classes), _stack(test, classes))
    return FolderTask(task, train.ids, test.ids, unreadable)


def _test_folder(root: Path) -> str | None:
    """The name of the test folder beside `train`, or None if the root holds the classes."""
    names = [name for name in ("test", "val") if (root / name).is_dir()]
    if not names or not (root / "train").is_dir():
        return None
    if len(names) == 2:
        warnings.warn(f"{root / 'val'} is not used: {root / 'test'} is.", stacklevel=3)
    return names[0]


def _read_part(
    root: Path, below: str, mode: Mode, image_size: int | None, unreadable: dict[str, str]
) -> _Part:
    part = _Part([], [])
    folder = root / below
    for place in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        if place.name.startswith("."):
            continue
        names, unsupported = images.find_images(root, place.relative_to(root).as_posix())
        files, damaged = images.read_all(root, names, mode=mode, image_size=image_size, keep=True)
        unreadable.update(unsupported | damaged)
        part.files.extend(files)
        part.classes.extend([place.name] * len(files))
    return part


def _check_readable(root: Path, parts: Sequence[_Part], unreadable: Mapping[str, str]) -> None:
    if all(part.ids for part in parts):
        return
    if unreadable or any(part.ids for part in parts):
        where = "the training or the test folder of " if len(parts) > 1 else ""
        reasons = images.list_reasons(unreadable)
        raise DatasetError(f"No image in {where}{root} can be read:{reasons or ' it is empty.'}")
    loose = sum(entry.suffix.lower() in images.SUFFIXES for entry in root.iterdir())
    raise DatasetError(
        f"{root} must hold one folder for each class with images in it (cat/1.jpg, dog/2.jpg), or "
        f"train/ and test/ with such folders; found {loose} images outside class folders and none "
        "inside. For images without labels use FolderPool."
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
