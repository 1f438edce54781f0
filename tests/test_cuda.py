"""The same code on a GPU: runs where there is one, and is skipped with a message elsewhere."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from askwell import (
    ACQUISITIONS,
    ArrayPool,
    BayesianCNN,
    Deterministic,
    Fit,
    Learner,
    MCDropout,
    Recipe,
    evaluate,
    labelled_chunks,
    strategy,
)
from askwell.datasets import DATASETS
from askwell.pool import chunks

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device on this machine"
)

T, SEED = 40, 3


@pytest.fixture
def pool() -> ArrayPool:
    images = torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return ArrayPool(images)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return BayesianCNN().eval()


def test_a_draw_is_the_same_function(pool: ArrayPool, network: nn.Module) -> None:
    images = pool.images(np.arange(9))
    on_cpu = MCDropout(network).draw(T, seed=SEED).outputs(images)
    on_cuda = MCDropout(copy.deepcopy(network).cuda()).draw(T, seed=SEED).outputs(images)
    torch.testing.assert_close(on_cuda.cpu(), on_cpu, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", ["bald", "variation_ratios", "mean_std", "max_entropy"])
def test_scores_are_the_same(pool: ArrayPool, network: nn.Module, name: str) -> None:
    images = pool.images(np.arange(50))
    scores = [
        ACQUISITIONS[name].of_outputs(MCDropout(net).draw(T, seed=SEED).outputs(images)).cpu()
        for net in (network, copy.deepcopy(network).cuda())
    ]
    torch.testing.assert_close(scores[1], scores[0], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_a_race_asks_for_what_all_draws_ask_for(
    pool: ArrayPool, network: nn.Module, temperature: float
) -> None:
    draws = MCDropout(network.cuda()).draw(T, seed=SEED)
    asked = [
        strategy("bald", temperature=temperature, exact=exact).select(
            draws, chunks(pool, np.arange(300), size=64), 10, seed=1
        )
        for exact in (True, False)
    ]
    assert asked[0].ids == asked[1].ids


@pytest.mark.parametrize("posterior", [None, lambda n, t: Deterministic(n, training=t)])
def test_the_loop_learns_digits(posterior: object) -> None:
    task = DATASETS["digits"].load()
    pool = ArrayPool(task.train.images)
    learner = Learner(
        pool,
        Fit(
            lambda: BayesianCNN((1, 8, 8), 10),
            Recipe(steps=100),
            posterior=posterior,  # type: ignore[arg-type]
            device="cuda",
        ),
        strategy("bald"),
        classes=10,
        seed=0,
        draws=T,
    )
    for _ in range(4):
        query = learner.ask(50)
        learner.tell({item: int(task.train.labels[pool.position(item)]) for item in query.ids})
    draws = learner.refit().draw(T, seed=1)
    metrics = evaluate(draws, labelled_chunks(ArrayPool(task.test.images), task.test.labels))
    assert metrics["accuracy"] > 0.75
