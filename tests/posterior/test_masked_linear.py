"""Dropout and a linear layer in one product, against the definition."""

import pytest
import torch
from torch import nn

from askwell.posterior.masked_linear import MaskedLinear


@pytest.mark.parametrize("p", [0.01, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_masking_the_features(p, bias):
    torch.manual_seed(0)
    linear = nn.Linear(50, 7, bias=bias).double()
    keep = torch.rand(6, 50) >= p
    fused = MaskedLinear(linear, keep, p, torch.float64)
    with torch.no_grad():
        for n in (1, 5, 3):
            features = torch.randn(n, 50, dtype=torch.float64)
            expected = torch.cat([linear(features * k / (1 - p)) for k in keep[1:4]])
            fused.take(features)
            torch.testing.assert_close(fused(slice(1, 4)), expected)


def test_a_mask_that_drops_nothing_or_all():
    linear = nn.Linear(3, 2).double()
    keep = torch.tensor([[True] * 3, [False] * 3])
    features = torch.rand(4, 3, dtype=torch.float64)
    with torch.no_grad():
        for p in (0.25, 0.75):
            fused = MaskedLinear(linear, keep, p, torch.float64)
            fused.take(features)
            result = fused(slice(0, 2))
            torch.testing.assert_close(result[:4], linear(features / (1 - p)))
            torch.testing.assert_close(result[4:], linear.bias.expand(4, 2))


def test_half_precision_products_are_near_and_everything_else_is_float32():
    torch.manual_seed(0)
    linear, features = nn.Linear(400, 30), torch.rand(9, 400)
    for p in (0.25, 0.5):
        keep = torch.rand(6, 400) >= p
        exact = MaskedLinear(linear, keep, p, torch.float32)
        exact.take(features)
        near = MaskedLinear(linear, keep, p, torch.bfloat16)
        near.take(features.bfloat16())
        result = near(slice(0, 6))
        assert result.dtype == torch.float32
        # bfloat16 keeps 8 bits: features, weights and products are each off by up to 2⁻⁹.
        scale = float(exact(slice(0, 6)).abs().max())
        torch.testing.assert_close(result, exact(slice(0, 6)), rtol=0, atol=0.02 * scale)
