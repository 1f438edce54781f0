"""Power sampling: its probabilities, its limits, and the laws of every strategy."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError
from askwell.select import PowerSampling, Race, Random, TopK, strategy
from tests.select.draws import TableDraws, chunks, shuffled, table

BALD = ACQUISITIONS["bald"]


class Scored:
    """Two draws whose Variation Ratio of image i is scores[i]: p(class 0) = 1 − score."""

    def __init__(self, scores: list[float]) -> None:
        p = torch.tensor(scores, dtype=torch.float64)
        logits = torch.stack([(1 - p).log(), p.log()], dim=1)
        self.table = logits.clamp_min(-1e4).unsqueeze(1).repeat(1, 2, 1)

    def __len__(self) -> int:
        return 2

    def outputs(self, images):
        return self.table[images[:, 0].long()]


def drawn(scores: list[float], temperature: float, k: int, seed: int) -> tuple:
    sampling = PowerSampling(ACQUISITIONS["variation_ratios"], temperature)
    return sampling.select(Scored(scores), chunks(range(len(scores))), k, seed=seed).ids


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_items_are_drawn_with_the_stated_probabilities(temperature):
    scores, tries = [0.4, 0.2, 0.1, 0.05, 0.0], 3000
    weights = np.array(scores) ** (1 / temperature)
    p = weights / weights.sum()
    pairs = Counter(drawn(scores, temperature, 2, seed) for seed in range(tries))
    for first in range(4):
        count = sum(n for pair, n in pairs.items() if pair[0] == first)
        assert abs(count - tries * p[first]) < 5 * math.sqrt(tries * p[first] * (1 - p[first])) + 1
        for second in set(range(4)) - {first}:  # without replacement
            q = p[first] * p[second] / (1 - p[first])
            count = pairs[first, second]
            assert abs(count - tries * q) < 5 * math.sqrt(tries * q * (1 - q)) + 1
    assert not any(4 in pair for pair in pairs)


def test_a_low_temperature_takes_the_highest_scores():
    draws = TableDraws(table(n=40))
    best = TopK(BALD).select(draws, chunks(range(40)), 5, seed=3)
    assert PowerSampling(BALD, 1e-9).select(draws, chunks(range(40)), 5, seed=3) == best
    assert PowerSampling(BALD, 0.0).select(draws, chunks(range(40)), 5, seed=3) == best


def test_neither_chunks_nor_order_matter_and_the_seed_does():
    draws, sampling = TableDraws(table(n=60)), PowerSampling(BALD, 1.0)
    expected = sampling.select(draws, chunks(range(60)), 9, seed=0)
    for size, shuffle in ((1, 0), (13, 1), (60, 2)):
        parts = chunks(range(60), size, shuffled(60, shuffle))
        assert sampling.select(draws, parts, 9, seed=0) == expected
    assert sampling.select(draws, chunks(range(60)), 9, seed=1).ids != expected.ids


def test_the_query_has_the_scores_of_the_acquisition_function():
    draws = TableDraws(table(n=30))
    scores = BALD.of_outputs(draws.table)
    query = PowerSampling(BALD, 0.7).select(draws, chunks(range(30)), 6, seed=0)
    assert list(query.scores) == [float(scores[i]) for i in query.ids]


def test_scores_that_are_all_zero_are_a_seeded_random_order():
    same = TableDraws(table(n=50, t=1).repeat(1, 3, 1))
    query = PowerSampling(BALD, 0.5).select(same, chunks(range(50)), 7, seed=4)
    assert query.ids == Random().select(same, chunks(range(50)), 7, seed=4).ids


def test_negative_scores_are_refused():
    sampling = PowerSampling(ACQUISITIONS["margin"], 1.0)
    with pytest.raises(InputError, match=r"at least 0; margin gives -.*temperature 0"):
        sampling.select(TableDraws(table()), chunks(range(60)), 3, seed=0)


@pytest.mark.parametrize("temperature", [-0.1, math.inf, math.nan])
def test_impossible_temperatures_are_refused(temperature):
    with pytest.raises(InputError, match="temperature must be"):
        strategy("bald", temperature=temperature)


def test_strategies_by_name():
    assert strategy("bald", temperature=0.25) == Race(PowerSampling(BALD, 0.25))
    assert strategy("bald", temperature=0.25, exact=True) == PowerSampling(BALD, 0.25)
    assert strategy("bald", temperature=0, exact=True) == TopK(BALD)
    assert strategy("random", temperature=0.25) == Random()
