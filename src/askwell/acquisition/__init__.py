"""Acquisition functions: pure scores of what the posterior draws say; larger = label it first.

Each is a function of log-probabilities (N, T, C), or of a `Gaussian` for regression, and knows
nothing of files, devices, batches or random numbers. A new one is a function in one of these
modules and an entry in the table below; the laws in `tests/laws` run on it by themselves.

Random acquisition is not among them: it is a strategy, see `askwell.select`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from askwell.acquisition.dispersion import mean_std, variation_ratios, variation_ratios_votes
from askwell.acquisition.information import bald, max_entropy
from askwell.acquisition.margins import least_confidence, margin
from askwell.acquisition.regression import predictive_variance, total_predictive_variance
from askwell.likelihoods import categorical, gaussian
from askwell.tensors import Outputs, Scores

__all__ = [
    "ACQUISITIONS",
    "Acquisition",
    "bald",
    "least_confidence",
    "margin",
    "max_entropy",
    "mean_std",
    "predictive_variance",
    "total_predictive_variance",
    "variation_ratios",
    "variation_ratios_votes",
]

_CACHE_SIZED = 65_536
"""Elements of a block: half a megabyte in float64, so that its few buffers stay in cache."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """An acquisition function, with what is needed to apply and to describe it.

    Attributes:
        name: its key in `ACQUISITIONS`, in specs and on the command line.
        score: from what `likelihood` returns to one score an item.
        likelihood: from raw network outputs to a distribution over labels.
        formula: the score, in one line.
        source: who introduced it.
        summary: what it prefers, in one line.
        disagreement: whether it only looks at how far the draws disagree, so that it is 0 for
            every item where there is one draw.
        smooth: whether it changes a little when a few draws change, as the intervals of a race
            assume. Votes jump: sixteen alike say nothing of the seventeenth.
    """

    name: str
    score: Callable[[Any], Scores]  # of LogProbs or Gaussian: whichever `likelihood` returns
    likelihood: Callable[[Outputs], Any]
    formula: str
    source: str
    summary: str
    disagreement: bool = False
    smooth: bool = True

    def of_outputs(self, outputs: Outputs) -> Scores:
        """The scores of raw network outputs (N, T, O): `score(likelihood(outputs))`.

        Works through blocks of items that fit a processor's cache: the same numbers, sooner.
        """
        rows = max(1, _CACHE_SIZED // max(1, outputs[:1].numel()))
        starts = range(0, max(1, len(outputs)), rows)  # no item at all is one empty block
        blocks = (outputs[start : start + rows].contiguous() for start in starts)
        return torch.cat([self.score(self.likelihood(block)) for block in blocks])


_TABLE = (
    Acquisition(
        name="bald",
        score=bald,
        likelihood=categorical,
        formula="H[p̄] − mean_t H[p_t]",
        source="Houlsby et al. 2011",
        summary="images about which the draws disagree, each being sure of itself",
        disagreement=True,
    ),
    Acquisition(
        name="variation_ratios",
        score=variation_ratios,
        likelihood=categorical,
        formula="1 − max_c p̄_c",
        source="Freeman 1965; Gal et al. 2017",
        summary="images whose most probable class is improbable",
    ),
    Acquisition(
        name="max_entropy",
        score=max_entropy,
        likelihood=categorical,
        formula="H[p̄]",
        source="Shannon 1948",
        summary="images whose prediction is uncertain, for whatever reason",
    ),
    Acquisition(
        name="mean_std",
        score=mean_std,
        likelihood=categorical,
        formula="(1/C) Σ_c std_t p_tc",
        source="Kampffmeyer et al. 2016; Gal et al. 2017",
        summary="images whose class probabilities vary from draw to draw",
        disagreement=True,
    ),
    Acquisition(
        name="variation_ratios_votes",
        score=variation_ratios_votes,
        likelihood=categorical,
        formula="1 − max_c #{t : argmax p_t = c} / T",
        source="Freeman 1965; Beluch et al. 2018",
        summary="images on whose class the draws vote differently",
        disagreement=True,
        smooth=False,
    ),
    Acquisition(
        name="margin",
        score=margin,
        likelihood=categorical,
        formula="−(p̄₍₁₎ − p̄₍₂₎)",
        source="Scheffer et al. 2001",
        summary="images between two classes",
    ),
    Acquisition(
        name="least_confidence",
        score=least_confidence,
        likelihood=categorical,
        formula="1 − max_c p̄_c",
        source="Lewis & Gale 1994",
        summary="the same as variation_ratios, under its other name",
    ),
    Acquisition(
        name="predictive_variance",
        score=predictive_variance,
        likelihood=gaussian,
        formula="Var_t[μ_t]",
        source="Gal et al. 2017",
        summary="regression: images on whose target the draws disagree",
        disagreement=True,
    ),
    Acquisition(
        name="total_predictive_variance",
        score=total_predictive_variance,
        likelihood=gaussian,
        formula="Var_t[μ_t] + mean_t σ²_t",
        source="Kendall & Gal 2017",
        summary="regression: images whose target is uncertain, noise included",
    ),
)

ACQUISITIONS: Mapping[str, Acquisition] = MappingProxyType({entry.name: entry for entry in _TABLE})
"""Every acquisition function by name."""
