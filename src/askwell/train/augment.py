"""More training images from those that are labelled: what a recipe for few images relies on."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from askwell.tensors import Images

Augment = Callable[[Images, Tensor], tuple[Images, Tensor]]
"""(images (N, ...), labels (N,)) → the images to train on, with their labels."""


def flips(classes: Collection[int]) -> Augment:
    """Every image, and those of some classes flipped left to right, top to bottom, and both.

    The paper's melanoma experiment flips the positive images, of which there are few.
    """

    def augment(images: Images, labels: Tensor) -> tuple[Images, Tensor]:
        chosen = _of(labels, classes)
        some = images[chosen]
        parts = [images, some.flip(-1), some.flip(-2), some.flip(-1, -2)]
        return torch.cat(parts), torch.cat([labels, labels[chosen].repeat(3)])

    return augment


def views(classes: Collection[int]) -> Augment:
    """The same for images that come as features of several views, shape (N, 1, views, features).

    The first view of every image, and the others of some classes, each as an image of one view.
    """

    def augment(images: Images, labels: Tensor) -> tuple[Images, Tensor]:
        chosen = _of(labels, classes)
        others = images[chosen][:, :, 1:].transpose(1, 2).flatten(0, 1).unsqueeze(1)  # n·V 1 F
        more = labels[chosen].repeat_interleave(images.shape[2] - 1)
        return torch.cat([images[:, :, :1], others]), torch.cat([labels, more])

    return augment


def _of(labels: Tensor, classes: Collection[int]) -> Tensor:
    wanted = torch.tensor(sorted(classes), dtype=torch.int64, device=labels.device)
    return torch.isin(labels, wanted).nonzero().flatten()
