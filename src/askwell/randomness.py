"""All randomness comes from (seed, purpose): no global state, nothing depends on call order."""

import hashlib
import operator
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from askwell.errors import InputError
from askwell.records import ItemId

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MASK = 0xFFFFFFFFFFFFFFFF


def derive(seed: int, *purpose: int | str) -> int:
    """A 63-bit seed for one purpose, e.g. `derive(0, "initial weights")`.

    Independent for different purposes and the same in every process and on every machine. NumPy's
    integers count as the `int` that they hold.
    """
    text = "\x1f".join([str(operator.index(seed)), *map(_token, purpose)])
    return _hash(text) >> 1


def generator(seed: int, *purpose: int | str) -> torch.Generator:
    """A CPU generator for one purpose; CPU so that every device sees the same numbers."""
    return torch.Generator().manual_seed(derive(seed, *purpose))


def item_keys(ids: Sequence[ItemId], seed: int) -> NDArray[np.uint64]:
    """A uniform 64-bit key for each item, from (seed, id) alone: breaks ties, orders at random.

    The key of an item does not depend on the others, nor on its position. Keys of different
    integers differ; those of different strings collide with probability 2⁻⁶⁴.

    Raises:
        InputError: an id that is neither an integer nor a string.
    """
    values = np.fromiter(map(_word, ids), dtype=np.uint64, count=len(ids))
    return _mix(_mix(values) ^ np.uint64(derive(seed, "item keys")))


def _token(purpose: int | str) -> str:
    """A purpose with its type; a separator inside a string is escaped, so no two lists collide."""
    if isinstance(purpose, str):
        return "s" + purpose.replace("\x1f", "\x1f\x1e")
    return f"i{operator.index(purpose)}"


def _word(item: ItemId) -> int:
    if isinstance(item, str):
        return _hash(item)
    try:
        return operator.index(item) & _MASK
    except TypeError:
        raise InputError(f"An item id is an int or a str; got {item!r}.") from None


def _hash(text: str) -> int:
    """64 bits of a string; `surrogatepass`, because file names need not be valid Unicode."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The splitmix64 finaliser (Steele, Lea & Flood 2014): a bijection that scatters its input."""
    with np.errstate(over="ignore"):
        x = x + _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
