"""What a spec can say about classes, starts, test sets, budgets and arms, on digits."""

from dataclasses import replace

import numpy as np
import pytest

from askwell.errors import SpecError
from askwell.experiment.spec import Arm, Spec, TrainingSpec
from askwell.experiment.spec_files import parse
from askwell.experiment.workbench import Workbench
from askwell.records import Chain

SPEC = Spec(
    "protocol",
    dataset="digits",
    classes=("8", "3"),
    acquisitions=("bald", "random"),
    initial=6,
    validation=0,
    query_size=5,
    budget=16,
    draws=4,
    test_draws=4,
    training=TrainingSpec(steps=5, epochs=0),
)
BALD = Arm("bald", "mc_dropout")


def run(bench: Workbench, arm: Arm, seed: int = 0) -> Chain:
    chain = bench.start(arm, seed)
    while len(chain.steps) < bench.spec.steps:
        chain = replace(chain, steps=(*chain.steps, bench.step(arm, chain)))
    return chain


def test_classes_are_numbered_in_the_order_of_the_spec_and_keep_their_ids() -> None:
    few, every = Workbench(SPEC), Workbench(replace(SPEC, classes=()))
    assert few.classes == ("8", "3")
    for old, new in ((8, 0), (3, 1)):
        at = np.flatnonzero(every.labels == old)
        ids = {every.data.pool.ids[p] for p in at.tolist()}
        found = np.flatnonzero(few.labels == new)
        assert {few.data.pool.ids[p] for p in found.tolist()} == ids
        one = next(iter(ids))
        first = every.data.pool.images(np.array([every.data.pool.position(one)]))
        again = few.data.pool.images(np.array([few.data.pool.position(one)]))
        assert bool((first == again).all())
    assert set(few.data.tests[0].labels.tolist()) == {0, 1}


def test_an_initial_set_can_be_unbalanced() -> None:
    chain = Workbench(replace(SPEC, initial_per_class=(5, 1))).start(BALD, 3)
    assert sorted(chain.initial_labels) == [0, 0, 0, 0, 0, 1]


def test_test_sets_are_set_aside_by_class_and_never_asked_for() -> None:
    spec = replace(SPEC, test_per_class=(20, 30), test_splits=2, budget=0, query_size=70)
    bench = Workbench(spec)
    first, second = bench.data.tests
    assert [np.bincount(t.labels).tolist() for t in (first, second)] == [[20, 30], [20, 30]]
    assert set(first.aside) != set(second.aside)
    assert set(first.pool.ids) == set(first.aside)
    every = set(bench.data.pool.ids)
    for seed, test in ((0, first), (1, second), (2, first)):
        assert bench.data.test_for(seed) is test
        chain = run(bench, BALD, seed)
        asked = {*chain.initial, *(item for step in chain.steps for item in step.acquired)}
        assert asked == every - set(test.aside)  # budget 0: everything else is labelled in the end
        assert chain.steps[-1].labels == bench.spec.budget == len(every) - 50


def test_flips_are_trained_on() -> None:
    plain = run(Workbench(SPEC), BALD)
    flipped = run(Workbench(replace(SPEC, training=replace(SPEC.training, flips=(1,)))), BALD)
    assert plain.initial == flipped.initial
    assert plain.steps[0].training.loss != flipped.steps[0].training.loss
    assert [s.training.labels for s in flipped.steps] == [6, 11, 16]


def test_arms_stand_beside_the_product() -> None:
    spec = replace(SPEC, arms=("margin", "bald/deterministic"))
    names = ["bald", "random", "margin", "bald/deterministic"]
    assert [arm.name for arm in spec.all_arms] == names
    chain = run(Workbench(spec), Arm.parse("bald/deterministic"))
    assert all(score == 0 for step in chain.steps for score in step.scores)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"classes": ["3", "three"]}, "digits has no class 'three'."),
        ({"classes": ["3"]}, "There must be two classes at least; digits has one."),
        ({"classes": ["3", "5"], "initial_per_class": [10, 9]}, "adds up to 19, but initial is 20"),
        ({"classes": ["3", "5"], "initial_per_class": [20]}, "a count for each of the classes"),
        ({"initial_per_class": [10, 10]}, "a count for each of the 10 classes"),
        ({"test_per_class": [1, 2]}, "a count for each of the classes"),
        ({"test_per_class": [500] * 10}, "but there are"),
        ({"test_per_class": [-1] * 10}, "must be counts"),
        ({"test_splits": 2}, "whose size test_per_class must say"),
        ({"test_per_class": [9] * 10, "test_size": 90}, "leave test_size out"),
        ({"budget": -1}, "budget must be at least 0"),
        ({"arms": ["bald"]}, "bald is there twice"),
        ({"arms": ["bold/deterministic"]}, "No acquisition is called 'bold'. Did you mean"),
        ({"arms": ["bald/mc_droput"]}, "No posterior or baseline is called 'mc_droput'."),
        ({"arms": ["mbr/mc_dropout"]}, "mbr needs a Gaussian random field"),
        ({"arms": ["mbr"]}, "mbr needs a Gaussian random field"),
        ({"features": "resnet"}, "There is no backbone 'resnet'"),
        ({"primary_metric": "rmse"}, "primary_metric rmse does not fit digits."),
        ({"primary_metric": "f1"}, "No metric is called 'f1'."),
        ({"data_dir": "x"}, "data_dir is for a data set that comes as archives"),
        ({"training": {"flips": [0, 0]}}, "training.flips must be different class numbers"),
        ({"training": {"flips": [12]}}, "digits has no class number 12"),
        ({"positive_class": 12}, "digits has no class number 12"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(table: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Workbench(parse({"dataset": "digits", "budget": 30} | table, "odd")).start(BALD, 0)
    assert message in str(caught.value)
