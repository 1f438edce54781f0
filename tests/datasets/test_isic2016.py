"""ISIC 2016 in its official layout: small generated images, and real ones where they are."""

import os
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from askwell.datasets import DATASETS, load_isic2016
from askwell.datasets.decoding import Mode, decode
from askwell.datasets.images import image_id
from askwell.datasets.isic2016 import Isic2016
from askwell.datasets.isic_files import ADDRESS, PARTS
from askwell.errors import DatasetError, InputError
from tests.datasets.isic import (
    FOUR,
    SMALL,
    TEST,
    TRAIN,
    contents,
    jpeg,
    load,
    no_decoding,
    packed,
    place,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return place(tmp_path / "official", contents())


def test_images_labels_and_ids_are_those_of_the_files(folder: Path) -> None:
    found = load(folder)
    task = found.task
    assert task.name == "isic2016"
    assert task.classes == ("benign", "malignant")
    assert task.train.labels.tolist() == [1, 0, 0, 0, 0, 0, 1]
    assert task.test.labels.tolist() == [1, 0, 0]
    assert not found.unreadable
    for part, ids, images in (
        (SMALL[0], found.train_ids, task.train.images),
        (SMALL[1], found.test_ids, task.test.images),
    ):
        assert images.dtype == np.uint8
        for item, pixels in zip(ids, images, strict=True):
            name = item.rpartition("@")[0]
            content = (folder / part.data / f"{name}.jpg").read_bytes()
            assert item == image_id(name, content)
            np.testing.assert_array_equal(pixels, decode(content, mode="RGB", image_size=8))


def test_the_order_is_the_table_s(folder: Path) -> None:
    table = folder / f"{TRAIN}_GroundTruth.csv"
    rows = table.read_text().splitlines()
    before = load(folder)
    table.write_text("\ufeff" + "\r\n".join([*reversed(rows), ""]), "utf-8")  # as Windows saves it
    after = load(folder)
    assert after.train_ids == before.train_ids[::-1]
    np.testing.assert_array_equal(after.task.train.images, before.task.train.images[::-1])
    np.testing.assert_array_equal(after.task.train.labels, before.task.train.labels[::-1])


def test_an_archive_is_read_as_it_is(folder: Path, tmp_path: Path) -> None:
    files = contents()
    zipped = tmp_path / "zipped"
    tables = {part.table: files[part.table] for part in SMALL}
    place(zipped, tables | {f"{part.data}.zip": packed(files, part) for part in SMALL})
    before = sorted(zipped.iterdir())
    unpacked, found = load(folder), load(zipped, tmp_path / "cache")
    assert found.train_ids == unpacked.train_ids
    assert found.test_ids == unpacked.test_ids
    np.testing.assert_array_equal(found.task.train.images, unpacked.task.train.images)
    assert sorted(zipped.iterdir()) == before


def test_loaded_again_nothing_is_decoded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    first = load(folder, cache)
    with no_decoding(monkeypatch):
        again = load(folder, cache)
        moved = folder.rename(tmp_path / "moved")  # ids are of the content, not of the place
        elsewhere = load(moved, cache)
    for found in (first, again, elsewhere):
        assert isinstance(found.task.train.images, np.memmap)
        assert not found.task.train.images.flags.writeable
        assert found.train_ids == first.train_ids
        np.testing.assert_array_equal(found.task.test.images, load(moved).task.test.images)
    assert load(moved, cache, image_size=9).task.train.images.shape[1:] == (9, 9, 3)


def test_hashes_are_remembered_while_size_and_time_are_unchanged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder, tmp_path / "cache")

    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr("askwell.datasets.images.read_bytes", refuse)
    assert len(load(folder, tmp_path / "cache").task.train) == 7


def test_an_edited_image_is_another_item(folder: Path, tmp_path: Path) -> None:
    first = load(folder, tmp_path / "cache")
    path = folder / f"{TRAIN}_Data" / "ISIC_0000003.jpg"
    path.write_bytes(jpeg(99))
    os.utime(path, ns=(1, 1))  # so that the test does not hang on the clock's resolution
    second = load(folder, tmp_path / "cache")
    differ = [a != b for a, b in zip(first.train_ids, second.train_ids, strict=True)]
    assert differ == [False, False, False, True, False, False, False]
    expected = decode(jpeg(99), mode="RGB", image_size=8)
    np.testing.assert_array_equal(second.task.train.images[3], expected)


@pytest.mark.parametrize("damage", ["truncated", "no json", "other shape", "no array"])
def test_a_damaged_cache_is_made_anew(folder: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    expected = load(folder).task.train.images
    load(folder, cache)
    for array in cache.glob("*.npy"):
        if damage == "truncated":
            array.write_bytes(array.read_bytes()[:-1])
        elif damage == "no json":
            array.with_suffix(".json").unlink()
        elif damage == "other shape":
            np.save(array, np.zeros(3, np.uint8))
        else:
            array.write_text("no array")
    for memory in cache.glob("hashes-*.json"):
        memory.write_text('{"ISIC_0000001.jpg": 3' if damage == "truncated" else "[]")
    np.testing.assert_array_equal(load(folder, cache).task.train.images, expected)
    assert {path.suffix for path in cache.iterdir()} <= {".npy", ".json", ".lock", ""}


def test_processes_that_start_together_decode_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(content: bytes, *, mode: Mode, image_size: int | None) -> NDArray[np.uint8]:
        sizes.append(len(content))
        return decode(content, mode=mode, image_size=image_size)

    monkeypatch.setattr("askwell.datasets.decoding.decode", counted)
    threads = [threading.Thread(target=load, args=(folder, tmp_path / "cache")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 10


def test_a_cache_that_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(UserWarning, match=r"could not be kept in .*ASKWELL_DATA"):
        found = load(folder, tmp_path / "file" / "cache")
    np.testing.assert_array_equal(found.task.train.images, load(folder).task.train.images)


def test_progress_ends_at_the_size_of_the_images(folder: Path) -> None:
    seen: dict[str, tuple[int, int | None]] = {}
    Isic2016(SMALL).load(
        folder,
        image_size=8,
        cache=None,
        progress=lambda what, done, total: seen.update({what: (done, total)}),
    )
    size = sum(path.stat().st_size for path in (folder / f"{TRAIN}_Data").glob("*.jpg"))
    assert seen[f"decoding {TRAIN}_Data"] == (size, size)
    assert len(seen) == 2


# What is not the official data


def test_a_part_of_the_data_loads_with_one_warning_that_counts(folder: Path) -> None:
    (folder / f"{TRAIN}_Data" / "ISIC_0000000.jpg").unlink()
    table = folder / f"{TEST}_GroundTruth.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:2]))
    with pytest.warns(UserWarning, match="not the complete official data set") as warned:
        found = load(folder)
    assert len(warned) == 1
    text = str(warned[0].message)
    assert "6 training images, 5 benign and 1 malignant (official: 7, 5 and 2)" in text
    assert f"1 rows of {TRAIN}_GroundTruth.csv have no image: ISIC_0000000" in text
    assert "2 test images, 1 benign and 1 malignant (official: 3, 2 and 1)" in text
    assert f"1 images in {TEST}_Data have no row in {TEST}_GroundTruth.csv: ISIC_0000052" in text
    assert (len(found.task.train), len(found.task.test)) == (6, 2)


def test_many_names_are_counted(folder: Path) -> None:
    for number in range(200, 208):
        (folder / f"{TRAIN}_Data" / f"ISIC_{number:07}.jpg").write_bytes(jpeg(number))
    with pytest.warns(UserWarning, match=r"8 images in .* ISIC_0000204.jpg and 3 more"):
        load(folder)


def test_an_unreadable_image_is_listed_and_stops_nobody(folder: Path, tmp_path: Path) -> None:
    path = folder / f"{TRAIN}_Data" / "ISIC_0000002.jpg"
    expected = load(folder).task.train.images[[0, 1, 3, 5, 6]]
    path.write_bytes(path.read_bytes()[:-200])
    (folder / f"{TRAIN}_Data" / "ISIC_0000004.jpg").write_bytes(b"no")
    for _ in range(2):  # decoded, and from the cache
        with pytest.warns(UserWarning, match=r"2 images in .* cannot be read:\n  ISIC_"):
            found = load(folder, tmp_path / "cache")
        assert set(found.unreadable) == {
            f"{TRAIN}_Data/ISIC_0000002.jpg",
            f"{TRAIN}_Data/ISIC_0000004.jpg",
        }
        assert "not an image" in found.unreadable[f"{TRAIN}_Data/ISIC_0000004.jpg"]
        assert [item[:12] for item in found.train_ids] == [
            f"ISIC_{number:07}" for number in (0, 1, 3, 5, 6)
        ]
        assert found.task.train.labels.tolist() == [1, 0, 0, 0, 1]
        np.testing.assert_array_equal(found.task.train.images, expected)


def test_a_file_that_cannot_be_opened_is_unreadable(folder: Path) -> None:
    path = folder / f"{TRAIN}_Data" / "ISIC_0000002.jpg"
    path.unlink()
    path.symlink_to(folder / "nowhere")
    with pytest.warns(UserWarning, match=r"ISIC_0000002.jpg: No such file"):
        assert len(load(folder).task.train) == 6


def test_a_damaged_member_of_an_archive_is_unreadable(tmp_path: Path) -> None:
    files = contents()
    data = packed(files, SMALL[0])
    inside = data.index(files[f"{TRAIN}_Data/ISIC_0000001.jpg"]) + 100
    files[f"{TRAIN}_Data.zip"] = data[:inside] + bytes([data[inside] ^ 1]) + data[inside + 1 :]
    kept = {k: v for k, v in files.items() if not k.startswith(f"{TRAIN}_Data/")}
    with pytest.warns(UserWarning, match=r"ISIC_0000001.jpg: Bad CRC-32"):
        found = load(place(tmp_path / "it", kept))
    assert set(found.unreadable) == {f"{TRAIN}_Data.zip/{TRAIN}_Data/ISIC_0000001.jpg"}


def test_nothing_readable_is_an_error(folder: Path) -> None:
    for path in (folder / f"{TEST}_Data").glob("*.jpg"):
        path.write_bytes(b"no")
    with pytest.raises(DatasetError, match=r"No test image of .*\n  3 images in .* cannot be read"):
        load(folder)


@pytest.mark.parametrize("gone", [*FOUR, "everything"])
def test_what_is_missing_is_named_with_addresses(folder: Path, gone: str) -> None:
    if gone == "everything":
        folder.rename(folder.with_name("away"))
    elif gone.endswith(".csv"):
        (folder / gone).unlink()
    else:
        (folder / gone).rename(folder / "renamed")
    with pytest.raises(DatasetError) as raised:
        load(folder)
    text = str(raised.value)
    assert str(folder) in text
    assert all(f"\n  {name}" in text for name in FOUR)
    for name in FOUR:
        assert f"{ADDRESS}{name}{'' if name.endswith('.csv') else '.zip'}" in text
    if gone == "everything":
        assert "which is not a folder" in text
    else:
        assert f"not complete: {gone}" in text
        assert text.count("cannot be found") == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["ISIC_0000000,nevus"], r"line 1: the label of ISIC_0000000 must be .*got 'nevus'"),
        (["image,label", "ISIC_0000000,benign"], r"line 1: .*no header line"),
        (["ISIC_0000000,benign", "", "ISIC_0000000,benign"], "line 3: ISIC_0000000 has a row"),
        (["ISIC_0000000"], r"line 1: expected `image,label`; got 'ISIC_0000000'"),
        (["ISIC_0000000,benign,0"], "line 1: expected `image,label`"),
        ([",benign"], "line 1: expected `image,label`"),
        ([], "is empty"),
        (["", " "], "is empty"),
    ],
)
def test_a_bad_table_is_explained(folder: Path, rows: list[str], message: str) -> None:
    (folder / f"{TRAIN}_GroundTruth.csv").write_text("\n".join(rows))
    with pytest.raises(DatasetError, match=message):
        load(folder)


def test_a_table_that_is_no_text(folder: Path) -> None:
    (folder / f"{TRAIN}_GroundTruth.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="is not a text file"):
        load(folder)


def test_two_files_of_one_image(folder: Path) -> None:
    (folder / f"{TRAIN}_Data" / "again").mkdir()
    (folder / f"{TRAIN}_Data" / "again" / "ISIC_0000001.jpg").write_bytes(jpeg(1))
    with pytest.raises(DatasetError, match=r"two files of the image ISIC_0000001: .*again/"):
        load(folder)


def test_an_archive_that_is_none(folder: Path) -> None:
    (folder / f"{TRAIN}_Data").rename(folder / "away")
    (folder / f"{TRAIN}_Data.zip").write_bytes(b"<html>log in</html>")
    with pytest.raises(DatasetError, match=r"_Data.zip cannot be read as a zip archive"):
        load(folder)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, None])
def test_an_impossible_image_size(folder: Path, wrong: int) -> None:
    with pytest.raises(InputError, match="image_size must be"):
        load_isic2016(folder, image_size=wrong)


# The public function and the official numbers


def test_the_official_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = DATASETS["isic2016"]
    assert entry.sizes == (900, 379)
    assert [part.counts for part in PARTS] == [(727, 173), (304, 75)]
    assert entry.state(tmp_path) == "not fetched"
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=f"Looked in {tmp_path / 'isic2016'}"):
        load_isic2016()


def test_arrays_are_kept_in_the_data_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path / "data"))
    before = sorted(folder.rglob("*"))
    with pytest.warns(UserWarning, match=r"7 training .*\(official: 900, 727 and 173\)"):
        found = load_isic2016(folder, image_size=12)
    assert found.task.train.images.shape == (7, 12, 12, 3)
    assert sorted(folder.rglob("*")) == before
    assert list((tmp_path / "data" / "isic2016" / "decoded").glob("12px-*.npy"))


def test_real_images_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = os.environ.get("ASKWELL_TEST_ISIC2016")
    if not place:
        pytest.skip(
            "set ASKWELL_TEST_ISIC2016 to a folder with the official files of ISIC 2016 Part 3B"
        )
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = load_isic2016(Path(place), image_size=64)
        with no_decoding(monkeypatch):
            again = load_isic2016(Path(place), image_size=64)
    train, test = found.task.train, found.task.test
    complete = (len(train), len(test)) == DATASETS["isic2016"].sizes
    assert len(warned) == (0 if complete else 2)
    assert again.train_ids == found.train_ids
    assert len(set(found.train_ids)) == len(train) == len(train.images)
    assert not found.unreadable
    assert not set(found.train_files) & set(found.test_files)
    for part in (train, test):  # a fifth are melanomas; skin is reddish
        assert 0.15 < part.labels.mean() < 0.25
        red, _, blue = part.images.reshape(-1, 3).mean(axis=0)
        assert red > blue > 50
    labels = dict(zip(found.train_files, train.labels.tolist(), strict=True))
    assert [labels.get(f"ISIC_{number:07}", 1) for number in (2, 77, 511, 10094)] == [1, 0, 0, 0]
