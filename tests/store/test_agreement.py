"""Agreement: closed forms, the published examples, and scikit-learn."""

import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from askwell.errors import InputError
from askwell.store import cohen_kappa, fleiss_kappa, percent
from tests.store.projects import label, project

CLASSES = st.integers(0, 3)
PAIRS = st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=30)

FLEISS = [  # ten subjects, five categories, fourteen raters
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
]


def test_percent() -> None:
    assert percent([]) is None
    assert percent([("a", "a"), ("a", "b"), ("c", "c"), ("c", "c")]) == 0.75


def test_cohens_kappa_in_closed_form() -> None:
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5.
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4, abs=1e-15)
    assert cohen_kappa([(0, 1), (1, 0)]) == -1
    assert cohen_kappa([(0, 0), (1, 1)]) == 1
    assert cohen_kappa([(0, 0), (0, 1)]) == 0  # one of them always says the same


def test_kappas_that_are_not_defined() -> None:
    assert cohen_kappa([]) is None
    assert cohen_kappa([("a", "a")] * 5) is None
    assert fleiss_kappa([]) is None
    assert fleiss_kappa([{}, {"a": 1}, {"b": 1}]) is None
    assert fleiss_kappa([{"a": 2}, {"a": 3, "b": 0}]) is None
    with pytest.raises(InputError, match="at least 0"):
        fleiss_kappa([{"a": -1}])


@given(PAIRS)
def test_cohens_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    kappa = cohen_kappa(pairs)
    if len({label for pair in pairs for label in pair}) == 1:
        assert kappa is None
    else:
        first, second = zip(*pairs, strict=True)
        assert kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
        assert kappa == pytest.approx(cohen_kappa([(b, a) for a, b in pairs]), abs=1e-12)


def test_fleiss_kappa_of_the_worked_example() -> None:
    table = [dict(enumerate(row)) for row in FLEISS]
    assert fleiss_kappa(table) == pytest.approx(0.20993, abs=5e-6)


@given(st.lists(st.lists(CLASSES, min_size=3, max_size=3), min_size=2, max_size=20))
def test_fleiss_kappa_is_its_formula(votes: list[list[int]]) -> None:
    n, classes = len(votes), range(4)
    p = [sum(row.count(c) for row in votes) / (3 * n) for c in classes]
    chance = sum(x * x for x in p)
    observed = sum(sum(row.count(c) ** 2 for c in classes) - 3 for row in votes) / (n * 3 * 2)
    table = [Counter(row) for row in votes]
    kappa = fleiss_kappa(table)
    if math.isclose(chance, 1):
        assert kappa is None
    else:
        assert kappa == pytest.approx((observed - chance) / (1 - chance), abs=1e-12)
        assert fleiss_kappa([*table, Counter([2])]) == pytest.approx(kappa)  # one label: left out


@given(PAIRS)
def test_fleiss_kappa_of_two_is_scotts_pi(pairs: list[tuple[int, int]]) -> None:
    p = Counter(label for pair in pairs for label in pair)
    chance = sum((count / (2 * len(pairs))) ** 2 for count in p.values())
    kappa = fleiss_kappa([Counter(pair) for pair in pairs])
    if len(p) == 1:
        assert kappa is None
    else:
        observed = percent(pairs)
        assert observed is not None
        assert kappa == pytest.approx((observed - chance) / (1 - chance), abs=1e-12)


def test_the_pairs_of_a_project(tmp_path: Path) -> None:
    with project(tmp_path, overlap_share=1.0) as store:
        eve = store.annotator("Eve").id
        store.decide([label("a", 1, 1, 1), label("b", 1, 2, 2), label("c", 2, 1, 1)])
        store.decide([label("d", 2, 1, 2), label("e", 2, 2, eve), label("f", 3, 1, 1)])
        pairs = store.agreement_pairs()
        assert pairs == [(1, {1: 1, 2: 2}), (2, {1: 1, 2: 1, eve: 2})]
        assert percent([(said[1], said[2]) for _, said in pairs]) == 0.5
        assert store.undo(2, "u") is not None
        assert store.agreement_pairs() == [(1, {1: 1, 2: 2}), (2, {1: 1, eve: 2})]


def test_people_agree_as_they_did_when_the_files_are_gone(tmp_path: Path) -> None:
    with project(tmp_path, overlap_share=1.0) as store:
        store.decide([label("a", 1, 1, 1), label("b", 1, 2, 2), label("c", 2, 1, 1)])
        store.decide([label("d", 2, 1, 2)])
        before = store.agreement_pairs()
        assert before == [(1, {1: 1, 2: 2}), (2, {1: 1, 2: 1})]
        store.sync([])
        assert store.said_alone() == {}  # there is nothing to look at and to settle
        assert store.agreement_pairs() == before
