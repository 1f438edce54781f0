"""What bfloat16 does to scores: error against float64, and the images that are chosen.

python benchmarks/precision.py benchmarks/results/precision.csv
"""

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from common import Report, mnist_pool, trained

from askwell import ACQUISITIONS, MCDropout
from askwell.tensors import Scores

IMAGES, T = 4_000, 100


def scores(posterior: MCDropout, images: torch.Tensor, name: str) -> Scores:
    """Of the images, a chunk at a time."""
    draws = posterior.draw(T, seed=0)
    parts = [ACQUISITIONS[name].of_outputs(draws.outputs(part)) for part in images.split(250)]
    return torch.cat(parts)


def main(path: Path) -> None:
    report = Report(path)
    pool, labels = mnist_pool()
    images = pool.images(np.arange(50_000, 50_000 + IMAGES))
    for count in (50, 300):
        network = trained(pool, labels, count)
        for name in ("bald", "variation_ratios", "max_entropy", "mean_std"):
            exact = scores(MCDropout(copy.deepcopy(network).double()), images, name)
            best = set(exact.topk(10).indices.tolist())
            for dtype in (torch.float32, torch.bfloat16):
                found = scores(MCDropout(network, dtype=dtype), images, name)
                error = (found - exact).abs()
                report.add(
                    labels=count,
                    acquisition=name,
                    dtype=str(dtype).removeprefix("torch."),
                    largest_score=f"{float(exact.max()):.3f}",
                    max_error=f"{float(error.max()):.1e}",
                    mean_error=f"{float(error.mean()):.1e}",
                    top_10_in_common=len(best & set(found.topk(10).indices.tolist())),
                )
    report.show(f"Scores of {IMAGES} images, T = {T}, against float64")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
