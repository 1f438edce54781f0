"""Acquisition functions that look at the most probable classes of the posterior predictive.

Axes: N items, T posterior draws, C classes.
"""

from askwell.acquisition.dispersion import variation_ratios
from askwell.numerics import mean_probs
from askwell.tensors import LogProbs, Scores, as_log_probs

least_confidence = variation_ratios
"""The same function under the name that Lewis & Gale (1994) made known: 1 − max_c p̄_c."""


def margin(log_probs: LogProbs) -> Scores:
    """How little the most probable class leads the second, negated so that larger is unsure.

    −(p̄₍₁₎ − p̄₍₂₎) with p̄ = mean_t p_t in descending order; between −1 (certain) and 0 (tied).
    A single class has no rival: with C = 1 the second probability counts as 0, the score is −1.

    Args:
        log_probs: shape (N, T, C), log p(y = c | x_n, ω_t); −inf is a probability of exactly 0.

    Returns:
        Shape (N,), float64, no unit.

    Raises:
        InputError, NonFiniteError: as `as_log_probs`.

    Scheffer, Decomain & Wrobel (2001), Active hidden Markov models for information extraction.
    """
    log_probs = as_log_probs(log_probs)
    top = mean_probs(log_probs).topk(min(2, log_probs.shape[2]), dim=1).values  # N 2, or N 1
    second = top[:, 1] if top.shape[1] == 2 else 0.0
    return (second - top[:, 0]).clamp(-1.0, 0.0)
