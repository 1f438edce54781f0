"""The only place that knows about 0·log 0, rounding in means and exact zeros.

Everything here works in float64: the differences of entropies that acquisition functions rank by
are often far smaller than float32 resolves.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from askwell.tensors import LogProbs, Probs

_LOG_OF_ZERO = -800.0
"""exp of anything below −745.2 is exactly 0 in float64, and 0 · (−800) is exactly 0."""


def draw_probs(log_probs: LogProbs) -> Float[Tensor, "N T C"]:
    """p_tc in float64; a log-probability of −inf becomes exactly 0."""
    return log_probs.to(torch.float64, copy=True).exp_()


def probs_and_plogp(
    log_probs: LogProbs,
) -> tuple[Float[Tensor, "N T C"], Float[Tensor, "N T C"]]:
    """p_tc and p_tc·log p_tc in float64, with 0·log 0 = 0 exactly and no logarithm taken.

    In the product, log-probabilities below −800 count as −800: p is exactly 0 there already, so
    nothing changes but that 0 · (−inf) is 0.
    """
    logs = log_probs.to(torch.float64, copy=True)
    probs = logs.exp()
    return probs, logs.clamp_(min=_LOG_OF_ZERO).mul_(probs)


def mean_over_draws(values: Float[Tensor, "N T *rest"]) -> Float[Tensor, " N *rest"]:
    """Mean over T, exact where all draws agree.

    Averages the differences from the first draw: identical draws have differences of exactly 0,
    so their mean is exactly that draw, and a variance around it is exactly 0.
    """
    first = values[:, 0]  # N *rest
    return first + (values - first.unsqueeze(1)).mean(dim=1)


def variance_over_draws(values: Float[Tensor, "N T *rest"]) -> Float[Tensor, " N *rest"]:
    """Population variance over T in two passes; exactly 0 where all draws agree."""
    centred = values - values[:, :1]  # N T *rest, exactly 0 for identical draws
    centred -= centred.mean(dim=1, keepdim=True)
    return centred.square_().mean(dim=1)


def identical_draws(values: Float[Tensor, "N T *rest"]) -> Bool[Tensor, " N"]:
    """Which items have T times the same values, compared exactly."""
    same = (values == values[:, :1]).flatten(1)  # N T·rest
    return same.all(dim=1)


def mean_probs(log_probs: LogProbs) -> Probs:
    """Posterior predictive p̄_c = mean_t p_tc in float64: the mean of probabilities, not logits."""
    return draw_probs(log_probs).mean(dim=1)


def log_mean_exp(values: Float[Tensor, "N T"]) -> Float[Tensor, " N"]:
    """Log of the mean over T of exp(values), in float64; −inf only where every value is."""
    return values.double().logsumexp(dim=1) - math.log(values.shape[1])


def plogp(probs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """p·log p with 0·log 0 = 0 exactly (a logarithm an element: for p̄, not for N T C)."""
    product: Tensor = torch.special.xlogy(probs, probs)
    return product


def entropy(probs: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch"]:
    """H[p] = −Σ_c p_c log p_c in nats, with 0·log 0 = 0 exactly."""
    return -plogp(probs).sum(dim=-1)
