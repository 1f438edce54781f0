"""From outputs to distributions: the same numbers as PyTorch's, and nothing guessed."""

import math

import pytest
import torch

from askwell.errors import InputError
from askwell.likelihoods import categorical, gaussian


def logits(c: int, *, dtype: torch.dtype = torch.float32, spread: float = 5.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(c)
    return (spread * torch.randn(6, 4, c, generator=generator)).to(dtype)


@pytest.mark.parametrize("c", [1, 2, 10, 31, 32, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_categorical_is_log_softmax(c, dtype):
    x = logits(c, dtype=dtype)
    # One rounding of values up to about 40, on either side.
    tolerance = 2 * torch.finfo(dtype).eps * 64
    torch.testing.assert_close(categorical(x), torch.log_softmax(x, -1), rtol=0, atol=tolerance)


@pytest.mark.parametrize("c", [10, 40])
def test_categorical_of_huge_and_distant_logits(c):
    x = torch.zeros(1, 1, c)
    x[..., 0] = 1e30
    result = categorical(x)
    assert result[0, 0, 0] == 0.0
    assert bool((result[0, 0, 1:] == -1e30).all())


def test_log_probabilities_stay_as_they_are():
    x = torch.tensor([[[0.5, 0.5, 0.0]]], dtype=torch.float64).log()
    result = categorical(x)
    assert result[0, 0, 2] == -math.inf
    torch.testing.assert_close(result, x, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_first(dtype):
    x = logits(10, dtype=dtype)
    assert torch.equal(categorical(x), categorical(x.float()))


def test_gaussian_with_and_without_a_variance():
    x = torch.tensor([[[1.5, math.log(4.0)]]])
    both, alone = gaussian(x), gaussian(x[..., :1])
    assert both.mean.tolist() == alone.mean.tolist() == [[1.5]]
    assert both.variance.item() == pytest.approx(4.0, rel=1e-6)
    assert alone.variance.tolist() == [[0.0]]
    assert both.mean.dtype == both.variance.dtype == torch.float64


def test_gaussian_of_three_outputs():
    with pytest.raises(InputError, match="got 3"):
        gaussian(torch.zeros(1, 1, 3))
