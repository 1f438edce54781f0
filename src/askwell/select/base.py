"""The whole interface of batch selection: from posterior draws and a pool to a batch to label."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch

from askwell.acquisition import Acquisition
from askwell.pool import Chunk
from askwell.posterior.base import Draws
from askwell.records import Query
from askwell.stream import ahead
from askwell.tensors import Scores, require_finite_outputs


class Strategy(Protocol):
    """A way to choose which items to ask for next."""

    def select(self, draws: Draws, chunks: Iterable[Chunk], k: int, *, seed: int) -> Query:
        """The `k` items of `chunks` to label next, best first; all of them if they are fewer.

        The result depends neither on how the items are cut into chunks nor on their order; all
        chance comes from `seed`.
        """


def images_for(draws: Draws, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The chunks with their images; read ahead and pinned where the draws live on a GPU."""
    device = getattr(draws, "device", None)
    return ahead(chunks, lambda chunk: chunk.read_for(device), device=device)


def score_chunk(acquisition: Acquisition, draws: Draws, chunk: Chunk) -> Scores:
    """The acquisition score of each item of a chunk, from its raw network outputs.

    Raises:
        NonFiniteError: an output is NaN or infinite; the message names the items.
    """
    if len(chunk.ids) == 0:
        return torch.zeros(0, dtype=torch.float64)
    with torch.no_grad():
        outputs = draws.outputs(chunk.images)  # N T O
        require_finite_outputs(outputs, chunk.ids)
        return acquisition.of_outputs(outputs)
