"""Pools over arrays: in memory, on disk, or a torch tensor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from askwell.datasets.arrays import (
    channels_first,
    check_array,
    check_finite,
    release_pages,
    to_float,
)
from askwell.errors import DatasetError, InputError
from askwell.pool.base import Index, Positions
from askwell.records import ItemId
from askwell.tensors import Images

_MAPPED = 2**26
"""Bytes of a memory map that are read before its pages are released: 64 MiB."""


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
        self._read = 0  # bytes since the pages of a memory map were released
        self._index = Index(len(images), ids)

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
        self._read += tensor.nbytes
        if self._read > _MAPPED:
            release_pages(self._array)
            self._read = 0
        if tensor.is_floating_point():
            check_finite(images, self.ids, positions)
        return images


def _rows(positions: Positions) -> slice | Positions:
    """A slice where the positions follow each other: no index to gather, one read of the disk."""
    n = len(positions)
    if n and positions[-1] - positions[0] == n - 1 and bool((np.diff(positions) == 1).all()):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions
