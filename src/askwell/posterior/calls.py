"""What counts as dropout: the calls that draw a mask, in modules and in functions alike.

`nn.Dropout*` call the functions below, so one table serves both. A network is always run in eval
mode and its dropout calls are given masks whatever their `training` flag says: BatchNorm keeps its
running statistics, and only dropout is stochastic.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from askwell.errors import ModelError

MaskShape = Callable[[tuple[int, ...]], tuple[int, ...]]
"""The shape of one image's features → the shape of its mask."""


def _every_value(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape


def _every_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:1], *(1 for _ in shape[1:]))


DROPOUTS: Mapping[Callable[..., Any], MaskShape] = MappingProxyType(
    {
        F.dropout: _every_value,
        torch.dropout: _every_value,
        F.dropout1d: _every_channel,
        F.dropout2d: _every_channel,
        F.dropout3d: _every_channel,
    }
)
"""Functional dropout → the shape of its mask."""

DROPOUT_MODULES: Mapping[type[nn.Module], Callable[..., Any]] = MappingProxyType(
    {
        nn.Dropout: F.dropout,
        nn.Dropout1d: F.dropout1d,
        nn.Dropout2d: F.dropout2d,
        nn.Dropout3d: F.dropout3d,
    }
)
"""Dropout modules → the function that each calls."""

_NO_MASK: Mapping[Callable[..., Any], str] = MappingProxyType(
    {
        F.alpha_dropout: "alpha dropout",
        F.feature_alpha_dropout: "feature alpha dropout",
        F.scaled_dot_product_attention: "dropout inside attention",
        F.multi_head_attention_forward: "dropout inside attention",
    }
)
"""Calls with dropout of another kind: an error wherever their probability is above zero."""


def drop_probability(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float:
    """The p of a dropout call: second argument, `p=`, or the functions' default ½."""
    return float(args[1] if len(args) > 1 else kwargs.get("p", 0.5))


def is_inplace(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a dropout call overwrites its argument."""
    return bool(args[3] if len(args) > 3 else kwargs.get("inplace", False))


class DropoutCalls(TorchFunctionMode):
    """While active, hands every dropout call to `on_call(ordinal, function, features, p)`.

    Ordinals count the calls with p > 0 in the order of the forward pass. `on_call` returns what
    the call returns.

    Attributes:
        count: the calls so far.
        without_mask: names of the calls so far whose dropout has no mask of this kind.
    """

    def __init__(self, on_call: Callable[[int, Callable[..., Any], Tensor, float], Tensor]) -> None:
        super().__init__()
        self.on_call = on_call
        self.count = 0
        self.without_mask: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Intercept dropout, let everything else pass."""
        kwargs = kwargs or {}
        if func in _NO_MASK and _other_probability(func, args, kwargs) > 0:
            self.without_mask.append(_NO_MASK[func])
        if func not in DROPOUTS:
            return func(*args, **kwargs)
        features = args[0] if args else kwargs["input"]
        p = drop_probability(args, kwargs)
        if p == 0:
            return features
        self.count += 1
        dropped = self.on_call(self.count - 1, func, features, p)
        return features.copy_(dropped) if is_inplace(args, kwargs) else dropped


def _other_probability(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> float:
    if func is F.scaled_dot_product_attention:
        return float(args[4] if len(args) > 4 else kwargs.get("dropout_p", 0.0))
    if func is F.multi_head_attention_forward:
        return float(args[9]) if kwargs.get("training", True) else 0.0
    return drop_probability(args, kwargs)


def refuse_unmaskable(module: nn.Module) -> None:
    """Raise `ModelError` for a layer whose dropout happens where no mask of ours can reach."""
    for name, layer in module.named_modules():
        kind = type(layer).__name__
        inside = (
            (isinstance(layer, nn.RNNBase) and layer.dropout > 0 and layer.num_layers > 1)
            or (isinstance(layer, nn.MultiheadAttention) and layer.dropout > 0)
            or (isinstance(layer, nn.AlphaDropout | nn.FeatureAlphaDropout) and layer.p > 0)
        )
        if inside:
            raise ModelError(
                f"The dropout of `{name or 'the network'}` ({kind}) happens inside one fused call, "
                "so its draws cannot be held fixed. Set that dropout to 0 and put an nn.Dropout "
                "before or after the layer."
            )
