"""What the next image can be chosen by: the names of `askwell.acquisition`, without its torch."""

from collections.abc import Mapping

ACQUISITIONS: Mapping[str, str] = {
    "bald": "BALD: where more labels would teach the model most (epistemic uncertainty)",
    "max_entropy": "Max entropy: where the prediction is most uncertain, for whatever reason",
    "variation_ratios": "Variation ratios: how unlikely the likeliest class is",
    "mean_std": "Mean STD: where the model's draws scatter most",
    "margin": "Margin: where the two likeliest classes are closest",
    "random": "Random: no choice at all, to compare with",
}
"""What the next image can be chosen by, in words; "random" is a strategy, not a score."""
