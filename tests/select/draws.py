"""Draws and chunks to test strategies with: outputs looked up by the image's number."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from askwell.likelihoods import categorical
from askwell.pool import Chunk
from askwell.records import ItemId


class TableDraws:
    """Image i, a single number, has the outputs table[i]: (T, O)."""

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.shape[1]

    def outputs(self, images: Tensor) -> Tensor:
        return self.table[images[:, 0].long()]

    def log_probs(self, images: Tensor) -> Tensor:
        return categorical(self.outputs(images))


def table(n: int = 60, t: int = 5, c: int = 4, *, seed: int = 0) -> Tensor:
    return 2 * torch.randn(n, t, c, generator=torch.Generator().manual_seed(seed))


def chunks(
    ids: Sequence[ItemId], size: int = 7, order: Iterable[int] | None = None
) -> Iterator[Chunk]:
    """Item ids[i] has image i; in this order, `size` at a time."""
    positions = list(range(len(ids)) if order is None else order)
    for start in range(0, len(positions), size):
        part = positions[start : start + size]
        images = torch.tensor(part, dtype=torch.float32).unsqueeze(1)
        yield Chunk([ids[p] for p in part], lambda images=images: images)


def shuffled(n: int, seed: int) -> list[int]:
    return [int(i) for i in np.random.default_rng(seed).permutation(n)]
