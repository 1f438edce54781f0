"""What the networks of an experiment take in: its images, or features of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from askwell.datasets import data_dir
from askwell.experiment.data import Data
from askwell.experiment.spec import Spec
from askwell.features import VIEWS, feature_pool
from askwell.models import model_factory
from askwell.models.backbone import Trunk
from askwell.models.pretrained import load_trunk, pretrained_head
from askwell.pool import ArrayPool, Pool

Report = Callable[[int, int], None]
"""Told how many features are computed, and of how many."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The training pool and the test sets of `Data`, by the same ids, as networks see them."""

    pool: Pool
    tests: tuple[Pool, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one item."""
        return tuple(self.pool.images(np.array([0])).shape[1:])

    def test_for(self, seed: int) -> Pool:
        """The test set of a seed."""
        return self.tests[seed % len(self.tests)]


def inputs(spec: Spec, data: Data, device: torch.device, report: Report | None = None) -> Inputs:
    """The images themselves, or where the spec says `features` those of a pretrained network.

    Features are computed once and kept in the data directory. Where images of some classes are to
    be flipped, an item has the features of all its views, shape (1, views, features).

    Raises:
        ModelError: the pretrained weights cannot be had.
        RunError: the data directory cannot be written.
    """
    if not spec.features:
        return Inputs(data.pool, tuple(test.pool for test in data.tests))
    trunk = load_trunk(spec.features).to(device)
    every = _features(data.pool, trunk, tuple(VIEWS) if spec.training.flips else ("",), report)
    return Inputs(every, tuple(_features(t.pool, trunk, ("",), report) for t in data.tests))


def network(spec: Spec, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """A fresh network of the spec for items of this shape."""
    if not spec.features:
        return model_factory(spec.model)(shape, outputs)
    return nn.Sequential(_FirstView(), pretrained_head(spec.features, outputs))


class _FirstView(nn.Module):
    """(N, 1, views, features) → (N, features): the image as it is."""

    def forward(self, features: Tensor) -> Tensor:
        """The features of the first view."""
        return features[:, 0, 0]


def _features(
    pool: ArrayPool, trunk: Trunk, views: tuple[str, ...], report: Report | None
) -> ArrayPool:
    device = next(trunk.parameters()).device
    place = data_dir() / "features"
    found = feature_pool(pool, trunk, place, views=views, device=device, progress=report)
    every = np.arange(len(pool.ids))
    stacked = np.stack([found.view(view).images(every).numpy() for view in views], axis=1)  # N V F
    return ArrayPool(stacked, ids=None if isinstance(pool.ids, range) else pool.ids)
