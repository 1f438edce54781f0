"""The numbers that the paper published.

Gal, Islam & Ghahramani, *Deep Bayesian Active Learning with Image Data*, ICML 2017. Keys are
askwell's names of the acquisition functions; errors are fractions.
"""

from collections.abc import Mapping

TABLE_1: Mapping[str, Mapping[float, int]] = {
    "bald": {0.10: 145, 0.05: 335},
    "variation_ratios": {0.10: 120, 0.05: 295},
    "max_entropy": {0.10: 165, 0.05: 355},
    "mean_std": {0.10: 230, 0.05: 695},
    "random": {0.10: 255, 0.05: 835},
}
"""Table 1: acquired images to a test error of 10 % and 5 % on MNIST; validation set of 100.

The paper averages three repetitions. It says neither whether the 20 initial images are counted
nor whether a first or a lasting crossing is meant.
"""

TABLE_2: Mapping[str, float] = {
    "random": 0.0466,
    "bald": 0.0180,
    "max_entropy": 0.0174,
    "variation_ratios": 0.0164,
}
"""Table 2: test error on MNIST after acquiring 1 000 images; validation set of 5 000."""

TABLE_2_SEMI_SUPERVISED: Mapping[str, float] = {
    "Semi-sup. Embedding (Weston et al., 2012)": 0.0573,
    "Transductive SVM (Weston et al., 2012)": 0.0538,
    "MTC (Rifai et al., 2011)": 0.0364,
    "Pseudo-label (Lee, 2013)": 0.0346,
    "AtlasRBF (Pitelis et al., 2014)": 0.0368,
    "DGN (Kingma et al., 2014)": 0.0240,
    "Ladder Network Γ-model (Rasmus et al., 2015)": 0.0153,
    "Virtual Adversarial (Miyato et al., 2015)": 0.0132,
}
"""Table 2: semi-supervised methods with 1 000 labelled and all other images unlabelled."""

FIGURE_5_ALL_LABELS: Mapping[int, tuple[float, float]] = {1: (0.71, 0.003), 2: (0.75, 0.01)}
"""Section 5.5: AUC on ISIC 2016 of a model trained on the whole pool, by the paper's test split.

With the ± that it prints, over three repetitions. Its splits were drawn at random and are not
published, so no other split compares one to one.
"""
