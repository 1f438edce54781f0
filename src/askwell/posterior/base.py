"""The whole interface of a posterior: it gives draws, and a draw is one function."""

from typing import Protocol

from askwell.records import Training
from askwell.tensors import Images, LogProbs, Outputs


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


class Posterior(Protocol):
    """An approximate posterior q(ω) over the functions that a trained network can be.

    Attributes:
        training: how it came about, for reports; None where nobody recorded it.
    """

    training: Training | None

    def draw(self, n: int, *, seed: int) -> Draws:
        """`n` functions from q(ω); the same ones whenever called with this seed."""
