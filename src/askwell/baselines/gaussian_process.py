"""Gaussian process classification on raw pixels, as Li & Guo (2013) measure uncertainty."""

import itertools
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from askwell.baselines.base import Array, PointMass, all_classes, labels_by_position
from askwell.baselines.features import flat
from askwell.baselines.width import median_distance
from askwell.pool import Pool
from askwell.randomness import derive
from askwell.records import ItemId, Label, Training
from askwell.tensors import Images

_STARTS_OF_VARIANCE = (1.0, 10.0, 100.0)
_STARTS_OF_WIDTH = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """`fit(labelled, pool, seed)` gives a Gaussian process classifier on the labelled items.

    Its kernel is s² exp(−‖x − x'‖² / 2σ²) on raw pixels; s and σ maximise the marginal likelihood
    in Laplace's approximation (Rasmussen & Williams 2006, algorithm 5.1), starting from the best of
    nine pairs about s = 1 and σ the median distance of the labelled items. More than two classes
    are one process each, against the rest. Time is O(l³) in the number of labels: up to about
    1 000. With labels of one class only, that class is the prediction for every image.
    """

    def __call__(
        self,
        labelled: Mapping[ItemId, Label],
        pool: Pool,
        seed: int,
        *,
        classes: int | None = None,
    ) -> PointMass:
        """Train on the labelled items.

        Raises:
            LabelError: nothing is labelled yet, or a label is no class index.
            InputError: the labelled images are all equal.
        """
        start = time.perf_counter()
        positions, labels, count = labels_by_position(labelled, pool, classes)
        process = None
        if labels.min() != labels.max():
            process = _trained(flat(pool.images(positions)), labels, seed)
        seconds = time.perf_counter() - start
        training = Training(len(labels), 0, 0.0, 0.0, seconds=seconds)
        return PointMass(_LogProbs(process, np.unique(labels), count), training)


def _trained(features: Array, labels: NDArray[np.int64], seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    scale = median_distance(features, derive(seed, "length scale"))
    kernel = ConstantKernel(1.0, (1e-2, 1e4)) * RBF(scale, (0.01 * scale, 100 * scale))
    with warnings.catch_warnings():
        # With few labels the likelihood often grows up to a bound, which is a fair answer.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process = GaussianProcessClassifier(kernel, optimizer=_from_the_best_start, random_state=0)
        return process.fit(features, labels)


def _from_the_best_start(
    objective: Callable[..., Any], initial: Array, bounds: Array
) -> tuple[Array, float]:
    """Minimise the negative log marginal likelihood over (log s², log σ).

    From one start alone the search may run into a bound, where every image is 50 to 50: seen on
    two digits with 180 labels, between fits that had 98 % right.
    """
    from scipy.optimize import minimize

    offsets = itertools.product(np.log(_STARTS_OF_VARIANCE), np.log(_STARTS_OF_WIDTH))
    starts = [np.clip(initial + offset, bounds[:, 0], bounds[:, 1]) for offset in offsets]
    values = [float(objective(start, eval_gradient=False)) for start in starts]
    best = int(np.argmin(values))
    found = minimize(objective, starts[best], jac=True, bounds=bounds, method="L-BFGS-B")
    if found.fun < values[best]:
        return found.x, float(found.fun)
    return starts[best], values[best]


@dataclass(frozen=True, slots=True)
class _LogProbs:
    """Log-probabilities of a process, or of a constant where one class has labels."""

    process: Any
    known: NDArray[np.int64]
    classes: int

    def __call__(self, images: Images) -> Float[Tensor, "N C"]:
        if self.process is None:
            return all_classes(np.zeros((len(images), 1)), self.known, self.classes)
        probs: Array = self.process.predict_proba(flat(images))
        logs = np.log(np.maximum(probs, np.finfo(np.float64).tiny))
        return all_classes(logs, self.known, self.classes)
