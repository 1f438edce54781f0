"""Networks. Any `nn.Module` with dropout will do; these are the ones that the paper uses.

| name | what it is |
|---|---|
| `BayesianCNN` | the paper's network for MNIST (bayesian_cnn.py) |
| `pretrained_network` | a pre-trained trunk and a Bayesian head, fine-tuned (pretrained.py) |
| `load_trunk` | the trunk alone: images → features |
| `pretrained_head`, `BayesianHead` | features → outputs (heads.py) |
| `BACKBONES`, `find_backbone` | pre-trained networks by name (backbone.py has what they are) |

`MODELS` names those that a spec can ask for: image shape and number of outputs → network.
"""

from collections.abc import Mapping
from types import MappingProxyType

from torch import nn

from askwell.datasets.names import nearest
from askwell.errors import InputError
from askwell.models.backbone import Backbone
from askwell.models.bayesian_cnn import BayesianCNN
from askwell.models.heads import BayesianHead
from askwell.models.own import ModelFactory, own_model
from askwell.models.pretrained import (
    BACKBONES,
    HUBS,
    find_backbone,
    load_trunk,
    pretrained_head,
    pretrained_network,
)


def _fine_tuned(backbone: str) -> ModelFactory:
    def network(_: tuple[int, ...], outputs: int) -> nn.Module:
        return pretrained_network(backbone, outputs)

    return network


MODELS: Mapping[str, ModelFactory] = MappingProxyType(
    {"bayesian_cnn": BayesianCNN, **{name: _fine_tuned(name) for name in BACKBONES}}
)
"""The paper's network, and every backbone of ours with its head, from the pre-trained weights."""


def model_factory(name: str) -> ModelFactory:
    """The factory of a network.

    Args:
        name: of `MODELS`; `timm:<model>` or `torchvision:<model>`, pre-trained; or
            `file.py:factory` of one's own.

    Raises:
        InputError: there is none; says which there are.
        ModelError: the library of a pre-trained network is not installed, or has none such.
    """
    if name in MODELS:
        return MODELS[name]
    if name.partition(":")[0] in HUBS and ":" in name:
        find_backbone(name)
        return _fine_tuned(name)
    if ":" in name:
        return own_model(name)
    raise InputError(
        f"No model is called {name!r}.{nearest(name, MODELS)} There are: {', '.join(MODELS)}, and "
        "every timm:<model> and torchvision:<model>. Or name a function of your own: "
        "networks.py:small."
    )


__all__ = [
    "BACKBONES",
    "MODELS",
    "Backbone",
    "BayesianCNN",
    "BayesianHead",
    "ModelFactory",
    "find_backbone",
    "load_trunk",
    "model_factory",
    "pretrained_head",
    "pretrained_network",
]
