"""What draws cost where dropout comes last: T = 100 against T = 1 on a residual network.

python benchmarks/head_cost.py benchmarks/results/head_cost.csv
"""

import math
import sys
from pathlib import Path

import torch
from common import Report, seconds
from torch import nn
from torchvision.models import resnet18

from askwell import ACQUISITIONS, MCDropout

REPEATS = 8


def main(path: Path) -> None:
    report = Report(path)
    torch.manual_seed(0)
    network = resnet18(num_classes=10)
    network.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 10))
    images = torch.rand(256, 3, 64, 64)
    posterior, bald = MCDropout(network), ACQUISITIONS["bald"]
    draws = {t: posterior.draw(t, seed=0) for t in (1, 100)}
    for t in draws:
        bald.of_outputs(draws[t].outputs(images))  # the check on the first images, the masks
    took = dict.fromkeys(draws, math.inf)
    for _ in range(REPEATS):  # in turns: the machine's speed varies
        for t, functions in draws.items():
            once = seconds(lambda d=functions: bald.of_outputs(d.outputs(images)))
            took[t] = min(took[t], once)
    for t in draws:
        report.add(
            network="ResNet-18, dropout before the last layer, 64 × 64",
            images=len(images),
            T=t,
            seconds=round(took[t], 3),
            ratio_to_T_1=round(took[t] / took[1], 3),
        )
    report.show("Draws where dropout comes last")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
