"""The losses against torch.distributions, in float64."""

import pytest
import torch
from torch.distributions import Categorical, Normal

from askwell.errors import LabelError
from askwell.randomness import generator
from askwell.train.losses import check_classes, cross_entropy, gaussian_nll

OUTPUTS = torch.randn(50, 3, dtype=torch.float64, generator=generator(0))
TARGETS = torch.randn(50, dtype=torch.float64, generator=generator(1))


def test_gaussian_nll_of_a_mean_and_a_log_variance():
    mean, log_variance = OUTPUTS[:, 0], OUTPUTS[:, 1]
    expected = -Normal(mean, (log_variance / 2).exp()).log_prob(TARGETS).mean()
    torch.testing.assert_close(gaussian_nll(OUTPUTS[:, :2], TARGETS), expected)


def test_gaussian_nll_of_a_mean_alone_has_unit_variance():
    expected = -Normal(OUTPUTS[:, 0], 1.0).log_prob(TARGETS).mean()
    torch.testing.assert_close(gaussian_nll(OUTPUTS[:, :1], TARGETS), expected)


def test_cross_entropy_is_the_mean_negative_log_probability_of_the_label():
    labels = torch.arange(50) % 3
    expected = -Categorical(logits=OUTPUTS).log_prob(labels).mean()
    torch.testing.assert_close(cross_entropy(OUTPUTS, labels.to(torch.uint8)), expected)


@pytest.mark.parametrize("loss", [gaussian_nll, cross_entropy])
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_before_anything_is_computed(loss, half):
    outputs, labels = OUTPUTS[:, :2].to(half), torch.arange(50) % 2
    assert torch.equal(loss(outputs, labels), loss(outputs.float(), labels))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 3, 7]), r"0 … 2 \(the network has 3 outputs\); got \[3, 7\]"),
        (torch.tensor([-1, 0]), r"got \[-1\]"),
        (torch.tensor([0.0, 0.5]), r"got \[0\.5\]\. For a regression pass loss=gaussian_nll"),
        (torch.tensor([0.0, float("nan")]), r"got \[nan\]"),
    ],
)
def test_labels_that_no_output_stands_for(labels, message):
    with pytest.raises(LabelError, match=message):
        check_classes(labels, 3)


def test_labels_that_outputs_stand_for():
    check_classes(torch.tensor([0, 2]), 3)
    check_classes(torch.tensor([0.0, 2.0]), 3)
    check_classes(torch.tensor([2], dtype=torch.uint8), 3)
    check_classes(torch.tensor([]), 3)
