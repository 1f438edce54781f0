"""What a loaded data set is: images and labels, split into training and test sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askwell.errors import InputError


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images with the class of each.

    Attributes:
        images: uint8 (0 to 255), shape (N, height, width) or (N, height, width, channels); a
            read-only memory map where the data set lies uncompressed on disk.
        labels: int64, shape (N,), indices into the task's classes.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise InputError(
                f"Every image needs one label; got {len(self.images)} images and "
                f"{len(self.labels)} labels."
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageTask:
    """A classification task: the names of its classes, its training set and its test set."""

    name: str
    classes: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages
