"""Pools over torch data sets."""

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset

from askwell.datasets.arrays import check_finite, check_same_shape, item_image, to_float
from askwell.errors import InputError
from askwell.pool.base import Index, Positions
from askwell.records import ItemId
from askwell.tensors import Images


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
        self._index = Index(len(dataset), ids)

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
