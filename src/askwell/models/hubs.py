"""Any classifier of timm or torchvision as a backbone, its last layer removed."""

from typing import Any

import torch
from torch import nn

from askwell.errors import InputError, ModelError
from askwell.models.backbone import Backbone, Head
from askwell.models.weights import State, fetched, require_package

_HEAD = Head(hidden=(512,), p=0.5, input_p=0.2)


def timm_backbone(model: str) -> Backbone:
    """The backbone `timm:<model>`: timm's network with pooling and without its classifier.

    Raises:
        InputError: timm has no such model.
        ModelError: timm is not installed, or the model gives no feature vector.
    """
    timm = require_package("timm", "timm")
    if not timm.is_model(model):
        raise InputError(_unknown("timm", model, timm.list_models(f"*{model[:6]}*")))

    def make(**options: Any) -> Any:
        return timm.create_model(model, **options)

    def build() -> nn.Module:
        network: nn.Module = make(num_classes=0)
        return network

    def fetch() -> State:
        return fetched(f"timm:{model}", lambda: make(pretrained=True).state_dict())

    network = make(num_classes=0)
    settings = network.pretrained_cfg
    size = int(settings["input_size"][1])
    return Backbone(
        name=f"timm:{model}",
        image_size=size,
        mean=tuple(settings["mean"]),
        std=tuple(settings["std"]),
        features=_features(f"timm:{model}", network, size),
        head=_HEAD,
        build=build,
        fetch=fetch,
        source=f"timm's hub (huggingface.co); {settings.get('license') or 'see its model card'}",
    )


def torchvision_backbone(model: str) -> Backbone:
    """The backbone `torchvision:<model>`: torchvision's network without its last linear layer.

    Raises:
        InputError: torchvision has no such model.
        ModelError: it is no classifier that ends in a linear layer.
    """
    from torchvision import models as torchvision_models  # takes seconds: only when needed

    known = torchvision_models.list_models(module=torchvision_models)
    if model not in known:
        raise InputError(_unknown("torchvision", model, [n for n in known if model[:6] in n]))
    weights = torchvision_models.get_model_weights(model).DEFAULT
    settings = weights.transforms()

    def build() -> nn.Module:
        return _without_last_linear(torchvision_models.get_model(model, weights=None), model)

    def fetch() -> State:
        return fetched(
            f"torchvision:{model}", lambda: weights.get_state_dict(progress=False, check_hash=True)
        )

    size = int(settings.crop_size[0])
    return Backbone(
        name=f"torchvision:{model}",
        image_size=size,
        mean=tuple(settings.mean),
        std=tuple(settings.std),
        features=_features(f"torchvision:{model}", build(), size),
        head=_HEAD,
        build=build,
        fetch=fetch,
        source=f"torchvision's {weights}; BSD-3-Clause",
    )


def _without_last_linear(network: nn.Module, model: str) -> nn.Module:
    linear = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ModelError(f"torchvision:{model} has no linear layer at its end to remove.")
    parent, _, name = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return network


@torch.inference_mode()
def _features(name: str, network: nn.Module, size: int) -> int:
    """F, found by running the network on a black image."""
    output = network.eval()(torch.zeros(1, 3, size, size))
    if not isinstance(output, torch.Tensor) or output.ndim != 2:
        raise ModelError(
            f"{name} gives no feature vector for an image but "
            f"{tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__}."
        )
    return int(output.shape[1])


def _unknown(library: str, model: str, similar: list[str]) -> str:
    hint = f" Similar names: {', '.join(similar[:5])}." if similar else ""
    return f"{library} has no model {model!r}.{hint}"
