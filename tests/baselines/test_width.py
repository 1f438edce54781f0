"""The width of the kernel: leave-one-out in closed form against leaving labels out."""

import numpy as np
import pytest

from askwell.baselines import width as module
from askwell.baselines.graph import LEAK, class_factors, squared_distances
from askwell.baselines.width import MULTIPLES, leave_one_out, likeliest_width, median_distance
from askwell.errors import InputError
from tests.baselines.problems import points, reference


def left_out(features, width, labels, *, class_mass) -> float:
    """Each label by the field of the others, solved anew."""
    logs = []
    for item, label in labels.items():
        others = {i: y for i, y in labels.items() if i != item}
        values = reference(features, width, others, classes=3)
        if class_mass:
            u = [i for i in range(len(features)) if i not in others]
            counts = np.bincount(list(others.values()), minlength=3).astype(float)
            values *= class_factors(counts, values[u].mean(axis=0))
        logs.append(np.log(max(values[item, label] / values[item].sum(), LEAK)))
    return float(np.mean(logs))


@pytest.mark.parametrize("class_mass", [True, False])
@pytest.mark.parametrize("width", [0.3, 0.8, 3.0])
@pytest.mark.parametrize("labels", [(0, 1, 1, 2, 0, 2), (0, 0, 0, 1), (1,), (2, 0)])
def test_equals_leaving_each_label_out(labels, width, class_mass):
    features = points(14)
    one_hot = np.eye(3)[list(labels)]
    squares = squared_distances(features, features)
    result = leave_one_out(squares, width, one_hot, class_mass=class_mass)
    expected = left_out(features, width, dict(enumerate(labels)), class_mass=class_mass)
    assert result == pytest.approx(expected, rel=1e-5)


def test_equals_leaving_out_where_everything_is_labelled():
    features, labels = points(8), dict(enumerate([0, 1, 1, 2, 0, 2, 1, 0]))
    squares = squared_distances(features, features)
    result = leave_one_out(squares, 0.8, np.eye(3)[list(labels.values())], class_mass=False)
    assert result == pytest.approx(left_out(features, 0.8, labels, class_mass=False), rel=1e-9)


def test_the_likeliest_of_the_multiples_is_taken(monkeypatch):
    features, labels = points(200, 8), np.eye(2)[np.arange(30) % 2]
    features[:30, 0] += 4 * labels[:, 1]
    squares = squared_distances(features, features)
    median = median_distance(features, 0)
    quality = [leave_one_out(squares, m * median, labels, class_mass=True) for m in MULTIPLES]
    width = likeliest_width(features, np.arange(30), labels, 0, class_mass=True)
    assert width == MULTIPLES[int(np.argmax(quality))] * median
    monkeypatch.setattr(module, "_NODES", 40)  # half of them labelled
    assert likeliest_width(features, np.arange(30), labels, 0, class_mass=True) > 0


def test_the_width_has_the_unit_of_the_features():
    features, labels = points(60, 5), np.eye(2)[np.arange(20) % 2]
    one = likeliest_width(features, np.arange(20), labels, 3, class_mass=True)
    ten = likeliest_width(10 * features, np.arange(20), labels, 3, class_mass=True)
    assert ten == pytest.approx(10 * one)


def test_the_median_is_that_of_the_pairs():
    assert median_distance(np.array([[0.0], [1.0], [5.0]]), 0) == 4.0
    assert median_distance(points(3000, 1), 0) == pytest.approx(0.95, abs=0.05)  # √2 · 0.6745


@pytest.mark.parametrize("features", [np.ones((5, 3)), np.ones((1, 3))])
def test_images_that_are_all_equal_are_refused(features):
    with pytest.raises(InputError, match="median distance between images is 0"):
        median_distance(features, 0)
