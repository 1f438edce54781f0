"""Random acquisition: the baseline that everything else has to beat."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from askwell.pool import Chunk
from askwell.posterior.base import Draws
from askwell.records import Query
from askwell.select.topk import StreamingTopK


@dataclass(frozen=True, slots=True)
class Random:
    """Ask for k items drawn uniformly without replacement; their scores are `nan`.

    They are the items with the smallest keys of (seed, id), so the choice depends neither on
    chunks nor on the order of the pool. Reads no image and runs no network.
    """

    def select(self, draws: Draws, chunks: Iterable[Chunk], k: int, *, seed: int) -> Query:  # noqa: ARG002
        """Draw k items, as `Strategy` says.

        Raises:
            InputError: k < 1, or an item came twice.
        """
        top = StreamingTopK(k, seed)
        for chunk in chunks:
            top.add(chunk.ids, torch.zeros(len(chunk.ids), dtype=torch.float64))
        ids = top.result().ids
        return Query(ids, (math.nan,) * len(ids))
