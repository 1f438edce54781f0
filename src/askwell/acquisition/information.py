"""Acquisition functions that measure information: entropy and mutual information, in nats.

Axes: N items, T posterior draws, C classes.
"""

import math

from askwell.numerics import entropy, identical_draws, mean_probs, plogp, probs_and_plogp
from askwell.tensors import LogProbs, Scores, as_log_probs

_DOUBTFUL = 1e-9
"""Rounding makes a mutual information of 0 at most about T · 1e-16 · log C, far below this."""


def max_entropy(log_probs: LogProbs) -> Scores:
    """Entropy of the posterior predictive: total uncertainty, aleatoric and epistemic.

    H[p̄] = −Σ_c p̄_c log p̄_c with p̄ = mean_t p_t; between 0 and log C nats.

    Args:
        log_probs: shape (N, T, C), log p(y = c | x_n, ω_t); −inf is a probability of exactly 0.

    Returns:
        Shape (N,), float64, nats. Exactly 0 where all draws are certain of the same class.

    Raises:
        InputError, NonFiniteError: as `as_log_probs`.

    Shannon (1948), A mathematical theory of communication.
    """
    log_probs = as_log_probs(log_probs)
    classes = log_probs.shape[2]
    return entropy(mean_probs(log_probs)).clamp(0.0, math.log(classes))


def bald(log_probs: LogProbs) -> Scores:
    """Mutual information between label and parameters: how much the draws disagree.

    I[y; ω | x] = H[p̄] − mean_t H[p_t] = Σ_c (mean_t φ(p_tc) − φ(p̄_c)) with φ(p) = p log p:
    for each class a gap of Jensen's inequality, so non-negative class by class.

    Args:
        log_probs: shape (N, T, C), log p(y = c | x_n, ω_t); −inf is a probability of exactly 0.

    Returns:
        Shape (N,), float64, nats, between 0 and min(log C, log T). Exactly 0 for T = 1, for C = 1
        and for identical draws, whatever the rounding.

    Raises:
        InputError, NonFiniteError: as `as_log_probs`.

    Houlsby, Huszár, Ghahramani & Lengyel (2011), arXiv 1112.5745; with dropout: Gal, Islam &
    Ghahramani (2017).
    """
    log_probs = as_log_probs(log_probs)
    probs, plogp_draws = probs_and_plogp(log_probs)  # N T C each
    gap = plogp_draws.mean(dim=1) - plogp(probs.mean(dim=1))  # N C
    _, draws, classes = log_probs.shape
    scores = gap.sum(dim=1).clamp(0.0, math.log(min(classes, draws)))  # N
    # Only scores next to 0 can come from identical draws: compare those exactly, not all N T C.
    doubtful = (scores < _DOUBTFUL).nonzero().flatten()
    return scores.index_fill(0, doubtful[identical_draws(probs[doubtful])], 0.0)
