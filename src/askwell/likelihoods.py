"""From raw network outputs to a distribution over labels: the one place that knows which.

`categorical` for classification, `gaussian` for regression. They never guess: outputs are
unnormalised logits, or a mean, or a mean and a log-variance, as the network's author says.
"""

import torch

from askwell.errors import InputError
from askwell.tensors import Gaussian, LogProbs, Outputs, float32_at_least

_LONG_ROW = 32
"""From here on PyTorch's log-softmax is the faster one; with 10 classes it takes twice as long
as the same formula in whole-tensor steps, more than all of BALD does."""


def categorical(outputs: Outputs) -> LogProbs:
    """Log-softmax over the last axis, in float32 or better.

    Outputs are logits. Log-probabilities are logits too (log-softmax leaves them as they are);
    probabilities are not.
    """
    outputs = float32_at_least(outputs)
    if outputs.shape[-1] >= _LONG_ROW:
        return torch.log_softmax(outputs, dim=-1)
    shifted = outputs - outputs.amax(dim=-1, keepdim=True)  # N T C, ≤ 0
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def gaussian(outputs: Outputs) -> Gaussian:
    """Mean (one output), or mean and log-variance (two outputs), of a scalar target, in float64.

    Raises:
        InputError: the network has neither one nor two outputs.
    """
    if outputs.shape[-1] not in (1, 2):
        raise InputError(
            "A Gaussian likelihood needs a network with one output (mean) or two (mean, "
            f"log-variance); got {outputs.shape[-1]}."
        )
    mean = outputs[..., 0].double()  # N T
    if outputs.shape[-1] == 1:
        return Gaussian(mean, torch.zeros_like(mean))
    return Gaussian(mean, outputs[..., 1].double().exp())
