"""The paper's network, layer by layer."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from askwell.errors import InputError, ModelError
from askwell.models import MODELS, BayesianCNN
from askwell.randomness import generator


@pytest.fixture
def network() -> BayesianCNN:
    torch.manual_seed(0)
    return BayesianCNN().eval()


def test_the_layers_are_the_paper_s(network):
    shapes = {name: tuple(w.shape) for name, w in network.named_parameters()}
    assert shapes == {
        "conv1.weight": (32, 1, 4, 4),
        "conv1.bias": (32,),
        "conv2.weight": (32, 32, 4, 4),
        "conv2.bias": (32,),
        "dense1.weight": (128, 3872),
        "dense1.bias": (128,),
        "dense2.weight": (10, 128),
        "dense2.bias": (10,),
    }
    for conv in (network.conv1, network.conv2):
        assert (conv.stride, conv.padding, conv.dilation) == ((1, 1), (0, 0), (1, 1))
    assert (network.dropout1.p, network.dropout2.p) == (0.25, 0.5)


@torch.no_grad()
def test_the_order_of_operations_is_the_paper_s(network):
    """Pooling before the ReLU gives the numbers of pooling after it, bit for bit."""
    images = torch.randn(3, 1, 28, 28, generator=generator(0))
    x = F.relu(F.conv2d(images, network.conv1.weight, network.conv1.bias))
    x = F.relu(F.conv2d(x, network.conv2.weight, network.conv2.bias))
    x = F.max_pool2d(x, 2).flatten(1)
    assert x.shape == (3, 3872)
    x = F.relu(F.linear(x, network.dense1.weight, network.dense1.bias))
    logits = F.linear(x, network.dense2.weight, network.dense2.bias)
    assert torch.equal(network(images), logits)


@torch.no_grad()
def test_dropout_comes_after_the_pooling_and_before_the_last_layer(network):
    seen = {}
    for name in ("dropout1", "dropout2"):
        getattr(network, name).register_forward_hook(
            lambda layer, inputs, _, name=name: seen.update({name: tuple(inputs[0].shape)})
        )
    assert network(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    assert seen == {"dropout1": (2, 32, 11, 11), "dropout2": (2, 128)}


def test_initial_weights_are_glorot_uniform_and_biases_zero(network):
    fans = {"conv1": (16, 512), "conv2": (512, 512), "dense1": (3872, 128), "dense2": (128, 10)}
    for name, (fan_in, fan_out) in fans.items():
        layer = getattr(network, name)
        bound, n = math.sqrt(6 / (fan_in + fan_out)), layer.weight.numel()
        largest = float(layer.weight.detach().abs().max())
        # All n uniform values lie below bound · (1 − 20/n) with probability e⁻²⁰.
        assert bound * (1 - 20 / n) < largest <= bound
        # Five standard deviations of the mean of n uniform values.
        assert abs(float(layer.weight.detach().mean())) < 5 * bound / math.sqrt(3 * n)
        assert not layer.bias.any()


def test_initial_weights_come_from_the_global_generator(network):
    torch.manual_seed(0)
    again = BayesianCNN()
    assert torch.equal(again.dense1.weight, network.dense1.weight)


@pytest.mark.parametrize(
    ("image_shape", "features"),
    [((1, 8, 8), 32), ((3, 9, 12), 32 * 1 * 3), ((3, 32, 32), 32 * 13 * 13)],
)
def test_images_of_other_shapes(image_shape, features):
    network = MODELS["bayesian_cnn"](image_shape, 4)
    assert isinstance(network, BayesianCNN)
    assert network.dense1.in_features == features
    assert network(torch.rand(2, *image_shape)).shape == (2, 4)


@pytest.mark.parametrize("image_shape", [(1, 7, 28), (1, 28, 7), (28, 28), (2, 1, 28, 28)])
def test_images_too_small_or_not_images(image_shape):
    with pytest.raises(InputError, match="at least 8 × 8 pixels; got"):
        BayesianCNN(image_shape)


@pytest.mark.parametrize("traced", [False, True])
def test_images_of_another_shape_are_refused_in_words(network, traced):
    called: nn.Module = torch.fx.symbolic_trace(network) if traced else network
    message = r"\(N, 1, 28, 28\); got \(2, 3, 28, 28\)\. Build it with image_shape=\(3, 28, 28\)"
    with pytest.raises(ModelError, match=message):
        called(torch.rand(2, 3, 28, 28))


def test_a_trace_gives_the_same_numbers_at_any_batch_size(network):
    traced = torch.fx.symbolic_trace(copy.deepcopy(network))
    for n in (1, 4):
        images = torch.rand(n, 1, 28, 28, generator=generator(n))
        assert torch.equal(traced(images), network(images))
