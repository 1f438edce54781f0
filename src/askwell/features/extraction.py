"""Images → trunk → store, batch by batch: stopped at any moment, it goes on from there."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from askwell.checks import whole_number
from askwell.errors import InputError
from askwell.features.store import FeatureStore
from askwell.models.backbone import Trunk
from askwell.pool import to_images
from askwell.precision import choose_layout, in_layout
from askwell.tensors import Images

Keyed = tuple[Sequence[str], Images | NDArray[Any]]
"""Some keys, and as many images of one shape, as `to_images` takes them."""


@torch.inference_mode()
def extract(
    trunk: Trunk,
    images: Iterable[Keyed],
    store: FeatureStore,
    *,
    batch: int = 8,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Compute the features of images and append them to the trunk's store.

    Every batch is on disk before the next begins, so nothing is lost when the process is killed;
    what `progress` raises stops it. To go on, pass the images of `store.missing(keys)`; images
    whose keys are in the store are passed over. Only one batch of resized images is held.

    Features are float32 on any device and are computed in batches of one size (the last is filled
    up with black), so they depend neither on how images are grouped nor on interruptions.

    Args:
        trunk: of the store; it is copied, and left where it is.
        images: parts of one to a few images each, uint8 or from 0 to 1; each part may have its
            own height and width.
        store: open for writing.
        batch: images that go through the network at once. Larger ones do not fit the cache.
        device: where the network runs.
        progress: called after each batch with the number of features added so far.

    Raises:
        InputError: images that are no images, or not from 0 to 1, or another number of keys.
        NonFiniteError: features that are NaN or beyond float16.
        RunError: the store cannot be written.
    """
    whole_number("batch", batch)
    if trunk.fingerprint() != store.files.fingerprint:
        raise InputError(
            f"{store.files.rows} holds features of {store.files.backbone} with other weights or "
            f"another image size than this trunk ({trunk.name}). Open the store of this one: "
            "FeatureStore.open(directory, trunk)."
        )
    trunk = copy.deepcopy(trunk).to(device)
    layout, done = None, 0
    new = _new(trunk, images, store, torch.device(device))
    while part := list(islice(new, batch)):
        keys = [key for key, _ in part]
        black = torch.zeros_like(part[0][1]).expand(batch - len(part), -1, -1, -1)
        pixels = torch.cat([*(image for _, image in part), black])
        layout = layout or choose_layout(trunk.body, pixels[:2])
        features = trunk.body(in_layout(pixels, layout))[: len(part)]
        store.append(keys, features.float().cpu().numpy())
        done += len(part)
        if progress is not None:
            progress(done)


def _new(
    trunk: Trunk, images: Iterable[Keyed], store: FeatureStore, device: torch.device
) -> Iterator[tuple[str, Tensor]]:
    """Each image that the store lacks, once, as the network sees it: shape (1, 3, S, S)."""
    seen: set[str] = set()
    for keys, given in images:
        for key, image in zip(keys, _checked(keys, given).split(1), strict=True):
            if key not in store and key not in seen:
                seen.add(key)
                yield key, trunk.resized(image.to(device))


def _checked(keys: Sequence[str], given: Images | NDArray[Any]) -> Images:
    images = to_images(given)
    if len(keys) != len(images):
        raise InputError(f"Each image needs a key; got {len(images)} images, {len(keys)} keys.")
    if images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise InputError(
            f"Images of floating point must lie between 0 and 1; got {float(images.min()):.3g} … "
            f"{float(images.max()):.3g}. Scale them (divide by 255, say), but do not normalise "
            "them: the trunk does."
        )
    return images
