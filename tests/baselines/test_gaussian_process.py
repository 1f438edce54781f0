"""Gaussian processes: symmetry, the prior far away, the rules for missing classes."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from askwell.baselines import GaussianProcess
from askwell.baselines.gaussian_process import _from_the_best_start
from askwell.errors import InputError
from tests.baselines.problems import as_pool, points

# Two groups, mirror images of each other: −3 … −1 has class 0, 1 … 3 class 1.
LINE = np.concatenate([np.linspace(-3, -1, 8), np.linspace(1, 3, 8)])[:, None]
LABELS = {i: int(i >= 8) for i in range(16)}


def probs(labelled, at, features=LINE, **classes) -> np.ndarray:
    images = torch.as_tensor(at, dtype=torch.float64).reshape(len(at), 1, 1, -1)
    draws = GaussianProcess()(labelled, as_pool(features), 0, **classes).draw(1, seed=0)
    return draws.log_probs(images)[:, 0].exp().numpy()


def test_half_at_the_centre_of_symmetry_and_far_away():
    result = probs(LABELS, [0.0, -2.0, 2.0, 1e6])
    np.testing.assert_allclose(result[[0, 3]], 0.5, atol=1e-6)  # far away the prior returns
    np.testing.assert_allclose(result[1], result[2, ::-1], atol=1e-6)
    assert result[2, 1] > 0.8


def test_uncertainty_grows_towards_the_other_class():
    result = probs(LABELS, [3.0, 2.0, 1.0, 0.5, 0.0])[:, 1]
    assert (np.diff(result[1:]) < 0).all()


def test_more_classes():
    features = np.concatenate([points(8) + centre for centre in ([0, 0], [9, 0], [0, 9])])
    labels = {i: i // 8 for i in range(24)}
    result = probs(labels, features, features, classes=4)
    np.testing.assert_allclose(result.sum(axis=1), 1)
    assert result.argmax(axis=1).tolist() == list(labels.values())
    assert result[:, 3].max() < 1e-12


def test_labels_of_one_class_predict_it_everywhere():
    result = probs({0: 1, 3: 1}, [-2.0, 2.0], classes=3)
    np.testing.assert_allclose(result, [[0, 1, 0]] * 2, atol=1e-12)


def test_the_order_of_labels_does_not_matter():
    backwards = dict(reversed(LABELS.items()))
    assert np.array_equal(probs(LABELS, [0.3]), probs(backwards, [0.3]))


def test_images_that_are_all_equal_are_refused():
    with pytest.raises(InputError, match="most of them are equal"):
        probs({0: 0, 1: 1}, [1.0], np.ones((4, 1)))


def test_the_search_does_not_end_in_the_well_next_to_the_start():
    """−exp(−θ²/0.1) is nearer, and shallower, than −2 exp(−(θ − ln 10)²/0.1)."""
    deep = np.array([np.log(10.0), np.log(2.0)])

    def objective(theta, eval_gradient=True):
        value, gradient = 0.0, np.zeros(2)
        for centre, depth in ((np.array([0.3, 0.2]), 1.0), (deep, 2.0)):
            part = depth * np.exp(-((theta - centre) ** 2).sum() / 0.1)
            value -= part
            gradient += part * 2 * (theta - centre) / 0.1
        return (value, gradient) if eval_gradient else value

    bounds = np.array([[-5.0, 5.0], [-5.0, 5.0]])
    theta, value = _from_the_best_start(objective, np.zeros(2), bounds)
    np.testing.assert_allclose(theta, deep, atol=1e-3)
    assert value == pytest.approx(-2, abs=1e-4)
    narrow = np.array([[-5.0, 1.0], [-5.0, 5.0]])
    theta, _ = _from_the_best_start(objective, np.zeros(2), narrow)
    assert (theta >= narrow[:, 0]).all()
    assert (theta <= narrow[:, 1]).all()


def test_two_digits_are_told_apart_at_any_number_of_labels():
    digits = load_digits()
    chosen = np.isin(digits.target, (3, 8))
    features, truth = digits.data[chosen] / 16, (digits.target[chosen] == 8).astype(int)
    for n in (20, 60, 120):
        labels = dict(enumerate(truth[:n].tolist()))
        result = probs(labels, features[200:], features, classes=2)
        assert (result.argmax(axis=1) == truth[200:]).mean() > 0.85, n
        assert -np.log(result[np.arange(len(result)), truth[200:]]).mean() < 0.5, n
