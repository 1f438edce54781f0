"""Reading ahead changes when things are read, never what comes."""

import threading
from collections.abc import Iterator

import pytest
import torch

from askwell.stream import ahead, pinned

GPU = torch.device("cuda")  # a name: nothing here computes on it


@pytest.mark.parametrize("device", [None, torch.device("cpu"), GPU])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_everything_comes_once_and_in_order(device: torch.device | None, count: int) -> None:
    assert list(ahead(range(count), lambda i: 10 * i, device=device)) == [
        10 * i for i in range(count)
    ]


def test_only_a_gpu_is_read_ahead_for() -> None:
    def thread(_: int) -> int:
        return threading.get_ident()

    here = threading.get_ident()
    assert set(ahead(range(3), thread, device=torch.device("cpu"))) == {here}
    assert here not in set(ahead(range(3), thread, device=GPU))


def test_no_more_is_held_than_a_few_items() -> None:
    read = []

    def prepare(item: int) -> int:
        read.append(item)
        return item

    for item in ahead(range(100), prepare, device=GPU):
        assert len(read) <= item + 3


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def broken() -> Iterator[int]:
        yield 0
        yield 1
        raise OSError("the disk is gone")

    found = ahead(broken(), lambda i: i, device=GPU)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_stopping_early_leaves_no_thread_behind() -> None:
    for item in ahead(range(1000), lambda i: i, device=GPU):
        if item == 3:
            break
    del item
    assert not [t for t in threading.enumerate() if t.name.startswith("read-ahead")]


def test_without_a_gpu_a_tensor_stays_where_it_is() -> None:
    images = torch.rand(2, 3)
    assert pinned(images, torch.device("cpu")) is images
    assert pinned(images, None) is images
