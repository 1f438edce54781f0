"""What images are compared by: pixels as they are, and what the last linear layer is given."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from askwell import ArrayPool, Fit, MCDropout, Recipe
from askwell.baselines import cnn_features, pixels
from askwell.baselines.base import PointMass
from askwell.baselines.features import pool_features
from askwell.errors import ModelError, NonFiniteError
from askwell.records import Training
from tests.baselines.problems import three_and_eight
from tests.train.problems import dense

LABELLED = {0: 0, 1: 1, 2: 1, 3: 0}


class LastIsFirst(nn.Module):
    """Calls its layers in another order than it holds them; overwrites its argument."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.body, self.drop = nn.Linear(7, 2), nn.Linear(64, 7), nn.Dropout(0.5)

    def hidden(self, x: Tensor) -> Tensor:
        return torch.tanh(self.body(x.flatten(1).mul_(2)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(input=self.drop(self.hidden(x)))


def trained(network, **fit):
    """The posterior and the feature map of one and the same fit."""
    pool = three_and_eight()[0]
    posteriors = []

    def remember(labelled, pool, seed, *, classes=None):
        posteriors.append(Fit(network, Recipe(steps=3, epochs=0), **fit)(labelled, pool, seed))
        return posteriors[-1]

    feature_map = cnn_features(remember)(LABELLED, pool, 0, 2)
    return posteriors[0], feature_map, pool.images(np.arange(9))


def test_pixels_are_rows_and_always_the_same_map():
    pool = three_and_eight()[0]
    images = pool.images(np.arange(5))
    feature_map = pixels({}, pool, 0, None)
    assert feature_map is pixels(LABELLED, pool, 1, 2)
    assert np.array_equal(feature_map(images), images.reshape(5, 64).double().numpy())


def test_features_are_what_the_last_linear_layer_is_given():
    posterior, feature_map, images = trained(dense)
    network = posterior.network
    expected = torch.relu(network[1](images.flatten(1)))
    np.testing.assert_allclose(feature_map(images), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_the_last_layer_is_the_one_called_last():
    posterior, feature_map, images = trained(LastIsFirst)
    before = images.clone()
    expected = posterior.network.hidden(images.clone())
    np.testing.assert_allclose(feature_map(images), expected.numpy(), rtol=1e-5)
    assert torch.equal(images, before)


def test_the_network_keeps_no_hook():
    posterior, feature_map, images = trained(dense)
    feature_map(images)
    assert not any(layer._forward_pre_hooks for layer in posterior.network.modules())


def test_a_network_without_a_linear_layer():
    def network():
        return nn.Sequential(nn.Dropout(0.1), nn.Conv2d(1, 2, 8), nn.Flatten())

    _, feature_map, images = trained(network)
    with pytest.raises(ModelError, match=r"no nn\.Linear layer"):
        feature_map(images)


def test_a_posterior_without_a_network():
    def fit(labelled, pool, seed, *, classes=None):
        return PointMass(lambda images: torch.zeros(len(images), 2), Training(4, 0, 0.0, 0.0))

    with pytest.raises(ModelError, match="PointMass has none"):
        cnn_features(fit)(LABELLED, three_and_eight()[0], 0, 2)


def test_images_that_the_network_does_not_take():
    _, feature_map, _ = trained(dense, posterior=lambda net, training: MCDropout(net))
    with pytest.raises(ModelError, match=r"\(2, 1, 5, 5\)"):
        feature_map(torch.zeros(2, 1, 5, 5))


def test_features_that_are_no_numbers_name_their_items():
    pool = ArrayPool(np.arange(3, dtype=np.float32).reshape(3, 1, 1), ids=["a", "b", "c"])

    def one_nan(images):
        values = images.flatten(1).double().numpy()
        return np.where(values == 1, math.nan, values)

    with pytest.raises(NonFiniteError, match="1 items: 'b'"):
        pool_features(one_nan, pool)
