"""Features of classes that overlap a little, small enough for tests."""

import numpy as np

from askwell.labelling.head import FeatureRows


def points(n: int = 300, features: int = 12, classes: int = 3, seed: int = 0):
    """Features float16 (N, F) and labels (N,)."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(classes, features)) * 1.5
    labels = np.arange(n) % classes
    values = centres[labels] + chance.normal(size=(n, features))
    return values.astype(np.float16), labels


def pool_of(features: np.ndarray, start: int = 1000) -> FeatureRows:
    """A pool whose ids are not its rows."""
    return FeatureRows(features, list(range(start, start + len(features))))
