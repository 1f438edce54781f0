"""The width σ of the kernel, from the images and their labels.

In high dimension distances resemble each other, so σ must be far below the median distance or
every node is as near to a label as any other, and the harmonic function the same everywhere.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from askwell.baselines.base import Array
from askwell.baselines.graph import LEAK, class_factors, leak_of, squared_distances
from askwell.errors import InputError
from askwell.pool import Positions
from askwell.randomness import item_keys

MULTIPLES = (0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8)
"""What `likeliest_width` chooses from, in units of the median distance: steps of √2."""

_PAIRED = 1_000
"""Items whose pairs give the median distance."""

_NODES = 2_000
"""Nodes of the graph that widths are tried on; up to half of them labelled."""


def median_distance(features: Array, seed: int) -> float:
    """The median distance between the pairs of 1 000 random items.

    Raises:
        InputError: it is 0, as more than half of the pairs are equal.
    """
    order = np.argsort(item_keys(range(len(features)), seed))[:_PAIRED]
    sample = features[order]
    pairs = np.triu_indices(len(sample), 1)
    squares = squared_distances(sample, sample)[pairs]
    median = float(np.sqrt(np.median(squares))) if len(squares) else 0.0
    if median == 0:
        raise InputError(
            "The median distance between images is 0: most of them are equal, or there is only "
            "one. Similarity needs images that differ; for a network's features, look at its "
            "training loss."
        )
    return median


def likeliest_width(
    features: Array, labelled: Positions, labels: Array, seed: int, *, class_mass: bool
) -> float:
    """The σ under which each label is best predicted by the others and the unlabelled nodes.

    Maximises `leave_one_out` over `MULTIPLES` of the median distance (the first of equals), on a
    graph of 2 000 nodes: the labelled ones, or 1 000 of them, and random others.

    Args:
        features: of all nodes, shape (N, F).
        labelled: positions of the labelled nodes.
        labels: their classes, one-hot, shape (l, C).
        seed: of the nodes and the pairs.
        class_mass: whether predictions are normalised by class mass.
    """
    median = median_distance(features, seed)
    keys = item_keys(range(len(features)), seed)
    chosen = np.argsort(keys[labelled])[: _NODES // 2]
    others = np.argsort(keys)
    others = others[~np.isin(others, labelled)][: _NODES - len(chosen)]
    sample = features[np.concatenate([labelled[chosen], others])]
    squares = squared_distances(sample, sample)
    widths = [multiple * median for multiple in MULTIPLES]
    quality = [
        leave_one_out(squares, width, labels[chosen], class_mass=class_mass) for width in widths
    ]
    return widths[int(np.argmax(quality))]


def leave_one_out(squares: Array, width: float, labels: Array, *, class_mass: bool) -> float:
    """Mean log-probability of each label by the field of the other labels, in nats.

    Eliminating the unlabelled nodes U joins labelled nodes i, j with the weight
    a_ij = w_ij + W_iU G W_Uj. Without its own label, node i has f_i = Σ_j p_ij y_j with
    p_ij = a_ij / Σ_j a_ij over j ≠ i. Label j has the share h_j = Σ_u (G W_UL)_uj of all of U,
    and Σ_u f_u becomes Σ_{j≠i} h_j y_j + h_i f_i. So one factorisation serves all labels.
    Probabilities count as `LEAK` at least.

    Args:
        squares: squared distances between nodes, the l labelled ones first, shape (N, N).
        width: σ of the kernel.
        labels: one-hot, shape (l, C).
        class_mass: normalise by the class mass of U and the node left out.
    """
    known, classes = labels.shape
    weights = np.exp(squares / (-2.0 * width**2))
    np.fill_diagonal(weights, 0.0)
    degrees = weights.sum(axis=1)
    leak = leak_of(degrees)
    to_labelled = np.column_stack([weights[:, :known], leak])  # N (l + 1): the last is the leak
    matrix = -weights[known:, known:]
    np.fill_diagonal(matrix, (degrees + leak)[known:])
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    reach = cho_solve(factor, to_labelled[known:], check_finite=False)  # G W_UL
    joined = to_labelled[:known] + weights[:known, known:] @ reach  # a, l (l + 1)
    np.fill_diagonal(joined, 0.0)
    values = np.vstack([labels, np.full((1, classes), 1 / classes)])
    predicted = joined @ values / joined.sum(axis=1, keepdims=True)  # l C
    if class_mass:
        own = reach.sum(axis=0)[:known, None]  # h_i
        total = reach.sum(axis=0) @ values - own * labels + own * predicted
        mass = (total + predicted) / (len(reach) + 1)
        predicted *= class_factors(labels.sum(axis=0) - labels, mass)
        predicted /= predicted.sum(axis=1, keepdims=True)
    at_label = np.maximum((predicted * labels).sum(axis=1), LEAK)
    return float(np.log(at_label).mean())
