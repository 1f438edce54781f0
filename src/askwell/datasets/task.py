"""What a loaded data set is: images and labels, split into training and test sets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askwell.errors import InputError, LabelError, NonFiniteError


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images with the class or the target of each.

    Attributes:
        images: uint8 (0 to 255), shape (N, height, width) or (N, height, width, channels); a
            read-only memory map where the data set lies uncompressed on disk.
        labels: shape (N,); int64 are indices into the task's classes, float64 the finite targets
            of a regression.

    Raises:
        InputError: not one label for each image, or labels of another type.
        NonFiniteError: a target is NaN or infinite.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise InputError(
                f"Every image needs one label; got {len(self.images)} images and "
                f"{len(self.labels)} labels."
            )
        if self.labels.ndim != 1 or self.labels.dtype not in (np.int64, np.float64):
            raise InputError(
                "labels must be one-dimensional: class indices as int64, or targets as float64; "
                f"got shape {self.labels.shape} of {self.labels.dtype}."
            )
        bad = np.flatnonzero(~np.isfinite(self.labels))
        if len(bad):
            raise NonFiniteError(
                f"{len(bad)} targets are NaN or infinite; the first belongs to image {bad[0]}."
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageTask:
    """The names of a task's classes, its training set and its test set.

    A classification has classes, and int64 labels. A regression has none, and float64 targets.

    Raises:
        InputError: the labels are of the other kind.
        LabelError: a label is no index into `classes`.
    """

    name: str
    classes: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages

    def __post_init__(self) -> None:
        wanted = np.int64 if self.classes else np.float64
        for part, labels in (("training", self.train.labels), ("test", self.test.labels)):
            if labels.dtype != wanted:
                raise InputError(
                    f"{self.name} has {len(self.classes)} classes, so its {part} labels must be "
                    f"{np.dtype(wanted)}; got {labels.dtype}. A classification names its classes "
                    "and has int64 labels, a regression has no classes and float64 targets."
                )
            outside = (labels < 0) | (labels >= len(self.classes))
            if self.classes and outside.any():
                raise LabelError(
                    f"{self.name} has the classes 0 … {len(self.classes) - 1}; got the {part} "
                    f"labels {np.unique(labels[outside])[:5].tolist()}."
                )
