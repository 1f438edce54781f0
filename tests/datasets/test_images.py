"""Image files: whatever Pillow reads is shown as a viewer shows it; the rest is listed."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from askwell.datasets import load_folder
from askwell.datasets.decoding import Mode, decode, flatten
from askwell.datasets.images import find_images, list_reasons
from askwell.errors import DatasetError
from askwell.pool import FolderPool
from tests.permissions import closed


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


def album(root: Path) -> Path:
    """Ten pictures, half of them in a folder in the folder."""
    for i in range(10):
        place = root / "deeper" if i % 2 else root
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (6, 5), i).save(place / f"{i}.png")
    return root


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    (photos / "deeper" / "again").symlink_to(photos, target_is_directory=True)
    names, unreadable = find_images(photos)
    assert len([name for name in names if not name.startswith("deeper/again/")]) == 10
    assert not unreadable


def test_a_name_that_is_no_text_is_listed(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode(errors="surrogateescape")
    try:
        (tmp_path / name).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    names, unreadable = find_images(tmp_path)
    assert unreadable == {r"caf\udce9.png": "its name is not valid UTF-8; rename it"}
    assert not names


def test_a_folder_that_cannot_be_read_is_listed_with_its_reason(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    expected = {"deeper/": "the folder cannot be read: Permission denied"}
    with closed(photos / "deeper"):
        assert find_images(photos)[1] == expected
        with pytest.warns(UserWarning, match="1 image files or folders in .* left out:\n  deeper/"):
            pool = FolderPool(photos)
    assert pool.unreadable == expected
    assert len(pool.ids) == 5


def test_a_folder_whose_files_may_not_be_opened_is_listed_file_by_file(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    with closed(photos / "deeper", 0o400), pytest.warns(UserWarning, match="5 image files in"):
        pool = FolderPool(photos)
    assert set(pool.unreadable.values()) == {"Permission denied"}
    assert set(pool.unreadable) == {f"deeper/{i}.png" for i in (1, 3, 5, 7, 9)}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
def test_a_pipe_and_a_device_are_listed_and_not_waited_for(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    os.mkfifo(photos / "pipe.png")
    (photos / "device.png").symlink_to("/dev/null")
    with pytest.warns(UserWarning, match="2 image files in"):
        pool = FolderPool(photos)
    assert pool.unreadable == dict.fromkeys(("device.png", "pipe.png"), "not a regular file")
    assert len(pool.ids) == 10


def test_a_name_of_several_lines_stays_on_one() -> None:
    assert list_reasons({"a\nb.png": "no"}) == "\n  a\\nb.png: no"
