"""Every acquisition function once more: float64, one item at a time, straight from its formula."""

import math
from collections.abc import Callable

import numpy as np

EPSILON = np.finfo(np.float64).eps


def entropy(p: np.ndarray) -> float:
    return -math.fsum(x * math.log(x) for x in p if x > 0)


def mean(p: np.ndarray) -> np.ndarray:
    """Correctly rounded mean over the draws of (T, C)."""
    return np.array([math.fsum(column) / len(p) for column in p.T])


def bald(p: np.ndarray) -> float:
    return entropy(mean(p)) - math.fsum(map(entropy, p)) / len(p)


def bald_as_divergence(p: np.ndarray) -> float:
    """mean_t KL(p_t ‖ p̄): the same number by another formula."""
    average = mean(p)
    terms = [x * math.log(x / m) for row in p for x, m in zip(row, average, strict=True) if x > 0]
    return math.fsum(terms) / len(p)


def max_entropy(p: np.ndarray) -> float:
    return entropy(mean(p))


def variation_ratios(p: np.ndarray) -> float:
    return 1 - float(max(mean(p)))


def variation_ratios_votes(p: np.ndarray) -> float:
    votes = [0.0] * p.shape[1]
    for row in p:
        winners = [c for c, x in enumerate(row) if x == max(row)]
        for c in winners:
            votes[c] += 1 / len(winners)
    return 1 - max(votes) / len(p)


def mean_std(p: np.ndarray) -> float:
    average = mean(p)
    variances = [
        math.fsum((x - m) ** 2 for x in column) / len(p)
        for column, m in zip(p.T, average, strict=True)
    ]
    return math.fsum(map(math.sqrt, variances)) / len(variances)


def margin(p: np.ndarray) -> float:
    ordered = sorted([*mean(p), 0.0], reverse=True) if p.shape[1] == 1 else sorted(mean(p))[::-1]
    return float(ordered[1] - ordered[0])


REFERENCES: dict[str, Callable[[np.ndarray], float]] = {
    "bald": bald,
    "variation_ratios": variation_ratios,
    "max_entropy": max_entropy,
    "mean_std": mean_std,
    "variation_ratios_votes": variation_ratios_votes,
    "margin": margin,
    "least_confidence": variation_ratios,
}
