"""Batch selection: from scores to the images to ask for.

| strategy | batch |
|---|---|
| `TopK(acquisition)` | the k highest scores |
| `Random()` | k items uniformly at random |
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError
from askwell.select.base import Strategy, score_chunk
from askwell.select.random import Random
from askwell.select.topk import StreamingTopK, TopK

__all__ = [
    "STRATEGIES",
    "Random",
    "Strategy",
    "StreamingTopK",
    "TopK",
    "score_chunk",
    "strategy",
]

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {"random": Random(), **{name: TopK(entry) for name, entry in ACQUISITIONS.items()}}
)
"""Every strategy that a spec or a command line can name."""


def strategy(name: str) -> Strategy:
    """The strategy of this name.

    Raises:
        InputError: there is none; the message has the nearest name and all of them.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    near = difflib.get_close_matches(name.lower(), STRATEGIES, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"No strategy is called {name!r}.{hint} There are: {', '.join(STRATEGIES)}.")
