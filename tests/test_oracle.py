import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askwell.errors import InputError, LabelError
from askwell.oracle import KnownLabels, NoisyLabels
from askwell.records import ItemId, Query

CLASSES = 5


def query(*ids: ItemId) -> Query:
    return Query(ids, (0.0,) * len(ids))


def test_known_labels_are_exact() -> None:
    oracle = KnownLabels({"a": 3, 7: 0.5})
    assert oracle.label(query(7, "a")) == {7: 0.5, "a": 3}
    assert oracle.label(query()) == {}


def test_from_array_makes_plain_numbers() -> None:
    oracle = KnownLabels.from_array(np.array([4, 2]), np.array([10, 11]))  # type: ignore[arg-type]
    answer = oracle.label(query(11))
    assert answer == {11: 2}
    assert [type(value) for pair in answer.items() for value in pair] == [int, int]
    assert KnownLabels.from_array([0.5, 1.5]).label(query(1)) == {1: 1.5}


def test_unknown_items_are_named() -> None:
    with pytest.raises(LabelError, match=r"items \[9, 'x'\]; one is known for 3 items.*instance 0"):
        KnownLabels.from_array([1, 2, 3]).label(query(9, 0, "x"))
    with pytest.raises(LabelError, match="and 5 more"):
        KnownLabels({}).label(query(*range(15)))


@pytest.mark.parametrize(
    ("labels", "ids", "message"),
    [
        (np.zeros((2, 2)), None, r"one-dimensional .* shape \(2, 2\)"),
        (["a", "b"], None, "one-dimensional array of class indices"),
        ([1, 2], ["a"], "got 2 labels and 1 ids, 1 of them different"),
        ([1, 2], ["a", "a"], "got 2 labels and 2 ids, 1 of them different"),
        ([1, 2], ["a", "b", "c"], "got 2 labels and 3 ids"),
        ([1, 2], "ab", "several ids.* got the string 'ab'"),
        ([1, 2], [0, 0.5], "int or a str; got 0.5"),
    ],
)
def test_labels_that_do_not_fit(labels: object, ids: list[ItemId] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        KnownLabels.from_array(labels, ids)  # type: ignore[arg-type]


@settings(deadline=None)
@given(seed=st.integers(0, 100), order=st.permutations(range(30)))
def test_noise_depends_on_seed_and_item_alone(seed: int, order: list[int]) -> None:
    truth = KnownLabels.from_array([i % CLASSES for i in range(30)])
    oracle = NoisyLabels(truth, classes=CLASSES, rate=0.5, seed=seed)
    together = oracle.label(query(*order))
    assert list(together) == order
    alone = {i: oracle.label(query(i))[i] for i in range(30)}
    assert together == alone


def test_noise_has_the_rate_and_is_uniform_over_the_other_classes() -> None:
    n, rate = 20_000, 0.3
    truth = KnownLabels.from_array(np.full(n, 2))
    oracle = NoisyLabels(truth, classes=CLASSES, rate=rate, seed=0)
    answers = list(oracle.label(query(*range(n))).values())
    counts = np.bincount(answers, minlength=CLASSES)
    expected = np.full(CLASSES, n * rate / (CLASSES - 1))
    expected[2] = n * (1 - rate)
    deviation = np.sqrt(expected * (1 - expected / n))  # of a binomial count
    assert (np.abs(counts - expected) < 4 * deviation).all()


def test_rate_zero_and_one() -> None:
    truth = KnownLabels.from_array(np.arange(500) % CLASSES)
    items = query(*range(500))
    assert NoisyLabels(truth, classes=CLASSES, rate=0, seed=0).label(items) == truth.label(items)
    wrong = NoisyLabels(truth, classes=CLASSES, rate=1, seed=0).label(items)
    assert all(wrong[i] != i % CLASSES and 0 <= wrong[i] < CLASSES for i in range(500))


def test_bad_arguments() -> None:
    truth = KnownLabels({0: 1, 1: 7, 2: 0.5})
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="rate must lie between 0 and 1"):
            NoisyLabels(truth, classes=3, rate=rate, seed=0)
    with pytest.raises(InputError, match="classes must be at least 2"):
        NoisyLabels(truth, classes=1, rate=0.1, seed=0)
    oracle = NoisyLabels(truth, classes=3, rate=0.1, seed=0)
    for item, value in ((1, "7"), (2, r"0\.5")):
        with pytest.raises(
            LabelError, match=rf"item {item} must be a class index 0 … 2; got {value}"
        ):
            oracle.label(query(item))
    with pytest.raises(LabelError, match=r"items \[3\]"):
        oracle.label(query(3))


@pytest.mark.parametrize("label", [np.int64(2), np.uint8(2), 2.0, np.float64(2.0)])
def test_noise_takes_class_indices_of_any_number_type(label):
    query = Query((0,), (0.0,))
    noisy = NoisyLabels(KnownLabels({0: label}), classes=3, rate=0.0, seed=0)
    assert noisy.label(query) == {0: 2}
    assert type(noisy.label(query)[0]) is int
