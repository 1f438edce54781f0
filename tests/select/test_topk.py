"""Top-k: the same as sorting everything, whatever the order, the chunks and the ties."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError, NonFiniteError
from askwell.randomness import item_keys
from askwell.records import Query
from askwell.select import Random, StreamingTopK, TopK
from tests.select.draws import TableDraws, chunks, shuffled, table

BALD = TopK(ACQUISITIONS["bald"])


def streamed(ids, scores, k: int, *, seed: int = 0, sizes=(3, 1, 8)) -> Query:
    top, start, turn = StreamingTopK(k, seed), 0, 0
    while start < len(ids):
        stop = start + sizes[turn % len(sizes)]
        part = torch.tensor(scores[start:stop], dtype=torch.float64)
        top.add(ids[start:stop], part)
        start, turn = stop, turn + 1
    return top.result()


def sorted_best(ids, scores, k: int, *, seed: int = 0) -> Query:
    keys = dict(zip(ids, item_keys(ids, seed).tolist(), strict=True))
    best = sorted(zip(ids, scores, strict=True), key=lambda pair: (-pair[1], keys[pair[0]]))[:k]
    return Query(tuple(i for i, _ in best), tuple(float(s) for _, s in best))


@given(
    scores=st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5, -1.0, -math.inf, 1e-300]), min_size=1),
    k=st.integers(1, 12),
    seed=st.integers(0, 5),
    shuffle=st.integers(0, 5),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    text=st.booleans(),
)
def test_equals_sorting_everything(scores, k, seed, shuffle, sizes, text):
    k = min(k, len(scores))
    ids = [f"image {i}" if text else i for i in range(len(scores))]
    order = shuffled(len(scores), shuffle)
    query = streamed([ids[i] for i in order], [scores[i] for i in order], k, seed=seed, sizes=sizes)
    assert query == sorted_best(ids, scores, k, seed=seed)


def test_a_long_stream_equals_sorting_everything():
    scores = np.random.default_rng(0).normal(size=5000).round(2).tolist()  # with many ties
    for k in (1, 10, 400, 5000):
        assert streamed(range(5000), scores, k, sizes=(97,)) == sorted_best(range(5000), scores, k)


def test_the_result_can_be_asked_for_at_any_time():
    top = StreamingTopK(2, 0)
    top.add([1, 2, 3], torch.tensor([0.1, 0.3, 0.2]))
    assert top.result().ids == (2, 3)
    assert top.result() == top.result()
    top.add([4], torch.tensor([0.25]))
    assert top.result().ids == (2, 4)


def test_memory_is_that_of_k_and_a_chunk():
    top = StreamingTopK(5, 0)
    for start in range(0, 10_000, 100):  # ever better: every item enters
        top.add(range(start, start + 100), torch.arange(start, start + 100))
        assert len(top._ids) <= 2 * 5 + 100
    assert top.result().ids == (9999, 9998, 9997, 9996, 9995)


def test_ties_are_broken_without_favour():
    # 30 tied items, 3 taken, 2000 seeds: each is taken 200 times on average. The counts, divided
    # by their variances, sum to about χ² with 29 degrees of freedom; Laurent–Massart with x = 20
    # bounds it by 29 + 2√(29·20) + 40 with probability 1 − 2e-9.
    taken = np.zeros(30)
    for seed in range(2000):
        taken[list(streamed(range(30), [1.0] * 30, 3, seed=seed, sizes=(30,)).ids)] += 1
    variance = 2000 * 0.1 * 0.9
    statistic = ((taken - 200) ** 2).sum() / variance * 29 / 30
    assert statistic < 29 + 2 * math.sqrt(29 * 20) + 40


def test_nan_is_an_error_that_names_the_items():
    with pytest.raises(NonFiniteError, match=r"NaN for 7 items: 'img 0', .*'img 4', …"):
        streamed([f"img {i}" for i in range(9)], [math.nan] * 7 + [1.0] * 2, 2, sizes=(9,))


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one(k):
    with pytest.raises(InputError, match="at least 1"):
        StreamingTopK(k, 0)


def test_k_that_is_no_whole_number():
    with pytest.raises(InputError, match=r"must be a whole number; got 2\.5"):
        StreamingTopK(2.5, 0)


def test_more_than_there_are():
    with pytest.warns(UserWarning, match="10 items were asked for, but only 2 are left"):
        assert streamed([5, 6], [0.1, 0.2], 10).ids == (6, 5)
    with pytest.warns(UserWarning, match="only 0 are left"):
        assert streamed([], [], 1) == Query((), ())


@pytest.mark.parametrize("sizes", [(4,), (1,), (2,)])
def test_an_item_that_comes_twice(sizes):
    with pytest.raises(InputError, match="'b' came twice"):
        streamed(["a", "b", "c", "b"], [0.0, 2.0, 1.0, 2.0], 2, sizes=sizes)


def test_one_score_an_item():
    with pytest.raises(InputError, match="each of the 2 items"):
        StreamingTopK(1, 0).add([1, 2], torch.zeros(3))


def test_numpy_ids_come_back_as_int():
    query = streamed(list(np.arange(4)), [0.0, 3.0, 1.0, 2.0], 2)
    assert query.ids == (1, 3)
    assert all(type(item) is int for item in query.ids)


@pytest.mark.parametrize("name", ACQUISITIONS)
@pytest.mark.parametrize("size", [1, 7, 60, 1000])
def test_selection_is_the_same_for_every_chunking_and_order(name, size):
    acquisition = ACQUISITIONS[name]
    ids = [f"{i}.jpg" for i in range(60)]
    outputs = table(c=2)
    outputs[10:20] = outputs[10]  # ties
    strategy, draws = TopK(acquisition), TableDraws(outputs)
    query = strategy.select(draws, chunks(ids), 8, seed=3)
    again = strategy.select(draws, chunks(ids, size, shuffled(60, size)), 8, seed=3)
    assert query == again
    assert query == sorted_best(ids, acquisition.of_outputs(outputs).tolist(), 8, seed=3)


def test_a_deterministic_network_asks_what_random_asks():
    point_mass = table(t=1).expand(60, 10, 4)
    bald = BALD.select(TableDraws(point_mass), chunks(range(60)), 9, seed=4)
    assert bald.scores == (0.0,) * 9
    assert bald.ids == Random().select(TableDraws(point_mass), chunks(range(60)), 9, seed=4).ids


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_broken_outputs_name_their_items(value):
    outputs = table()
    outputs[[12, 50], 3, 1] = value
    ids = [f"photo {i}" for i in range(60)]
    with pytest.raises(NonFiniteError, match="1 of 7 items: 'photo 12'"):
        BALD.select(TableDraws(outputs), chunks(ids), 5, seed=0)


def test_empty_chunks_run_no_network():
    class NoDraws(TableDraws):
        def outputs(self, images):
            raise AssertionError

    empty = list(chunks([1], 1))
    empty[0].ids = []
    with pytest.warns(UserWarning, match="only 0"):
        assert BALD.select(NoDraws(table()), empty, 1, seed=0).ids == ()


def test_no_graph_is_kept():
    outputs = table().requires_grad_()
    assert len(BALD.select(TableDraws(outputs), chunks(range(60)), 2, seed=0)) == 2
