"""The test metrics of the records: how they are written, which way is better, which one leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from askwell.records import Run

Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Metric:
    """One test metric.

    Attributes:
        name: its key in the records.
        title: its name in a sentence.
        factor: what it is multiplied by to be written; 100 writes per cent.
        digits: decimals.
        lower: whether lower is better.
    """

    name: str
    title: str
    factor: int
    digits: int
    lower: bool

    @property
    def unit(self) -> str:
        """What stands after a number: ` %` or nothing."""
        return " %" if self.factor == 100 else ""

    @property
    def heading(self) -> str:
        """The head of a column."""
        if self.name == "nll":
            return f"{self.title} (nats)"
        return f"{self.title} (%)" if self.factor == 100 else self.title

    def loss(self, value: Number) -> Number:
        """The metric turned so that lower is better: 1 − value where higher is."""
        return value if self.lower else 1 - value

    def gain(self, difference: Number) -> Number:
        """A difference turned so that above 0 is better."""
        return -difference if self.lower else difference


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("accuracy", "accuracy", 100, 2, lower=False),
            Metric("auc", "AUC", 100, 2, lower=False),
            Metric("rmse", "RMSE", 1, 4, lower=True),
            Metric("nll", "NLL", 1, 3, lower=True),
            Metric("brier", "Brier", 1, 3, lower=True),
            Metric("ece", "ECE", 100, 2, lower=True),
        )
    }
)
"""In the order of the tables."""


def primary_metric(run: Run) -> Metric:
    """What the arms are compared by: the spec's `primary_metric`, else by the kind of the run.

    Without that key: AUC on ISIC 2016 (four in five are negative), RMSE in a regression, else
    accuracy.
    """
    chosen = run.spec.get("primary_metric")
    if isinstance(chosen, str) and chosen in METRICS:
        return METRICS[chosen]
    present = {name for chain in run.chains for step in chain.steps for name in step.metrics}
    if run.spec.get("dataset") == "isic2016" and "auc" in present:
        return METRICS["auc"]
    regression = "rmse" in present and "accuracy" not in present
    return METRICS["rmse" if regression else "accuracy"]
