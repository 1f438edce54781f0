"""What a learner passes on to anybody's way of training."""

from functools import partial, wraps

import pytest
import torch
from torch import nn

from askwell.baselines import SVM
from askwell.pool import ArrayPool
from askwell.randomness import generator
from askwell.train import Fit, Recipe
from askwell.train.calls import call_fit, takes_classes

POOL = ArrayPool(torch.rand(6, 1, 4, 4, generator=generator(0)))
LABELS = {0: 0, 1: 1}
FIT = Fit(lambda: nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(16, 3)), Recipe(1, 0))


def without(labelled, pool, seed):
    return FIT(labelled, pool, seed)


@wraps(FIT.__call__)
def wrapped(*args, **kwargs):
    return FIT(*args, **kwargs)


def by_position(labelled, pool, seed, classes):
    assert classes == 3
    return FIT(labelled, pool, seed)


@pytest.mark.parametrize("fit", [FIT, SVM(), partial(SVM(), classes=2), wrapped, by_position])
def test_who_takes_classes_is_told_them(fit):
    assert takes_classes(fit)
    posterior = call_fit(fit, LABELS, POOL, 0, 3)
    assert posterior.draw(1, seed=0).outputs(POOL.images([0])).shape == (1, 1, 3)


@pytest.mark.parametrize("fit", [without, lambda *_: FIT(LABELS, POOL, 0), partial(without)])
def test_who_does_not_is_called_without(fit):
    assert not takes_classes(fit)
    call_fit(fit, LABELS, POOL, 0, 7)  # of which the network, with 3 outputs, does not hear
