import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askwell.experiment.metrics import METRICS
from askwell.experiment.savings import (
    Ratio,
    baseline_arm,
    bootstrap_interval,
    label_saving,
    matching_saving,
)
from askwell.experiment.statistics import arms
from tests.experiment.synthetic import SPEED, chain_of, make_run, of_metric


def test_bootstrap_is_the_naive_loop():
    sample = [1.2, 1.9, 1.4, 3.0, 2.2]
    generator = np.random.default_rng(7)
    naive = []
    for _ in range(500):
        picked = [sample[i] for i in generator.integers(5, size=5)]
        naive.append(sum(picked) / 5)
    expected = np.quantile(naive, [0.025, 0.975])
    np.testing.assert_allclose(bootstrap_interval(sample, seed=7, resamples=500), expected)


def test_bootstrap_approaches_all_resamples():
    sample = np.array([1.0, 2.0, 4.0])
    means = [sample[list(i)].mean() for i in itertools.product(range(3), repeat=3)]
    low, high = bootstrap_interval(sample, level=0.8)
    assert (low, high) == pytest.approx(
        tuple(np.quantile(means, [0.1, 0.9], method="inverted_cdf")), abs=1e-12
    )
    assert bootstrap_interval([1.0]) is None
    assert bootstrap_interval([]) is None


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=6), st.integers(0, 5))
def test_bootstrap_lies_within_the_sample_and_repeats(sample, seed):
    low, high = bootstrap_interval(sample, seed=seed, resamples=200)
    assert min(sample) - 1e-9 <= low <= high <= max(sample) + 1e-9
    assert (low, high) == bootstrap_interval(sample, seed=seed, resamples=200)


def reaching(arm, seed, at, steps=10):
    """A chain that gets to 5 % error at step `at` and stays."""
    return chain_of(arm, seed, [0.8 if t < at else 0.95 for t in range(steps)], initial=10)


def test_saving_is_paired_by_seed():
    random = [reaching("random", 0, 3), reaching("random", 1, 5)]
    bald = [reaching("bald", 1, 2), reaching("bald", 0, 1), reaching("bald", 9, 1)]
    found = label_saving(bald, random, 0.05)
    assert found.by_seed == {0: Ratio(40 / 20), 1: Ratio(60 / 30)}
    assert (found.mean, found.bound, found.interval) == (2, "exact", (2, 2))


def test_one_seed_gives_a_saving_without_an_interval():
    found = label_saving([reaching("bald", 0, 1)], [reaching("random", 0, 3)], 0.05)
    assert (found.mean, found.interval) == (2, None)


def test_censored_seeds_give_bounds_and_never_numbers():
    never = reaching("random", 0, 99)
    late = reaching("random", 1, 9)  # crosses at 100 labels, its last step: not proven
    least = label_saving([reaching("bald", s, 1) for s in (0, 1)], [never, late], 0.05)
    assert least.by_seed == {0: Ratio(5, "at least"), 1: Ratio(5, "at least")}
    assert (least.mean, least.bound, least.interval) == (5, "at least", None)
    most = label_saving([reaching("bald", 0, 99)], [reaching("random", 0, 4)], 0.05)
    assert (most.mean, most.bound) == (0.5, "at most")
    unknown = label_saving([reaching("bald", 0, 99)], [never], 0.05)
    assert (unknown.by_seed, unknown.mean) == ({0: None}, None)
    mixed = label_saving(
        [reaching("bald", 0, 1), reaching("bald", 1, 99)], [never, reaching("random", 1, 2)], 0.05
    )
    assert mixed.mean is None
    assert label_saving([], [never], 0.05).mean is None


def test_an_unproven_crossing_of_random_bounds_from_where_it_began():
    random = reaching("random", 0, 8)  # at or below from 90 labels on, two steps only
    assert label_saving([reaching("bald", 0, 2)], [random], 0.05).by_seed == {
        0: Ratio(3, "at least")
    }


def test_matching_saving_compares_at_randoms_own_final_accuracy():
    random = chain_of("random", 0, [0.5, 0.6, 0.7, 0.8], initial=10)
    bald = chain_of("bald", 0, [0.5, 0.8, 0.9, 0.9], initial=10)
    assert matching_saving([bald], [random]).by_seed == {0: Ratio(40 / 20)}
    worse = chain_of("bald", 0, [0.5, 0.5, 0.5, 0.5], initial=10)
    assert matching_saving([worse], [random]).by_seed == {0: Ratio(1, "at most")}


@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
def test_matching_saving_of_a_metric_that_is_better_lower_knows_no_units(unit):
    random = of_metric("random", 0, "rmse", [unit * e for e in (9, 7, 5, 3)])
    arm = of_metric("bald", 0, "rmse", [unit * e for e in (9, 3, 2, 2)])
    rmse = METRICS["rmse"]
    assert matching_saving([arm], [random], metric=rmse).by_seed == {0: Ratio(25 / 15)}
    assert matching_saving([random], [arm], metric=rmse).by_seed == {0: Ratio(20 / 25, "at most")}
    worse = of_metric("bald", 0, "rmse", [unit * e for e in (9, 3.000001, 2, 2)])
    assert matching_saving([worse], [random], metric=rmse).by_seed == {0: Ratio(25 / 20)}
    perfect = of_metric("bald", 0, "rmse", [0.0] * 4)
    assert matching_saving([perfect], [perfect], metric=rmse).by_seed == {0: Ratio(1)}


def test_matching_saving_of_auc():
    random = of_metric("random", 0, "auc", [0.5, 0.6, 0.7, 0.8])
    arm = of_metric("bald", 0, "auc", [0.5, 0.8, 0.9, 0.9])
    assert matching_saving([arm], [random], metric=METRICS["auc"]).by_seed == {0: Ratio(25 / 15)}
    assert matching_saving([arm], [random]).by_seed == {}


@pytest.mark.parametrize("arm", list(SPEED))
def test_an_arm_saves_nothing_against_itself(arm):
    chains = arms(make_run((arm,)))[arm]
    itself = matching_saving(chains, chains)
    assert (itself.mean, itself.interval) == (1, (1, 1))


def test_the_baseline_is_random_or_randoms_first_posterior():
    assert baseline_arm(make_run(("bald", "random/laplace", "random"), steps=1)) == "random"
    assert baseline_arm(make_run(("bald", "random/laplace"), steps=1)) == "random/laplace"
    assert baseline_arm(make_run(("bald",), steps=1)) is None
