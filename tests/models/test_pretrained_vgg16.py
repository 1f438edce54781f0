"""The network of the melanoma experiment, at its full width, against torchvision's."""

from dataclasses import replace

import torch
from torch import nn
from torchvision.models import vgg16

from askwell.models.pretrained import pretrained_network
from askwell.models.vgg16 import VGG16, VGG16_FC6
from askwell.randomness import generator


def test_vgg16_is_the_pretrained_network_but_for_its_last_layer():
    """Both backbones with their default heads, against torchvision's whole network."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole = vgg16(weights=None, init_weights=False).eval()
    state, images = whole.state_dict(), torch.rand(2, 3, 32, 32, generator=generator(1))
    whole.classifier = whole.classifier[:6]
    for backbone in (VGG16, VGG16_FC6):
        given = replace(backbone, image_size=32, fetch=lambda: state)
        network = pretrained_network(given, 2).eval()
        network.head.dense[-1] = nn.Identity()
        with torch.no_grad():
            expected = whole((images - network.trunk.mean) / network.trunk.std)
            torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-6)
            assert network.trunk(images).shape == (2, backbone.features)
