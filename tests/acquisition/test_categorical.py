"""Acquisition functions of log-probabilities: closed forms, naive references, exact edge cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.special import digamma
from scipy.stats import beta

from askwell.acquisition import (
    ACQUISITIONS,
    bald,
    least_confidence,
    margin,
    max_entropy,
    mean_std,
    variation_ratios,
    variation_ratios_votes,
)
from askwell.errors import InputError, NonFiniteError
from askwell.likelihoods import categorical
from tests.acquisition.log_probs import from_probs, log_probs, random_log_probs
from tests.acquisition.reference import EPSILON, REFERENCES, bald_as_divergence

CATEGORICAL = [name for name, entry in ACQUISITIONS.items() if entry.likelihood is categorical]


def rounding(t: int, c: int) -> float:
    """A bound on the error of a sum of T·C terms p log p, each at most 1/e, with room for exp."""
    return 8 * EPSILON * (t * c + 8)


def cut_off(logs: torch.Tensor) -> float:
    """What clamping to the bounds may change: float32 draws sum to 1 ± ε·log C, log C < 2 here."""
    return 4 * float(np.finfo(np.float32).eps) if logs.dtype == torch.float32 else 0.0


def test_every_categorical_acquisition_has_a_reference():
    assert set(REFERENCES) == set(CATEGORICAL)


@pytest.mark.parametrize("name", CATEGORICAL)
@given(logs=log_probs())
def test_equals_the_naive_reference(name, logs):
    scores = ACQUISITIONS[name].score(logs)
    probs = np.exp(logs.double().numpy())
    if name == "variation_ratios_votes":
        probs = logs.double().numpy()  # votes compare; two probabilities may round to the same
    for score, item in zip(scores.tolist(), probs, strict=True):
        expected = max(REFERENCES[name](item), -1.0)
        assert score == pytest.approx(expected, abs=rounding(*item.shape) + cut_off(logs))


@given(logs=log_probs())
def test_bald_is_the_mean_divergence_from_the_mean(logs):
    probs = np.exp(logs.double().numpy())
    t, c = logs.shape[1:]
    for score, item in zip(bald(logs).tolist(), probs, strict=True):
        expected = bald_as_divergence(item)
        assert score == pytest.approx(expected, abs=rounding(t, c) + cut_off(logs))


@given(logs=log_probs())
def test_bounds(logs):
    t, c = logs.shape[1:]
    unsure = 1 - 1 / c
    for score, low, high in [
        (bald, 0.0, math.log(min(t, c))),
        (max_entropy, 0.0, math.log(c)),
        (variation_ratios, 0.0, unsure),
        (variation_ratios_votes, 0.0, unsure),
        (mean_std, 0.0, 0.5),
        (margin, -1.0, 0.0),
    ]:
        scores = score(logs)
        assert bool((scores >= low).all())
        assert bool((scores <= high).all())


def test_two_opposite_certain_draws():
    logs = from_probs([[[1.0, 0.0], [0.0, 1.0]]])
    assert bald(logs).item() == pytest.approx(math.log(2), abs=2 * EPSILON)
    assert max_entropy(logs).item() == pytest.approx(math.log(2), abs=2 * EPSILON)
    assert variation_ratios(logs).item() == 0.5
    assert variation_ratios_votes(logs).item() == 0.5
    assert mean_std(logs).item() == 0.5
    assert margin(logs).item() == 0.0


@pytest.mark.parametrize("c", [2, 10, 1000])
def test_uniform_draws(c):
    logs = torch.full((1, 7, c), -math.log(c), dtype=torch.float64)
    assert max_entropy(logs).item() == pytest.approx(math.log(c), abs=rounding(7, c))
    assert variation_ratios(logs).item() == pytest.approx(1 - 1 / c, abs=rounding(7, 1))
    assert bald(logs).item() == 0.0
    assert mean_std(logs).item() == 0.0
    assert margin(logs).item() == 0.0


def test_all_draws_certain_of_one_class():
    logs = from_probs([[[0.0, 1.0, 0.0]] * 5])
    for score in (bald, max_entropy, variation_ratios, variation_ratios_votes, mean_std):
        assert score(logs).item() == 0.0
    assert margin(logs).item() == -1.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("t", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("c", [1, 2, 10, 333])
def test_identical_draws_say_exactly_nothing(t, c, dtype):
    logs = random_log_probs(20, 1, c, seed=t).to(dtype).expand(20, t, c)
    assert bald(logs).tolist() == [0.0] * 20
    assert mean_std(logs).tolist() == [0.0] * 20


def test_identical_among_different_items():
    logs = random_log_probs(30, 9, 4)
    logs[::3] = logs[::3, :1]
    for score in (bald, mean_std):
        assert ((score(logs) == 0).nonzero().flatten() % 3 == 0).all()
        assert (score(logs)[::3] == 0).all()


def test_log_probabilities_that_differ_only_below_underflow_are_the_same_probabilities():
    logs = torch.tensor([[[0.0, -800.0], [0.0, -900.0], [0.0, -math.inf]]], dtype=torch.float64)
    assert bald(logs).item() == 0.0
    assert mean_std(logs).item() == 0.0


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.5, 2.0), (7.0, 3.0)])
def test_beta_bernoulli(a, b):
    # p ~ Beta(a, b), y ~ Bernoulli(p): I = H[a/(a+b)] − E H[p], with
    # E[−p log p] = −a/(a+b) (ψ(a+1) − ψ(a+b+1)). T stratified quantiles stand for the draws.
    t = 4096
    p = torch.from_numpy(_beta_quantiles(a, b, t))
    m = a / (a + b)
    expected_entropy = -m * (digamma(a + 1) - digamma(a + b + 1))
    expected_entropy -= (1 - m) * (digamma(b + 1) - digamma(a + b + 1))
    exact = -m * math.log(m) - (1 - m) * math.log(1 - m) - expected_entropy
    logs = torch.stack([p.log(), torch.log1p(-p)], dim=1).unsqueeze(0)
    # A midpoint sum of a function of bounded variation V over T strata errs by at most V/T.
    # H[p] has V = 2 ln 2 nats; p̄ has V = 1, and |dH/dp| = |logit p| around the mean.
    bound = (2 * math.log(2) + abs(math.log(m / (1 - m))) + 1) / t
    assert bald(logs).item() == pytest.approx(exact, abs=bound)


def _beta_quantiles(a: float, b: float, t: int) -> np.ndarray:
    return beta.ppf((np.arange(t) + 0.5) / t, a, b)


def test_small_disagreements_are_resolved():
    # Two draws p ± δ of a coin: I = δ²/(2 p (1−p)) + O(δ⁴), here 2e-8 of entropies near 0.69.
    delta = 1e-4
    logs = from_probs([[[0.5 + delta, 0.5 - delta], [0.5 - delta, 0.5 + delta]]])
    assert bald(logs).item() == pytest.approx(2 * delta**2, rel=1e-6)
    assert mean_std(logs).item() == pytest.approx(delta, rel=1e-11)


def test_votes_of_a_tied_draw_are_split():
    logs = from_probs([[[0.4, 0.4, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]])
    # class 1 has half a vote and one vote, class 0 half a vote, class 2 one vote
    assert variation_ratios_votes(logs).item() == pytest.approx(1 - 1.5 / 3)


def test_votes_and_the_paper_s_variation_ratios_differ():
    logs = from_probs([[[0.6, 0.4], [0.6, 0.4], [0.6, 0.4]]])
    assert variation_ratios_votes(logs).item() == 0.0
    assert variation_ratios(logs).item() == pytest.approx(0.4)


def test_one_class_has_nothing_to_ask():
    logs = torch.zeros(3, 5, 1)
    for name in CATEGORICAL:
        expected = -1.0 if name == "margin" else 0.0
        assert ACQUISITIONS[name].score(logs).tolist() == [expected] * 3


@given(logs=log_probs())
def test_class_permutation(logs):
    order = torch.randperm(logs.shape[2], generator=torch.Generator().manual_seed(0))
    for name in CATEGORICAL:
        score = ACQUISITIONS[name].score
        torch.testing.assert_close(
            score(logs[:, :, order]), score(logs), rtol=0, atol=rounding(*logs.shape[1:])
        )


def test_least_confidence_is_variation_ratios():
    assert least_confidence is variation_ratios


@pytest.mark.parametrize("name", CATEGORICAL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_before_anything_is_computed(name, dtype):
    logs = random_log_probs(50, 10, 5, scale=1.0).to(dtype)
    score = ACQUISITIONS[name].score
    assert torch.equal(score(logs), score(logs.float()))


def test_bad_input_is_refused_by_every_one():
    logits = torch.randn(4, 3, 2)
    holes = random_log_probs(4, 3, 2)
    holes[2, 1, 0] = math.nan
    for name in CATEGORICAL:
        with pytest.raises(InputError, match="normalised"):
            ACQUISITIONS[name].score(logits)
        with pytest.raises(NonFiniteError, match=r"\[2\]"):
            ACQUISITIONS[name].score(holes)
