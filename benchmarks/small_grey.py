"""Which backbone for small grey images? Accuracy of the page's head on random labels of each.

Fashion-MNIST (28 × 28) and scikit-learn's digits (8 × 8): 2 000 images to label (digits: 1 000),
as many to test on (digits: 797), four draws of the labels.

    python benchmarks/small_grey.py benchmarks/results/small_grey.csv
    python benchmarks/small_grey.py --train src/askwell/models/shipped/bayesian_cnn_mnist.pt
"""

import sys
from pathlib import Path

import numpy as np
import torch
from common import Report, mnist_pool, seconds

from askwell import ArrayPool, BayesianCNN
from askwell.datasets import DATASETS
from askwell.labelling.head import DRAWS, FeatureRows, fit_head, summarise
from askwell.models.pretrained import load_trunk
from askwell.train import Recipe
from askwell.train.loop import train

BACKBONES = ("efficientnet_lite0", "bayesian_cnn_mnist")
SIZES, DRAWN = (20, 50, 100, 200, 400), range(4)
TASKS = {"fashion_mnist": (2000, 2000), "digits": (1000, 797)}


def make_weights(path: Path) -> None:
    """Train the paper's network on all of MNIST's training images and keep its convolutions."""
    pool, labels = mnist_pool()
    torch.manual_seed(0)
    network = BayesianCNN()
    recipe = Recipe(epochs=5, batch_size=128, learning_rate=1e-3)
    images = pool.images(np.arange(len(labels)))
    train(network, images, labels, recipe, weight_decay=0.05, seed=0)
    network.eval()
    test = DATASETS["mnist"].load().test
    images = ArrayPool(test.images).images(np.arange(len(test.labels)))
    with torch.no_grad():
        answers = torch.cat([network(part).argmax(1) for part in images.split(500)])
    right = float((answers.numpy() == test.labels).mean())
    print(f"accuracy on the test images, without dropout: {right:.4f}")
    state = network.state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({name: state[name].clone() for name in state if name.startswith("conv")}, path)


def images_of(name: str) -> tuple[torch.Tensor, np.ndarray]:
    """Random images from 0 to 1, (N, 1, H, W), and their classes."""
    task = DATASETS[name].load()
    parts = [np.asarray(part.images).squeeze() for part in (task.train, task.test)]
    scale = 255 if parts[0].dtype == np.uint8 else parts[0].max()
    images = torch.from_numpy(np.concatenate(parts).astype(np.float32) / scale)[:, None]
    labels = np.concatenate([np.asarray(part.labels) for part in (task.train, task.test)])
    chosen = np.random.default_rng(0).permutation(len(labels))[: sum(TASKS[name])]
    return images[chosen], labels[chosen]


def main(path: Path) -> None:
    """Both backbones on both data sets."""
    report = Report(path)
    for task, (pool, _) in TASKS.items():
        images, labels = images_of(task)
        for name in BACKBONES:
            trunk = load_trunk(name)
            found: list[torch.Tensor] = []
            with torch.inference_mode():
                took = seconds(lambda: found.extend(map(trunk, images.split(50))))  # noqa: B023
            features = torch.cat(found).numpy().astype(np.float16)
            for count in SIZES:
                right = []
                for draw in DRAWN:
                    rows = np.random.default_rng(draw).permutation(pool)[:count].tolist()
                    given = {row: int(labels[row]) for row in rows}
                    head = fit_head(FeatureRows(features[:pool], range(pool)), given, 10, seed=draw)
                    probs = summarise(head.draw(DRAWS, seed=draw), features[pool:]).probs.numpy()
                    right.append(float((probs.argmax(axis=1) == labels[pool:]).mean()))
                report.add(
                    images=task, backbone=name, labels=count,
                    accuracy=round(float(np.mean(right)), 3),
                    std=round(float(np.std(right)), 3),
                    images_a_second=round(len(images) / took),
                )  # fmt: skip
    report.show("Accuracy of the page's head on random labels, by backbone")


if __name__ == "__main__":
    if sys.argv[1] == "--train":
        make_weights(Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]))
