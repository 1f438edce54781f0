"""Test metrics: against scikit-learn, against their formulas, and at the edges."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from torch import Tensor

from askwell.errors import InputError, LabelError, NonFiniteError
from askwell.evaluation import evaluate, evaluate_regression, labelled_chunks
from askwell.likelihoods import categorical, gaussian
from askwell.metrics import accuracy, auc_interval, brier, expected_calibration_error, nll
from askwell.pool import ArrayPool
from askwell.posterior import Deterministic
from tests.select.draws import TableDraws, table

N = 200


def labels(classes: int, n: int = N) -> Tensor:
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(9))


def labelled(target: Tensor, size: int = 33) -> list[tuple[Tensor, Tensor]]:
    images = torch.arange(len(target), dtype=torch.float32).unsqueeze(1)
    return list(zip(images.split(size), target.split(size), strict=True))


def predictive(outputs: Tensor) -> np.ndarray:
    return outputs.double().softmax(dim=-1).mean(dim=1).numpy()


@pytest.mark.parametrize("classes", [2, 5])
def test_against_scikit_learn(classes):
    outputs, y = table(N, 6, classes), labels(classes)
    metrics = evaluate(TableDraws(outputs), labelled(y))
    p, truth = predictive(outputs), y.numpy()
    one_hot = np.eye(classes)[truth]
    # Float32 log-softmax of values up to about 16 is off by at most 16 ε₃₂ = 2e-6.
    assert metrics["accuracy"] == accuracy_score(truth, p.argmax(axis=1))
    assert metrics["nll"] == pytest.approx(log_loss(truth, p, labels=range(classes)), abs=4e-6)
    assert metrics["brier"] == pytest.approx(((p - one_hot) ** 2).sum(axis=1).mean(), abs=4e-6)
    assert ("auc" in metrics) == (classes == 2)
    if classes == 2:
        assert metrics["auc"] == pytest.approx(roc_auc_score(truth, p[:, 1]), abs=1e-12)


def test_calibration_error_bin_by_bin():
    p = torch.from_numpy(predictive(table(N, 6, 5)))
    y = labels(5)
    confidence, guess = p.max(dim=1)
    expected = 0.0
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if inside.any():
            hit = (guess == y)[inside].double().mean()
            expected += float(inside.double().mean() * (hit - confidence[inside].mean()).abs())
    assert expected_calibration_error(p, y) == pytest.approx(expected, abs=1e-12)


def test_calibration_error_in_closed_form():
    p = torch.tensor([[0.8, 0.2]] * 10)
    right = torch.tensor([0] * 8 + [1] * 2)
    assert expected_calibration_error(p, right) == pytest.approx(0.0, abs=1e-7)  # p is float32
    assert expected_calibration_error(p, 1 - right) == pytest.approx(0.6, abs=1e-7)
    certain = torch.tensor([[1.0, 0.0]] * 4)
    assert expected_calibration_error(certain, torch.tensor([0, 0, 0, 1])) == 0.25


@pytest.mark.parametrize("size", [1, 7, 200])
def test_chunks_do_not_matter(size):
    draws, y = TableDraws(table(N, 6, 2)), labels(2)
    assert evaluate(draws, labelled(y, size)) == pytest.approx(
        evaluate(draws, labelled(y)), rel=1e-14
    )


def test_it_is_the_mean_of_probabilities_not_of_logits():
    # Draw 0 is very sure of class 1, two draws lean to class 0: the mean logit says class 1.
    outputs = torch.tensor([[[0.0, 50.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    metrics = evaluate(TableDraws(outputs), [(torch.zeros(1, 1), torch.tensor([0]))])
    assert metrics["accuracy"] == 1.0
    assert metrics["nll"] == pytest.approx(-math.log(0.75 / (1 + math.exp(-1))), abs=1e-6)


def test_nll_survives_where_probabilities_underflow():
    outputs = torch.tensor([[[0.0, 2000.0], [0.0, 1000.0]]])
    chunk = [(torch.zeros(1, 1), torch.tensor([0]))]
    assert evaluate(TableDraws(outputs), chunk)["nll"] == pytest.approx(1000 + math.log(2))


def test_nll_of_an_impossible_label_is_infinite():
    assert nll(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([1, 0])) == math.inf


def test_auc_needs_both_classes():
    metrics = evaluate(TableDraws(table(N, 6, 2)), labelled(torch.zeros(N, dtype=torch.int64)))
    assert set(metrics) == {"accuracy", "nll", "brier", "ece"}


@pytest.mark.parametrize("wrong", [-1, 5])
def test_labels_out_of_range(wrong):
    y = labels(5)
    y[150] = wrong
    with pytest.raises(LabelError, match=rf"0 … 4.*\[{wrong}\]"):
        evaluate(TableDraws(table(N, 6, 5)), labelled(y))
    with pytest.raises(LabelError, match="integers"):
        accuracy(torch.ones(2, 1), torch.zeros(2))


def test_broken_outputs_name_their_positions():
    outputs = table(N, 6, 3)
    outputs[170, 0, 0] = math.nan
    with pytest.raises(NonFiniteError, match="items: 170"):
        evaluate(TableDraws(outputs), labelled(labels(3)))


def test_nothing_to_evaluate_on():
    empty = (torch.zeros(0, 1), torch.zeros(0, dtype=torch.int64))
    for chunks in ([], [empty]):
        with pytest.raises(InputError, match="empty"):
            evaluate(TableDraws(table()), chunks)
        with pytest.raises(InputError, match="empty"):
            evaluate_regression(TableDraws(table()), chunks)
    with pytest.raises(InputError, match="one label for each of the 2 images"):
        evaluate(TableDraws(table()), [(torch.zeros(2, 1), torch.zeros(3, dtype=torch.int64))])
    with pytest.raises(InputError, match=r"shape \(N, C\)"):
        brier(torch.zeros(2, 3), torch.zeros(1, dtype=torch.int64))


def test_small_integer_and_numpy_labels():
    p = torch.tensor([[0.2, 0.8], [0.9, 0.1]])
    assert accuracy(p, torch.tensor([1, 0], dtype=torch.uint8)) == 1.0
    assert brier(p, torch.from_numpy(np.array([1, 1]))) == pytest.approx((0.08 + 1.62) / 2)


def test_regression_against_scipy():
    outputs, y = table(N, 7, 2), torch.randn(N, generator=torch.Generator().manual_seed(3))
    metrics = evaluate_regression(TableDraws(outputs), labelled(y))
    mean = outputs[..., 0].double().numpy()
    deviation = (outputs[..., 1].double() / 2).exp().numpy()
    target = y.double().numpy()
    error = mean.mean(axis=1) - target
    density = norm.pdf(target[:, None], mean, deviation).mean(axis=1)
    assert metrics["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    assert metrics["nll"] == pytest.approx(-np.log(density).mean(), rel=1e-10)


def test_regression_without_a_variance_has_no_density():
    metrics = evaluate_regression(TableDraws(table(N, 7, 1)), labelled(torch.zeros(N)))
    assert set(metrics) == {"rmse"}


def test_regression_refuses_nan_targets():
    with pytest.raises(InputError, match="target"):
        evaluate_regression(TableDraws(table(N, 7, 1)), labelled(torch.full((N,), math.nan)))


@pytest.mark.parametrize("metrics", [evaluate, evaluate_regression])
def test_a_posterior_is_no_draws(metrics):
    posterior = Deterministic(torch.nn.Linear(1, 2))
    message = r"as posterior\.draw\(100, seed=0\) gives them; got Deterministic"
    with pytest.raises(InputError, match=message):
        metrics(posterior, labelled(labels(2)))


def test_a_likelihood_of_the_other_task():
    draws = TableDraws(table(N, 6, 2))
    with pytest.raises(InputError, match=r"Gaussian\. .* use evaluate_regression\(draws, chunks\)"):
        evaluate(draws, labelled(labels(2)), likelihood=gaussian)
    with pytest.raises(InputError, match=r"gives Tensor\. .* use evaluate\(draws, chunks\)"):
        evaluate_regression(draws, labelled(torch.zeros(N)), likelihood=categorical)


def test_labels_may_be_arrays():
    draws, y = TableDraws(table(N, 6, 2)), labels(2)
    arrays = [(images, target.numpy()) for images, target in labelled(y)]
    assert evaluate(draws, arrays) == evaluate(draws, labelled(y))
    targets = [(images, target.astype(np.float64)) for images, target in arrays]
    assert evaluate_regression(draws, targets) == evaluate_regression(draws, arrays)


def test_labelled_chunks_take_labels_of_any_kind_and_a_pool():
    images = np.random.default_rng(0).random((5, 4, 4))
    for target in (np.arange(5), torch.arange(5), list(range(5))):
        parts = labelled_chunks(ArrayPool(images), target, size=2)
        assert len(parts) == len(list(parts)) == 3
        assert torch.cat([part for _, part in parts]).tolist() == list(range(5))


def test_labelled_chunks_can_be_read_again_even_while_they_are_read():
    parts = labelled_chunks(ArrayPool(np.arange(7.0).reshape(7, 1, 1)), np.arange(7), size=3)
    for first in (parts, parts):
        seen = [
            (image, image_again)
            for (images, _), (again, _) in zip(first, parts, strict=True)
            for image, image_again in zip(images.flatten(), again.flatten(), strict=True)
        ]
        assert seen == [(i, i) for i in range(7)]
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, 7))
    draws = Deterministic(network).draw(2, seed=0)
    assert evaluate(draws, parts) == evaluate(draws, parts)


@pytest.mark.parametrize(
    ("labels", "size", "message"),
    [
        (np.arange(4), 2, "one label; got 5 images and 4 labels"),
        (np.zeros((5, 1)), 2, r"one label; got 5 images and shape \(5, 1\)"),
        (["cat"] * 5, 2, "Labels must be numbers"),
        (np.arange(5), 0, "size, the images in a chunk, must be at least 1; got 0"),
        (np.arange(5), 2.5, "must be a whole number; got 2.5"),
    ],
)
def test_labelled_chunks_refuse_at_once(labels, size, message):
    with pytest.raises(InputError, match=message):
        labelled_chunks(ArrayPool(np.zeros((5, 4, 4))), labels, size=size)


def test_labelled_chunks_are_of_a_pool():
    with pytest.raises(InputError, match=r"got ndarray\. Pass ArrayPool\(array\)"):
        labelled_chunks(np.zeros((5, 4, 4)), np.arange(5))


@pytest.mark.parametrize("metrics", [evaluate, evaluate_regression])
def test_an_iterator_that_is_used_up_is_told_from_an_empty_test_set(metrics):
    draws, chunks = TableDraws(table(N, 6, 2)), iter(labelled(labels(2)))
    metrics(draws, chunks)
    message = r"no image \(any more\)\. .* pass labelled_chunks\(pool, labels\), or a list"
    with pytest.raises(InputError, match=message):
        metrics(draws, chunks)


def test_the_interval_of_the_auc_is_that_of_naive_resampling() -> None:
    chance = np.random.default_rng(1)
    truth = np.array([0] * 30 + [1] * 20)
    scores = np.round(chance.normal(truth * 0.8), 1)  # rounded: some are equal
    found = auc_interval(torch.from_numpy(scores), torch.from_numpy(truth), resamples=4000)
    naive = []
    for _ in range(4000):
        rows = [chance.choice(np.flatnonzero(truth == c), size=(truth == c).sum()) for c in (0, 1)]
        chosen = np.concatenate(rows)
        naive.append(roc_auc_score(truth[chosen], scores[chosen]))
    low, high = np.quantile(naive, [0.025, 0.975])
    assert found["auc_low"] == pytest.approx(low, abs=0.02)
    assert found["auc_high"] == pytest.approx(high, abs=0.02)
    assert found["auc_low"] < roc_auc_score(truth, scores) < found["auc_high"]


def test_the_interval_of_a_perfect_auc_is_a_point_and_huge_test_sets_have_none() -> None:
    scores, truth = torch.tensor([0.1, 0.2, 0.8, 0.9]), torch.tensor([0, 0, 1, 1])
    assert auc_interval(scores, truth) == {"auc_low": 1.0, "auc_high": 1.0}
    many = torch.arange(8000) % 2
    assert auc_interval(torch.rand(8000), many) == {}
