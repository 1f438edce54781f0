import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from askwell.datasets import load_folder
from askwell.datasets.images import Mode, decode, find_images, flatten, image_id
from askwell.errors import DatasetError, InputError


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


def test_all_bad_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(b"no")
    with pytest.raises(
        DatasetError, match=r"No image in .* can be read:\n  cat/a.png: not an image"
    ):
        load_folder(tmp_path)


def test_an_empty_test_folder_is_an_error(photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(DatasetError, match=r"the training or the test folder of .* it is empty"):
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


def test_links_in_a_circle_end(photos: Path) -> None:
    (photos / "cat" / "again").symlink_to(photos, target_is_directory=True)
    names, unreadable = find_images(photos)
    assert len([name for name in names if not name.startswith("cat/again/")]) == 20
    assert not unreadable


def test_a_name_that_is_no_text_is_listed(photos: Path) -> None:
    name = b"caf\xe9.png".decode(errors="surrogateescape")
    try:
        (photos / "cat" / name).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    assert list(find_images(photos)[1].values()) == ["its name is not valid UTF-8; rename it"]


def encoded(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, options.pop("format", "PNG"), **options)
    return stream.getvalue()


def test_exif_turns_the_image_upright() -> None:
    image = Image.new("RGB", (6, 4))
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90° clockwise
    pixels = decode(encoded(image, exif=exif), mode="L", image_size=None)
    assert pixels.shape == (6, 4)
    assert np.argwhere(pixels == 255).tolist() == [[0, 3]]


def test_sixteen_bits_are_scaled() -> None:
    levels = np.array([[0, 257, 65535]], dtype=np.uint16)
    pixels = decode(encoded(Image.fromarray(levels)), mode="L", image_size=None)
    assert pixels.tolist() == [[0, 1, 255]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = decode(encoded(image, **options), mode="RGB", image_size=None)
    assert pixels.tolist() == [[[255] * 3] * 2]


def palette() -> Image.Image:
    """Red, green, blue."""
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    for x in range(3):
        image.putpixel((x, 0), x)
    return image


def sixteen(*levels: int) -> Image.Image:
    return Image.fromarray(np.array([levels], dtype=np.uint16))


RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
GREEN_ON_WHITE = [127, 255, 127]

ODD = {
    "palette": (palette(), {}, [RED, GREEN, BLUE]),
    "palette with a clear colour": (palette(), {"transparency": 1}, [RED, WHITE, BLUE]),
    "palette with alpha": (
        palette(),
        {"transparency": bytes([255, 128, 0])},
        [RED, GREEN_ON_WHITE, WHITE],
    ),
    "GIF with a clear colour": (
        palette(),
        {"format": "GIF", "transparency": 1},
        [RED, WHITE, BLUE],
    ),
    "CMYK TIFF": (Image.new("CMYK", (1, 1), (0, 255, 255, 0)), {"format": "TIFF"}, [RED]),
    "CMYK JPEG": (Image.new("CMYK", (1, 1), (0, 255, 255, 0)), {"format": "JPEG"}, [RED]),
    "grey with alpha": (Image.new("LA", (1, 1), (100, 128)), {}, [[177] * 3]),
    "grey with a clear level": (Image.new("L", (1, 1), 9), {"transparency": 9}, [WHITE]),
    "colour with a clear one": (Image.new("RGB", (1, 1), 9), {"transparency": (9, 0, 0)}, [WHITE]),
    "16-bit grey PNG": (sixteen(0, 32768, 65535), {}, [[0] * 3, [128] * 3, WHITE]),
    "16-bit grey TIFF": (sixteen(257, 65278), {"format": "TIFF"}, [[1] * 3, [254] * 3]),
    "16-bit grey, big end first": (
        Image.frombytes("I;16B", (2, 1), bytes([1, 1, 255, 255])),
        {"format": "TIFF"},
        [[1] * 3, WHITE],
    ),
    "16-bit grey with a clear level": (
        sixteen(257, 514),
        {"transparency": 257},
        [WHITE, [2] * 3],
    ),
    "CIELAB": (Image.new("LAB", (1, 1), (255, 128, 128)), {"format": "TIFF"}, [WHITE]),
    "two levels": (Image.new("1", (1, 1), 1), {}, [WHITE]),
}


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("image", "options", "expected"), ODD.values(), ids=ODD.keys())
def test_odd_modes_show_what_a_viewer_shows(image, options, expected, mode: Mode) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = decode(encoded(image, **options), mode=mode, image_size=None)[0]
    wanted = np.array(expected, dtype=float)
    if mode == "L":
        wanted = wanted @ [0.299, 0.587, 0.114]  # ITU-R 601, as Pillow's conversion to grey
    assert np.abs(pixels - wanted).max() <= 1  # rounding; JPEG of one colour


def test_a_folder_of_odd_modes_is_one_task(tmp_path: Path) -> None:
    for number, (image, options, _) in enumerate(ODD.values()):
        for kind in ("one", "other"):
            (tmp_path / kind).mkdir(exist_ok=True)
            suffix = str(options.get("format", "PNG")).lower()
            path = tmp_path / kind / f"{number}.{suffix}"
            path.write_bytes(encoded(image, **options))
    found = load_folder(tmp_path, image_size=2)
    assert not found.unreadable
    assert len(found.task.train) + len(found.task.test) == 2 * len(ODD)


def test_premultiplied_grey_of_a_dataset_is_shown_on_white() -> None:
    image = Image.new("LA", (1, 1), (100, 128)).convert("La")
    assert abs(np.asarray(flatten(image, "L")).item() - 177) <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    content = encoded(Image.new(mode, (3, 2)), format="TIFF")
    assert decode(content, mode="RGB", image_size=None).shape == (2, 3, 3)


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(DatasetError, match="floating-point pixels"):
        decode(encoded(Image.new("F", (2, 2)), format="TIFF"), mode="L", image_size=None)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DatasetError, match="decompression bomb"):
        decode(encoded(Image.new("L", (30, 30))), mode="L", image_size=None)


def test_a_large_jpeg_is_stretched() -> None:
    rows = np.repeat(np.linspace(0, 255, 320), 640).reshape(320, 640).astype(np.uint8)
    content = encoded(Image.fromarray(rows), format="JPEG", quality=95)
    pixels = decode(content, mode="L", image_size=16)
    assert pixels.shape == (16, 16)
    expected = np.linspace(0, 255, 320).reshape(16, 20).mean(axis=1)  # bilinear ≈ area here
    assert np.abs(pixels.mean(axis=1) - expected)[1:-1].max() < 3
