"""The whole interface of a posterior: it gives draws, and a draw is one function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from askwell.errors import ModelError
from askwell.records import Training
from askwell.tensors import Images, LogProbs, Outputs


@dataclass(frozen=True)
class Features:
    """What all draws share about some images: computed once, read by every draw.

    Attributes:
        values: what crosses from the deterministic part of the network to the rest.
        by_image: which of the values have one row for each image.
        size: how many images.
        divisible: whether all other values are the same whatever the images, so that features
            can be taken apart by image and put together.
    """

    values: tuple[Any, ...]
    by_image: tuple[bool, ...]
    size: int
    divisible: bool = True

    def __len__(self) -> int:
        """How many images."""
        return self.size

    def take(self, rows: Tensor) -> "Features":
        """The features of some of the images, copied.

        Raises:
            ModelError: the features are not divisible.
        """
        self._require_divisible()
        values = tuple(
            value.index_select(0, rows.to(value.device)) if by_image else value
            for value, by_image in zip(self.values, self.by_image, strict=True)
        )
        return Features(values, self.by_image, len(rows))

    @staticmethod
    def cat(parts: Sequence["Features"]) -> "Features":
        """The features of all images of the parts, which come from the same draws.

        Raises:
            ModelError: the features are not divisible.
        """
        first = parts[0]
        first._require_divisible()
        values = tuple(
            torch.cat([part.values[i] for part in parts]) if by_image else first.values[i]
            for i, by_image in enumerate(first.by_image)
        )
        return Features(values, first.by_image, sum(map(len, parts)))

    def _require_divisible(self) -> None:
        if not self.divisible:
            raise ModelError(
                "What this network computes before its dropout cannot be taken apart by image: it "
                "holds the size of the batch, or several rows an image. Use the features whole."
            )


class Draws(Protocol):
    """T fixed functions ω_1 … ω_T, drawn once.

    Draw t is the same function for every image, chunk, call and process: its randomness is keyed
    by (seed, t, layer), never by an image's place in a batch. So scores of different images are
    compared under common random numbers, and joint quantities over images are valid.
    """

    def __len__(self) -> int:
        """T."""

    def outputs(self, images: Images) -> Outputs:
        """The raw network outputs of each image under each draw, shape (N, T, O)."""

    def log_probs(self, images: Images) -> LogProbs:
        """log p(y = c | x_n, ω_t), shape (N, T, C): `categorical(outputs(images))`."""


@runtime_checkable
class StagedDraws(Draws, Protocol):
    """Draws whose shared work can be kept: `outputs(x)` is `decode(encode(x), range(T))`."""

    def encode(self, images: Images) -> Features:
        """What all draws share about these images."""

    def decode(self, features: Features, draws: range) -> Outputs:
        """The outputs under some of the draws, shape (N, len(draws), O)."""


class Posterior(Protocol):
    """An approximate posterior q(ω) over the functions that a trained network can be.

    Attributes:
        training: how it came about, for reports; None where nobody recorded it.
    """

    training: Training | None

    def draw(self, n: int, *, seed: int) -> Draws:
        """`n` functions from q(ω); the same ones whenever called with this seed."""
