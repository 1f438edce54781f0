"""Bayesian heads: the layers in their order, their sizes, and draws that equal naive passes."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from askwell.errors import InputError
from askwell.models.heads import BayesianHead
from askwell.posterior import MCDropout
from askwell.randomness import generator

SHAPES = [
    {"hidden": (), "input_p": 0.5},
    {"hidden": (16,), "input_p": 0.0},
    {"hidden": (16,), "input_p": 0.2},
    {"hidden": (16, 12), "p": 0.25, "input_p": 0.0},
    {"hidden": (16, 12), "p": 0.0, "input_p": 0.7},
]


def naive_draw(head: BayesianHead, x: torch.Tensor, p: float, input_p: float, t: int):
    """One draw written out: masks keyed by (seed, t, ordinal of the call with p > 0)."""
    ordinal = 0

    def drop(x, p):
        nonlocal ordinal
        if p == 0:
            return x
        keep = torch.rand(x.shape[1:], generator=generator(5, "mask", t, ordinal)) >= p
        ordinal += 1
        return x * keep / (1 - p)

    x = drop(x, input_p)
    for layer in head.dense[:-1]:
        x = drop(torch.relu(F.linear(x, layer.weight, layer.bias)), p)
    return F.linear(x, head.dense[-1].weight, head.dense[-1].bias)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_draws_equal_naive_passes(shape):
    torch.manual_seed(0)
    head = BayesianHead(20, 3, **shape)
    x = torch.randn(7, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws = MCDropout(head).draw(4, seed=5).outputs(x)
    with torch.no_grad():
        p, input_p = shape.get("p", 0.5), shape["input_p"]
        expected = torch.stack([naive_draw(head, x, p, input_p, t) for t in range(4)], dim=1)
        torch.testing.assert_close(draws, expected, rtol=1e-5, atol=1e-5)
        assert not torch.allclose(draws[:, 0], draws[:, 1])


def test_the_papers_head():
    with torch.device("meta"):
        head = BayesianHead(25088, 2, hidden=(4096, 4096), p=0.5, input_p=0.0)
    shapes = [tuple(layer.weight.shape) for layer in head.dense]
    assert shapes == [(4096, 25088), (4096, 4096), (2, 4096)]
    torchvision = (25088 + 1) * 4096 + (4096 + 1) * 4096
    assert sum(w.numel() for w in head.parameters()) == torchvision + (4096 + 1) * 2
    assert [layer.p for layer in head.dropout] == [0.5, 0.5]


def test_relu_and_dropout_follow_every_hidden_layer():
    head = BayesianHead(4, 2, hidden=(6, 5), p=0.5, input_p=0.2)
    order = [type(layer).__name__ for layer in _called(head, torch.randn(2, 4))]
    assert order == ["Dropout", "Linear", "Dropout", "Linear", "Dropout", "Linear"]
    with torch.no_grad():  # negative pre-activations everywhere: only the last bias is left
        for layer in head.dense[:2]:
            layer.bias.fill_(-100)
        head.dense[2].bias.fill_(3)
        assert head.eval()(torch.randn(2, 4)).tolist() == [[3.0, 3.0]] * 2


def _called(network: nn.Module, x: torch.Tensor) -> list[nn.Module]:
    seen: list[nn.Module] = []
    for layer in network.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda layer, *_: seen.append(layer))
    network(x)
    return seen


def test_initial_weights_are_glorot_uniform():
    torch.manual_seed(0)
    head = BayesianHead(300, 2, hidden=(200,))
    limit = (6 / (300 + 200)) ** 0.5
    weight = head.dense[0].weight.detach()
    assert float(weight.abs().max()) <= limit
    # The variance of U(−a, a) is a²/3; that of 60 000 squares is known to 0.4 %, times five.
    assert float(weight.var()) == pytest.approx(limit**2 / 3, rel=0.02)
    assert bool((head.dense[0].bias == 0).all())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": (), "input_p": 0.0}, "needs dropout"),
        ({"hidden": (8,), "p": 0.0, "input_p": 0.0}, "needs dropout"),
        ({"p": 1.0}, "p must be at least 0 and below 1; got 1.0"),
        ({"input_p": -0.1}, "input_p must be"),
        ({"p": float("nan")}, "p must be"),
        ({"hidden": (8, 0)}, "width of a layer must be at least 1"),
    ],
)
def test_impossible_heads_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        BayesianHead(4, 2, **arguments)
