"""Pre-trained networks for few labels: a trunk that knows images, and a Bayesian head on top.

    load_trunk("efficientnet_lite0")              images → features, e.g. to be kept on disk
    pretrained_head("efficientnet_lite0", 2)      features → outputs, trained alone
    pretrained_network("efficientnet_lite0", 2)   both in one, to be fine-tuned

`BACKBONES` are described in docs/pretrained.md; `timm:<model>` and `torchvision:<model>` name any
other classifier of these libraries.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from askwell.errors import InputError
from askwell.models.backbone import Backbone, Trunk
from askwell.models.efficientnet_lite0 import EFFICIENTNET_LITE0
from askwell.models.heads import BayesianHead
from askwell.models.hubs import timm_backbone, torchvision_backbone
from askwell.models.small_grey import BAYESIAN_CNN_MNIST
from askwell.models.vgg16 import VGG16, VGG16_FC6
from askwell.models.weights import State, fit_by_name, read_state
from askwell.randomness import derive

BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {
        backbone.name: backbone
        for backbone in (EFFICIENTNET_LITE0, VGG16, VGG16_FC6, BAYESIAN_CNN_MNIST)
    }
)
"""The backbones that askwell knows itself."""

HUBS: Mapping[str, Callable[[str], Backbone]] = MappingProxyType(
    {"timm": timm_backbone, "torchvision": torchvision_backbone}
)
"""Libraries whose classifiers are backbones, too, as `timm:<model>`."""


@cache
def find_backbone(name: str) -> Backbone:
    """A backbone by its name: one of `BACKBONES`, `timm:<model>` or `torchvision:<model>`.

    Raises:
        InputError: there is none such.
        ModelError: its library is not installed, or it gives no feature vector.
    """
    hub, separator, model = name.partition(":")
    if separator and hub in HUBS:
        with torch.random.fork_rng([]):  # it is built to find out how many features it gives
            return HUBS[hub](model)
    if name not in BACKBONES:
        raise InputError(
            f"There is no backbone {name!r}. Known are {', '.join(BACKBONES)}, and every "
            "timm:<model> and torchvision:<model>."
        )
    return BACKBONES[name]


def load_trunk(backbone: str | Backbone, *, weights: str | Path | None = None) -> Trunk:
    """The pre-trained trunk, a copy of one's own: images (N, 1 or 3, H, W) → features (N, F).

    Weights are read once in a process, then copied.

    Args:
        backbone: a name, or a `Backbone`; `dataclasses.replace(backbone, image_size=…)` changes
            its image size.
        weights: the path of a state dict, which may be that of the whole classifier; None finds
            the pre-trained ones (an installed package, then the hub's cache, then a download);
            "random" gives random ones, the same every time, for tests.

    Raises:
        InputError: no such backbone.
        ModelError: the weights cannot be had or do not fit; the message says what to do.
    """
    return copy.deepcopy(_loaded(backbone, weights).trunk)


def pretrained_head(
    backbone: str | Backbone, outputs: int, *, weights: str | Path | None = None
) -> BayesianHead:
    """The Bayesian head that suits a backbone, to be trained on its features.

    Hidden layers that the pre-trained network has too (VGG16's) start from its weights, the others
    from random ones, drawn from torch's global generator as those of any module are.

    Args:
        backbone: as for `load_trunk`.
        outputs: logits (classes), or 1–2 for a Gaussian likelihood.
        weights: as for `load_trunk`.

    Raises:
        InputError: no such backbone, or no outputs.
        ModelError: the weights cannot be had or do not fit.
    """
    found = _resolved(backbone)
    shape = found.head
    head = BayesianHead(
        found.features, outputs, hidden=shape.hidden, p=shape.p, input_p=shape.input_p
    )
    if shape.pretrained and weights != "random":
        hidden = _loaded(found, weights).hidden
        head.dense[: len(shape.pretrained)].load_state_dict(hidden)
    return head


def pretrained_network(
    backbone: str | Backbone,
    outputs: int,
    *,
    weights: str | Path | None = None,
    frozen: bool = False,
) -> nn.Sequential:
    """Trunk and head in one network (`.trunk`, `.head`), from images to outputs.

    Every call starts from the pre-trained weights anew, so
    `Fit(lambda: pretrained_network("vgg16", 2))` resets the model in each round.

    Args:
        backbone: as for `load_trunk`.
        outputs: logits (classes), or 1–2 for a Gaussian likelihood.
        weights: as for `load_trunk`.
        frozen: train the head alone. The trunk still runs at every step: features that are
            computed once (`askwell.features`) and `pretrained_head` do the same in less time.

    Raises:
        InputError: no such backbone, or no outputs.
        ModelError: the weights cannot be had or do not fit.
    """
    head = pretrained_head(backbone, outputs, weights=weights)
    trunk = load_trunk(backbone, weights=weights)
    trunk.requires_grad_(not frozen)
    return nn.Sequential(OrderedDict(trunk=trunk, head=head))


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """What all copies are made from: a trunk, and the hidden layers that the head starts from."""

    trunk: Trunk
    hidden: Mapping[str, Tensor]


def _resolved(backbone: str | Backbone) -> Backbone:
    return find_backbone(backbone) if isinstance(backbone, str) else backbone


def _loaded(backbone: str | Backbone, weights: str | Path | None) -> _Loaded:
    return _load(_resolved(backbone), None if weights is None else str(weights))


@lru_cache(maxsize=2)
def _load(backbone: Backbone, weights: str | None) -> _Loaded:
    # Building draws random weights: the caller's chance must not depend on who loads first. And
    # tensors made in inference mode could never be trained.
    with torch.random.fork_rng([]), torch.inference_mode(False):
        torch.manual_seed(derive(0, "random weights of a backbone"))
        trunk = Trunk(backbone, backbone.build())
        if weights == "random":
            return _Loaded(trunk, {})
        state = backbone.rename(backbone.fetch() if weights is None else read_state(weights))
        trunk.body.load_state_dict(fit_by_name(trunk.body.state_dict(), state, backbone.name))
    return _Loaded(trunk, _hidden(backbone, state))


def _hidden(backbone: Backbone, state: State) -> dict[str, Tensor]:
    """The state dict of the head's first layers: `0.weight`, `0.bias`, `1.weight` and so on."""
    names = backbone.head.pretrained
    widths = pairwise((backbone.features, *backbone.head.hidden))
    found: dict[str, Tensor] = {}
    for i, (name, (columns, rows)) in enumerate(zip(names, widths, strict=False)):
        own = {
            f"{name}.weight": torch.empty(rows, columns, device="meta"),
            f"{name}.bias": torch.empty(rows, device="meta"),
        }
        layer = fit_by_name(own, state, backbone.name)
        found |= {f"{i}.weight": layer[f"{name}.weight"], f"{i}.bias": layer[f"{name}.bias"]}
    return found
