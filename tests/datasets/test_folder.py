from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from askwell.datasets import load_folder
from askwell.datasets.images import image_id
from askwell.errors import DatasetError, InputError
from tests.permissions import closed


def save(path: Path, value: int, size: tuple[int, int] = (6, 5)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for i in range(10):
        save(root / "cat" / f"{i}.png", 10 + i)
        save(root / "dog" / "deeper" / f"{i}.png", 100 + i)
    (root / "cat" / "notes.txt").write_text("not an image")
    (root / "cat" / "._0.png").write_text("a Mac's shadow file")
    return root


def test_class_folders_are_split_by_class(photos: Path) -> None:
    found = load_folder(photos)
    assert found.task.name == "photos"
    assert found.task.classes == ("cat", "dog")
    assert found.task.train.images.shape == (16, 5, 6, 3)
    assert np.bincount(found.task.test.labels).tolist() == [2, 2]
    assert not found.unreadable
    for part, names in ((found.task.train, found.train_files), (found.task.test, found.test_files)):
        for image, label, name in zip(part.images, part.labels, names, strict=True):
            assert name.startswith(found.task.classes[label] + "/")
            assert image[0, 0, 0] == int(Path(name).stem) + (100 if label else 10)
    assert not set(found.train_ids) & set(found.test_ids)
    name = found.train_files[0]
    assert found.train_ids[0] == image_id(name, (photos / name).read_bytes())
    assert load_folder(photos).test_ids == found.test_ids
    assert load_folder(photos, seed=1).test_ids != found.test_ids


def test_train_and_test_folders_are_used(photos: Path, tmp_path: Path) -> None:
    root = tmp_path / "split"
    photos.rename(tmp_path / "train")
    (root).mkdir()
    (tmp_path / "train").rename(root / "train")
    save(root / "val" / "dog" / "x.png", 1)
    found = load_folder(root)
    assert len(found.task.train) == 20
    assert found.test_files == ("val/dog/x.png",)
    assert found.task.test.labels.tolist() == [1]
    save(root / "test" / "cat" / "y.png", 1)
    with pytest.warns(UserWarning, match="val is not used"):
        assert load_folder(root).test_files == ("test/cat/y.png",)


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("test", ["test", "Testing", "val", "Valid", "validation"])
def test_the_halves_of_a_split_go_by_several_names_in_any_capitals(
    photos: Path, tmp_path: Path, train: str, test: str
) -> None:
    (tmp_path / "split" / test / "dog").mkdir(parents=True)
    photos.rename(tmp_path / "split" / train)
    save(tmp_path / "split" / test / "dog" / "x.png", 1)
    found = load_folder(tmp_path / "split")
    assert found.task.classes == ("cat", "dog")
    assert (len(found.train_files), found.test_files) == (20, (f"{test}/dog/x.png",))


def test_several_test_folders_are_warned_of_and_several_training_folders_refused(
    photos: Path, tmp_path: Path
) -> None:
    root = tmp_path / "split"
    root.mkdir()
    photos.rename(root / "train")
    for name in ("validation", "Val", "testing"):
        save(root / name / "dog" / "x.png", 1)
    with pytest.warns(UserWarning, match="Val and .*validation is not used: .*testing is"):
        assert load_folder(root).test_files == ("testing/dog/x.png",)
    save(root / "training" / "dog" / "x.png", 1)
    with pytest.raises(DatasetError, match="several training folders: train, training"):
        load_folder(root)


@pytest.mark.parametrize("others", [(), ("holdout",), ("cat",)])
@pytest.mark.parametrize("half", ["train", "Train", "train_images", "test", "validation"])
def test_half_a_split_is_not_taken_for_a_class(
    photos: Path, tmp_path: Path, half: str, others: tuple[str, ...]
) -> None:
    root = tmp_path / "split"
    root.mkdir()
    photos.rename(root / half)
    for name in others:
        save(root / name / "x.png", 1)
    with pytest.raises(DatasetError, match=f"{half} holds only folders, as if these were the cla"):
        load_folder(root)


def test_a_class_may_be_called_train(photos: Path) -> None:
    save(photos / "train" / "x.png", 1)
    save(photos / "train" / "steam" / "y.png", 1)
    assert load_folder(photos).task.classes == ("cat", "dog", "train")


def test_a_bad_file_is_listed_and_stops_nobody(photos: Path) -> None:
    (photos / "cat" / "empty.png").write_bytes(b"")
    whole = (photos / "cat" / "0.png").read_bytes()
    (photos / "cat" / "short.png").write_bytes(whole[:-30])
    (photos / "dog" / "scan.dcm").write_bytes(b"DICM")
    with pytest.warns(UserWarning, match="3 image files in .* left out") as warned:
        found = load_folder(photos)
    text = str(warned[0].message)
    assert "cat/empty.png: not an image" in text
    assert "cat/short.png: " in text
    assert "dog/scan.dcm: .dcm files are not read" in text
    assert set(found.unreadable) == {"cat/empty.png", "cat/short.png", "dog/scan.dcm"}
    assert len(found.task.train) + len(found.task.test) == 20


def test_many_bad_files_are_counted(photos: Path) -> None:
    for i in range(25):
        (photos / "cat" / f"bad{i}.png").write_bytes(b"no")
    with pytest.warns(UserWarning, match="25 image files(.|\n)*and 15 more"):
        load_folder(photos)


def test_a_class_without_one_good_image_is_an_error(photos: Path) -> None:
    (photos / "bird").mkdir()
    (photos / "bird" / "a.png").write_bytes(b"no")
    (photos / "bird" / "b.heic").write_bytes(b"no")
    with pytest.raises(DatasetError) as caught:
        load_folder(photos)
    first, *rest = str(caught.value).splitlines()
    assert first == (
        f"No image in {photos / 'bird'} can be read, so a class would be missing. Mend them, or "
        "move the folder away:"
    )
    assert rest == [
        "  bird/b.heic: .heic files are not read; convert it to PNG or JPEG",
        "  bird/a.png: not an image that Pillow can identify",
    ]


@pytest.mark.parametrize("mode", [0, 0o400, 0o100], ids=["closed", "list only", "enter only"])
def test_a_class_folder_that_cannot_be_read_is_an_error(photos: Path, mode: int) -> None:
    with (
        closed(photos / "cat", mode),
        pytest.raises(DatasetError, match=r"No image in .*cat can be read(.|\n)*Permission denied"),
    ):
        load_folder(photos)


def test_a_folder_in_a_class_folder_that_cannot_be_read_is_listed(photos: Path) -> None:
    save(photos / "dog" / "top.png", 1)
    with closed(photos / "dog" / "deeper"), pytest.warns(UserWarning, match="files or folders"):
        found = load_folder(photos, test_fraction=0.1)
    assert found.unreadable == {"dog/deeper/": "the folder cannot be read: Permission denied"}
    assert len(found.train_ids) + len(found.test_ids) == 11


@pytest.mark.parametrize("mode", [0, 0o400, 0o100], ids=["closed", "list only", "enter only"])
def test_a_root_that_cannot_be_read_is_an_error(photos: Path, mode: int) -> None:
    with closed(photos, mode), pytest.raises(DatasetError, match="Permission denied"):
        load_folder(photos)


def test_a_root_that_cannot_be_looked_at_is_an_error(photos: Path) -> None:
    with (
        closed(photos.parent),
        pytest.raises(DatasetError, match="photos cannot be looked at: Permission denied"),
    ):
        load_folder(photos)
    with pytest.raises(DatasetError, match="xxx cannot be looked at: File name too long"):
        load_folder("x" * 5000)


def test_a_link_to_a_class_folder_that_is_gone_is_an_error(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (photos / "bird").symlink_to(tmp_path / "elsewhere")
    save(tmp_path / "elsewhere" / "x.png", 1)
    assert load_folder(photos).task.classes == ("bird", "cat", "dog")
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    with pytest.raises(DatasetError, match="bird is a link that leads nowhere, so a class may be"):
        load_folder(photos)


def test_all_bad_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(b"no")
    with pytest.raises(
        DatasetError, match=r"No image in .* can be read(.|\n)*  cat/a.png: not an image"
    ):
        load_folder(tmp_path)


def test_an_empty_test_folder_is_an_error(photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(DatasetError, match="test must hold one folder for each class with images"):
        load_folder(tmp_path)


def test_loose_images_are_explained(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    with pytest.raises(DatasetError, match=r"found 1 images outside class folders.*FolderPool"):
        load_folder(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        load_folder(tmp_path / "no")


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan")])
def test_test_fraction_out_of_range(photos: Path, fraction: float) -> None:
    with pytest.raises(InputError, match="test_fraction must lie between 0 and 1"):
        load_folder(photos, test_fraction=fraction)


def test_too_few_for_a_test_set(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png", 1)
    with pytest.raises(DatasetError, match="too few images for a test set"):
        load_folder(tmp_path)


def test_sizes_that_differ_are_named_or_stretched(photos: Path) -> None:
    save(photos / "cat" / "large.png", 1, (40, 30))
    with pytest.raises(InputError, match=r"6×5 \(20 files\), 40×30 \(1 files\).*image_size"):
        load_folder(photos)
    assert load_folder(photos, image_size=8, mode="L").task.train.images.shape[1:] == (8, 8)
    for wrong in (0, -3, True):
        with pytest.raises(InputError, match="image_size must be a positive number"):
            load_folder(photos, image_size=wrong)
    for wrong in (4097, 10**6, 10**30):
        with pytest.raises(InputError, match="image_size must be at most 4096 pixels; got "):
            load_folder(photos, image_size=wrong)
