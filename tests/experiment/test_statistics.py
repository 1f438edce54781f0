import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askwell.errors import InputError
from askwell.experiment.crossings import (
    Crossing,
    crossings,
    first_crossing,
    sustained_crossing,
)
from askwell.experiment.statistics import (
    Estimate,
    area_under_curve,
    areas,
    arms,
    class_balance,
    common_labels,
    curve,
    estimate,
    final,
    last_common_labels,
    step_seconds,
)
from askwell.records import Chain
from tests.experiment.synthetic import chain_of, make_run, of_metric, step

LABELS = [20, 30, 40, 50, 60, 70]


@pytest.mark.parametrize(
    ("error", "first", "sustained"),
    [
        ([0.2, 0.1, 0.1, 0.1, 0.1, 0.1], Crossing(30, 30), Crossing(30, 30)),
        ([0.2, 0.1, 0.2, 0.1, 0.1, 0.1], Crossing(30, 30), Crossing(50, 50)),
        ([0.2, 0.2, 0.2, 0.2, 0.1, 0.1], Crossing(60, 60), Crossing(None, 60)),
        ([0.2, 0.2, 0.2, 0.2, 0.2, 0.1], Crossing(70, 70), Crossing(None, 70)),
        ([0.2, 0.1, 0.2, 0.1, 0.1, 0.2], Crossing(30, 30), Crossing(None, 70)),
        ([0.2] * 6, Crossing(None, 70), Crossing(None, 70)),
        ([0.1] * 6, Crossing(20, 20), Crossing(20, 20)),
    ],
)
def test_crossings_of_hand_made_curves(error, first, sustained):
    assert first_crossing(LABELS, error, 0.1) == first
    assert sustained_crossing(LABELS, error, 0.1) == sustained


@pytest.mark.parametrize("threshold", [0.10, 0.05, 0.02])
def test_an_accuracy_exactly_at_the_threshold_counts_as_reached(threshold):
    """1 − 0.95 is 0.050000000000000044 in floats."""
    for test_images in (100, 1000, 10_000):
        correct = round(test_images * (1 - threshold))
        reached, missed = 1 - correct / test_images, 1 - (correct - 1) / test_images
        assert first_crossing([20], [reached], threshold).labels == 20
        assert first_crossing([20], [missed], threshold).labels is None


def test_a_record_shorter_than_needed_proves_nothing_but_bounds():
    assert sustained_crossing([20, 30], [0.0, 0.0], 0.1) == Crossing(None, 20)
    assert sustained_crossing([20, 30], [0.0, 0.0], 0.1, to_end=True) == Crossing(20, 20)


def brute_crossing(labels, error, threshold, consecutive):
    for start in range(len(labels) - consecutive + 1):
        if all(e <= threshold for e in error[start : start + consecutive]):
            return labels[start]
    return None


curves = st.lists(st.integers(0, 20), min_size=1, max_size=12)


@given(curves, st.integers(1, 4), curves)
def test_crossing_is_brute_force_and_its_bound_holds_however_the_run_goes_on(
    error, consecutive, continuation
):
    labels = list(range(20, 20 + len(error) + len(continuation)))
    found = sustained_crossing(labels[: len(error)], error, 10, consecutive=consecutive)
    assert found.labels == brute_crossing(labels[: len(error)], error, 10, consecutive)
    longer = sustained_crossing(labels, error + continuation, 10, consecutive=consecutive)
    if found.labels is not None:
        assert longer == found
    elif longer.labels is not None:
        assert longer.labels >= found.at_least


@pytest.mark.parametrize(
    ("labels", "error"), [([], []), ([1, 2], [0.1]), ([2, 1], [0.1, 0.1]), ([1], [float("nan")])]
)
def test_impossible_curves_are_errors(labels, error):
    with pytest.raises(InputError):
        first_crossing(labels, error, 0.1)
    with pytest.raises(InputError):
        area_under_curve(labels, error)


def test_crossings_over_seeds_never_average_a_censored_seed_away():
    fast = chain_of("bald", 0, [0.8, 0.95, 0.95, 0.95])
    faster = chain_of("bald", 1, [0.95, 0.95, 0.95, 0.95])
    slow = chain_of("bald", 2, [0.8, 0.8, 0.8, 0.8])
    both = crossings([fast, faster], 0.05)
    assert both.censored == 0
    assert both.estimate is not None
    assert (both.estimate.mean, both.estimate.seeds) == (25, 2)
    assert both.estimate.std == pytest.approx(np.std([20, 30], ddof=1))
    censored = crossings([fast, faster, slow], 0.05)
    assert (censored.estimate, censored.censored) == (None, 1)
    assert censored.at_least == pytest.approx((30 + 20 + 50) / 3)
    assert crossings([], 0.05).at_least is None


def test_curve_aligns_seeds_by_label_count_and_counts_them():
    chains = [chain_of("bald", 0, [0.5, 0.7, 0.9]), chain_of("bald", 1, [0.7, 0.8])]
    found = curve(chains, "accuracy")
    assert found.labels.tolist() == [20, 30, 40]
    assert found.seeds.tolist() == [2, 2, 1]
    np.testing.assert_allclose(found.mean, [0.6, 0.75, 0.9])
    np.testing.assert_allclose(found.std, [np.std([0.5, 0.7], ddof=1), 0.05 * 2**0.5, np.nan])
    assert curve(chains, "auc").labels.size == 0


def test_final_is_at_the_last_label_count_that_all_seeds_have():
    chains = [chain_of("bald", 0, [0.5, 0.7, 0.9]), chain_of("bald", 1, [0.7, 0.8])]
    assert last_common_labels(chains) == 30
    end = final(chains, "accuracy")
    assert end is not None
    assert end.mean == pytest.approx(0.75)
    assert final(chains, "accuracy", at=40) == estimate([0.9])
    assert final(chains, "rmse") is None
    assert last_common_labels([]) is None


def test_estimate_of_one_value_has_no_spread():
    assert estimate([]) is None
    one = estimate([3.0])
    assert one is not None
    assert (one.mean, one.std, one.seeds) == (3, None, 1)


@given(st.floats(0, 1), st.floats(0, 1), st.lists(st.integers(1, 50), min_size=1, max_size=9))
def test_area_under_a_line_is_its_middle(left, right, gaps):
    labels = np.cumsum([20, *gaps])
    line = left + (right - left) * (labels - labels[0]) / (labels[-1] - labels[0])
    assert area_under_curve(labels, line) == pytest.approx((left + right) / 2, abs=1e-12)


def test_area_stops_at_the_common_range():
    assert area_under_curve([20, 30, 40], [0.5, 0.7, 0.0], until=30) == pytest.approx(0.6)
    assert area_under_curve([20], [0.5]) is None


def test_class_balance_closed_forms():
    even = Chain("a", 0, (), (), (), (step(0, 20, {}, range(10)), step(1, 30, {}, range(10))))
    one = Chain("a", 1, (), (), (), (step(0, 20, {}, [3, 13, 23]),))
    found = class_balance([even], 10)
    assert found.counts.tolist() == [2] * 10
    assert found.entropy is not None
    assert found.entropy.mean == pytest.approx(1)
    both = class_balance([even, one], 10)
    assert both.counts.tolist() == [1, 1, 1, 2.5, 1, 1, 1, 1, 1, 1]
    assert both.entropy is not None
    assert both.entropy.mean == pytest.approx(0.5)
    assert class_balance([], 10).entropy is None
    assert class_balance([Chain("a", 0, (), (), ())], 10).counts.tolist() == [0] * 10


def test_step_seconds_leaves_the_last_steps_scoring_out():
    chain = Chain("a", 0, (), (), (), (step(0, 20, {}, [1]), step(10, 30, {})))
    assert step_seconds([chain]) == {"train": 3.5, "score": 1.5, "evaluate": 0.5}
    assert step_seconds([]) == {}


def test_arms_keep_the_order_and_chains_that_have_not_begun_are_left_out():
    run = make_run(("random", "bald"), seeds=(0, 1), steps=2)
    assert list(arms(run)) == ["random", "bald"]
    waiting = Chain("later", 0, (), (), ())
    assert arms(type(run)(run.spec, {}, (), (*run.chains, waiting)))["later"] == ()


def test_areas_go_to_one_label_count_and_leave_shorter_seeds_out():
    chains = [
        of_metric("bald", 0, "auc", [0.5, 0.7, 0.9]),
        of_metric("bald", 1, "auc", [0.6, 0.8]),
        of_metric("bald", 2, "auc", [0.6]),
    ]
    assert areas(chains, "auc", 15) == pytest.approx({0: 0.6, 1: 0.7})
    assert areas(chains, "auc", 20) == pytest.approx({0: 0.7})
    assert areas(chains, "rmse", 15) == areas(chains, "auc", None) == {}


def test_a_value_that_is_no_number_is_left_out_of_the_curve():
    chain = of_metric("bald", 0, "auc", [0.5, float("nan"), 0.9])
    assert curve([chain], "auc").labels.tolist() == [10, 20]
    assert areas([chain], "auc", 15) == {}
    assert areas([chain], "auc", 20) == pytest.approx({0: 0.7})


def test_common_labels_never_go_beyond_what_is_wanted_if_they_can():
    chains = [chain_of("bald", 0, [0.5] * 5), chain_of("bald", 1, [0.5] * 4)]
    assert [common_labels(chains, n) for n in (20, 30, 35, 1000, 10)] == [20, 30, 30, 50, 50]
    assert common_labels([], 1000) is None


def test_the_standard_error_is_the_standard_deviation_over_the_root_of_the_seeds():
    sample = [1.0, 2.0, 4.0]
    found = estimate(sample)
    assert found is not None
    assert found.spread("std") == pytest.approx(np.std(sample, ddof=1))
    assert found.spread("error") == pytest.approx(np.std(sample, ddof=1) / 3**0.5)
    assert found.spread("none") is None
    assert Estimate(1.0, None, 1).spread("error") is None
    chains = [of_metric("bald", i, "auc", [value]) for i, value in enumerate(sample)]
    drawn = curve(chains, "auc")
    np.testing.assert_allclose(drawn.spread("error"), [found.spread("error")])
    assert drawn.spread("none").tolist() == [0]
    assert curve(chains[:1], "auc").spread("error").tolist() == [0]
