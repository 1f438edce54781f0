import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askwell.datasets import DATASETS, LabelledImages
from askwell.datasets.split import stratified_split
from askwell.errors import InputError


def test_digits_need_no_fetching_and_never_change(tmp_path: Path) -> None:
    digits = DATASETS["digits"]
    digits.fetch(tmp_path)
    assert digits.state(tmp_path) == "ready"
    assert list(tmp_path.iterdir()) == []
    task = digits.load(tmp_path)
    assert (len(task.train), len(task.test)) == digits.sizes
    assert task.train.images.dtype == np.uint8
    assert set(np.unique(task.train.images)) == {round(x * 255 / 16) for x in range(17)}
    digest = hashlib.sha256(
        task.test.images.tobytes() + task.test.labels.astype("<i8").tobytes()
    ).hexdigest()
    assert digest == "a8853297574e950df8769225b457059d68b1cfee836cff2c0b1fd09a99569200"


def test_digits_are_stratified() -> None:
    task = DATASETS["digits"].load()
    whole = np.bincount(np.concatenate([task.train.labels, task.test.labels]))
    assert np.abs(np.bincount(task.test.labels) - whole * 500 / 1797).max() < 1


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_split_is_a_partition_that_keeps_shares(
    labels: list[int], fraction: float, seed: int
) -> None:
    y = np.array(labels)
    wanted = round(fraction * len(y))
    train, test = stratified_split(y, test=wanted, ids=range(len(y)), seed=seed)
    assert sorted([*train, *test]) == list(range(len(y)))
    assert len(test) <= wanted
    assert set(y) == set(y[train])  # every class can be trained on
    counts, got = np.bincount(y), np.bincount(y[test], minlength=y.max() + 1)
    share = counts * wanted / len(y)
    assert (got < share + 1).all()
    assert (got > np.minimum(share, counts - 1) - 1)[counts > 0].all()


@settings(deadline=None)
@given(order=st.permutations(range(20)))
def test_split_does_not_depend_on_order(order: list[int]) -> None:
    labels = np.arange(20) % 3
    ids = [f"{i}.png@0" for i in range(20)]
    test = stratified_split(labels, test=6, ids=ids, seed=0)[1]
    again = stratified_split(labels[order], test=6, ids=[ids[i] for i in order], seed=0)[1]
    assert {ids[i] for i in test} == {ids[order[i]] for i in again}


def test_labelled_images_must_match() -> None:
    with pytest.raises(InputError, match="got 2 images and 3 labels"):
        LabelledImages(np.zeros((2, 4, 4), np.uint8), np.zeros(3, np.int64))
