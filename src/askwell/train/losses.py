"""The negative log-likelihoods that training minimises: mean over the batch, in nats."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from askwell.errors import LabelError
from askwell.tensors import float32_at_least

Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs (n, O), labels (n,)) → a scalar."""


def cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean −log softmax(outputs)[label]; labels are class indices.

    Raises:
        LabelError: a label outside 0 … O − 1.
    """
    return F.cross_entropy(float32_at_least(outputs), labels.long())


def gaussian_nll(outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean −log N(label; mean, variance).

    The network outputs a mean, or a mean and a log-variance; with a mean alone the variance is 1.
    """
    outputs = float32_at_least(outputs)
    mean = outputs[:, 0]
    log_variance = outputs[:, 1] if outputs.shape[1] > 1 else torch.zeros_like(mean)
    error = (labels.to(mean.dtype) - mean) ** 2
    return 0.5 * (math.log(2 * math.pi) + log_variance + error * torch.exp(-log_variance)).mean()


def check_classes(labels: Tensor, classes: int) -> None:
    """Raise `LabelError` for labels that no output stands for."""
    fits = (labels >= 0) & (labels < classes) & (labels == labels.long())  # NaN fits nowhere
    if not bool(fits.all()):
        floats = " For a regression pass loss=gaussian_nll." if labels.is_floating_point() else ""
        raise LabelError(
            f"Labels must be class indices 0 … {classes - 1} (the network has {classes} outputs); "
            f"got {labels[~fits].unique()[:5].tolist()}.{floats}"
        )
