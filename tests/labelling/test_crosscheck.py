"""Labels judged by models that were not taught them."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from askwell.labelling.crosscheck import FOLDS, CrossCheck, folds
from askwell.labelling.files import Snapshot
from askwell.labelling.head import DRAWS, fit_head, summarise
from askwell.randomness import derive
from tests.labelling.points import points, pool_of


def clouds(n, classes):
    """A pool and item → class; the classes hardly overlap."""
    features, labels = points(n, features=40, classes=classes)
    pool = pool_of(features)
    return pool, dict(zip(pool.ids, labels.tolist(), strict=True))


def checked(pool, snapshot):
    check = CrossCheck(pool, snapshot)
    steps = 0
    while not check.done:
        check.step()
        steps += 1
    assert steps in (0, FOLDS)
    return check.result()


@pytest.mark.parametrize("sizes", [(2, 2), (1, 5, 9), (40, 3, 2, 1), (7, 1), (1, 1), (3,), ()])
def test_every_class_keeps_a_label_outside_each_fold(sizes):
    labels = {10 * c + 1000 * i: c for c, size in enumerate(sizes) for i in range(size)}
    found = folds(labels, seed=3)
    alone = {c for c, size in enumerate(sizes) if size == 1}
    if sum(size > 1 for size in sizes) < 2:
        assert found == {}
        return
    assert found.keys() == {item for item, c in labels.items() if c not in alone}
    inside = defaultdict(Counter)
    for item, fold in found.items():
        inside[fold][labels[item]] += 1
    every = Counter(labels.values())
    assert all(n < every[c] for counted in inside.values() for c, n in counted.items())
    assert max(map(Counter.total, inside.values())) - min(map(Counter.total, inside.values())) <= 1
    assert folds(dict(reversed(labels.items())), seed=3) == found


def test_a_fold_is_judged_as_a_model_of_the_other_labels_does():
    pool, truth = clouds(60, classes=3)
    labels = {item: 7 + truth[item] for item in list(pool.ids)[:40]}
    snapshot = Snapshot(labels, {}, (7, 8, 9), seed=5)
    found = checked(pool, snapshot)
    assert found.trained_on == 40
    assert found.items.tolist() == sorted(labels)
    where = folds({item: c - 7 for item, c in labels.items()}, seed=5)
    for fold in range(FOLDS):
        others = {item: c - 7 for item, c in labels.items() if where[item] != fold}
        draws = fit_head(pool, others, 3, seed=5).draw(DRAWS, seed=derive(5, "draws"))
        judged = sorted(item for item in labels if where[item] == fold)
        rows = [pool.position(item) for item in judged]
        want = summarise(draws, pool.features[rows]).probs.numpy()
        got = found.probs[[found.row(item) for item in judged]]
        assert np.allclose(got, want, atol=1e-3)  # float16


def test_mistakes_are_found_that_the_model_was_taught():
    pool, truth = clouds(200, classes=4)
    labels = {item: truth[item] for item in list(pool.ids)[:120]}
    wrong = sorted(labels)[::13]  # of every class
    for item in wrong:
        labels[item] = (labels[item] + 1) % 4
    found = checked(pool, Snapshot(labels, {}, (0, 1, 2, 3)))
    gaps = {
        item: float(probs.max() - probs[labels[item]])
        for item, probs in zip(found.items.tolist(), found.probs.astype(float), strict=True)
    }
    worst = sorted(gaps, key=gaps.__getitem__)[-len(wrong) :]
    assert set(worst) == set(wrong)


def test_labels_without_features_or_of_classes_that_are_gone_are_left_out():
    pool, truth = clouds(40, classes=2)
    labels = {item: truth[item] for item in list(pool.ids)[:20]}
    strange = max(pool.ids) + 1
    found = checked(pool, Snapshot(labels | {strange: 0, strange + 1: 9}, {}, (0, 1)))
    assert found.items.tolist() == sorted(labels)
    none = checked(pool, Snapshot({1: 0}, {}, (0, 1)))
    assert (len(none.items), none.probs.shape) == (0, (0, 2))
