"""What a pool is, and how its items come in chunks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from askwell.checks import plain_id, several_ids
from askwell.errors import InputError, LabelError
from askwell.records import ItemId
from askwell.stream import pinned
from askwell.tensors import Images

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


class Index:
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
        """The position of an item; `LabelError` if there is none such."""
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
