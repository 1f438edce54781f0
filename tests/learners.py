"""A small pool, learners of it, and a strategy that keeps what it was offered."""

import torch
from torch import nn

from askwell.learner import Learner
from askwell.pool import ArrayPool
from askwell.randomness import generator
from askwell.records import ItemId, Query
from askwell.select import Random, strategy
from askwell.train import Fit, Recipe

N = 12
IMAGES = torch.rand(N, 1, 8, 8, generator=generator(0))
POOL = ArrayPool(IMAGES)


def network(outputs: int = 3) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, outputs))


def learner(pool=POOL, *, name: str = "bald", **kwargs) -> Learner:
    fit = Fit(network, Recipe(steps=2, epochs=0))
    return Learner(pool, fit, strategy(name), **{"classes": 3, "draws": 3, **kwargs})


class Recording:
    """Asks at random, and keeps the ids that it could choose from."""

    def __init__(self) -> None:
        self.offered: list[set[ItemId]] = []

    def select(self, draws, chunks, k, *, seed) -> Query:
        parts = list(chunks)
        self.offered.append({item for part in parts for item in part.ids})
        return Random().select(draws, parts, k, seed=seed)
