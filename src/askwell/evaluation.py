"""How good a posterior's predictions are, from its draws and a labelled test set.

The prediction is the posterior predictive p̄ = mean_t p_t: the mean of the draws' probabilities
(the dropout approximation of Gal & Ghahramani), never the mean of their logits. Images stream
through chunk by chunk; what is kept is N×C probabilities, never N×T×C.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from askwell.checks import whole_number
from askwell.errors import InputError, LabelError
from askwell.likelihoods import categorical, gaussian
from askwell.numerics import draw_probs, log_mean_exp
from askwell.pool import Pool, check_pool
from askwell.posterior.base import Draws
from askwell.stream import ahead, pinned
from askwell.tensors import (
    Gaussian,
    Images,
    LabelTensor,
    LogProbs,
    Outputs,
    Probs,
    as_gaussian,
    as_log_probs,
    label_tensor,
    require_finite_outputs,
)

_MOST_PAIRS = 10**7

ECE_BINS = 15
"""As Guo et al. (2017)."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledChunks:
    """Images with their labels, chunk by chunk: may be read as often as one likes.

    Attributes:
        pool: the images.
        labels: one for each of them, by position.
        size: images in a chunk; the last may have fewer.
    """

    pool: Pool
    labels: LabelTensor
    size: int

    def __len__(self) -> int:
        """How many chunks."""
        return -(-len(self.labels) // self.size)

    def __iter__(self) -> Iterator[tuple[Images, LabelTensor]]:
        """Read the images, from the first one on."""
        for start in range(0, len(self.labels), self.size):
            part = self.labels[start : start + self.size]
            yield self.pool.images(np.arange(start, start + len(part))), part


def labelled_chunks(
    pool: Pool, labels: NDArray[np.generic] | Tensor, *, size: int = 256
) -> LabelledChunks:
    """A pool with the label of each of its images, by position, as `evaluate` takes them.

    Raises:
        InputError: not one label an image, or no whole number of images in a chunk.
    """
    check_pool(pool)
    values = label_tensor(labels)
    if values.shape != (len(pool.ids),):
        got = f"{len(values)} labels" if values.ndim == 1 else f"shape {tuple(values.shape)}"
        raise InputError(f"Every image needs one label; got {len(pool.ids)} images and {got}.")
    return LabelledChunks(pool, values, whole_number("size, the images in a chunk,", size))


def evaluate(
    draws: Draws,
    chunks: Iterable[tuple[Images, LabelTensor]],
    *,
    likelihood: Callable[[Outputs], LogProbs] = categorical,
) -> Mapping[str, float]:
    """Test metrics of a classifier: `accuracy`, `nll`, `brier`, `ece`, and `auc` for two classes.

    `nll` is averaged in log space: −log p̄ of a label stays finite where p̄ underflows to 0, and is
    inf only where every draw gives exactly 0. `auc` is of class 1 against class 0, with `auc_low`
    and `auc_high` (see `auc_interval`); a test set that holds one class only has none, and the keys
    are left out.

    Args:
        draws: the posterior draws.
        chunks: images of shape (N, ...) with their class indices, shape (N,).
        likelihood: from raw outputs to log-probabilities.

    Raises:
        InputError: no test image at all, or not one label an image.
        LabelError: a label outside [0, C).
        NonFiniteError: an output is NaN or infinite; the message gives positions in the test set.
    """
    probs, logs, labels = [], [], []
    for outputs, target in _outputs(draws, chunks):
        log_probs = as_log_probs(_no_gaussian(likelihood(outputs)))  # N T C
        target = _as_labels(target, log_probs.shape[2]).to(log_probs.device)
        at_label = log_probs.take_along_dim(target[:, None, None], dim=2)  # N T 1
        logs.append(log_mean_exp(at_label.squeeze(2)))
        probs.append(draw_probs(log_probs).mean(dim=1))
        labels.append(target)
    _require_any(labels, chunks)
    p, y = torch.cat(probs), torch.cat(labels)
    metrics = {
        "accuracy": accuracy(p, y),
        "nll": float(-torch.cat(logs).mean()),
        "brier": brier(p, y),
        "ece": expected_calibration_error(p, y),
    }
    if p.shape[1] == 2 and bool(y.min() != y.max()):
        metrics["auc"] = float(roc_auc_score(y.cpu().numpy(), p[:, 1].cpu().numpy()))
        metrics |= auc_interval(p[:, 1], y)
    return metrics


def evaluate_regression(
    draws: Draws,
    chunks: Iterable[tuple[Images, Float[Tensor, " N"]]],
    *,
    likelihood: Callable[[Outputs], Gaussian] = gaussian,
) -> Mapping[str, float]:
    """Test metrics of a regressor with one target: `rmse`, and `nll` if it states a variance.

    `rmse` is of the predictive mean, mean_t μ_t. `nll` is of the predictive density itself, the
    mixture (1/T) Σ_t N(y; μ_t, σ²_t), in nats. It is left out where a variance is 0: a point mass
    has no density.

    Raises:
        InputError: no test image at all, or not one target an image.
        NonFiniteError: an output or a target is NaN or infinite.
    """
    errors, logs = [], []
    dense = True
    for outputs, target in _outputs(draws, chunks):
        predicted = as_gaussian(_a_gaussian(likelihood(outputs)))  # N T
        y = torch.as_tensor(target, dtype=torch.float64, device=outputs.device)
        errors.append(predicted.mean.mean(dim=1) - y)
        dense = dense and bool((predicted.variance > 0).all())
        if dense:
            logs.append(log_mean_exp(_log_normal(y.unsqueeze(1), predicted)))
    _require_any(errors, chunks)
    metrics = {"rmse": float(torch.cat(errors).square().mean().sqrt())}
    if not math.isfinite(metrics["rmse"]):
        raise InputError("A target is NaN or infinite (or too large to square): check the labels.")
    if dense:
        metrics["nll"] = float(-torch.cat(logs).mean())
    return metrics


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


def _outputs(
    draws: Draws, chunks: Iterable[tuple[Images, Tensor]]
) -> Iterable[tuple[Outputs, Tensor]]:
    """Finite outputs (N, T, O) with their targets (N,), chunk by chunk; empty chunks left out."""
    if not hasattr(draws, "outputs"):
        raise InputError(
            "Posterior draws are expected, as posterior.draw(100, seed=0) gives them; got "
            f"{type(draws).__name__}."
        )
    device = getattr(draws, "device", None)

    def pin(chunk: tuple[Images, Tensor]) -> tuple[Images, Tensor]:
        return pinned(chunk[0], device), chunk[1]

    start = 0
    for images, labels in ahead(chunks, pin, device=device):
        target = label_tensor(labels)
        if target.ndim != 1 or len(images) != len(target):
            raise InputError(
                f"There must be one label for each of the {len(images)} images; got shape "
                f"{tuple(target.shape)}."
            )
        if len(images) == 0:
            continue
        with torch.no_grad():
            outputs = draws.outputs(images)
        require_finite_outputs(outputs, range(start, start + len(images)))
        start += len(images)
        yield outputs, target


def _no_gaussian(predicted: LogProbs) -> LogProbs:
    if isinstance(predicted, Gaussian):
        raise InputError(
            "evaluate is for classifiers, and this likelihood gives a Gaussian. For a regression "
            "use evaluate_regression(draws, chunks)."
        )
    return predicted


def _a_gaussian(predicted: Gaussian) -> Gaussian:
    if not isinstance(predicted, Gaussian):
        raise InputError(
            "evaluate_regression needs a likelihood that gives a Gaussian; this one gives "
            f"{type(predicted).__name__}. For a classifier use evaluate(draws, chunks)."
        )
    return predicted


def _log_normal(y: Float[Tensor, "N 1"], predicted: Gaussian) -> Float[Tensor, "N T"]:
    squared = (y - predicted.mean).square() / predicted.variance
    return -0.5 * (squared + predicted.variance.log() + math.log(2 * math.pi))


def _require_any(parts: list[Tensor], chunks: object) -> None:
    if parts:
        return
    if isinstance(chunks, Iterator):
        raise InputError(
            "There is nothing to evaluate on: this iterator gives no image (any more). An iterator "
            "is used up by reading it once; pass labelled_chunks(pool, labels), or a list of "
            "chunks, to evaluate several times."
        )
    raise InputError("There is nothing to evaluate on: the test set is empty.")


def _checked(probs: Probs, labels: LabelTensor) -> LabelTensor:
    if probs.ndim != 2 or labels.shape != probs.shape[:1] or len(labels) == 0:
        raise InputError(
            "Pass probabilities of shape (N, C) and N labels, at least one; got "
            f"{tuple(probs.shape)} and {tuple(labels.shape)}."
        )
    return _as_labels(labels, probs.shape[1]).to(probs.device)


def _as_labels(labels: LabelTensor, classes: int) -> LabelTensor:
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
