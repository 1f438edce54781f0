"""ISIC 2016 in its official layout, of small generated images."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from askwell.datasets import FolderTask
from askwell.datasets.isic2016 import Isic2016
from askwell.datasets.isic_files import Part

TRAIN, TEST = "ISBI2016_ISIC_Part3B_Training", "ISBI2016_ISIC_Part3B_Test"
SMALL = (Part("training", TRAIN, (5, 2)), Part("test", TEST, (2, 1)))
"""The official layout with numbers of images that a test can make."""

FOUR = [f"{TRAIN}_Data", f"{TRAIN}_GroundTruth.csv", f"{TEST}_Data", f"{TEST}_GroundTruth.csv"]


def jpeg(number: int) -> bytes:
    """A smooth picture of 40×30 pixels of its own."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8))
    stream = io.BytesIO()
    coarse.resize((40, 30), Image.Resampling.BILINEAR).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def contents() -> dict[str, bytes]:
    """Path → content of every official file, unpacked; with the lesions' outlines."""
    files: dict[str, bytes] = {}
    for part, words, first in (
        (SMALL[0], ("benign", "malignant"), 0),
        (SMALL[1], ("0.0", "1.0"), 50),
    ):
        rows = []
        labels = [1] + [0] * part.counts[0] + [1] * (part.counts[1] - 1)
        for number, label in enumerate(labels, first):
            name = f"ISIC_{number:07}"
            files[f"{part.data}/{name}.jpg"] = jpeg(number)
            files[f"{part.data}/{name}_Segmentation.png"] = b"an outline"
            rows.append(f"{name},{words[label]}")
        files[part.table] = "\n".join(rows).encode()
    return files


def place(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def packed(files: dict[str, bytes], part: Part) -> bytes:
    """The archive of a part, as a Mac would make it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            if name.startswith(f"{part.data}/"):
                archive.writestr(name, content)
        archive.writestr(f"__MACOSX/{part.data}/._ISIC_0000000.jpg", b"shadow")
    return stream.getvalue()


def load(folder: Path, cache: Path | None = None, image_size: int = 8) -> FolderTask:
    return Isic2016(SMALL).load(folder, image_size=image_size, cache=cache)


@contextmanager
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an image was decoded")

    with monkeypatch.context() as patch:
        patch.setattr("askwell.datasets.decoding.decode", refuse)
        yield
