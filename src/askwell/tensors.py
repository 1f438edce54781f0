"""The tensor types that every signature uses, and the parsers at their border.

One axis alphabet, never re-ordered: N items, T posterior draws, C classes, O network outputs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from askwell.errors import InputError, NonFiniteError
from askwell.records import ItemId

Images: TypeAlias = Float[Tensor, " N *image"]
"""A batch of images ready for a network, usually (N, channels, height, width)."""

Outputs: TypeAlias = Float[Tensor, "N T O"]
"""Raw network outputs (logits, or a Gaussian's parameters) of each posterior draw."""

LogProbs: TypeAlias = Float[Tensor, "N T C"]
"""log p(y = c | x_n, ω_t), normalised over C; −inf is a probability of exactly zero."""

Probs: TypeAlias = Float[Tensor, "N C"]
"""p(y = c | x_n), normalised over C."""

Scores: TypeAlias = Float[Tensor, " N"]
"""One acquisition score an item; larger means more worth labelling."""

LabelTensor: TypeAlias = Integer[Tensor, " N"]
"""The class index of each item."""


@dataclass(frozen=True)
class Gaussian:
    """The Gaussian p(y | x_n, ω_t) of each item and draw (regression with one target).

    Attributes:
        mean: shape (N, T).
        variance: shape (N, T), the noise σ² ≥ 0 that the network itself states; zeros where it
            outputs no variance.
    """

    mean: Float[Tensor, "N T"]
    variance: Float[Tensor, "N T"]


def float32_at_least(values: Tensor) -> Tensor:
    """Half precision raised to float32; anything else as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def label_tensor(labels: object) -> Tensor:
    """Labels as people have them (a tensor, an array, a list of numbers) as a tensor of their type.

    Raises:
        InputError: they are no numbers.
    """
    if isinstance(labels, Tensor):
        return labels
    try:
        return torch.as_tensor(np.array(labels))  # a copy: torch warns of read-only arrays
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"Labels must be numbers: class indices, or targets of a regression; got {error}."
        ) from error


def as_log_probs(log_probs: Tensor) -> LogProbs:
    """Check that a tensor is what it says: normalised log-probabilities of shape (N, T, C).

    Half precision is raised to float32; the argument is never changed in place. N = 0 is allowed.
    Classes may sum to 1 ± 0.01, and a little more for half precision, whose rounding alone moves
    the sum by up to its machine epsilon times log C.

    Raises:
        InputError: wrong shape or type, or not normalised (logits or probabilities were passed).
        NonFiniteError: NaN or +inf; the message names the rows.
    """
    if log_probs.ndim != 3:
        raise InputError(
            f"log_probs must have shape (N, T, C): items, draws, classes; got "
            f"{tuple(log_probs.shape)}. For a single draw pass log_probs[:, None, :]."
        )
    if not log_probs.is_floating_point():
        raise InputError(f"log_probs must be floating point; got {log_probs.dtype}.")
    if log_probs.shape[1] == 0 or log_probs.shape[2] == 0:
        raise InputError(
            f"log_probs needs at least one draw and one class; got {tuple(log_probs.shape)}."
        )
    tolerance = 1e-2
    if log_probs.dtype in (torch.float16, torch.bfloat16):
        tolerance += torch.finfo(log_probs.dtype).eps * math.log(log_probs.shape[2])
        log_probs = log_probs.float()
    total = log_probs.exp().sum(dim=2)  # N T; NaN and +inf stay NaN and +inf, −inf counts as 0
    if not bool(((total - 1).abs() <= tolerance).all()):
        _explain_log_probs(log_probs)
    return log_probs.contiguous()  # sums round by memory layout, which may differ by chunk


def _explain_log_probs(log_probs: LogProbs) -> None:
    """Raise the error that says what is wrong with them."""
    bad = (torch.isnan(log_probs) | torch.isposinf(log_probs)).flatten(1).any(dim=1)  # N
    if bool(bad.any()):
        rows = bad.nonzero().flatten()[:10].tolist()
        raise NonFiniteError(f"log_probs has NaN or +inf in {int(bad.sum())} rows: {rows}.")
    total = log_probs.logsumexp(dim=2)  # N T
    raise InputError(
        "log_probs must be normalised: the probabilities of an item's classes sum to 1, but "
        f"log-sum-exp over C is as far from 0 as {float(total.abs().max()):.3g}. Pass "
        "log_softmax(logits, dim=-1), not logits or probabilities."
    )


def as_gaussian(gaussian: Gaussian) -> Gaussian:
    """Check a Gaussian at the border: two finite (N, T) tensors, variance ≥ 0; in float64.

    Raises:
        InputError: wrong shapes or types, no draw, or a negative variance.
        NonFiniteError: NaN or infinity; the message names the rows.
    """
    mean, variance = gaussian.mean, gaussian.variance
    if mean.ndim != 2 or mean.shape != variance.shape or mean.shape[1] == 0:
        raise InputError(
            "A Gaussian's mean and variance must both have shape (N, T): items, draws (at least "
            f"one); got {tuple(mean.shape)} and {tuple(variance.shape)}."
        )
    if not (mean.is_floating_point() and variance.is_floating_point()):
        raise InputError(
            "A Gaussian's mean and variance must be floating point; got "
            f"{mean.dtype} and {variance.dtype}."
        )
    bad = ~(mean.isfinite() & variance.isfinite()).all(dim=1)  # N
    if bool(bad.any()):
        rows = bad.nonzero().flatten()[:10].tolist()
        raise NonFiniteError(
            f"A Gaussian's mean or variance is NaN or infinite in {int(bad.sum())} rows: {rows}."
        )
    if bool((variance < 0).any()):
        raise InputError(
            f"A variance must not be negative; got {float(variance.min()):.3g}. A network's second "
            "output is a log-variance: pass its exponential."
        )
    return Gaussian(mean.double().contiguous(), variance.double().contiguous())


def require_finite_outputs(outputs: Outputs, ids: Sequence[ItemId]) -> None:
    """Refuse NaN and infinity in a network's outputs, before a rank or a mean can hide them.

    Raises:
        NonFiniteError: says how many items are affected, names up to five, and what to do.
    """
    if bool(torch.isfinite(outputs.sum())):  # one fast pass: NaN and ±inf survive any sum
        return
    bad = ~torch.isfinite(outputs).flatten(1).all(dim=1)  # N
    count = int(bad.sum())
    if count == 0:
        return  # finite, but too large to sum
    names = ", ".join(repr(ids[row]) for row in bad.nonzero().flatten()[:5].tolist())
    raise NonFiniteError(
        f"The network's output is NaN or infinite for {count} of {len(ids)} items: {names}"
        f"{', …' if count > 5 else ''}. If it is so for all, training diverged: lower the learning "
        "rate, or score in float32. If for a few, look at these images."
    )
