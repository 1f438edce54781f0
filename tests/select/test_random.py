"""Random acquisition: uniform, by item and seed alone, and without looking."""

import math
from typing import NoReturn

import numpy as np
import pytest

from askwell.pool import Chunk
from askwell.randomness import item_keys
from askwell.select import Random
from tests.select.draws import TableDraws, chunks, shuffled, table

DRAWS = TableDraws(table())


def blind(ids) -> Chunk:
    def load() -> NoReturn:
        raise AssertionError("random acquisition read an image")

    return Chunk(ids, load)


def test_the_smallest_keys_and_no_image():
    ids = [f"{i}.jpg" for i in range(50)]
    query = Random().select(None, [blind(ids[:20]), blind(ids[20:])], 6, seed=2)
    expected = [ids[i] for i in np.argsort(item_keys(ids, 2))[:6]]
    assert list(query.ids) == expected
    assert all(map(math.isnan, query.scores))


@pytest.mark.parametrize("size", [1, 13, 60])
def test_neither_chunks_nor_order_matter(size):
    first = Random().select(DRAWS, chunks(range(60)), 10, seed=1).ids
    assert (
        Random().select(DRAWS, chunks(range(60), size, shuffled(60, size)), 10, seed=1).ids == first
    )
    assert Random().select(DRAWS, chunks(range(60)), 10, seed=2).ids != first


def test_every_item_is_as_likely():
    # As for the ties of top-k: 30 items, 3 taken, 2000 seeds, bound exceeded with chance 2e-9.
    taken = np.zeros(30)
    for seed in range(2000):
        taken[list(Random().select(DRAWS, [blind(range(30))], 3, seed=seed).ids)] += 1
    statistic = ((taken - 200) ** 2).sum() / (2000 * 0.1 * 0.9) * 29 / 30
    assert statistic < 29 + 2 * math.sqrt(29 * 20) + 40


def test_more_than_there_are():
    with pytest.warns(UserWarning, match="only 3 are left"):
        assert sorted(Random().select(DRAWS, [blind(range(3))], 5, seed=0).ids) == [0, 1, 2]
