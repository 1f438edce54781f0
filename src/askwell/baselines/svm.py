"""Support vector machines (Cortes & Vapnik 1995) on raw pixels, as Joshi et al. (2009)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from askwell.baselines.base import Array, PointMass, all_classes, labels_by_position
from askwell.baselines.features import flat
from askwell.errors import InputError
from askwell.pool import Pool
from askwell.records import ItemId, Label, Training
from askwell.tensors import Images

KERNELS = ("linear", "poly", "rbf")


@dataclass(frozen=True, slots=True)
class SVM:
    """`fit(labelled, pool, seed)` gives a support vector machine on the labelled items' pixels.

    Its outputs stand in for logits, with the acquisition function `margin` in mind: (−h/2, h/2)
    for two classes, h the decision function, so that images near the hyperplane come first;
    one-versus-rest decision values for more, so that the margin is that between the best and the
    second-best class (Joshi, Porikli & Papanikolopoulos 2009). They are not calibrated: a
    log-likelihood computed from them says little. With labels of one class only, that class is
    the prediction for every image.

    Args:
        kernel: "linear", "poly" (of degree 3) or "rbf"; its scale is 1 / (F · variance).
        penalty: C, the weight of the margin's violations.

    Raises:
        InputError: another kernel, or a penalty that is not above 0.
    """

    kernel: Literal["linear", "poly", "rbf"] = "rbf"
    penalty: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what scikit-learn would."""
        if self.kernel not in KERNELS:
            raise InputError(f"kernel must be one of {', '.join(KERNELS)}; got {self.kernel!r}.")
        if not 0 < self.penalty < float("inf"):
            raise InputError(f"penalty must be a number above 0; got {self.penalty!r}.")

    def __call__(
        self,
        labelled: Mapping[ItemId, Label],
        pool: Pool,
        seed: int,  # noqa: ARG002  (nothing is random)
        *,
        classes: int | None = None,
    ) -> PointMass:
        """Train on the labelled items.

        Raises:
            LabelError: nothing is labelled yet, or a label is no class index.
        """
        from sklearn.svm import SVC

        start = time.perf_counter()
        positions, labels, count = labels_by_position(labelled, pool, classes)
        machine = None
        if labels.min() != labels.max():
            machine = SVC(C=self.penalty, kernel=self.kernel, gamma="scale")
            machine.fit(flat(pool.images(positions)), labels)
        seconds = time.perf_counter() - start
        training = Training(len(labels), 0, 0.0, 0.0, seconds=seconds)
        return PointMass(_Decision(machine, np.unique(labels), count), training)


@dataclass(frozen=True, slots=True)
class _Decision:
    """Pseudo-logits of a machine, or of a constant where one class has labels."""

    machine: Any
    known: NDArray[np.int64]
    classes: int

    def __call__(self, images: Images) -> Float[Tensor, "N C"]:
        if self.machine is None:
            return all_classes(np.zeros((len(images), 1)), self.known, self.classes)
        decision: Array = self.machine.decision_function(flat(images))
        if decision.ndim == 1:  # two classes
            decision = np.column_stack([-decision / 2, decision / 2])
        return all_classes(decision, self.known, self.classes)
