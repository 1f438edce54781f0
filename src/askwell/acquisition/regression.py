"""Acquisition functions for regression with one target: variances, in the target's unit squared.

Axes: N items, T posterior draws.
"""

from askwell.numerics import variance_over_draws
from askwell.tensors import Gaussian, Scores, as_gaussian


def predictive_variance(gaussian: Gaussian) -> Scores:
    """Epistemic variance: how much the draws' means disagree, leaving their noise out.

    Var_t[μ_t] = mean_t (μ_t − μ̄)², the population variance, in two passes. Asks for informative
    images rather than for noisy ones.

    Args:
        gaussian: mean and variance of shape (N, T).

    Returns:
        Shape (N,), float64, the target's unit squared. Exactly 0 for T = 1 and identical draws.

    Raises:
        InputError, NonFiniteError: as `as_gaussian`.

    Gal, Islam & Ghahramani (2017), section 4.
    """
    return variance_over_draws(as_gaussian(gaussian).mean)


def total_predictive_variance(gaussian: Gaussian) -> Scores:
    """Variance of the posterior predictive: epistemic plus the noise that the network states.

    Var_t[μ_t] + mean_t σ²_t, by the law of total variance. Equals `predictive_variance` for a
    network that states no variance.

    Args:
        gaussian: mean and variance of shape (N, T).

    Returns:
        Shape (N,), float64, the target's unit squared.

    Raises:
        InputError, NonFiniteError: as `as_gaussian`.

    Kendall & Gal (2017), What uncertainties do we need in Bayesian deep learning?
    """
    gaussian = as_gaussian(gaussian)
    return variance_over_draws(gaussian.mean) + gaussian.variance.mean(dim=1)
