"""From a snapshot to a ranking: cold start, near-duplicates, what is left out, what is measured."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from askwell.errors import InputError, LabelError
from askwell.labelling.coldstart import typical_rows
from askwell.labelling.diverse import RUN, near_distance, spread
from askwell.labelling.files import Snapshot
from askwell.labelling.head import FeatureRows
from askwell.labelling.ranking import make_ranking
from askwell.labelling.vectors import random_rows, unit_rows
from tests.labelling.points import points, pool_of

FEATURES, LABELS = points()
POOL = pool_of(FEATURES)
IDS = np.array(POOL.ids)


def some(start: int, stop: int, names: tuple[int, ...] = (7, 5, 9)) -> dict[int, int]:
    return {1000 + row: names[LABELS[row]] for row in range(start, stop)}


SNAPSHOT = Snapshot(some(0, 30), some(30, 60), (7, 5, 9), frozenset({1070, 1071}))


def same_ranking(a, b) -> bool:
    return a.items.tolist() == b.items.tolist() and np.array_equal(a.probs, b.probs)


def test_an_active_ranking_and_its_measures():
    found = make_ranking(POOL, SNAPSHOT, version=3)
    assert (found.version, found.trained_on, found.stream) == (3, 30, "active")
    assert set(found.items.tolist()) <= set(range(1060, 1300)) - {1070, 1071}
    assert found.all_items.tolist() == IDS.tolist()
    assert found.classes.tolist() == [7, 5, 9]
    assert np.allclose(found.probs.sum(axis=1), 1, atol=3e-3)
    truth = np.array([list(SNAPSHOT.classes).index(c) for c in SNAPSHOT.holdout.values()])
    predicted = found.probs[30:60].argmax(axis=1)
    assert found.metrics["holdout"] == 30
    assert found.metrics["accuracy"] == pytest.approx((predicted == truth).mean())
    assert found.metrics["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth, predicted)
    )
    at_label = found.probs[30:60].astype(float)[np.arange(30), truth]
    assert found.metrics["nll"] == pytest.approx(-np.log(at_label).mean(), rel=0.01)
    assert found.metrics["holdout_items"] == list(range(1030, 1060))
    assert found.metrics["holdout_predicted"] == found.classes[predicted].tolist()
    assert same_ranking(found, make_ranking(POOL, SNAPSHOT, version=3))


def test_two_classes_have_an_auc():
    features, labels = points(classes=2)
    names = (4, 8)
    holdout = {1000 + r: names[labels[r]] for r in range(40, 80)}
    snapshot = Snapshot({1000 + r: names[labels[r]] for r in range(40)}, holdout, names)
    found = make_ranking(pool_of(features), snapshot, version=0)
    scores = found.probs[40:80, 1].astype(float)
    assert found.metrics["auc"] == pytest.approx(roc_auc_score(labels[40:80], scores), abs=0.02)


def test_the_order_of_rows_changes_nothing():
    mixed = np.random.default_rng(1).permutation(300)
    other = FeatureRows(FEATURES[mixed], IDS[mixed].tolist())
    cold = replace(SNAPSHOT, labels={}, holdout={})
    for snapshot in (SNAPSHOT, cold):
        a, b = (make_ranking(pool, snapshot, version=0) for pool in (POOL, other))
        assert a.items.tolist() == b.items.tolist()
        assert np.allclose(a.probs, b.probs, atol=2e-3)


def test_items_without_features_are_left_out():
    labels = {**SNAPSHOT.labels, 5: 7, 6: 9}
    holdout = {**SNAPSHOT.holdout, 8: 5}
    found = make_ranking(POOL, replace(SNAPSHOT, labels=labels, holdout=holdout), version=0)
    assert same_ranking(found, make_ranking(POOL, SNAPSHOT, version=0))
    nothing = FeatureRows(FEATURES[:0], [])
    empty = make_ranking(nothing, SNAPSHOT, version=0)
    assert (empty.stream, len(empty.items), len(empty.all_items)) == ("cold", 0, 0)


def test_it_starts_cold_and_becomes_active():
    start = make_ranking(POOL, replace(SNAPSHOT, labels={}), version=0)
    assert (start.stream, start.trained_on, len(start.all_items)) == ("cold", 0, 0)
    assert np.isnan(start.scores).all()
    few = some(0, 14)
    early = make_ranking(POOL, replace(SNAPSHOT, labels=few), version=0)
    assert (early.stream, early.trained_on, len(early.all_items)) == ("cold", 14, 300)
    assert early.metrics["accuracy"] > 0.4
    # A class that nobody finds does not hold up the rest for ever.
    many = {item: label for item, label in some(0, 30).items() if label != 9}
    assert make_ranking(POOL, replace(SNAPSHOT, labels=many), version=0).stream == "active"
    one = dict.fromkeys(some(0, 30), 7)
    assert make_ranking(POOL, replace(SNAPSHOT, labels=one), version=0).stream == "cold"


def test_foreign_classes_and_acquisitions_are_refused():
    with pytest.raises(LabelError, match=r"\[11\], which are not among"):
        make_ranking(POOL, replace(SNAPSHOT, labels={1000: 11}), version=0)
    with pytest.raises(InputError, match="no acquisition function"):
        make_ranking(POOL, replace(SNAPSHOT, acquisition="predictive_variance"), version=0)


def test_cold_start_finds_every_cluster_soon():
    chance = np.random.default_rng(3)
    centres = chance.normal(size=(9, 200))
    sizes = [200, 100, 60, 40, 30, 20, 15, 10, 5]
    group = np.repeat(np.arange(9), sizes)
    features = (centres[group] + 0.05 * chance.normal(size=(480, 200))).astype(np.float16)
    ids = np.arange(480)
    found = typical_rows(features, ids, np.empty(0, np.int64), ids, seed=0)
    assert set(group[found[:12]]) == set(range(9))
    labelled = np.flatnonzero(group == 0)[:3]
    rest = typical_rows(features, ids, labelled, ids, seed=0)
    assert not set(rest.tolist()) & set(labelled.tolist())
    assert 0 not in group[rest[:8]]


def test_cold_start_of_few_or_equal_images():
    ids = np.arange(4)
    nobody = np.empty(0, np.int64)
    assert sorted(typical_rows(FEATURES[:4], ids, nobody, ids, seed=0)) == [0, 1, 2, 3]
    assert typical_rows(FEATURES[:4], ids, ids, ids, seed=0).tolist() == []
    equal = np.repeat(FEATURES[:1], 4, axis=0)
    assert len(typical_rows(equal, ids, nobody, ids, seed=0)) == 1


def test_near_duplicates_never_stand_in_one_run():
    chance = np.random.default_rng(0)
    scenes = chance.normal(size=(60, 30))
    scene = np.repeat(np.arange(60), 5)
    shots = (scenes[scene] + 0.01 * chance.normal(size=(300, 30))).astype(np.float16)
    distance = near_distance(shots, np.arange(300), seed=0)
    order = spread(shots, distance)
    assert len(set(order.tolist())) == len(order) >= 60
    for start in range(len(order)):
        window = scene[order[start : start + RUN]]
        assert len(set(window.tolist())) == len(window)


@pytest.mark.parametrize("distance", [0.0, 0.3, 0.6, 0.9])
def test_spreading_is_the_greedy_choice(distance):
    features = FEATURES[:40]
    units = unit_rows(features)
    apart = np.linalg.norm(units[:, None] - units[None], axis=2)
    expected, left = [], list(range(40))
    while True:
        recent = expected[-4:]
        free = [i for i in left if all(apart[i, j] > max(distance, 1e-3) for j in recent)]
        if not free:
            break
        expected.append(free[0])
        left.remove(free[0])
    assert spread(features, distance, run=5).tolist() == expected


def test_images_that_differ_are_left_where_they_are():
    features = np.random.default_rng(1).normal(size=(500, 40)).astype(np.float16)
    distance = near_distance(features, np.arange(500), seed=0)
    assert spread(features, distance).tolist() == list(range(500))
    assert near_distance(features[:5], np.arange(5), seed=0) == 0


def test_random_rows_depend_on_ids_alone():
    mixed = np.random.default_rng(1).permutation(300)
    a, b = random_rows(IDS, 40, 3), random_rows(IDS[mixed], 40, 3)
    assert IDS[a].tolist() == IDS[mixed][b].tolist()
    assert len(set(a.tolist())) == 40
    assert random_rows(IDS[mixed], 300, 3).tolist() == np.argsort(mixed).tolist()
