"""What images are compared by: their pixels, or the features of a network trained on the labels."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from askwell.baselines.base import Array
from askwell.errors import ModelError, NonFiniteError
from askwell.networks import naming_the_shape
from askwell.pool import Pool, chunks
from askwell.records import ItemId, Label
from askwell.tensors import Images
from askwell.train.calls import FitLike

FeatureMap = Callable[[Images], Array]
"""Images → features, shape (N, F), float64."""

Features = Callable[[Mapping[ItemId, Label], Pool, int, int | None], FeatureMap]
"""(labelled set, pool, seed, classes) → feature map. One that looks at no label returns the same
object every time, so that what was computed from it can be kept."""

_CHUNK = 256


def pixels(
    labelled: Mapping[ItemId, Label],  # noqa: ARG001
    pool: Pool,  # noqa: ARG001
    seed: int,  # noqa: ARG001
    classes: int | None,  # noqa: ARG001
) -> FeatureMap:
    """Raw pixels, as Zhu et al. (2003) compare images."""
    return flat


def flat(images: Images) -> Array:
    """The values of each image as one row."""
    values: Array = images.detach().flatten(1).double().cpu().numpy()
    return values


def cnn_features(fit: FitLike) -> Features:
    """Features of a network that is trained anew on whatever is labelled: its penultimate layer.

    They are what the network's last linear layer is given, with dropout off.

    Args:
        fit: trains the network: an `askwell.train.Fit`, or any other whose posterior has a
            `network`.
    """

    def features(
        labelled: Mapping[ItemId, Label], pool: Pool, seed: int, classes: int | None
    ) -> FeatureMap:
        posterior = fit(labelled, pool, seed, classes=classes)
        network = getattr(posterior, "network", None)
        if not isinstance(network, nn.Module):
            raise ModelError(
                f"Features come from a posterior of one network; {type(posterior).__name__} has "
                "none. Pass an askwell.Fit."
            )
        return _Penultimate(network)

    return features


class _Penultimate:
    """The input of the linear layer that a network calls last."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval()

    @torch.inference_mode()
    def __call__(self, images: Images) -> Array:
        weight = next(self.network.parameters())
        # A copy: a network may overwrite its argument.
        images = images.to(weight.device, weight.dtype, copy=True)
        last: list[Tensor] = []

        def keep(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            del layer
            last[:] = [args[0] if args else kwargs["input"]]

        linears = [layer for layer in self.network.modules() if isinstance(layer, nn.Linear)]
        hooks = [layer.register_forward_pre_hook(keep, with_kwargs=True) for layer in linears]
        try:
            with naming_the_shape(self.network, images):
                self.network(images)
        finally:
            for hook in hooks:
                hook.remove()
        if not last:
            raise ModelError(
                f"{type(self.network).__name__} has no nn.Linear layer, and features are what the "
                "last one is given. Use the pixels, or a feature map of your own."
            )
        return flat(last[0])


def pool_features(feature_map: FeatureMap, pool: Pool) -> Array:
    """The features of every item of a pool, by position, shape (N, F).

    Raises:
        NonFiniteError: NaN or infinity; the message names the items.
    """
    every = np.arange(len(pool.ids), dtype=np.int64)
    values = np.concatenate([feature_map(c.images) for c in chunks(pool, every, size=_CHUNK)])
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        names = ", ".join(repr(pool.ids[row]) for row in bad[:5].tolist())
        raise NonFiniteError(f"Features are NaN or infinite for {len(bad)} items: {names}.")
    return values
