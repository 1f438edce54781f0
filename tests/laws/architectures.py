"""Networks of every shape that Monte Carlo dropout must split exactly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import resnet18, vgg16

from askwell.models import BayesianCNN


class ResNetWithDropout(nn.Module):
    """BatchNorm in the trunk and in the head, dropout before the last layers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = resnet18(weights=None, num_classes=32)
        self.head = nn.Sequential(
            nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(32, 16), nn.BatchNorm1d(16),
            nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(16, 4),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):  # statistics worth keeping
                nn.init.normal_(layer.running_mean, std=0.1)
                nn.init.uniform_(layer.running_var, 0.5, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Functional(nn.Module):
    """Functional dropout, by keyword, by position and per channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.dense = nn.Linear(8 * 4 * 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.dropout2d(x, 0.3, self.training)
        x = F.adaptive_avg_pool2d(F.relu(self.conv2(x)), 4)
        x = F.dropout(x.view(x.size(0), -1), p=0.6, training=self.training)
        return self.dense(x)


class TwoBranches(nn.Module):
    """A branch without dropout joins one with; and a residual around dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 12), nn.Tanh())
        self.right = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout2d(0.4), nn.AdaptiveAvgPool2d(1))
        self.join = nn.Linear(16, 16)
        self.drop = nn.Dropout(0.25)
        self.last = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([self.left(x), self.right(x).flatten(1)], dim=1)
        both = both + self.drop(torch.relu(self.join(both)))
        return self.last(both)


class SizeCrosses(nn.Module):
    """The batch size is read in the trunk and used in the head."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(3 * 8 * 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        n = x.size(0)
        return self.dense(F.dropout(x, 0.5, self.training).reshape(n, -1))


class Untraceable(nn.Module):
    """Control flow on values: no graph can show it."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.dense = nn.Linear(3 * 8 * 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() > 1e9):
            x = -x
        return self.dense(self.drop(x.flatten(1)))


class HeadOverwrites(nn.Module):
    """The head changes a feature in place, and a second head reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 6))
        self.last = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x)
        h += F.dropout(h, 0.5, self.training)
        return self.last(torch.relu_(h))


class Regression(nn.Module):
    """One output, dropout with p ≥ ½ before a linear layer without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(192, 64), nn.Tanh(), nn.Dropout(0.8), nn.Linear(64, 1, False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@dataclass(frozen=True)
class Architecture:
    build: Callable[[], nn.Module]
    image_shape: tuple[int, ...] = (3, 8, 8)
    split: bool = True  # whether the trunk can run once


ARCHITECTURES: Mapping[str, Architecture] = {
    "bayesian_cnn": Architecture(lambda: BayesianCNN((1, 12, 12), 10), (1, 12, 12)),
    "resnet18_batchnorm": Architecture(ResNetWithDropout, (3, 32, 32)),
    "functional_dropout": Architecture(Functional, (3, 12, 12)),
    "dropout_first": Architecture(
        lambda: nn.Sequential(nn.Dropout(0.2), nn.Flatten(), nn.Linear(192, 7))
    ),
    "vgg16": Architecture(lambda: vgg16(weights=None, num_classes=4), (3, 32, 32)),
    "two_branches": Architecture(TwoBranches),
    "size_crosses": Architecture(SizeCrosses),
    "head_overwrites": Architecture(HeadOverwrites),
    "regression": Architecture(Regression),
    "untraceable": Architecture(Untraceable, split=False),
}
