"""Augmentation: nothing is lost, nothing is added but flips of the classes that are named."""

import numpy as np
import torch

from askwell.models import BayesianCNN
from askwell.pool import ArrayPool
from askwell.train import Fit, Recipe, flips, views


def test_flips_add_three_mirror_images_of_each_image_of_a_class() -> None:
    images, labels = torch.rand(6, 3, 4, 5), torch.tensor([0, 1, 0, 2, 1, 0])
    more, theirs = flips([1])(images, labels)
    assert theirs.tolist() == [0, 1, 0, 2, 1, 0, 1, 1, 1, 1, 1, 1]
    assert torch.equal(more[:6], images)
    for row, image in enumerate((images[1], images[4])):
        assert torch.equal(more[6 + row], image.flip(2))  # left to right
        assert torch.equal(more[8 + row], image.flip(1))  # top to bottom
        assert torch.equal(more[10 + row], image.rot90(2, (1, 2)))  # both


def test_views_are_images_of_one_view() -> None:
    features, labels = torch.rand(4, 1, 3, 7), torch.tensor([1, 0, 1, 0])
    more, theirs = views([1])(features, labels)
    assert more.shape == (4 + 2 * 2, 1, 1, 7)
    assert theirs.tolist() == [1, 0, 1, 0, 1, 1, 1, 1]
    assert torch.equal(more[:4, 0, 0], features[:, 0, 0])
    expected = {tuple(f.tolist()) for f in features[[0, 2], 0, 1:].flatten(0, 1)}
    assert {tuple(f.tolist()) for f in more[4:, 0, 0]} == expected


def test_without_a_class_nothing_changes() -> None:
    images, labels = torch.rand(3, 1, 4, 4), torch.tensor([0, 1, 0])
    for classes in ([], [7]):
        more, theirs = flips(classes)(images, labels)
        assert torch.equal(more, images)
        assert torch.equal(theirs, labels)


def test_a_fit_trains_on_the_augmented_images_and_counts_the_labelled_ones() -> None:
    pool = ArrayPool(np.random.default_rng(0).integers(0, 255, (10, 8, 8), dtype=np.uint8))
    seen = []

    def augment(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        more, theirs = flips([1])(images, labels)
        seen.append(len(more))
        return more, theirs

    labelled = {item: item % 2 for item in range(6)}
    recipe = Recipe(steps=1, epochs=1, batch_size=4)
    fit = Fit(lambda: BayesianCNN((1, 8, 8), 2), recipe, augment=augment)
    training = fit(labelled, pool, 0).training
    assert training is not None
    assert seen == [6 + 3 * 3]
    assert training.steps == 4  # ⌈15 / 4⌉: an epoch of the augmented images
    assert training.labels == 6
