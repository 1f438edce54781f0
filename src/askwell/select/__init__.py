"""Batch selection: from scores to the images to ask for.

| strategy | batch |
|---|---|
| `TopK(acquisition)` | the k highest scores |
| `PowerSampling(acquisition, temperature)` | k items, drawn in proportion to a power of the score |
| `Race(strategy)` | what one of these two would choose, with few draws for most items |
| `Random()` | k items uniformly at random |
"""

from collections.abc import Mapping
from types import MappingProxyType

from askwell.acquisition import ACQUISITIONS
from askwell.datasets.names import nearest
from askwell.errors import InputError
from askwell.select.base import Strategy, score_chunk
from askwell.select.power import PowerSampling, check_temperature
from askwell.select.race import Race
from askwell.select.random import Random
from askwell.select.topk import StreamingTopK, TopK

__all__ = [
    "STRATEGIES",
    "PowerSampling",
    "Race",
    "Random",
    "Strategy",
    "StreamingTopK",
    "TopK",
    "check_strategy",
    "check_temperature",
    "score_chunk",
    "strategy",
]

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {"random": Random(), **{name: Race(TopK(entry)) for name, entry in ACQUISITIONS.items()}}
)
"""Every strategy that a spec or a command line can name."""


def strategy(name: str, *, temperature: float = 0.0, exact: bool = False) -> Strategy:
    """The strategy of this name.

    Args:
        name: "random", or an acquisition function's.
        temperature: 0 takes the highest scores; above, the batch is drawn by `PowerSampling`,
            which spreads it.
        exact: give every item all draws, instead of a `Race`, which is told 32 draws or more.

    Raises:
        InputError: there is none; the message has the nearest name and all of them. Or a
            temperature that is negative or not finite.
    """
    check_temperature(temperature)
    if name == "random":
        return Random()
    if name in ACQUISITIONS:
        acquisition = ACQUISITIONS[name]
        of = PowerSampling(acquisition, temperature) if temperature else TopK(acquisition)
        return of if exact else Race(of)
    raise InputError(
        f"No strategy is called {name!r}.{nearest(name, STRATEGIES)} There are: "
        f"{', '.join(STRATEGIES)}."
    )


def check_strategy(candidate: Strategy) -> None:
    """Raise `InputError`, saying how to get one, unless this can select items."""
    if callable(getattr(candidate, "select", None)) and not isinstance(candidate, type):
        return
    name = candidate if isinstance(candidate, str) else "bald"
    got = candidate if isinstance(candidate, str | type) else type(candidate).__name__
    raise InputError(
        f'A strategy is expected: strategy("{name}"), Random() or TopK(acquisition); got {got!r}.'
    )
