"""The border: what is let in, what is refused, and what the refusal says."""

import math

import numpy as np
import pytest
import torch

from askwell.errors import InputError, NonFiniteError
from askwell.tensors import (
    Gaussian,
    as_gaussian,
    as_log_probs,
    label_tensor,
    require_finite_outputs,
)

UNIFORM = torch.full((4, 3, 2), -math.log(2.0))


def test_good_log_probs_pass_untouched():
    assert as_log_probs(UNIFORM) is UNIFORM
    assert as_log_probs(UNIFORM[:0]).shape == (0, 3, 2)
    assert torch.equal(
        as_log_probs(torch.tensor([[[0.0, -math.inf]]])), torch.tensor([[[0.0, -math.inf]]])
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(3, 4), r"shape \(N, T, C\).*log_probs\[:, None, :\]"),
        (torch.zeros(2, 0, 3), "at least one draw"),
        (torch.zeros(2, 3, 0), "at least one"),
        (torch.zeros(2, 3, 1, dtype=torch.int64), "floating point"),
        (torch.full((2, 3, 2), 0.5), "normalised"),
        (torch.full((2, 3, 2), 800.0), "normalised.*801"),
        (torch.full((2, 3, 2), -math.inf), "normalised.*inf"),
    ],
)
def test_refused_log_probs(bad, message):
    with pytest.raises(InputError, match=message):
        as_log_probs(bad)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_non_finite_log_probs_name_their_rows(value):
    bad = UNIFORM.clone()
    bad[1, 2, 0] = bad[3, 0, 0] = value
    with pytest.raises(NonFiniteError, match=r"2 rows: \[1, 3\]"):
        as_log_probs(bad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("classes", [2, 10, 1000, 20_000])
def test_the_rounding_of_half_precision_is_no_error(dtype, classes):
    rounded = torch.full((1, 1, classes), -math.log(classes)).to(dtype)
    assert as_log_probs(rounded).dtype == torch.float32


def test_layout_is_made_contiguous():
    strided = UNIFORM.transpose(0, 1).contiguous().transpose(0, 1)
    assert as_log_probs(strided).is_contiguous()


@pytest.mark.parametrize(
    ("mean", "variance", "message"),
    [
        (torch.zeros(3), torch.zeros(3), r"shape \(N, T\)"),
        (torch.zeros(3, 2), torch.zeros(3, 1), r"shape \(N, T\)"),
        (torch.zeros(3, 0), torch.zeros(3, 0), "at least"),
        (torch.zeros(3, 2).long(), torch.zeros(3, 2), "floating point"),
        (torch.zeros(3, 2), -torch.ones(3, 2), "log-variance"),
    ],
)
def test_refused_gaussians(mean, variance, message):
    with pytest.raises(InputError, match=message):
        as_gaussian(gaussian_like(mean, variance))


def gaussian_like(mean: torch.Tensor, variance: torch.Tensor) -> Gaussian:
    """A Gaussian as production code can build it, without the shape checks of the tests."""
    result = Gaussian(torch.zeros(1, 1), torch.zeros(1, 1))
    object.__setattr__(result, "mean", mean)
    object.__setattr__(result, "variance", variance)
    return result


def test_non_finite_gaussians_name_their_rows():
    with pytest.raises(NonFiniteError, match=r"1 rows: \[1\]"):
        as_gaussian(Gaussian(torch.zeros(2, 1), torch.tensor([[0.0], [math.inf]])))


def test_gaussians_are_raised_to_float64():
    result = as_gaussian(Gaussian(torch.zeros(2, 1), torch.ones(2, 1)))
    assert result.mean.dtype == result.variance.dtype == torch.float64


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_outputs_name_five_items(value):
    outputs = torch.zeros(9, 2, 3)
    outputs[2:8, 1, 2] = value
    ids = [f"photo {i}.jpg" for i in range(9)]
    with pytest.raises(NonFiniteError, match=r"6 of 9 items: 'photo 2\.jpg', .*'photo 6\.jpg', …"):
        require_finite_outputs(outputs, ids)


def test_opposite_infinities_do_not_cancel():
    with pytest.raises(NonFiniteError, match="1 of 1 items: 7"):
        require_finite_outputs(torch.tensor([[[math.inf, -math.inf]]]), [7])


def test_large_finite_outputs_are_finite():
    require_finite_outputs(torch.full((4, 2, 3), 3e38), range(4))
    require_finite_outputs(torch.zeros(0, 2, 3), [])


def test_labels_of_any_kind_become_tensors_of_their_type():
    tensor = torch.tensor([1, 2], dtype=torch.uint8)
    assert label_tensor(tensor) is tensor
    read_only = np.array([1, 2], dtype=np.int16)
    read_only.flags.writeable = False
    assert label_tensor(read_only).dtype == torch.int16
    assert label_tensor([0.5, 1.5]).tolist() == [0.5, 1.5]
    assert label_tensor([0, 1]).dtype == torch.int64


@pytest.mark.parametrize("labels", [["cat", "dog"], [None, 1], [[1], [1, 2]]])
def test_labels_that_are_no_numbers(labels):
    with pytest.raises(InputError, match="Labels must be numbers"):
        label_tensor(labels)
