"""How many images go through a network at a time, so that what it computes fits in memory."""

import math
from collections.abc import Sequence

_MOST = 256
"""Of small images: the feature maps of the paper's network then fit in a core's cache, just."""

_VALUES = 2**21
"""Of all images together: 13 of 224×224×3, whose feature maps take a few hundred MB."""


def chunk_size(image_shape: Sequence[int]) -> int:
    """Images at a time, by the shape of one. It affects speed and memory only."""
    return max(1, min(_MOST, _VALUES // math.prod(image_shape)))
