"""What features are filed under: the content of an image, and the view that was taken of it."""

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from torch import Tensor

from askwell.pool import Pool
from askwell.tensors import Images

VIEWS: Mapping[str, Callable[[Images], Images]] = MappingProxyType(
    {
        "": lambda images: images,
        "h": lambda images: images.flip(-1),
        "v": lambda images: images.flip(-2),
        "hv": lambda images: images.flip(-2, -1),
    }
)
"""Views of an image (…, height, width): as it is, left and right swapped, upside down, both."""

_DIGITS = 32
_CHUNK = 32


def pixel_key(image: Tensor) -> str:
    """The first 32 hex digits of SHA-256 of one image's shape and float32 pixels."""
    pixels = image.contiguous().numpy()
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(pixels.data)
    return digest.hexdigest()[:_DIGITS]


def pixel_keys(pool: Pool) -> list[str]:
    """The content key of every image of a pool, by position; each image is read once."""
    n = len(pool.ids)
    return [
        pixel_key(image)
        for start in range(0, n, _CHUNK)
        for image in pool.images(np.arange(start, min(start + _CHUNK, n)))
    ]


def view_key(key: str, view: str) -> str:
    """The key of a view of the image that has this key."""
    return f"{key}:{view}" if view else key
