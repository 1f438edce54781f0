"""Small networks and images that they can learn in a few steps."""

import torch
from torch import Tensor, nn

from askwell.randomness import generator


def dense(outputs: int = 2, dropout: float = 0.25) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, outputs)
    )


def seeded(outputs: int = 2, dropout: float = 0.25, *, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return dense(outputs, dropout)


def dark_and_bright(n: int = 20) -> tuple[Tensor, Tensor]:
    """8 × 8 images of two classes: values below ½, and values above."""
    labels = torch.arange(n) % 2
    images = torch.rand(n, 1, 8, 8, generator=generator(0, "images")) / 2
    return images + labels.view(n, 1, 1, 1) / 2, labels


def weights(network: nn.Module) -> Tensor:
    return torch.cat([w.detach().flatten() for w in network.parameters()])


class Overwrites(nn.Module):
    """Normalises its argument in place."""

    def __init__(self) -> None:
        super().__init__()
        self.net = dense()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.sub_(0.5).div_(0.25))


class Views(nn.Module):
    """Calls `.view` on a feature map, which fails in channels-last layout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.drop = nn.Dropout(0.25)
        self.dense = nn.Linear(4 * 6 * 6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv(x))
        return self.dense(self.drop(x.view(x.shape[0], -1)))
