"""What the baselines share: labels by position, and a posterior that is one fixed function."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from askwell.checks import whole_number
from askwell.errors import InputError, LabelError
from askwell.likelihoods import categorical
from askwell.networks import require_images
from askwell.pool import Pool, Positions, check_pool
from askwell.records import ItemId, Label, Training
from askwell.tensors import Images, LogProbs, Outputs

Array = NDArray[np.float64]

Predict = Callable[[Images], Float[Tensor, "N C"]]
"""Images → one row of logits an image."""

_NEVER_LABELLED = 30.0
"""How far, in nats, a class that nobody has labelled yet lies below the least of the others."""


class PointMass:
    """The posterior of a method that has no weights to draw: every draw is the same function.

    Args:
        predict: from images to logits, shape (N, C).
        training: how it came about.
    """

    def __init__(self, predict: Predict, training: Training) -> None:
        self.predict = predict
        self.training: Training | None = training

    def draw(self, n: int, *, seed: int) -> "PointMassDraws":  # noqa: ARG002  (nothing to draw)
        """The same function `n` times, whatever the seed; one is enough."""
        if n < 1:
            raise InputError(f"At least one posterior draw is needed; got {n}.")
        return PointMassDraws(self.predict, n)


class PointMassDraws:
    """One function, T times; it is computed once an image.

    Attributes:
        predict: the function. A strategy that needs more of a method than its predictions, such
            as `MBR`, finds it here.
    """

    def __init__(self, predict: Predict, draws: int) -> None:
        self.predict = predict
        self._draws = draws

    def __len__(self) -> int:
        return self._draws

    def outputs(self, images: Images) -> Outputs:
        """Shape (N, T, C), a view: the T rows of an image share their memory."""
        return self.predict(require_images(images)).unsqueeze(1).expand(-1, self._draws, -1)

    def log_probs(self, images: Images) -> LogProbs:
        """log p(y = c | x_n), shape (N, T, C)."""
        return categorical(self.outputs(images))


def labels_by_position(
    labelled: Mapping[ItemId, Label], pool: Pool, classes: int | None
) -> tuple[Positions, NDArray[np.int64], int]:
    """Positions in ascending order, their class indices, and the number of classes.

    Args:
        labelled: the labelled items.
        pool: their pool.
        classes: how many there are; None means two, or more where a label says so.

    Raises:
        LabelError: nothing is labelled, an item is unknown, or a label is no class index.
    """
    if not labelled:
        raise LabelError("Nothing is labelled yet. Tell the learner some labels first.")
    check_pool(pool)
    pairs = sorted((pool.position(item), label) for item, label in labelled.items())
    try:
        values = np.array([label for _, label in pairs], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LabelError(f"Labels must be class indices, numbers from 0; {error}.") from error
    if classes is None:
        count = max(2, int(np.max(values, where=np.isfinite(values), initial=0)) + 1)
    else:
        count = whole_number("The number of classes", classes, least=2)
    wrong = ~((values >= 0) & (values < count) & (values == np.floor(values)))
    if wrong.any():
        raise LabelError(
            f"The baselines are classifiers: labels must be class indices 0 … {count - 1}; "
            f"{int(wrong.sum())} are not, for instance {values[wrong][0]:g}."
        )
    positions = np.array([position for position, _ in pairs], dtype=np.int64)
    return positions, values.astype(np.int64), count


def all_classes(logits: Array, known: NDArray[np.int64], classes: int) -> Float[Tensor, "N C"]:
    """Logits of the classes that have labels → those of all classes.

    A class without any label gets the least logit of its row minus 30: it is never predicted, and
    changes no comparison among the others.

    Args:
        logits: shape (N, K), of the K classes in `known`.
        known: which classes these are.
        classes: C ≥ K.
    """
    rows = np.repeat(logits.min(axis=1, keepdims=True) - _NEVER_LABELLED, classes, axis=1)
    rows[:, known] = logits
    return torch.from_numpy(rows)
