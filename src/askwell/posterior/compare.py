"""What is compared when a network is tried out on a few images before its draws are trusted."""

from typing import Any

import torch
from torch import Tensor


def moved(rows: Tensor) -> Tensor:
    """The same rows at other places, with one of them twice."""
    return torch.cat([rows[:1], rows.flip(0)])


def same(a: Tensor, b: Tensor, *, slack: float = 0.0) -> bool:
    """Equal up to rounding in sums of a few thousand terms, and to `slack` of what b varies by."""
    if a.shape != b.shape:
        return False
    if not b.numel():
        return True
    finite = b.nan_to_num(0.0, 0.0, 0.0)
    unit = max(1e-4, 4 * torch.finfo(b.dtype).eps)
    atol = unit * float(finite.abs().max()) + 1e-6
    atol += slack * float((finite - finite.mean(dim=(0, 1))).abs().max())
    return torch.allclose(a, b, rtol=max(1e-3, unit), atol=atol, equal_nan=True)


def has_rows(value: Any, n: int) -> bool:
    """Whether this is a tensor of n rows."""
    return isinstance(value, Tensor) and value.ndim > 0 and len(value) == n


def alike(a: Any, b: Any) -> bool:
    """Whether a value that crosses to the head is the same whatever the images are."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(alike, a, b))
    return bool(a == b)
