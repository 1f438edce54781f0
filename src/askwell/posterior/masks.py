"""Dropout masks keyed by (seed, draw, layer): what makes a draw one fixed function."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor

from askwell.errors import ModelError
from askwell.randomness import generator

_MOST_BYTES = 2**30


class Masks:
    """The masks of T draws.

    Args:
        seed: of the draws.
        draws: T.
        device: where the masks are used. They are always generated on the CPU, so that a draw is
            the same function on every device.
    """

    def __init__(self, *, seed: int, draws: int, device: torch.device) -> None:
        self.seed = seed
        self.draws = draws
        self.device = device
        self._cache: dict[tuple[int, float, tuple[int, ...]], Tensor] = {}

    def keep(self, layer: int, p: float, shape: tuple[int, ...]) -> Bool[Tensor, "T ..."]:
        """Which values survive: each is kept with probability 1 − p.

        Args:
            layer: the ordinal of the dropout call in the network's forward pass.
            p: the probability of dropping a value.
            shape: of one image's mask.
        """
        key = (layer, p, shape)
        if key not in self._cache:
            size = self.draws * math.prod(shape)
            if size > _MOST_BYTES:
                raise ModelError(
                    f"Dropout call {layer} drops values of shape {shape}: the masks of "
                    f"{self.draws} draws would take {size / 2**30:.1f} GiB. Draw fewer functions, "
                    "or move dropout behind the pooling."
                )
            # One generator for each draw and layer: a mask depends on nothing else.
            rows = [
                torch.rand(shape, generator=generator(self.seed, "mask", t, layer)) >= p
                for t in range(self.draws)
            ]
            self._cache[key] = torch.stack(rows).to(self.device)
        return self._cache[key]

    def apply(
        self, features: Tensor, draws: slice, *, layer: int, p: float, shape: tuple[int, ...]
    ) -> Tensor:
        """Drop and rescale features of a block of draws, as dropout does in training.

        Args:
            features: (B · n, ...) with the B draws of `draws` outermost.
            draws: which draws, e.g. `slice(0, 8)`.
            layer: as for `keep`.
            p: as for `keep`.
            shape: the mask's shape for one image, broadcast against the features'.
        """
        if p >= 1:
            return torch.zeros_like(features)
        keep = self.keep(layer, p, shape)[draws]  # B *shape
        blocks = features.reshape(len(keep), -1, *features.shape[1:])  # B n *features
        scale = keep.unsqueeze(1).to(features.dtype) / (1 - p)  # B 1 *shape
        return (blocks * scale).flatten(0, 1)
