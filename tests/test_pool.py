from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from askwell.errors import DatasetError, InputError, LabelError, NonFiniteError
from askwell.pool import ArrayPool, Chunk, DatasetPool, FolderPool, Pool, chunks, to_images

N = 12
BYTES = np.random.default_rng(0).integers(0, 256, (N, 5, 4, 3), dtype=np.uint8)
EXPECTED = torch.from_numpy(BYTES).permute(0, 3, 1, 2).float() / 255  # N 3 5 4


def at(*positions: int) -> NDArray[np.int64]:
    return np.array(positions, dtype=np.int64)


class Items(Dataset[Any]):
    """A Dataset of whatever is in a list."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(N):
        path = tmp_path / f"part{i % 2}" / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(BYTES[i]).save(path)
    return tmp_path


def pools(folder: Path) -> dict[str, Pool]:
    """Every kind of pool, with the same images in the same order."""
    np.save(folder / "images.npy", BYTES)
    first = torch.from_numpy(BYTES).permute(0, 3, 1, 2)
    pairs = [(Image.fromarray(image), 1) for image in BYTES]
    return {
        "numpy": ArrayPool(BYTES),
        "float": ArrayPool(EXPECTED.permute(0, 2, 3, 1).numpy().astype(np.float64)),
        "memory map": ArrayPool.open(folder / "images.npy"),
        "torch": ArrayPool(first.contiguous(), ids=[f"i{i}" for i in range(N)]),
        "dataset": DatasetPool(TensorDataset(EXPECTED, torch.zeros(N))),
        "Pillow": DatasetPool(Items(pairs), ids=range(100, 100 + N)),
    }


@settings(deadline=None)
@given(positions=st.lists(st.integers(0, N - 1), max_size=20))
def test_array_pools_give_the_images_asked_for(positions: list[int]) -> None:
    for array in (BYTES, torch.from_numpy(BYTES).permute(0, 3, 1, 2), EXPECTED):
        got = ArrayPool(array).images(at(*positions))
        torch.testing.assert_close(got, EXPECTED[positions], rtol=0, atol=0)


def test_all_pools_agree_and_are_consistent(folder: Path) -> None:
    for name, pool in pools(folder).items():
        for positions in (at(*range(N)), at(3, 4, 5), at(7, 2, 2, 9), at(), at(11)):
            got = pool.images(positions)
            assert got.dtype == torch.float32, name
            assert got.is_contiguous(), name
            torch.testing.assert_close(got, EXPECTED[positions], rtol=0, atol=1e-7)
        assert [pool.position(item) for item in pool.ids] == list(range(N))
        with pytest.raises(LabelError, match=r"no item 'nobody'\. It has 12 items, for instance"):
            pool.position("nobody")
        with pytest.raises(InputError, match=r"positions must lie in 0 … 11; got 3 … 12"):
            pool.images(at(3, 12))
        with pytest.raises(InputError, match=r"got -1 … -1"):
            pool.images(at(-1))
        with pytest.raises(InputError, match="one-dimensional array of integers"):
            pool.images(np.array([0.5]))  # type: ignore[arg-type]


def test_folder_pool(folder: Path) -> None:
    pool = FolderPool(folder)
    order = [*range(0, N, 2), *range(1, N, 2)]
    torch.testing.assert_close(pool.images(at(*range(N))), EXPECTED[order], rtol=0, atol=0)
    assert pool.images(at()).shape == (0, 3, 5, 4)
    item = pool.ids[3]
    assert isinstance(item, str)
    assert item.startswith("part0/06.png@")
    assert len(item.rpartition("@")[2]) == 16
    assert pool.position(item) == 3
    assert pool.path(item) == folder / "part0" / "06.png"
    with pytest.raises(LabelError, match=r"no item 'part0/06.png'\. .* instance 'part1/01.png@"):
        pool.path("part0/06.png")
    assert FolderPool(folder, image_size=8, mode="L").images(at(0)).shape == (1, 1, 8, 8)


def test_folder_pool_leaves_damaged_files_out(folder: Path) -> None:
    (folder / "part0" / "bad.png").write_bytes(b"no")
    with pytest.warns(UserWarning, match=r"1 image files in .*\n  part0/bad.png: not an image"):
        pool = FolderPool(folder)
    assert len(pool.ids) == N
    assert list(pool.unreadable) == ["part0/bad.png"]


def test_folder_pool_notices_changed_and_lost_files(folder: Path) -> None:
    pool = FolderPool(folder)
    Image.fromarray(BYTES[5]).save(folder / "part0" / "00.png")
    with pytest.raises(DatasetError, match=r"00.png: its content has changed.*Make the pool anew"):
        pool.images(at(0, 1))
    (folder / "part0" / "02.png").unlink()
    with pytest.raises(DatasetError, match=r"02.png: No such file"):
        pool.images(at(1))


def test_folder_pool_errors(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        FolderPool(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"No image in .* can be read: there is none\."):
        FolderPool(tmp_path / "empty")
    Image.new("RGB", (9, 9)).save(folder / "odd.png")
    with pytest.raises(InputError, match=r"4×5 \(12 files\), 9×9 \(1 files\)"):
        FolderPool(folder)


def test_grey_images_get_a_channel() -> None:
    grey = BYTES[..., 0]
    for array in (grey, torch.from_numpy(grey)):
        torch.testing.assert_close(to_images(array), EXPECTED[:, :1], rtol=0, atol=0)
        assert ArrayPool(array).images(at(1)).shape == (1, 1, 5, 4)


def test_the_callers_arrays_are_never_changed() -> None:
    for array in (EXPECTED.clone(), EXPECTED.numpy().transpose(0, 2, 3, 1).copy(), BYTES.copy()):
        before = array.clone() if isinstance(array, torch.Tensor) else array.copy()
        to_images(array).fill_(7)
        ArrayPool(array).images(at(0, 1)).fill_(7)
        assert (array == before).all()
    tensors = EXPECTED.clone()
    DatasetPool(TensorDataset(tensors)).images(at(2)).fill_(7)
    assert torch.equal(tensors, EXPECTED)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", "longdouble"])
def test_floats_of_any_width_and_byte_order(dtype: str) -> None:
    array = np.linspace(0, 1, 24).reshape(2, 3, 4).astype(dtype)
    assert torch.equal(to_images(array)[:, 0], torch.from_numpy(array.astype(np.float32)))


def test_tensors_of_any_layout_and_with_a_gradient() -> None:
    tensor = EXPECTED.to(memory_format=torch.channels_last).requires_grad_()
    got = ArrayPool(tensor).images(at(0, 1))
    assert got.is_contiguous()
    assert not got.requires_grad
    half = EXPECTED.to(torch.bfloat16)
    assert torch.equal(to_images(half), half.float())


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4)), r"got shape \(4, 4\)\. For one image add an axis: image\[None\]"),
        (
            np.zeros((1, 2, 3, 4, 5)),
            r"NumPy array \(N, height, width, channels\).*\(1, 2, 3, 4, 5\)",
        ),
        (np.zeros((2, 0, 4)), "must have pixels"),
        (np.zeros((2, 3, 9, 9)), r"looks like the channels are first. Pass torch.from_numpy\(x\)"),
        (torch.zeros(2, 9, 9, 3), r"channels are last. Pass x.permute\(0, 3, 1, 2\)"),
        (np.zeros((2, 9, 9), np.uint16), r"uint8 \(0 to 255\) or floating point; got uint16"),
        (np.zeros((2, 9, 9), bool), "got bool"),
        (torch.zeros(2, 9, 9, dtype=torch.int64), "got torch.int64"),
        (np.zeros((2, 9, 9), complex), "got complex128"),
        ([[1]], "a NumPy array or a torch tensor; got list"),
    ],
)
def test_arrays_that_are_no_images(array: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_images(array)
    with pytest.raises(InputError, match=message):
        ArrayPool(array)


def test_a_pool_is_not_empty() -> None:
    with pytest.raises(InputError, match="at least one image; the array has none"):
        ArrayPool(np.zeros((0, 4, 4)))
    with pytest.raises(InputError, match="at least one image; the dataset has none"):
        DatasetPool(Items([]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_not_finite_names_the_items(bad: float) -> None:
    images = np.zeros((N, 4, 4))
    images[[2, 5], 1, 1] = bad
    pool = ArrayPool(images, ids=[f"i{i}" for i in range(N)])
    with pytest.raises(NonFiniteError, match=r"images of items \['i5', 'i2'\]\."):
        pool.images(at(5, 4, 2))
    assert pool.images(at(0, 1)).shape == (2, 1, 4, 4)
    with pytest.raises(NonFiniteError, match=r"items \[2, 5\]"):
        to_images(images)
    images[:] = bad
    with pytest.raises(NonFiniteError, match="and 2 more"):
        DatasetPool(TensorDataset(torch.from_numpy(images))).images(at(*range(N)))


def test_large_finite_values_are_let_through() -> None:
    assert to_images(np.full((2, 9, 9), 3e38, np.float32)).max() > 2.9e38


def test_ids_are_checked_and_made_plain() -> None:
    assert ArrayPool(BYTES).ids == range(N)
    pool = ArrayPool(BYTES, ids=np.arange(N) * 10)  # type: ignore[arg-type]
    assert all(type(item) is int for item in pool.ids)
    assert pool.position(np.int32(30)) == 3  # type: ignore[arg-type]
    assert ArrayPool(BYTES).position(np.int64(3)) == 3  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must name each of the 12 images; got 2"):
        ArrayPool(BYTES, ids=[1, 2])
    with pytest.raises(InputError, match=r"several ids.* got the string 'abc'"):
        ArrayPool(BYTES[:3], ids="abc")
    with pytest.raises(InputError, match=r"more than once: \[1\]"):
        ArrayPool(BYTES, ids=[1, 1, *range(2, N)])
    with pytest.raises(InputError, match=r"An id is an int or a str; got 0\.5 \(float\)"):
        DatasetPool(Items(list(BYTES)), ids=[0.5] * N)  # type: ignore[list-item]


@pytest.mark.parametrize("item", [-1, N, 3.0, True, None, "3"])
def test_unknown_items_are_named(item: Any) -> None:
    for pool in (ArrayPool(BYTES), ArrayPool(BYTES, ids=list(range(N)))):
        with pytest.raises(LabelError, match=rf"no item {item!r}\. It has 12 items.*instance 6"):
            pool.position(item)
    with pytest.raises(LabelError, match="It has 1 item, for instance 0"):
        ArrayPool(BYTES[:1]).position(4)


def test_dataset_items_that_are_no_images() -> None:
    good = BYTES[0]
    with pytest.raises(InputError, match=r"Item 1 of the dataset must be an image .* got dict"):
        DatasetPool(Items([good, {"image": good}])).images(at(0, 1))
    with pytest.raises(InputError, match=r"Item 0 of the dataset, as a batch of one: .* uint16"):
        DatasetPool(Items([good.astype(np.uint16)])).images(at(0))
    with pytest.raises(InputError, match=r"\(3, 5, 4\) \(2 images\).*instance item 1 differs"):
        DatasetPool(Items([good, good[:4], good])).images(at(0, 1, 2))

    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter([good])

    for wrong in (Stream(), object()):
        with pytest.raises(InputError, match="map-style dataset"):
            DatasetPool(wrong)


def test_a_dataset_that_fails_on_an_item_names_it() -> None:
    class Broken(Items):
        def __getitem__(self, index: int) -> Any:
            if index == 2:
                raise OSError("truncated file")
            return super().__getitem__(index)

    pool = DatasetPool(Broken(list(BYTES)), ids=[f"photo {i}" for i in range(N)])
    assert pool.images(at(0, 1)).shape == (2, 3, 5, 4)
    message = r"Item 'photo 2' .*dataset\[2\] raised OSError: truncated file\. Mend it"
    with pytest.raises(DatasetError, match=message) as caught:
        pool.images(at(1, 2, 3))
    assert isinstance(caught.value.__cause__, OSError)
    short = Items(list(BYTES))
    pool = DatasetPool(short)
    short.items.pop()
    with pytest.raises(DatasetError, match=r"Item 11 .* IndexError"):
        pool.images(at(11))


def test_pillow_items_of_other_modes() -> None:
    deep = Image.fromarray(np.full((2, 2), 65535, np.uint16))
    assert DatasetPool(Items([deep])).images(at(0)).tolist() == [[[[1.0] * 2] * 2]]
    assert DatasetPool(Items([Image.new("CMYK", (2, 2))])).images(at(0)).shape == (1, 3, 2, 2)


def test_open_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cannot be opened as a \.npy file"):
        ArrayPool.open(tmp_path / "no.npy")
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(DatasetError, match=r"cannot be opened as a \.npy file"):
        ArrayPool.open(tmp_path / "text.npy")
    np.savez(tmp_path / "many.npz", a=BYTES)
    with pytest.raises(DatasetError, match=r"\.npz"):
        ArrayPool.open(tmp_path / "many.npz")


def test_chunks_read_only_what_is_looked_at() -> None:
    asked: list[int] = []

    class Spy(ArrayPool):
        def images(self, positions: NDArray[np.int64]) -> torch.Tensor:
            asked.extend(positions.tolist())
            return super().images(positions)

    parts = list(chunks(Spy(BYTES), at(4, 1, 3, 9, 0), size=2))
    assert [list(part.ids) for part in parts] == [[4, 1], [3, 9], [0]]
    assert asked == []
    assert torch.equal(parts[1].images, EXPECTED[[3, 9]])
    assert parts[1].images is parts[1].images
    assert asked == [3, 9]
    assert isinstance(parts[0], Chunk)
