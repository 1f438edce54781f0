"""Rotated digits: a regression on images, and the same with many images that tell nothing.

Every digit but 0 of a fixed choice of MNIST is turned by its own angle, and the target is that
angle. 0 is left out, since a round digit hardly shows how far it was turned.

`rotated_digits`: every image is clear and every target exact.

`rotated_digits_noisy`: three images in four are blurred until nobody could tell their angle, and
their training targets are guesses: noise with mean 0, larger than the angles themselves. Anyone can
see which images these are, so a network with a variance output learns where the noise is. Their
test targets are the mean, 0, so the test error measures the mean function alone. Total variance
asks for the blurred images for ever; epistemic variance should not (Gal, Islam & Ghahramani 2017,
section 4).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets.dataset import Dataset
from askwell.datasets.idx import read_mnist_like
from askwell.datasets.mnist import MNIST
from askwell.datasets.task import LabelledImages
from askwell.errors import InputError

LARGEST_ANGLE = 45.0
"""Degrees; targets are angles in this unit, −1 to 1, positive counter-clockwise."""

BLURRED = 0.75
"""Share of the images that are blurred in `rotated_digits_noisy`."""

BLUR = 4.0
"""Pixels: standard deviation of the blur, about a fifth of a digit's height."""

NOISE = 1.0
"""Standard deviation of the guesses, in units of 45°; that of the angles is 1/√3."""

_SEED = 0
_SIZES = (10_000, 2_000)
_BLOCK = 1_000


def read_rotated_digits(
    folder: Path, *, train: int = _SIZES[0], test: int = _SIZES[1], blurred: float = 0.0
) -> tuple[LabelledImages, LabelledImages]:
    """Turned digits and their angles, training and test.

    Which digits are taken, and the angle, blur and noise of each, depend on their positions in
    MNIST's own files alone. So a smaller set is a part of a larger one, and the clear images are
    the same whatever share is blurred.

    Args:
        folder: holds the four files of MNIST.
        train: how many images of MNIST's training file; at most as many as are not 0.
        test: the same of its test file.
        blurred: probability that an image is blurred and its training target is noise.

    Returns:
        Images (N, 28, 28) in the order of MNIST's file; targets float64, the angle divided by 45°.

    Raises:
        InputError: more images than there are, or a share outside 0 … 1.
        DatasetError: a file of MNIST is not there, or damaged.
    """
    if not 0 <= blurred <= 1:
        raise InputError(f"blurred must lie between 0 and 1; got {blurred!r}.")
    mnist = read_mnist_like(folder)
    return _part(mnist[0], "train", train, blurred), _part(mnist[1], "test", test, blurred)


def which_are_blurred(
    folder: Path, *, train: int = _SIZES[0], test: int = _SIZES[1], blurred: float = BLURRED
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which training and test images of `read_rotated_digits` are blurred, shape (N,) each."""
    mnist = read_mnist_like(folder)
    positions = _choose(mnist[0], "train", train), _choose(mnist[1], "test", test)
    return _blurred(positions[0], "train", blurred), _blurred(positions[1], "test", blurred)


def rotate(images: NDArray[np.uint8], degrees: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Turn square grey images (N, size, size) about their centres, counter-clockwise.

    Bilinear; what comes in from outside is black. In blocks, so that little memory is needed.
    """
    import torch
    from torch.nn import functional as F  # noqa: N812

    turned = np.empty_like(images)
    for start in range(0, len(images), _BLOCK):
        block = slice(start, start + _BLOCK)
        angle = torch.from_numpy(np.deg2rad(degrees[block])).float()  # B
        cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        # Where each pixel of the result comes from; the y axis points down.
        rows = [torch.stack([cos, -sin, zero], dim=1), torch.stack([sin, cos, zero], dim=1)]
        pixels = torch.from_numpy(np.array(images[block]))[:, None].float()  # B 1 size size
        grid = F.affine_grid(torch.stack(rows, dim=1), list(pixels.shape), align_corners=False)
        found = F.grid_sample(pixels, grid, padding_mode="zeros", align_corners=False)
        turned[block] = found[:, 0].round().byte().numpy()
    return turned


def _part(mnist: LabelledImages, name: str, n: int, share: float) -> LabelledImages:
    from scipy.ndimage import gaussian_filter
    from scipy.special import ndtri

    chosen = _choose(mnist, name, n)
    targets = 2 * _uniform(chosen, f"{name}: angle") - 1
    images = rotate(mnist.images[chosen], LARGEST_ANGLE * targets)
    blurred = _blurred(chosen, name, share)
    if blurred.any():
        soft = gaussian_filter(images[blurred], (0, BLUR, BLUR), output=np.float32, mode="constant")
        images[blurred] = np.rint(soft)
        guesses = NOISE * ndtri(_uniform(chosen[blurred], f"{name}: guess"))
        targets[blurred] = guesses if name == "train" else 0.0
    for array in (images, targets):
        array.setflags(write=False)
    return LabelledImages(images, targets)


def _choose(mnist: LabelledImages, name: str, n: int) -> NDArray[np.int64]:
    """Positions of n digits other than 0, ascending: those with the smallest random keys."""
    eligible = np.flatnonzero(mnist.labels != 0)
    if not 0 < n <= len(eligible):
        raise InputError(
            f"The {name} file of MNIST has {len(eligible)} digits other than 0; got {name}={n}."
        )
    order = np.argsort(_uniform(eligible, f"{name}: choice"), kind="stable")
    return np.sort(eligible[order[:n]])


def _blurred(positions: NDArray[np.int64], name: str, share: float) -> NDArray[np.bool_]:
    return _uniform(positions, f"{name}: blurred") < share


def _uniform(positions: NDArray[np.int64], purpose: str) -> NDArray[np.float64]:
    """A number in (0, 1) for each position, from the position and the purpose alone."""
    from askwell.randomness import derive, item_keys  # imports torch: only when needed

    keys = item_keys(positions.tolist(), derive(_SEED, f"rotated digits, {purpose}"))
    return ((keys >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _read_noisy(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    return read_rotated_digits(folder, blurred=BLURRED)


ROTATED_DIGITS = Dataset(
    name="rotated_digits",
    summary="by what angle a digit is turned",
    classes=(),
    image_shape=(28, 28),
    sizes=_SIZES,
    licence=MNIST.licence,
    source=MNIST.source,
    citation=MNIST.citation,
    read=read_rotated_digits,
    files=MNIST.files,
    sources=MNIST.sources,
    made_from=MNIST.name,
)

ROTATED_DIGITS_NOISY = replace(
    ROTATED_DIGITS,
    name="rotated_digits_noisy",
    summary="the same, three in four blurred, with noise for a target",
    read=_read_noisy,
)
