"""VGG16 (Simonyan & Zisserman 2015, arXiv 1409.1556), the network of the melanoma experiment.

    images → 13 convolutions → 7 × 7 × 512 = 25 088 → fc6: 4096, relu, dropout
                                                    → fc7: 4096, relu, dropout → outputs

The paper removes ImageNet's 1 000 logits alone: fc6 and fc7 keep their pre-trained weights. Both
backbones below give that network with their default head. They differ in where the head begins,
which matters where the trunk is frozen and its features are kept.
"""

from functools import partial
from typing import Any

from torch import nn

from askwell.models.backbone import Backbone, Head
from askwell.models.weights import State, fetched

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SOURCE = "torchvision's VGG16_Weights.IMAGENET1K_V1; BSD-3-Clause"


def _with_classifier_layers(layers: int) -> nn.Module:
    from torchvision.models import vgg16  # takes seconds to import: only when needed

    network: Any = vgg16(weights=None, init_weights=False)  # others take their place
    network.classifier = network.classifier[:layers]
    body: nn.Module = network
    return body


def _fetch() -> State:
    from torchvision.models import VGG16_Weights

    weights = VGG16_Weights.IMAGENET1K_V1
    return fetched("vgg16", lambda: weights.get_state_dict(progress=False, check_hash=True))


VGG16 = Backbone(
    name="vgg16",
    image_size=224,
    mean=_MEAN,
    std=_STD,
    features=25088,
    head=Head(hidden=(4096, 4096), p=0.5, input_p=0.0, pretrained=("classifier.0", "classifier.3")),
    build=partial(_with_classifier_layers, 0),
    fetch=_fetch,
    source=_SOURCE,
)
"""The convolutions. The head holds 120 million weights."""

VGG16_FC6 = Backbone(
    name="vgg16_fc6",
    image_size=224,
    mean=_MEAN,
    std=_STD,
    features=4096,
    head=Head(hidden=(4096,), p=0.5, input_p=0.5, pretrained=("classifier.3",)),
    build=partial(_with_classifier_layers, 2),
    fetch=_fetch,
    source=_SOURCE,
)
"""All that lies before the first dropout. The head holds 17 million weights."""
