"""The negative log-likelihoods that training minimises: mean over the batch, in nats."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from askwell.errors import LabelError

Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs (n, O), labels (n,)) → a scalar."""


def cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean −log softmax(outputs)[label]; labels are class indices.

    Raises:
        LabelError: a label outside 0 … O − 1.
    """
    return F.cross_entropy(outputs.float(), labels.long())


def gaussian_nll(outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean −log N(label; mean, variance).

    The network outputs a mean, or a mean and a log-variance; with a mean alone the variance is 1.
    """
    mean = outputs[:, 0].float()
    log_variance = outputs[:, 1].float() if outputs.shape[1] > 1 else torch.zeros_like(mean)
    error = (labels.float() - mean) ** 2
    return 0.5 * (math.log(2 * math.pi) + log_variance + error * torch.exp(-log_variance)).mean()


def check_classes(labels: Tensor, classes: int) -> None:
    """Raise `LabelError` for labels that no output stands for."""
    if labels.numel() and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        raise LabelError(
            f"Labels must be class indices 0 … {classes - 1} (the network has {classes} outputs); "
            f"got {int(labels.min())} … {int(labels.max())}."
        )
