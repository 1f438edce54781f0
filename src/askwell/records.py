"""What crosses process borders: frozen records that need nothing but the standard library.

An item is known by a stable id, never by a position in a shrinking array: an `int` for items of
an array (its position in the *original* array), a `str` for files (relative path and content
hash).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ItemId = int | str
"""The stable name of one image."""

Label = int | float
"""A class index (classification) or a target value (regression)."""


@dataclass(frozen=True, slots=True)
class Query:
    """The images that the learner asks for, best first, with their scores.

    A score is `nan` where none exists (random acquisition).
    """

    ids: tuple[ItemId, ...]
    scores: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Training:
    """How a posterior came about: reported with every step.

    Attributes:
        labels: images that it was trained on.
        steps: optimisation steps.
        loss: mean training loss (nats an image, without the penalty) over the last tenth of them.
        weight_decay: the constant c in the penalty `c / N · ‖W‖²`.
        validation: accuracy on the validation images for each candidate c that was tried now
            (empty where an earlier choice was kept, or none was to be made).
        seconds: wall time.
    """

    labels: int
    steps: int
    loss: float
    weight_decay: float
    validation: Mapping[float, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One turn of the loop: trained on what is labelled, evaluated, asked for more.

    Attributes:
        step: 0 for the model trained on the initial set.
        labels: labelled images in the training set (validation images are not among them).
        metrics: on the test set: `accuracy`, `nll`, `brier`, `ece` (classification), `auc` too
            for two classes; `rmse`, `nll` for regression.
        acquired: the items asked for after this training, best first; empty at the last step.
        acquired_labels: what the oracle answered, in the same order.
        scores: their acquisition scores; `nan` (JSON null) for random acquisition.
        training: how the model was trained.
        seconds: wall time of `train`, `evaluate` and `score`.
    """

    step: int
    labels: int
    metrics: Mapping[str, float]
    acquired: tuple[ItemId, ...]
    acquired_labels: tuple[Label, ...]
    scores: tuple[float, ...]
    training: Training
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Chain:
    """All steps of one arm with one seed, and the split that it started from.

    The split depends on the seed alone, so the arms of one seed share it (paired comparisons).
    """

    arm: str
    seed: int
    initial: tuple[ItemId, ...]
    initial_labels: tuple[Label, ...]
    validation: tuple[ItemId, ...]
    steps: tuple[StepRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a run directory holds: the resolved spec, where it ran, and every chain's records.

    Attributes:
        spec: the resolved specification, every key with its value.
        environment: versions, commit, processor, threads per job, start time.
        classes: class names, in label order; empty for regression.
        chains: in the order of the spec: arm by arm, seed by seed.
    """

    spec: Mapping[str, object]
    environment: Mapping[str, object]
    classes: tuple[str, ...]
    chains: tuple[Chain, ...]
