"""Variances of a Gaussian likelihood: against NumPy, and exact where nothing varies."""

import numpy as np
import pytest
import torch

from askwell.acquisition import predictive_variance, total_predictive_variance
from askwell.errors import InputError, NonFiniteError
from askwell.tensors import Gaussian


def example(n: int = 40, t: int = 13) -> Gaussian:
    generator = torch.Generator().manual_seed(1)
    mean = torch.randn(n, t, generator=generator, dtype=torch.float64)
    return Gaussian(mean, torch.rand(n, t, generator=generator, dtype=torch.float64))


def test_population_variance_of_the_means():
    gaussian = example()
    expected = np.var(gaussian.mean.numpy(), axis=1)
    np.testing.assert_allclose(predictive_variance(gaussian).numpy(), expected, rtol=1e-13)


def test_total_adds_the_mean_noise():
    gaussian = example()
    expected = np.var(gaussian.mean.numpy(), axis=1) + gaussian.variance.numpy().mean(axis=1)
    np.testing.assert_allclose(total_predictive_variance(gaussian).numpy(), expected, rtol=1e-13)


def test_law_of_total_variance_by_simulation_free_moments():
    # Two draws N(−1, 4) and N(3, 2): the mixture has mean 1 and second moment (5 + 11) / 2 = 8.
    gaussian = Gaussian(torch.tensor([[-1.0, 3.0]]), torch.tensor([[4.0, 2.0]]))
    assert total_predictive_variance(gaussian).item() == 8.0 - 1.0
    assert predictive_variance(gaussian).item() == 4.0


def test_far_from_zero():
    # E[m²] − E[m]² would lose everything here: (1e8)² has no room for a variance of 1.
    gaussian = Gaussian(torch.tensor([[1e8 - 1, 1e8 + 1]], dtype=torch.float64), torch.zeros(1, 2))
    assert predictive_variance(gaussian).item() == 1.0


@pytest.mark.parametrize("t", [1, 3, 100])
def test_identical_draws_are_exactly_certain(t):
    mean = torch.randn(20, 1, generator=torch.Generator().manual_seed(0)).expand(20, t)
    assert predictive_variance(Gaussian(mean, torch.zeros(20, t))).tolist() == [0.0] * 20


@pytest.mark.parametrize("score", [predictive_variance, total_predictive_variance])
def test_bad_input(score):
    with pytest.raises(InputError, match="negative"):
        score(Gaussian(torch.zeros(2, 3), -torch.ones(2, 3)))
    with pytest.raises(NonFiniteError, match=r"\[1\]"):
        score(Gaussian(torch.tensor([[0.0], [float("nan")]]), torch.zeros(2, 1)))
