"""How many images of one class an arm has acquired: the right half of the paper's figure 5.

Counted are the images that the arm asked for, by the answers it got; the initial ones are not.
"""

from collections.abc import Sequence

import numpy as np

from askwell.experiment.statistics import Curve, Points, mean_curve
from askwell.records import Chain


def positives_acquired(chain: Chain, positive: int) -> Points:
    """At each step's label count, the acquired images of the class up to there: 0 at the first."""
    asked = [sum(int(y) == positive for y in step.acquired_labels) for step in chain.steps]
    return (
        np.array([step.labels for step in chain.steps], dtype=np.int64),
        np.cumsum([0, *asked[:-1]][: len(asked)]).astype(np.float64),
    )


def positives_curve(chains: Sequence[Chain], positive: int) -> Curve:
    """Mean and spread over seeds of `positives_acquired`."""
    return mean_curve(positives_acquired(chain, positive) for chain in chains)


def initial_positives(chains: Sequence[Chain], positive: int) -> list[int]:
    """The numbers of the class among the initial images that occur, increasing."""
    return sorted({sum(int(y) == positive for y in c.initial_labels) for c in chains})
