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
from askwell.errors import InputError
from askwell.likelihoods import categorical, gaussian
from askwell.metrics import (
    accuracy,
    as_labels,
    auc_interval,
    brier,
    expected_calibration_error,
)
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
    as_gaussian,
    as_log_probs,
    label_tensor,
    require_finite_outputs,
)


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
        target = as_labels(target, log_probs.shape[2]).to(log_probs.device)
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
