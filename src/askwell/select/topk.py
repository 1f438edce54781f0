"""The k best-scored items of a stream, in memory for k and one chunk."""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from askwell.acquisition import ACQUISITIONS, Acquisition
from askwell.checks import plain_id, whole_number
from askwell.errors import InputError, NonFiniteError
from askwell.pool import Chunk
from askwell.posterior.base import Draws
from askwell.randomness import item_keys
from askwell.records import ItemId, Query
from askwell.select.base import images_for, score_chunk
from askwell.tensors import Scores

Order = Callable[[Sequence[ItemId], NDArray[np.float64], int], NDArray[np.float64]]
"""(ids, scores, seed) → what the items are ranked by; grows with the score."""


@dataclass(frozen=True, slots=True)
class TopK:
    """Ask for the k items with the highest acquisition scores.

    Every item is scored by itself, so a batch may hold near-duplicates. Ties are broken at random
    by `seed`: an acquisition that is 0 everywhere (BALD of a deterministic network) asks for what
    random acquisition with the same seed asks for.
    """

    acquisition: Acquisition

    def __post_init__(self) -> None:
        """Refuse what is no acquisition function."""
        check_acquisition(self.acquisition)

    def order(
        self,
        ids: Sequence[ItemId],  # noqa: ARG002
        scores: NDArray[np.float64],
        seed: int,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """What items are ranked by: their scores."""
        return scores

    def select(self, draws: Draws, chunks: Iterable[Chunk], k: int, *, seed: int) -> Query:
        """Score the chunks one by one and keep the best, as `Strategy` says.

        Raises:
            InputError: k < 1, or an item came twice.
            NonFiniteError: an output or a score is NaN, or an output infinite; names the items.
        """
        return best_by_order(self.acquisition, self.order, draws, chunks, k, seed=seed)


def check_acquisition(candidate: Acquisition) -> None:
    """Raise `InputError`, saying how to get one, unless this is an acquisition function."""
    if isinstance(candidate, Acquisition):
        return
    got = repr(candidate) if isinstance(candidate, str) else type(candidate).__name__
    name = candidate if isinstance(candidate, str) and candidate in ACQUISITIONS else "bald"
    raise InputError(
        f'An acquisition function is expected, as ACQUISITIONS["{name}"] is one; got {got}. '
        f'strategy("{name}") gives a whole strategy by name.'
    )


def best_by_order(
    acquisition: Acquisition,
    order: Order,
    draws: Draws,
    chunks: Iterable[Chunk],
    k: int,
    *,
    seed: int,
) -> Query:
    """Score the chunks one by one, and keep the k items that `order` ranks highest."""
    top = StreamingTopK(k, seed)
    for chunk in images_for(draws, chunks):
        scores = score_values(chunk.ids, score_chunk(acquisition, draws, chunk))
        top.add(chunk.ids, scores, order_by=order(chunk.ids, scores, seed))
    return top.result()


class StreamingTopK:
    """Keeps the k best of all scores that were added: score descending, then key ascending.

    The key of an item is uniform and depends on (seed, id) alone, so ties are broken at random
    and the result does not depend on the order or grouping of what is added. Memory is O(k + one
    chunk); an item below the k-th best so far costs one comparison.

    Args:
        k: how many to keep, at least 1.
        seed: breaks the ties.

    Raises:
        InputError: k is not a whole number, or below 1.
    """

    def __init__(self, k: int, seed: int) -> None:
        self._k = whole_number("k, the number of items to ask for,", k)
        self._seed = seed
        self._seen = 0
        self._ids: list[ItemId] = []  # the k best when last sorted, then what came since
        self._values: NDArray[np.float64] = np.empty(0, dtype=np.float64)  # ranked by these
        self._scores: NDArray[np.float64] = np.empty(0, dtype=np.float64)
        self._keys: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._floor = -math.inf, np.uint64(np.iinfo(np.uint64).max)  # score and key of the k-th

    def add(
        self,
        ids: Sequence[ItemId],
        scores: Scores | NDArray[np.float64],
        *,
        order_by: NDArray[np.float64] | None = None,
    ) -> None:
        """Offer items with their scores.

        Args:
            ids: of the items.
            scores: one an item; they are what the result reports.
            order_by: what to rank the items by where it is not their scores.

        Raises:
            InputError: not one score an item, or an item that is kept came twice.
            NonFiniteError: a score is NaN; the message names the items.
        """
        scored = score_values(ids, scores)
        values = scored if order_by is None else order_by
        self._seen += len(values)
        floor, floor_key = self._floor
        candidates = np.flatnonzero(values >= floor)
        if len(candidates) == 0:
            return
        keys = item_keys([ids[row] for row in candidates.tolist()], self._seed)
        fits = (values[candidates] > floor) | (keys <= floor_key)
        candidates = candidates[fits]
        self._ids.extend(ids[row] for row in candidates.tolist())
        self._values = np.concatenate([self._values, values[candidates]])
        self._scores = np.concatenate([self._scores, scored[candidates]])
        self._keys = np.concatenate([self._keys, keys[fits]])
        if len(self._ids) >= 2 * self._k:
            self._shrink()

    @property
    def bar(self) -> float:
        """What the k-th best so far is ranked by; −inf if fewer were added."""
        self._shrink()
        return self._floor[0]

    def result(self) -> Query:
        """The k best so far, best first; with a warning, all of them if fewer were added.

        Raises:
            InputError: an item that is kept came twice.
        """
        self._shrink()
        if self._seen < self._k:
            warnings.warn(
                f"{self._k} items were asked for, but only {self._seen} are left: taking them all.",
                UserWarning,
                stacklevel=2,
            )
        return Query(tuple(map(plain_id, self._ids)), tuple(self._scores.tolist()))

    def _shrink(self) -> None:
        if len(set(self._ids)) != len(self._ids):
            twice = next(item for item in self._ids if self._ids.count(item) > 1)
            raise InputError(f"Item {twice!r} came twice; the ids of a pool must be unique.")
        order = np.lexsort((self._keys, -self._values))[: self._k]
        self._ids = [self._ids[row] for row in order.tolist()]
        self._values = self._values[order]
        self._scores = self._scores[order]
        self._keys = self._keys[order]
        if len(self._ids) == self._k:
            self._floor = float(self._values[-1]), self._keys[-1]


def score_values(
    ids: Sequence[ItemId], scores: Scores | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores as float64 on the CPU, after the checks that `StreamingTopK.add` promises."""
    if tuple(scores.shape) != (len(ids),):
        raise InputError(
            f"There must be one score for each of the {len(ids)} items; got shape "
            f"{tuple(scores.shape)}."
        )
    values: NDArray[np.float64]
    values = scores.detach().cpu().double().numpy() if isinstance(scores, Tensor) else scores
    bad = np.flatnonzero(np.isnan(values))
    if len(bad):
        names = ", ".join(repr(ids[row]) for row in bad[:5].tolist())
        raise NonFiniteError(
            f"The acquisition score is NaN for {len(bad)} items: {names}"
            f"{', …' if len(bad) > 5 else ''}. NaN has no rank: correct the acquisition function."
        )
    return values
