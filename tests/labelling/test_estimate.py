"""Estimates: closed forms, exact and simulated coverage, advice that follows from its numbers."""

import math

import numpy as np
import pytest
from scipy.stats import binom, norm, ttest_1samp
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from askwell.errors import InputError
from askwell.labelling.estimate import Advice, Expectation, Point, advice, expected
from askwell.labelling.intervals import Interval, accuracy, auc, balanced_accuracy, mean


def right(k: int, n: int) -> list[bool]:
    return [True] * k + [False] * (n - k)


@pytest.mark.parametrize("n", [1, 7, 40])
def test_the_accuracy_interval_holds_the_truth_often_enough_whatever_it_is(n):
    intervals = [accuracy(right(k, n)) for k in range(n + 1)]
    for truth in np.linspace(0, 1, 201):
        chances = binom.pmf(range(n + 1), n, truth)
        covered = [interval.low <= truth <= interval.high for interval in intervals]
        assert chances[covered].sum() >= 0.95 - 1e-9


def test_the_accuracy_interval_at_its_ends_has_a_closed_form():
    all_right = accuracy(right(12, 12), level=0.9)
    assert all_right == Interval(1.0, pytest.approx(0.05 ** (1 / 12)), 1.0)
    none_right = accuracy(right(0, 12), level=0.9)
    assert none_right == Interval(0.0, 0.0, pytest.approx(1 - 0.05 ** (1 / 12)))


def test_nothing_is_no_accuracy():
    with pytest.raises(InputError, match="at least one hold-out image"):
        accuracy([])
    with pytest.raises(InputError, match="Give each hold-out image its class"):
        balanced_accuracy([True], [1, 2])


def test_balanced_accuracy_is_scikit_learns():
    chance = np.random.default_rng(0)
    truth, predicted = chance.integers(0, 3, 60) + 5, chance.integers(0, 3, 60) + 5
    found = balanced_accuracy(truth == predicted, truth)
    assert found.value == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert found.low < found.value < found.high
    assert found == balanced_accuracy(truth == predicted, truth)


@pytest.mark.parametrize("k", [0, 9, 12])
def test_balanced_accuracy_of_one_class_is_the_accuracy(k):
    found, want = balanced_accuracy(right(k, 12), [4] * 12), accuracy(right(k, 12))
    assert (found.value, found.low, found.high) == pytest.approx((want.value, want.low, want.high))


@pytest.mark.parametrize("k", [30, 27, 15])
def test_classes_of_equal_size_and_rate_are_worth_their_images(k):
    correct = np.tile(np.repeat([True, False], [k // 3, 10 - k // 3]), 3)
    found = balanced_accuracy(correct, np.repeat([0, 1, 2], 10))
    want = accuracy(correct)
    assert (found.value, found.low, found.high) == pytest.approx((want.value, want.low, want.high))


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [
        ((0.95, 0.7, 0.5), (30, 12, 8)),
        ((0.95,) * 10, (3,) * 10),
        ((0.8,) * 4, (3, 4, 20, 100)),
        ((1.0, 1.0, 0.5), (60, 60, 4)),
        ((0.99, 0.9, 0.6, 0.3), (100, 10, 5, 3)),
    ],
)
def test_the_balanced_interval_covers_the_truth(rates, sizes):
    chance = np.random.default_rng(3)
    truth = np.repeat(range(len(sizes)), sizes)
    hits, tries = 0, 600
    for _ in range(tries):
        correct = chance.random(len(truth)) < np.repeat(rates, sizes)
        found = balanced_accuracy(correct, truth)
        hits += found.low <= np.mean(rates) <= found.high
    assert hits >= tries * 0.95 - 4 * math.sqrt(tries * 0.95 * 0.05)


def test_all_right_is_not_certain():
    assert balanced_accuracy([True] * 6, [0, 0, 0, 1, 1, 1]).low < 0.95
    found = auc([3, 4, 5, 0, 1, 2], [1, 1, 1, 0, 0, 0])
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low < 0.9


def test_the_auc_is_scikit_learns_ties_included():
    chance = np.random.default_rng(1)
    scores, positive = chance.integers(0, 6, 80), chance.random(80) < 0.3
    found = auc(scores, positive)
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(positive, scores))
    mirrored = auc(-scores, positive)
    assert mirrored is not None
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-9)


def test_one_class_has_no_auc():
    assert auc([1, 2], [1, 1]) is None
    assert auc([], []) is None


@pytest.mark.parametrize(("distance", "m", "n"), [(0.5, 30, 30), (1.5, 10, 60), (2.5, 20, 20)])
def test_the_auc_interval_covers_the_truth(distance, m, n):
    chance, truth = np.random.default_rng(2), norm.cdf(distance / math.sqrt(2))
    positive = np.repeat([True, False], [m, n])
    hits, tries = 0, 400
    for _ in range(tries):
        found = auc(chance.normal(size=m + n) + distance * positive, positive)
        assert found is not None
        hits += found.low <= truth <= found.high
    # Hanley & McNeil's variance is of exponential scores: nearly, not exactly, at its level.
    assert hits >= tries * 0.93 - 4 * math.sqrt(tries * 0.93 * 0.07)


def curve(
    chance: np.random.Generator, labels: np.ndarray, images: int, fresh: float
) -> list[Point]:
    """Models whose error is 1.2 · n^−0.4: images are hard or easy, a share of them by chance."""
    hard, points = chance.random(images), []
    for n in labels.tolist():
        again = chance.random(images) < fresh
        rank = np.where(again, chance.random(images), hard)
        points.append(Point(n, dict(enumerate((rank >= 1.2 * n**-0.4).tolist()))))
    return points


@pytest.mark.parametrize("fresh", [0.1, 0.5])
def test_what_more_labels_bring_is_covered(fresh):
    chance, labels = np.random.default_rng(4), np.arange(20, 201, 20)
    truth = 1.2 * (200**-0.4 - 250**-0.4)
    hits, tries = 0, 80
    for seed in range(tries):
        gain = expected(curve(chance, labels, 60, fresh), 50, seed=seed).gain
        assert gain is not None
        hits += gain.low <= truth <= gain.high
    assert hits >= tries * 0.9 - 4 * math.sqrt(tries * 0.9 * 0.1)


def test_a_curve_that_is_a_power_law_is_extrapolated_as_one():
    images, labels = 3000, np.array([25, 50, 100, 200])
    rank = (np.arange(images) + 0.5) / images
    points = [Point(n, dict(enumerate((rank >= 1.2 * n**-0.4).tolist()))) for n in labels.tolist()]
    gain = expected([points[i] for i in (2, 0, 3, 1)], 50).gain
    assert gain is not None
    assert gain.value == pytest.approx(1.2 * (200**-0.4 - 250**-0.4), rel=0.02)
    assert gain.low <= gain.value <= gain.high


def test_a_curve_that_rises_promises_nothing():
    points = [Point(n, dict(enumerate(right(30 - n // 10, 30)))) for n in (20, 40, 80, 160)]
    gain = expected(points).gain
    assert gain is not None
    assert (gain.value, gain.low) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "0 of the images"),
        ([Point(30, {})], "0 of the images"),
        ([Point(n, dict.fromkeys(range(19), True)) for n in (20, 40, 60, 80)], "19 of the images"),
        ([Point(n, dict.fromkeys(range(30), True)) for n in (20, 40, 40, 60)], "at 3 numbers"),
        ([Point(n, dict.fromkeys(range(30), True)) for n in (90, 95, 99, 105)], "from 90 to 105"),
    ],
)
def test_too_little_is_said_to_be_too_little(points, why):
    found = expected(points)
    assert found.gain is None
    assert "Too early to say" in found.reason
    assert why in found.reason
    assert advice(found, None, left=5) == Advice(False, found.reason)


APART = {1: 1, 2: 2, 3: 3}
SAID = {"holdout_items": [4, 9, 10], "holdout_predicted": [1, 2, 3]}


@pytest.mark.parametrize(
    ("truth", "counts_as", "right"),
    [
        ({4: 1, 9: 2, 10: 3}, APART, {4: True, 9: True, 10: True}),
        ({4: 2, 9: 2, 10: 3}, APART, {4: False, 9: True, 10: True}),  # a label was corrected
        ({4: 1, 10: 4}, APART | {4: 4}, {4: True, 10: False}),  # 9 is bad now, 10 of a new class
        ({4: 2, 9: 2, 10: 3}, {1: 2, 2: 2, 3: 3}, {4: True, 9: True, 10: True}),  # 1 is 2 now
        ({}, APART, {}),
    ],
)
def test_a_point_goes_by_the_labels_and_classes_of_now(truth, counts_as, right):
    assert Point.of(12, SAID | {"merged": []}, truth, counts_as) == Point(12, right)


def test_a_model_of_classes_that_were_one_has_no_images():
    truth, metrics = {4: 1, 9: 2}, {"holdout_items": [4, 9], "holdout_predicted": [2, 2]}
    merged = metrics | {"merged": [[1, 2]]}
    assert Point.of(12, merged, truth, APART) == Point(12, {})
    assert Point.of(12, merged, {4: 2, 9: 2}, {1: 2, 2: 2}) == Point(12, {4: True, 9: True})
    # Merged further since, both are still one.
    assert Point.of(12, merged, {4: 3, 9: 3}, {1: 3, 2: 3, 3: 3}) == Point(12, {4: True, 9: True})


def test_a_long_curve_is_thinned_and_says_nearly_the_same():
    rng = np.random.default_rng(1)
    hardness = rng.random(200)

    def point(labels: int) -> Point:
        error = 2 * labels**-0.5
        return Point(labels, dict(enumerate((hardness > error).tolist())))

    long, short = [range(20, 4020, step) for step in (5, 100)]
    found = expected([point(n) for n in long], 500)
    assert found.gain is not None
    assert "models with 20 to 4015 labels" in found.reason
    assert int(found.reason.split()[2]) <= 60
    less = expected([point(n) for n in [*short, 4015]], 500).gain
    assert less is not None
    assert found.gain.value == pytest.approx(less.value, rel=0.2)
    assert found.gain.low <= 2 * (4015**-0.5 - 4515**-0.5) <= found.gain.high


def test_a_ranking_without_measures_is_a_point_without_images():
    assert Point.of(3, {}, {4: 1}, APART) == Point(3, {})
    earlier = {"holdout_items": [4], "holdout_correct": [1]}  # not said which class it saw
    assert Point.of(3, earlier, {4: 1}, APART) == Point(3, {})


def gaining(low: float, high: float) -> Expectation:
    return Expectation(50, Interval((low + high) / 2, low, high), "")


def test_advice_follows_from_what_is_known():
    sure = Interval(0.97, 0.93, 0.99)
    assert advice(gaining(0.0, 0.004), sure, left=9).stop
    assert "at most 0.4 percentage points" in advice(gaining(0.0, 0.004), sure, left=9).reason
    assert not advice(gaining(0.0, 0.03), sure, left=9).stop
    assert "not known well enough" in advice(gaining(0.0, 0.03), sure, left=9).reason
    assert "at least 2.0" in advice(gaining(0.02, 0.03), sure, left=9).reason
    assert advice(gaining(0.02, 0.03), sure, left=0).stop
    assert advice(gaining(0.02, 0.03), sure, left=9, target=0.93).stop
    assert not advice(gaining(0.02, 0.03), sure, left=9, target=0.94).stop


def test_the_interval_of_a_mean_is_students_and_stays_possible():
    values = np.random.default_rng(2).exponential(size=9)
    found = mean(values)
    low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.value == pytest.approx(values.mean())
    assert mean([0.0, 0.0, 3.0], least=0).low == 0
    with pytest.raises(InputError, match="two values or more"):
        mean([1.0])
