"""What asking costs: the 10 highest BALD scores of MNIST under T draws of the paper's network.

Beside askwell run, in the same process and with the same weights: baal 2.1.0 with the best of a few
settings (its batch size is tuned here), and T full passes in a plain loop. Both are measured on
2 000 images and scaled to the pool.

    python benchmarks/scoring.py benchmarks/results/scoring.csv
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import torch
from common import (
    HEAD_FLOP,
    TRUNK_FLOP,
    Report,
    gemm_peak,
    mnist_pool,
    peak_memory,
    seconds,
    trained,
)
from torch import nn
from torch.utils.data import TensorDataset

from askwell import MCDropout, strategy
from askwell.pool import ArrayPool, chunks

POOL, PEER_IMAGES = 59_880, 2_000


def ask(network: nn.Module, pool: ArrayPool, t: int, *, exact: bool) -> None:
    """Ten images of the pool by BALD."""
    draws = MCDropout(network).draw(t, seed=0)
    parts = chunks(pool, np.arange(POOL), size=256)
    strategy("bald", exact=exact).select(draws, parts, 10, seed=0)


@torch.no_grad()
def plain(network: nn.Module, images: torch.Tensor, t: int) -> None:
    """T full passes with a fresh mask for every image, as a short script would have it."""
    network.train()
    for batch in images.split(128):
        probs = torch.stack([network(batch).softmax(dim=1) for _ in range(t)])
        mean = probs.mean(dim=0)
        entropy = -(mean * (mean + 1e-12).log()).sum(dim=1)
        (entropy + (probs * (probs + 1e-12).log()).sum(dim=2).mean(dim=0)).topk(10)


def baal(network: nn.Module, images: torch.Tensor, t: int, *, batch: int, cached: bool) -> None:
    """baal's BALD ranking, its deterministic layers cached within a batch or not."""
    import structlog
    from baal.active.heuristics import BALD
    from baal.bayesian.caching_utils import MCCachingModule
    from baal.bayesian.dropout import MCDropoutModule
    from baal.modelwrapper import ModelWrapper, TrainingArgs

    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    model = MCDropoutModule(network)
    model = MCCachingModule(model) if cached else model
    args = TrainingArgs(batch_size=batch, workers=0, use_cuda=False, replicate_in_memory=not cached)
    wrapper = ModelWrapper(model, args)
    data = TensorDataset(images, torch.zeros(len(images)))
    with torch.no_grad():
        BALD()(wrapper.predict_on_dataset(data, iterations=t, verbose=False))


def best_baal(network: nn.Module, images: torch.Tensor, t: int) -> tuple[float, str]:
    """Seconds for these images with the best of its settings, found on a tenth of them."""
    import copy

    def run(part: torch.Tensor, batch: int, cached: bool) -> float:
        fresh = copy.deepcopy(network)
        return seconds(lambda: baal(fresh, part, t, batch=batch, cached=cached))

    few = images[: len(images) // 10]
    settings = [(batch, cached) for batch in (8, 32, 100) for cached in (False, True)]
    batch, cached = min(settings, key=lambda s: run(few, *s))
    return run(images, batch, cached), f"batch {batch}{', cached layers' if cached else ''}"


def main(path: Path) -> None:
    report = Report(path)
    pool, labels = mnist_pool()
    network = trained(pool, labels, 100)
    images = pool.images(np.arange(PEER_IMAGES))
    t = 100

    def row(way: str, t: int, took: float, note: str = "") -> None:
        # As if every image had all draws and no mask saved work: what a user is given.
        useful = POOL * (TRUNK_FLOP + t * HEAD_FLOP) / took / 1e9
        report.add(
            way=way,
            T=t,
            seconds=round(took, 1),
            images_per_s=round(POOL / took),
            useful_GFLOPs=round(useful),
            GEMM_peak=round(gemm_peak()),
            peak_MiB=round(peak_memory()),
            note=note,
        )

    dense = seconds(lambda: ask(network, pool, t, exact=True))
    row("askwell, every image all draws", t, dense)
    for many in (t, 1000):
        took = seconds(lambda many=many: ask(network, pool, many, exact=False))
        row("askwell, race", many, took, f"{took / dense:.2f} × every image all 100 draws")
    if importlib.util.find_spec("baal"):
        took, setting = best_baal(network, images, t)
        took *= POOL / PEER_IMAGES
        row("baal 2.1.0", t, took, f"{took / dense:.0f} × every image all draws; {setting}")
    few = images[:500]
    took = seconds(lambda: plain(network, few, t)) * POOL / len(few)
    row("plain loop", t, took, f"{took / dense:.0f} × every image all draws")
    report.show("The ten highest BALD scores of 59 880 images")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
