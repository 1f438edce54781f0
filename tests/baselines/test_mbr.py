"""Minimum Bayes risk against retraining for every candidate and every label."""

import itertools

import numpy as np
import pytest

from askwell.baselines import MBR, SVM, GaussianField, mbr
from askwell.errors import InputError, LabelError
from askwell.select import Random
from tests.baselines.problems import as_pool, points, reference
from tests.select.draws import chunks, shuffled

LABELLED = {3: 0, 5: 1, 11: 1}
N, WIDTH = 14, 0.9
OPEN = [i for i in range(N) if i not in LABELLED]
FEATURES = points(N, 2)


def drawn(labelled=None, **classes):
    return GaussianField(width=WIDTH)(
        LABELLED if labelled is None else labelled, as_pool(FEATURES), 0, **classes
    ).draw(1, seed=0)


def risk(labelled: dict[int, int]) -> float:
    values = reference(FEATURES, WIDTH, labelled)
    return sum(1 - values[i].max() for i in range(N) if i not in labelled)


def expected(labelled: dict[int, int], k: int) -> float:
    """Σ_y p(y | k) times the risk of the field that is trained with label y for k."""
    p = reference(FEATURES, WIDTH, labelled)[k]
    return sum(p[y] * risk(labelled | {k: y}) for y in (0, 1))


def test_scores_equal_retraining():
    query = MBR().select(drawn(), chunks(OPEN), len(OPEN), seed=0)
    risks = {k: expected(LABELLED, k) for k in OPEN}
    assert list(query.ids) == sorted(OPEN, key=risks.get)
    np.testing.assert_allclose(query.scores, [-risks[k] for k in query.ids], rtol=1e-6)


def test_a_batch_chosen_in_sequence_equals_retraining():
    query = MBR(sequential=True).select(drawn(), chunks(OPEN), 5, seed=0)
    labelled = dict(LABELLED)
    for item, score in zip(query.ids, query.scores, strict=True):
        risks = {k: expected(labelled, k) for k in OPEN if k not in labelled}
        assert item == min(risks, key=risks.get)
        assert score == pytest.approx(-risks[item], rel=1e-6)
        labelled[item] = int(reference(FEATURES, WIDTH, labelled)[item].argmax())
    assert query.ids != MBR().select(drawn(), chunks(OPEN), 5, seed=0).ids


@pytest.mark.parametrize("sequential", [False, True])
def test_only_the_items_offered_are_chosen(sequential):
    some = OPEN[::3]
    query = MBR(sequential).select(drawn(), chunks(some), 2, seed=0)
    assert query.ids[0] == min(some, key=lambda k: expected(LABELLED, k))
    assert set(query.ids) <= set(some)


@pytest.mark.parametrize("sequential", [False, True])
def test_neither_chunks_nor_order_nor_blocks_matter(sequential, monkeypatch):
    strategy, draws = MBR(sequential), drawn()
    query = strategy.select(draws, chunks(OPEN), 4, seed=0)
    for size, seed in itertools.product((1, 4, 50), (0, 1)):
        parts = chunks(OPEN, size, shuffled(len(OPEN), seed))
        assert strategy.select(draws, parts, 4, seed=0) == query
    monkeypatch.setattr(mbr, "_BLOCK", 1)
    again = strategy.select(draws, chunks(OPEN), 4, seed=0)
    assert again.ids == query.ids
    np.testing.assert_allclose(again.scores, query.scores, rtol=1e-12)


@pytest.mark.parametrize("sequential", [False, True])
def test_known_items_change_nothing_and_ties_are_broken_by_seed(sequential):
    strategy, known = MBR(sequential), list(LABELLED)
    query = strategy.select(drawn(), chunks([*known, *OPEN]), 1, seed=0)
    assert query.ids[0] in OPEN
    for seed in range(5):
        tied = strategy.select(drawn(), chunks(known), 3, seed=seed)
        assert tied.ids == Random().select(drawn(), chunks(known), 3, seed=seed).ids
        np.testing.assert_allclose(tied.scores, -risk(LABELLED), rtol=1e-6)


def test_equal_images_are_chosen_between_by_seed():
    twice = as_pool(np.vstack([FEATURES, FEATURES[OPEN]]))
    draws = GaussianField(width=WIDTH)(LABELLED, twice, 0).draw(1, seed=0)
    pairs = [{item, N + row} for row, item in enumerate(OPEN)]
    first, firsts = MBR().select(draws, chunks(OPEN), 1, seed=0).ids[0], set()
    for seed in range(8):
        query = MBR().select(draws, chunks(sorted(set().union(*pairs))), 2, seed=seed)
        assert set(query.ids) in pairs
        assert first in query.ids
        assert query.scores[0] == query.scores[1]
        firsts.add(query.ids[0])
    assert len(firsts) == 2


@pytest.mark.parametrize("sequential", [False, True])
def test_more_than_there_are(sequential):
    with pytest.warns(UserWarning, match="only 11 are left"):
        query = MBR(sequential).select(drawn(), chunks(OPEN), 50, seed=0)
    assert sorted(query.ids) == OPEN
    with pytest.warns(UserWarning, match="only 0 are left"):
        assert MBR(sequential).select(drawn(), [], 2, seed=0).ids == ()


def test_text_ids():
    pool = as_pool(FEATURES)
    names = [f"photo {i}" for i in range(N)]
    named = type(pool)(pool._array, ids=names)
    labelled = {names[i]: label for i, label in LABELLED.items()}
    draws = GaussianField(width=WIDTH)(labelled, named, 0).draw(1, seed=0)
    query = MBR().select(draws, chunks([names[i] for i in OPEN]), 3, seed=0)
    plain = MBR().select(drawn(), chunks(OPEN), 3, seed=0)
    assert query.ids == tuple(names[i] for i in plain.ids)
    assert query.scores == plain.scores


def test_errors():
    with pytest.raises(InputError, match=r"two classes; the field has 3"):
        MBR().select(drawn(classes=3), chunks(OPEN), 1, seed=0)
    machine = SVM()(LABELLED, as_pool(FEATURES), 0).draw(1, seed=0)
    with pytest.raises(InputError, match="MBR reads the field of a GaussianField"):
        MBR().select(machine, chunks(OPEN), 1, seed=0)
    with pytest.raises(LabelError, match="no item 99"):
        MBR().select(drawn(), chunks([*OPEN, 99]), 1, seed=0)
    for strategy in (MBR(), MBR(sequential=True)):
        with pytest.raises(InputError, match="must be at least 1"):
            strategy.select(drawn(), chunks(OPEN), 0, seed=0)
        with pytest.raises(InputError, match="came twice"):
            strategy.select(drawn(), chunks([*OPEN, *OPEN]), 20, seed=0)
