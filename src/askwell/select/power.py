"""Power sampling: batches drawn in proportion to a power of the score (Kirsch et al. 2023).

The k highest scores of a large pool are often near-copies: a network that has seen two sixes is
unsure about thousands of sixes in the same way, and one label would settle them all. Scores are
those of the first label of a batch; sampling allows for their change with each further one
(arXiv 2106.12059).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askwell.acquisition import Acquisition
from askwell.errors import InputError
from askwell.pool import Chunk
from askwell.posterior.base import Draws
from askwell.randomness import derive, item_keys
from askwell.records import ItemId, Query
from askwell.select.topk import best_by_order, check_acquisition


@dataclass(frozen=True, slots=True)
class PowerSampling:
    """Draw k items without replacement, each time with probability ∝ score^(1/temperature).

    Temperature 0 is `TopK`; 1 draws in proportion to the scores; ∞ would be `Random`. The source
    writes β, the coldness, for 1/temperature. Items with score 0 come last, in random order.

    One pass over the pool, by the Gumbel trick: the k largest log(score) + temperature · g, with
    g a Gumbel variate that depends on (seed, id) alone.
    """

    acquisition: Acquisition
    temperature: float

    def __post_init__(self) -> None:
        """Refuse what is no acquisition function, and impossible temperatures."""
        check_acquisition(self.acquisition)
        check_temperature(self.temperature)

    def order(
        self, ids: Sequence[ItemId], scores: NDArray[np.float64], seed: int
    ) -> NDArray[np.float64]:
        """What items are ranked by: log(score) + temperature · g.

        Raises:
            InputError: a negative score.
        """
        if (scores < 0).any():
            raise InputError(
                f"Power sampling needs scores of at least 0; {self.acquisition.name} gives "
                f"{scores.min():g}. Take the highest scores instead (temperature 0)."
            )
        with np.errstate(divide="ignore"):  # log 0 = -inf: never before an item with a score
            logs: NDArray[np.float64] = np.log(scores)
        return logs + self.temperature * _gumbel(ids, seed)

    def select(self, draws: Draws, chunks: Iterable[Chunk], k: int, *, seed: int) -> Query:
        """Draw k items, in the order drawn, as `Strategy` says; scores are the acquisition's.

        Raises:
            InputError: k < 1, an item came twice, or a negative score.
            NonFiniteError: an output or a score is NaN, or an output infinite; names the items.
        """
        return best_by_order(self.acquisition, self.order, draws, chunks, k, seed=seed)


def check_temperature(temperature: float) -> None:
    """Raise `InputError` unless this is a finite number of at least 0."""
    if not 0 <= temperature < float("inf"):
        raise InputError(f"temperature must be a finite number of at least 0; got {temperature}.")


def _gumbel(ids: Sequence[ItemId], seed: int) -> NDArray[np.float64]:
    keys = item_keys(ids, derive(seed, "power sampling"))
    # 52 bits and a half: strictly between 0 and 1, so both logarithms are finite.
    uniform = ((keys >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
    result: NDArray[np.float64] = -np.log(-np.log(uniform))
    return result
