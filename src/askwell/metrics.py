"""Test metrics of probabilities: pure functions of (N, C) probabilities and N labels."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from askwell.errors import InputError, LabelError
from askwell.tensors import LabelTensor, Probs

ECE_BINS = 15
"""As Guo et al. (2017)."""

_MOST_PAIRS = 10**7


def accuracy(probs: Probs, labels: LabelTensor) -> float:
    """Share of items whose most probable class is their label (the first of equals)."""
    labels = _checked(probs, labels)
    return float((probs.argmax(dim=1) == labels).double().mean())


def nll(probs: Probs, labels: LabelTensor) -> float:
    """Mean of −log p̄ of the label, in nats; inf if a label was given probability 0.

    Infinite is what the score is then: it is neither clipped nor hidden by an eps.
    """
    labels = _checked(probs, labels)
    return float(-probs.double().gather(1, labels.unsqueeze(1)).log().mean())


def brier(probs: Probs, labels: LabelTensor) -> float:
    """Mean of Σ_c (p̄_c − [c = label])², between 0 and 2 (Brier 1950, the sum over all classes)."""
    labels = _checked(probs, labels)
    truth = torch.nn.functional.one_hot(labels, probs.shape[1])  # N C
    return float((probs.double() - truth).square().sum(dim=1).mean())


def expected_calibration_error(probs: Probs, labels: LabelTensor, *, bins: int = ECE_BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence.

    Σ_b (n_b / N) |accuracy_b − mean confidence_b|, bins (0, 1/B], …, ((B−1)/B, 1]; confidence is
    max_c p̄_c (Guo, Pleiss, Sun & Weinberger 2017).
    """
    labels = _checked(probs, labels)
    confidence, predicted = probs.double().max(dim=1)  # N
    index = (confidence * bins).ceil().long().clamp(1, bins) - 1  # N
    gap = (predicted == labels).double() - confidence
    per_bin = torch.zeros(bins, dtype=torch.float64, device=gap.device).index_add(0, index, gap)
    return float(per_bin.abs().sum() / len(labels))


def auc_interval(
    scores: Float[Tensor, " N"], labels: LabelTensor, *, resamples: int = 1000, seed: int = 0
) -> dict[str, float]:
    """What other test images might have given: `auc_low` and `auc_high`, 2.5 % and 97.5 %.

    The percentiles of the AUC over test sets drawn with replacement, class by class. It holds the
    network fixed: how much the AUC varies with the training is seen over seeds. Left out beyond ten
    million pairs of images, where it is narrower than anything else.

    Args:
        scores: larger for class 1.
        labels: 0 or 1, both among them.
        resamples: test sets drawn.
        seed: of them.
    """
    ones, zeros = scores[labels == 1].double().cpu(), scores[labels == 0].double().cpu()
    if len(ones) * len(zeros) > _MOST_PAIRS:
        return {}
    wins = (ones[:, None] > zeros).float() + 0.5 * (ones[:, None] == zeros).float()  # P N
    chance = np.random.default_rng(seed)
    p, n = len(ones), len(zeros)
    of_ones = torch.from_numpy(chance.multinomial(p, [1 / p] * p, resamples)).float()  # R P
    of_zeros = torch.from_numpy(chance.multinomial(n, [1 / n] * n, resamples)).float()  # R N
    aucs = ((of_ones @ wins) * of_zeros).sum(dim=1) / (p * n)
    low, high = np.quantile(aucs.numpy(), [0.025, 0.975])
    return {"auc_low": float(low), "auc_high": float(high)}


def as_labels(labels: LabelTensor, classes: int) -> LabelTensor:
    """Labels as int64, all of them in [0, classes)."""
    if labels.is_floating_point() or labels.is_complex():
        raise LabelError(f"Labels must be class indices (integers); got {labels.dtype}.")
    labels = labels.long()
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise LabelError(
            f"Labels must be in 0 … {classes - 1}, one for each network output; "
            f"{len(wrong)} are not: {sorted(set(wrong.tolist()))[:5]}."
        )
    return labels


def _checked(probs: Probs, labels: LabelTensor) -> LabelTensor:
    if probs.ndim != 2 or labels.shape != probs.shape[:1] or len(labels) == 0:
        raise InputError(
            "Pass probabilities of shape (N, C) and N labels, at least one; got "
            f"{tuple(probs.shape)} and {tuple(labels.shape)}."
        )
    return as_labels(labels, probs.shape[1]).to(probs.device)
