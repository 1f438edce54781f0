"""A pre-trained network without its top: what it takes, what it gives, how it is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812

from askwell.errors import ModelError
from askwell.models.weights import State, fingerprint
from askwell.tensors import Images


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The Bayesian head that suits a backbone: the arguments of `BayesianHead`.

    Attributes:
        hidden: the width of each hidden layer.
        p: dropout probability after each hidden layer.
        input_p: dropout probability of the features.
        pretrained: the layers of the pre-trained network that the hidden layers start from, by
            name; empty where they start from random weights.
    """

    hidden: tuple[int, ...] = (512,)
    p: float = 0.5
    input_p: float = 0.2
    pretrained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A pre-trained network up to its features.

    Attributes:
        name: as in `BACKBONES`.
        image_size: height and width that images are resized to.
        mean: subtracted from each channel (red, green, blue) of an image from 0 to 1.
        std: what each channel is then divided by.
        features: F.
        head: the Bayesian head that suits it.
        build: makes the network (N, 3, S, S) → (N, F), with random weights.
        fetch: the pre-trained state dict, whole, from a package or a hub; may raise `ModelError`.
        rename: gives a state dict the names that `build`'s network uses.
        source: where the weights come from and under which licence.
    """

    name: str
    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    features: int
    head: Head
    build: Callable[[], nn.Module]
    fetch: Callable[[], State]
    rename: Callable[[State], State] = dict
    source: str


class Trunk(nn.Module):
    """The deterministic part: images of any size, from 0 to 1, grey or colour → features (N, F).

    Images are resized (stretched, bilinear with antialiasing), grey becomes red = green = blue,
    and the channels are normalised in here, so every pool of images fits.

    Everything runs in eval mode, in training too: BatchNorm keeps the statistics of the data that
    the network was pre-trained on (those of a batch of 8 images would be noise), its scales and
    shifts are trained like any weight, and there is no dropout and no stochastic depth.

    Attributes:
        name: of the backbone.
        image_size: height and width of what the network sees.
        features: F.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, body: nn.Module) -> None:
        super().__init__()
        self.name = backbone.name
        self.image_size = backbone.image_size
        self.features = backbone.features
        self.body = body
        self.register_buffer("mean", _by_channel(backbone.mean), persistent=False)
        self.register_buffer("std", _by_channel(backbone.std), persistent=False)
        for layer in body.modules():
            if isinstance(layer, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
                layer.p = 0.0
        self.eval()

    def train(self, mode: bool = True) -> "Trunk":  # noqa: ARG002
        """Stay in eval mode, whatever the network around it does."""
        return super().train(False)

    def forward(self, images: Images) -> Float[Tensor, "N F"]:
        """The features, shape (N, F); see `resized` for what is refused."""
        if isinstance(images, fx.Proxy):
            return _as_one_node(self, images)
        features: Tensor = self.body(self.resized(images))
        return features

    def resized(self, images: Images) -> Float[Tensor, "N 3 S S"]:
        """What the network itself sees: resized, three channels, normalised.

        Raises:
            ModelError: images of other axes than (N, 1 or 3, height, width).
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ModelError(
                f"{self.name} takes images of shape (N, channels, height, width) with 1 or 3 "
                f"channels, from 0 to 1; got {tuple(images.shape)}. Convert them to grey or RGB."
            )
        size = (self.image_size, self.image_size)
        if images.shape[2:] != size:
            images = F.interpolate(images, size, mode="bilinear", antialias=True)
        return (images.expand(-1, 3, -1, -1) - self.mean) / self.std

    def fingerprint(self) -> str:
        """SHA-256, in hex, of all that decides the features: weights, image size, normalisation."""
        settings = (self.image_size, self.mean.flatten().tolist(), self.std.flatten().tolist())
        return fingerprint(self.body.state_dict(), *settings)


def _by_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)


def _as_one_node(trunk: Trunk, images: fx.Proxy) -> Any:
    """A trunk is one node of a graph: it has no dropout to cut at.

    What is inside (padding that depends on the image's size, say) need not be traceable.
    """
    tracer = images.tracer
    assert isinstance(tracer, fx.Tracer)
    return tracer.create_proxy("call_module", tracer.path_of_module(trunk), (images,), {})
