"""Laws of Monte Carlo dropout over every architecture: exact, and a draw is one function."""

import copy
import warnings
from collections.abc import Iterator
from functools import lru_cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from askwell.posterior import Deterministic, MCDropout
from askwell.posterior.dropout import DropoutDraws
from askwell.randomness import generator
from tests.laws.architectures import ARCHITECTURES, Architecture

T, SEED = 5, 3
LARGE = "vgg16"  # 134 million weights: few draws of few images, and in few of the laws

every_architecture = pytest.mark.parametrize("architecture", list(ARCHITECTURES), indirect=True)


@pytest.fixture(params=[name for name in ARCHITECTURES if name != LARGE])
def architecture(request: pytest.FixtureRequest) -> Architecture:
    torch.manual_seed(0)
    return ARCHITECTURES[request.param]


@pytest.fixture
def images(architecture: Architecture) -> Tensor:
    n = 3 if architecture is ARCHITECTURES[LARGE] else 11
    return torch.rand(n, *architecture.image_shape, generator=generator(1))


@pytest.fixture
def draws(architecture: Architecture) -> int:
    return 2 if architecture is ARCHITECTURES[LARGE] else T


@lru_cache
def built(architecture: Architecture) -> nn.Module:
    return architecture.build().eval()


@pytest.fixture
def network(architecture: Architecture) -> Iterator[nn.Module]:
    with warnings.catch_warnings():
        if not architecture.split:
            warnings.filterwarnings("ignore", "Untraceable cannot be split")
        yield built(architecture)


@torch.no_grad()
def naive(
    network: nn.Module, images: Tensor, draws: int, monkeypatch: pytest.MonkeyPatch
) -> Tensor:
    """T full passes with F.dropout itself replaced: independent of how askwell finds the calls."""
    results = []
    for t in range(draws):
        calls = iter(range(100))

        def dropout(x, p=0.5, training=True, inplace=False, t=t, calls=calls):
            keep = torch.rand(x.shape[1:], generator=generator(SEED, "mask", t, next(calls))) >= p
            return x * keep / (1 - p)

        def dropout2d(x, p=0.5, training=True, inplace=False, t=t, calls=calls):
            channels = x.shape[1:2]
            shape = (*channels, *(1 for _ in x.shape[2:]))
            keep = torch.rand(shape, generator=generator(SEED, "mask", t, next(calls))) >= p
            return x * keep / (1 - p)

        with monkeypatch.context() as patch:
            patch.setattr(F, "dropout", dropout)
            patch.setattr(F, "dropout2d", dropout2d)
            results.append(network(images))
    return torch.stack(results, dim=1)


def close(a: Tensor, b: Tensor) -> None:
    """float32 sums of k terms differ by about √k·2⁻²⁴ of their size; k is a few thousand here."""
    torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-5 * float(b.abs().max()))


@every_architecture
def test_equals_t_full_passes_with_the_same_masks(network, images, draws, monkeypatch):
    expected = naive(network, images, draws, monkeypatch)
    close(MCDropout(network).draw(draws, seed=SEED).outputs(images), expected)


@every_architecture
def test_the_trunk_runs_once(network, images, draws, architecture):
    posterior = MCDropout(network)
    posterior.draw(draws, seed=SEED).outputs(images)
    assert (posterior.parts is not None) == architecture.split, posterior.why_whole


def test_a_draw_does_not_depend_on_chunks_order_or_process(network, images):
    whole = MCDropout(network).draw(T, seed=SEED).outputs(images)
    draws = MCDropout(network).draw(T, seed=SEED)
    order = torch.randperm(len(images), generator=generator(2))
    for size in (1, 4, 11):
        parts = torch.cat([draws.outputs(part) for part in images[order].split(size)])
        close(parts, whole[order])


def test_the_first_draws_of_many_are_the_few(network, images):
    posterior = MCDropout(network)
    few = posterior.draw(2, seed=SEED).outputs(images)
    close(posterior.draw(T, seed=SEED).outputs(images)[:, :2], few)


def test_draws_and_seeds_differ(network, images):
    posterior = MCDropout(network)
    one = posterior.draw(2, seed=1).outputs(images)
    other = posterior.draw(2, seed=2).outputs(images)
    assert not torch.allclose(one[:, 0], one[:, 1])
    assert not torch.allclose(one, other)


def test_the_users_network_is_left_alone(architecture, images):
    network = copy.deepcopy(built(architecture)).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MCDropout(network).draw(2, seed=0).outputs(images)
    assert all(m.training for m in network.modules())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_further_training_does_not_change_the_posterior(network, images):
    network = copy.deepcopy(network)
    posterior = MCDropout(network)
    before = posterior.draw(2, seed=0).outputs(images)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(1)
    close(posterior.draw(2, seed=0).outputs(images), before)


def test_deterministic_draws_are_identical_and_equal_the_network(network, images):
    outputs = Deterministic(network).draw(T, seed=0).outputs(images)
    assert outputs.shape[:2] == (len(images), T)
    assert torch.equal(outputs, outputs[:, :1].expand_as(outputs))
    with torch.no_grad():
        close(outputs[:, 0], network(images))


def test_mask_frequencies_are_the_trained_p():
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(2000, 2))
    draws: DropoutDraws = MCDropout(network).draw(50, seed=0)
    keep = draws.masks.keep(0, 0.3, (2000,))
    # 100 000 independent values: five standard deviations of a binomial frequency.
    assert abs(float(keep.float().mean()) - 0.7) < 5 * (0.21 / 100_000) ** 0.5


def test_draws_are_the_same_in_another_process():
    import subprocess
    import sys

    code = (
        "import torch; from torch import nn; from askwell.posterior import MCDropout\n"
        "torch.manual_seed(0); net = nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.Dropout(0.5),"
        " nn.Linear(6, 2))\n"
        "x = torch.linspace(0, 1, 18).view(2, 1, 3, 3)\n"
        "print(MCDropout(net).draw(4, seed=7).outputs(x).flatten().tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    scope: dict[str, object] = {}
    torch.manual_seed(0)
    with torch.random.fork_rng():
        exec(code.replace("print(", "result = ("), scope)
    assert eval(run.stdout) == scope["result"]
