"""A pool on disk takes no more memory the more of it is read."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from askwell.datasets.arrays import release_pages
from askwell.pool import ArrayPool, chunks

N = 300_000  # 235 MB: several times what is read before pages are released


def resident(path: Path) -> int:
    """KiB of a mapped file that count as this process's memory."""
    text = Path("/proc/self/smaps").read_text()
    parts = re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", text)
    found = [
        re.search(r"^Rss:\s+(\d+) kB", part, re.MULTILINE) for part in parts if str(path) in part
    ]
    return sum(int(match.group(1)) for match in found if match)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/smaps")
def test_pages_that_were_read_do_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (N, 28, 28))
    array[::1000, 0, 0] = 7
    array.flush()
    del array
    pool = ArrayPool.open(path)
    most = total = 0
    for chunk in chunks(pool, np.arange(N), size=10_000):
        total += int((chunk.images[:, 0, 0, 0] > 0).sum())
        most = max(most, resident(path))
    assert total == N // 1000
    assert 0 < most < 100_000, "KiB; the file has 229 688"


def test_a_copy_on_write_map_keeps_what_was_written(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 8, 8), dtype=np.uint8))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="c")
    mapped[2] = 255
    release_pages(mapped)
    assert ArrayPool(mapped).images(np.array([2])).min() == 1


def test_other_arrays_have_no_pages_to_release() -> None:
    for array in (np.zeros(3), None, [1]):
        release_pages(array)
