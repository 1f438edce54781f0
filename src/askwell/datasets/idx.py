"""Read idx files, the format of MNIST and its relatives, without copying the images."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets.task import LabelledImages
from askwell.errors import DatasetError

_UINT8 = 0x08


def read_idx(path: Path, *, ndim: int) -> NDArray[np.uint8]:
    """A read-only memory map of an idx file of bytes.

    The header is two zero bytes, the element type, the number of axes, and each axis's length as
    a big-endian 32-bit integer.

    Raises:
        DatasetError: not such a file, or its size does not match its header.
    """
    try:
        with path.open("rb") as stream:
            header = stream.read(4 + 4 * ndim)
        size = path.stat().st_size
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror or error}.") from error
    if header[:4] != bytes([0, 0, _UINT8, ndim]) or len(header) != 4 + 4 * ndim:
        raise DatasetError(
            f"{path} is not an idx file of bytes with {ndim} axes: it begins with "
            f"{header[:4].hex(' ') or 'nothing'}, expected 00 00 08 {ndim:02x}."
        )
    shape = tuple(np.frombuffer(header, dtype=">u4", offset=4).tolist())
    if size != len(header) + math.prod(shape):
        raise DatasetError(
            f"{path} has {size} bytes, but its header promises shape {shape}: "
            f"{len(header) + math.prod(shape)} bytes. It is truncated or damaged."
        )
    return np.memmap(path, dtype=np.uint8, mode="r", offset=len(header), shape=shape)


def read_mnist_like(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """The training and test sets in a folder with MNIST's four file names."""
    return _read_part(folder, "train"), _read_part(folder, "t10k")


def _read_part(folder: Path, prefix: str) -> LabelledImages:
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte", ndim=1).astype(np.int64)
    labels.setflags(write=False)
    return LabelledImages(read_idx(folder / f"{prefix}-images-idx3-ubyte", ndim=3), labels)
