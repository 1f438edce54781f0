"""Reading ahead: the next images are read while a GPU computes on those before."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")

_AHEAD = 2


def ahead(
    items: Iterable[T], prepare: Callable[[T], T], *, device: torch.device | None
) -> Iterator[T]:
    """`map(prepare, items)`, a few items ahead in a thread of its own where `device` is a GPU.

    On a CPU nothing runs ahead: the thread would take the cores from the network. An error comes
    where its item would have come.

    Args:
        items: read in that thread, one after the other.
        prepare: reads what is lazy and pins it (see `pinned`).
        device: where the items are computed on; None for one that is not known.
    """
    if device is None or device.type != "cuda":
        yield from map(prepare, items)
        return
    source = iter(items)

    def read() -> T | None:
        item = next(source, None)
        return None if item is None else prepare(item)

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        waiting: deque[Future[T | None]] = deque(reader.submit(read) for _ in range(_AHEAD))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(reader.submit(read))
            yield item


def pinned(tensor: torch.Tensor, device: torch.device | None) -> torch.Tensor:
    """The tensor in page-locked memory, from which a GPU copies while the processor goes on."""
    return tensor.pin_memory() if device is not None and device.type == "cuda" else tensor
