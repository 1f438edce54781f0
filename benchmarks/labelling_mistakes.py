"""Wrong labels planted among right ones: how many stand first among the likely mistakes?

Fashion-MNIST by `efficientnet_lite0`, random labels of which one in twenty (or ten) is replaced by
another class, drawn at random; four draws. The labels are ordered by how much more probable
another class is, under a head that was trained on all of them ("taught") and under heads that were
trained on the other folds ("checked", what the page's gallery shows). `found` is the share of the
planted mistakes among as many labels at the head of the list (chance: 0.05, 0.1), `in_twice` among
twice as many.

    python benchmarks/labelling_mistakes.py benchmarks/results/labelling_mistakes.csv
"""

import sys
from pathlib import Path

import numpy as np
import torch
from common import Report
from numpy.typing import NDArray
from small_grey import images_of

from askwell.labelling.crosscheck import CrossCheck
from askwell.labelling.files import Snapshot
from askwell.labelling.head import DRAWS, FeatureRows, fit_head, summarise
from askwell.models.pretrained import load_trunk

CLASSES = tuple(range(10))
SIZES, WRONG, DRAWN = (100, 200, 500), (0.05, 0.1), range(4)


def taught(pool: FeatureRows, given: dict[int, int], seed: int) -> NDArray[np.float64]:
    """Probabilities of the labelled images by a head that was trained on these labels."""
    draws = fit_head(pool, given, len(CLASSES), seed=seed).draw(DRAWS, seed=seed)
    return summarise(draws, pool.features[sorted(given)]).probs.numpy().astype(float)


def checked(pool: FeatureRows, given: dict[int, int], seed: int) -> NDArray[np.float64]:
    """Probabilities of the labelled images by heads that were not taught their labels."""
    check = CrossCheck(pool, Snapshot(given, {}, CLASSES, seed=seed))
    while not check.done:
        check.step()
    found = check.result()
    probs = np.full((len(given), len(CLASSES)), np.nan)
    probs[np.searchsorted(sorted(given), found.items)] = found.probs
    return probs


def main(path: Path) -> None:
    """Both ways, on the same labels."""
    images, truth = images_of("fashion_mnist")
    trunk = load_trunk("efficientnet_lite0")
    with torch.inference_mode():
        features = torch.cat([trunk(part) for part in images[:2000].split(50)])
    pool = FeatureRows(features.numpy().astype(np.float16), range(2000))
    report = Report(path)
    for count in SIZES:
        for share in WRONG:
            for way in (taught, checked):
                found: list[tuple[float, float]] = []
                for draw in DRAWN:
                    chance = np.random.default_rng(draw)
                    rows = np.sort(chance.permutation(2000)[:count])
                    labels = truth[rows].astype(int)
                    wrong = chance.permutation(count)[: round(share * count)]
                    labels[wrong] = (labels[wrong] + chance.integers(1, 10, len(wrong))) % 10
                    probs = way(pool, dict(zip(rows.tolist(), labels.tolist(), strict=True)), draw)
                    gaps = np.nan_to_num(probs.max(axis=1) - probs[np.arange(count), labels])
                    order = np.argsort(-gaps)
                    shares = [np.isin(wrong, order[: k * len(wrong)]).mean() for k in (1, 2)]
                    found.append((float(shares[0]), float(shares[1])))
                report.add(
                    labels=count, wrong=share, way=way.__name__,
                    found=round(float(np.mean([one for one, _ in found])), 2),
                    in_twice=round(float(np.mean([two for _, two in found])), 2),
                )  # fmt: skip
    report.show("Planted mistakes at the head of the list")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
