"""Pools over image files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets import decoding
from askwell.datasets import images as image_files
from askwell.datasets.arrays import channels_first, to_float
from askwell.datasets.decoding import Mode, UnreadableImageError
from askwell.errors import DatasetError
from askwell.pool.base import Index, Positions
from askwell.records import ItemId
from askwell.tensors import Images


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
        self._index = Index(len(files), [file.id for file in files])

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
            return decoding.decode(content, mode=self._mode, image_size=self._image_size)
        except UnreadableImageError as error:
            raise DatasetError(f"{self.root / name}: {error}. Make the pool anew.") from error
