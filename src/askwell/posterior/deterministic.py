"""The point mass q(ω) = δ(ω − θ): what the paper's figure 2 compares with."""

import torch
from torch import nn

from askwell.likelihoods import categorical
from askwell.networks import naming_the_shape, require_images, require_matrix
from askwell.posterior.arguments import checked_draw, frozen_copy
from askwell.precision import choose_layout, in_layout
from askwell.records import Training
from askwell.tensors import Images, LogProbs, Outputs


class Deterministic:
    """A network as it is, dropout off: every draw is the same function.

    BALD and mean STD of its draws are exactly 0 for every image, so they rank at random.

    Args:
        network: any `nn.Module` from a batch of images to one tensor (N, O); copied.
        training: how it was trained, for reports.

    Raises:
        ModelError: a lazy layer without weights.
    """

    def __init__(self, network: nn.Module, *, training: Training | None = None) -> None:
        self.network = frozen_copy(network)
        self.training = training

    def draw(self, n: int, *, seed: int) -> "SameDraws":
        """The same function `n` times, whatever the seed.

        Raises:
            InputError: n or the seed is no whole number, or n < 1.
        """
        n, _ = checked_draw(n, seed)
        return SameDraws(self.network, n)


class SameDraws:
    """One function, T times; it runs once an image."""

    def __init__(self, network: nn.Module, draws: int) -> None:
        self.network = network
        self.device = next(network.parameters()).device
        self._draws = draws
        self._layout: torch.memory_format | None = None

    def __len__(self) -> int:
        return self._draws

    @torch.inference_mode()
    def outputs(self, images: Images) -> Outputs:
        """Shape (N, T, O), a view: the T rows of an image share their memory.

        Raises:
            InputError: the images are not a tensor.
            ModelError: the network fails on images of this shape, or returns no matrix.
        """
        weight = next(self.network.parameters())
        images = require_images(images).to(weight.device, weight.dtype, non_blocking=True)
        if self._layout is None:
            self._layout = choose_layout(self.network, images[:2])
        with naming_the_shape(self.network, images):
            # A copy: a network may overwrite its argument.
            outputs = self.network(in_layout(images, self._layout).clone())
        return require_matrix(outputs).unsqueeze(1).expand(-1, self._draws, -1)

    def log_probs(self, images: Images) -> LogProbs:
        """log p(y = c | x_n, θ), shape (N, T, C)."""
        return categorical(self.outputs(images))
