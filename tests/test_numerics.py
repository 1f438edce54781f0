"""Numerics: 0·log 0, exact means and variances of equal draws, log-space means."""

import math

import numpy as np
import pytest
import torch

from askwell.numerics import (
    draw_probs,
    entropy,
    identical_draws,
    log_mean_exp,
    mean_over_draws,
    mean_probs,
    plogp,
    probs_and_plogp,
    variance_over_draws,
)

EPSILON = np.finfo(np.float64).eps


def values(n: int, t: int, *rest: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, t, *rest, generator=generator, dtype=torch.float64).to(dtype)


def test_zero_times_log_zero():
    certain = torch.tensor([[[0.0, -math.inf, -1e6, -745.0]]], dtype=torch.float64)
    probs, products = probs_and_plogp(certain)
    assert probs[0, 0, :3].tolist() == [1.0, 0.0, 0.0]
    assert products[0, 0, :3].tolist() == [0.0, 0.0, 0.0]
    assert probs[0, 0, 3] > 0  # the smallest double
    assert plogp(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist() == [0.0, 0.0]
    assert entropy(torch.tensor([[1.0, 0.0]], dtype=torch.float64)).tolist() == [0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probs_and_plogp_against_xlogy(dtype):
    logs = torch.log_softmax(values(20, 5, 4, dtype=dtype), dim=-1)
    before = logs.clone()
    probs, products = probs_and_plogp(logs)
    assert probs.dtype == torch.float64
    assert torch.equal(probs, draw_probs(logs))
    torch.testing.assert_close(products, plogp(probs), rtol=0, atol=4 * EPSILON)
    assert torch.equal(logs, before)


@pytest.mark.parametrize("t", [1, 3, 7, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_draws_are_exact(t, dtype):
    same = values(50, 1, 6, dtype=dtype).expand(50, t, 6)
    assert torch.equal(mean_over_draws(same), same[:, 0])
    assert not variance_over_draws(same).any()
    assert identical_draws(same).all()


def test_mean_and_variance_against_numpy():
    x = values(30, 11, 4)
    np.testing.assert_allclose(mean_over_draws(x), x.numpy().mean(axis=1), atol=20 * EPSILON)
    np.testing.assert_allclose(variance_over_draws(x), x.numpy().var(axis=1), rtol=1e-13)
    before = x.clone()
    variance_over_draws(x)
    assert torch.equal(x, before)


def test_identical_draws_finds_one_difference():
    x = values(4, 1, 3).repeat(1, 5, 1)
    x[2, 4, 1] = np.nextafter(float(x[2, 4, 1]), 10.0)
    assert identical_draws(x).tolist() == [True, True, False, True]


def test_mean_probs_is_the_mean_of_probabilities_not_of_logits():
    logs = torch.log_softmax(torch.tensor([[[0.0, 8.0], [2.0, 0.0]]]), dim=-1)
    expected = logs.double().exp().mean(dim=1)
    assert torch.equal(mean_probs(logs), expected)
    assert not torch.allclose(expected, torch.softmax(logs.double().mean(dim=1), dim=-1))


def test_log_mean_exp():
    x = torch.tensor([[-1000.0, -1000.0], [-math.inf, 0.0], [-math.inf, -math.inf]])
    assert log_mean_exp(x).tolist() == pytest.approx([-1000.0, -math.log(2), -math.inf])
