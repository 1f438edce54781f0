"""Acquisition functions that measure how the draws' probabilities or votes are spread.

Axes: N items, T posterior draws, C classes.
"""

from askwell.numerics import draw_probs, mean_probs, variance_over_draws
from askwell.tensors import LogProbs, Scores, as_log_probs


def variation_ratios(log_probs: LogProbs) -> Scores:
    """Probability that the most probable class is wrong, as the paper defines it.

    1 − max_c p̄_c with p̄ = mean_t p_t; between 0 and 1 − 1/C. The ranking of least confidence.

    Args:
        log_probs: shape (N, T, C), log p(y = c | x_n, ω_t); −inf is a probability of exactly 0.

    Returns:
        Shape (N,), float64, no unit. Exactly 0 where all draws are certain of the same class.

    Raises:
        InputError, NonFiniteError: as `as_log_probs`.

    Gal, Islam & Ghahramani (2017), after Freeman (1965). Others count votes under this name: that
    is `variation_ratios_votes`.
    """
    log_probs = as_log_probs(log_probs)
    return (1.0 - mean_probs(log_probs).amax(dim=1)).clamp(0.0, 1.0 - 1.0 / log_probs.shape[2])


def variation_ratios_votes(log_probs: LogProbs) -> Scores:
    """Share of draws that do not vote for the modal class.

    1 − max_c v_c / T, where v_c counts the draws whose most probable class is c; between 0 and
    1 − 1/C. A draw with m equally most probable classes gives each 1/m of its vote, so the score
    depends neither on the order of the classes nor on chance. It takes few values: many ties.

    Args:
        log_probs: shape (N, T, C), log p(y = c | x_n, ω_t); −inf is a probability of exactly 0.

    Returns:
        Shape (N,), float64, no unit. Exactly 0 where all draws have the same single best class.

    Raises:
        InputError, NonFiniteError: as `as_log_probs`.

    Freeman (1965); Beluch, Genewein, Nürnberger & Köhler (2018).
    """
    log_probs = as_log_probs(log_probs)
    best = log_probs == log_probs.amax(dim=2, keepdim=True)  # N T C
    votes = best.double()
    items, draws, classes = log_probs.shape
    if int(best.count_nonzero()) != items * draws:  # some draw is tied
        votes = votes / votes.sum(dim=2, keepdim=True)
    modal = votes.sum(dim=1).amax(dim=1)  # N
    return (1.0 - modal / draws).clamp(0.0, 1.0 - 1.0 / classes)


def mean_std(log_probs: LogProbs) -> Scores:
    """Standard deviation over the draws of each class's probability, averaged over classes.

    (1/C) Σ_c sqrt(mean_t (p_tc − p̄_c)²), in two passes: E[p²] − E[p]² would lose all digits where
    the draws nearly agree. Between 0 and 1/2.

    Args:
        log_probs: shape (N, T, C), log p(y = c | x_n, ω_t); −inf is a probability of exactly 0.

    Returns:
        Shape (N,), float64, no unit. Exactly 0 for T = 1 and for identical draws.

    Raises:
        InputError, NonFiniteError: as `as_log_probs`.

    Kampffmeyer, Salberg & Jenssen (2016); Gal, Islam & Ghahramani (2017).
    """
    probs = draw_probs(as_log_probs(log_probs))  # N T C
    return variance_over_draws(probs).sqrt().mean(dim=1)
