"""Pools: stable item ids in, chunks of images out. A pool never knows a label."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from askwell.checks import plain_id, several_ids
from askwell.datasets import images as image_files
from askwell.datasets.arrays import (
    channels_first,
    check_array,
    check_finite,
    check_same_shape,
    item_image,
    to_float,
    to_images,
)
from askwell.datasets.images import Mode, UnreadableImageError
from askwell.errors import DatasetError, InputError, LabelError
from askwell.records import ItemId
from askwell.stream import pinned
from askwell.tensors import Images

__all__ = [
    "ArrayPool",
    "Chunk",
    "DatasetPool",
    "FolderPool",
    "Pool",
    "Positions",
    "check_pool",
    "chunks",
    "to_images",
]

Positions = NDArray[np.int64]
"""Positions in the whole, never shrinking pool; ids are what leaves this module."""


class Pool(Protocol):
    """Images by stable id. Anything with these three members is a pool."""

    @property
    def ids(self) -> Sequence[ItemId]:
        """The id of every item, unique, by position."""

    def position(self, item: ItemId) -> int:
        """The position of an item; `LabelError` (naming the item) if the pool has none such."""

    def images(self, positions: Positions) -> Images:
        """The images at these positions, ready for a network: float32 on the CPU, all finite."""


def check_pool(pool: Pool) -> None:
    """Raise `InputError`, saying how to make one, unless this has the members of a `Pool`."""
    if not all(hasattr(pool, member) for member in ("ids", "position", "images")):
        raise InputError(
            f"A pool of images by id is expected; got {type(pool).__name__}. Pass ArrayPool(array) "
            "for an array or tensor, DatasetPool(dataset) for a torch Dataset, FolderPool(path) "
            "for a folder of images."
        )


class Chunk:
    """Some items of a pool; their images are read when first asked for.

    So a strategy that looks only at ids (random acquisition) reads none.
    """

    def __init__(self, ids: Sequence[ItemId], load: Callable[[], Images]) -> None:
        self.ids = ids
        self._load = load

    @cached_property
    def images(self) -> Images:
        """Shape (N, ...): one image for each of `ids`."""
        return self._load()

    def read_for(self, device: torch.device | None) -> "Chunk":
        """The chunk with its images read, and pinned where they go to a GPU."""
        self.images = pinned(self.images, device)
        return self


def chunks(pool: Pool, positions: Positions, *, size: int) -> Iterator[Chunk]:
    """The items at `positions`, in that order, `size` at a time."""
    for start in range(0, len(positions), size):
        part = positions[start : start + size]
        yield Chunk([pool.ids[p] for p in part.tolist()], lambda part=part: pool.images(part))  # type: ignore[misc]


class ArrayPool:
    """Images of one array: NumPy, a memory map, or a torch tensor.

    The array is kept as it is (uint8 stays uint8, a memory map stays on disk) and never written;
    only the images asked for are converted.

    Args:
        images: NumPy (N, height, width) or (N, height, width, channels), channels last; or torch
            (N, height, width) or (N, channels, height, width), channels first. uint8 means 0 to
            255 and becomes 0 to 1; floating point is passed on as it is.
        ids: a unique int or str for each image; the positions 0 … N−1 by default.

    Raises:
        InputError: wrong axes or type, no images, or ids that are not unique.
    """

    def __init__(
        self, images: NDArray[Any] | Tensor, *, ids: Sequence[ItemId] | None = None
    ) -> None:
        check_array(images)
        if len(images) == 0:
            raise InputError("A pool needs at least one image; the array has none.")
        self._array = images
        self._index = _Index(len(images), ids)

    @classmethod
    def open(cls, path: str | Path, *, ids: Sequence[ItemId] | None = None) -> "ArrayPool":
        """The images of a `.npy` file, memory-mapped: nothing is read until it is asked for."""
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(f"{path} cannot be opened as a .npy file: {error}") from error
        if not isinstance(array, np.ndarray):
            array.close()
            raise DatasetError(
                f"{path} is an archive of arrays (.npz); save one array with np.save."
            )
        return cls(array, ids=ids)

    @property
    def ids(self) -> Sequence[ItemId]:
        """The id of every image, by position."""
        return self._index.ids

    def position(self, item: ItemId) -> int:
        """The position of an item, in constant time; `LabelError` if there is none such."""
        return self._index.position(item)

    def images(self, positions: Positions) -> Images:
        """float32, shape (N, channels, height, width), a copy; `NonFiniteError` names the items."""
        positions = self._index.check(positions)
        rows = _rows(positions)
        if isinstance(self._array, Tensor):
            index = rows if isinstance(rows, slice) else torch.from_numpy(rows)
            tensor = self._array.detach()[index]
        else:
            tensor = channels_first(self._array[rows])
        images = to_float(tensor)
        if tensor.is_floating_point():
            check_finite(images, self.ids, positions)
        return images


class DatasetPool:
    """A map-style torch `Dataset`, read item by item.

    An item is an image or a tuple that begins with one: a tensor (channels, height, width), an
    array (height, width[, channels]) or a Pillow image. It should be the same every time: leave
    random augmentation out.

    Raises:
        InputError: no length, no items, or ids that are not unique.
    """

    def __init__(self, dataset: Any, *, ids: Sequence[ItemId] | None = None) -> None:
        if isinstance(dataset, IterableDataset) or not isinstance(dataset, Sized):
            raise InputError(
                "A pool needs a map-style dataset, with len(dataset) and dataset[i]; got "
                f"{type(dataset).__name__}."
            )
        if len(dataset) == 0:
            raise InputError("A pool needs at least one image; the dataset has none.")
        self._dataset: Any = dataset
        self._index = _Index(len(dataset), ids)

    @property
    def ids(self) -> Sequence[ItemId]:
        """The id of every image, by position."""
        return self._index.ids

    def position(self, item: ItemId) -> int:
        """The position of an item, in constant time; `LabelError` if there is none such."""
        return self._index.position(item)

    def images(self, positions: Positions) -> Images:
        """float32, shape (N, channels, height, width).

        Raises:
            DatasetError: the dataset fails on an item, which the message names.
            InputError: an item is no image, or one of another shape.
        """
        positions = self._index.check(positions)
        if not len(positions):
            return self.images(np.zeros(1, dtype=np.int64))[:0]
        ids = [self.ids[p] for p in positions.tolist()]
        items = [
            to_float(item_image(self._dataset, p, item))
            for p, item in zip(positions.tolist(), ids, strict=True)
        ]
        check_same_shape(items, ids)
        images = torch.cat(items)
        check_finite(images, self.ids, positions)
        return images


class FolderPool:
    """The image files under a folder, at any depth, decoded when they are asked for.

    Every file is read once to begin with, to name it by path and content and to see whether it
    can be decoded; those that cannot are listed in a `UserWarning` and in `unreadable`.

    Args:
        root: the folder; its files are never written, moved or renamed.
        image_size: stretch to this height and width; None where all images have one size.
        mode: "RGB" (3 channels) or "L" (1 channel).

    Raises:
        InputError: the images differ in size and `image_size` is None.
        DatasetError: no such folder, or no image in it can be read.
    """

    def __init__(
        self, root: str | Path, *, image_size: int | None = None, mode: Mode = "RGB"
    ) -> None:
        self.root = Path(root)
        self._mode, self._image_size = mode, image_size
        image_files.check_image_size(image_size)
        if not self.root.is_dir():
            raise DatasetError(f"{self.root} is not a folder.")
        names, unsupported = image_files.find_images(self.root)
        files, damaged = image_files.read_all(
            self.root, names, mode=mode, image_size=image_size, keep=False
        )
        self.unreadable = unsupported | damaged
        if not files:
            reasons = image_files.list_reasons(self.unreadable)
            raise DatasetError(
                f"No image in {self.root} can be read:{reasons or ' there is none.'}"
            )
        image_files.check_same_size(file.size for file in files)
        image_files.warn_unreadable(self.root, self.unreadable)
        self._index = _Index(len(files), [file.id for file in files])

    @property
    def ids(self) -> Sequence[ItemId]:
        """`relative/path.png@<first 16 hex digits of SHA-256>` of every image, sorted by path."""
        return self._index.ids

    def position(self, item: ItemId) -> int:
        """The position of an item, in constant time; `LabelError` if there is none such."""
        return self._index.position(item)

    def path(self, item: ItemId) -> Path:
        """The file of an item; `LabelError` if the pool has none such."""
        return self.root / str(self.ids[self.position(item)]).rpartition("@")[0]

    def images(self, positions: Positions) -> Images:
        """float32 from 0 to 1, shape (N, channels, height, width).

        Raises:
            DatasetError: a file has changed or gone since the pool was made.
        """
        at = self._index.check(positions).tolist()
        if not at:
            return self.images(np.zeros(1, dtype=np.int64))[:0]
        pixels = image_files.in_threads(self._decode, [str(self.ids[p]) for p in at])
        return to_float(channels_first(np.stack(pixels)))

    def _decode(self, item: str) -> NDArray[np.uint8]:
        name = item.rpartition("@")[0]
        try:
            content = image_files.read_bytes(self.root / name)
            if image_files.image_id(name, content) != item:
                raise UnreadableImageError("its content has changed since the pool was made")
            return image_files.decode(content, mode=self._mode, image_size=self._image_size)
        except UnreadableImageError as error:
            raise DatasetError(f"{self.root / name}: {error}. Make the pool anew.") from error


class _Index:
    """The ids of a pool and their positions: arithmetic for 0 … N−1, else a dictionary."""

    def __init__(self, size: int, ids: Sequence[ItemId] | None) -> None:
        self._where: dict[ItemId, int] | None = None
        self.ids: Sequence[ItemId] = range(size)
        if ids is not None:
            self.ids = tuple(map(plain_id, several_ids(ids)))
            self._where = {item: position for position, item in enumerate(self.ids)}
            if len(self.ids) != size:
                raise InputError(f"ids must name each of the {size} images; got {len(self.ids)}.")
            if len(self._where) != size:
                twice = [item for item, n in Counter(self.ids).items() if n > 1][:5]
                raise InputError(f"ids must be unique; these occur more than once: {twice}.")

    def position(self, item: ItemId) -> int:
        try:
            known = plain_id(item)
        except InputError as error:
            raise self._unknown(item) from error
        if self._where is not None:
            found = self._where.get(known)
        else:
            found = known if isinstance(known, int) and 0 <= known < len(self.ids) else None
        if found is None:
            raise self._unknown(item)
        return found

    def check(self, positions: Positions) -> Positions:
        """Positions as int64, all inside the pool (a negative one would count from the end)."""
        positions = np.asarray(positions)
        if positions.ndim != 1 or (positions.size and positions.dtype.kind not in "iu"):
            raise InputError(
                "positions must be a one-dimensional array of integers; got shape "
                f"{positions.shape} of {positions.dtype}."
            )
        positions = positions.astype(np.int64, copy=False)
        if positions.size and (positions.min() < 0 or positions.max() >= len(self.ids)):
            raise InputError(
                f"positions must lie in 0 … {len(self.ids) - 1}; got "
                f"{positions.min()} … {positions.max()}."
            )
        return positions

    def _unknown(self, item: object) -> LabelError:
        n = len(self.ids)
        return LabelError(
            f"The pool has no item {item!r}. It has {n} {'item' if n == 1 else 'items'}, for "
            f"instance {self.ids[n // 2]!r}."
        )


def _rows(positions: Positions) -> slice | Positions:
    """A slice where the positions follow each other: no index to gather, one read of the disk."""
    n = len(positions)
    if n and positions[-1] - positions[0] == n - 1 and bool((np.diff(positions) == 1).all()):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions
