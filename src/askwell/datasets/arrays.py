"""Arrays of images as people have them → what a network takes, checked on the way.

NumPy and Pillow put channels last, torch puts them first; the type of the array decides.
"""

import mmap
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from askwell.datasets.decoding import flatten
from askwell.errors import DatasetError, InputError, NonFiniteError
from askwell.records import ItemId
from askwell.tensors import Images


def to_images(array: NDArray[Any] | Tensor) -> Images:
    """Convert images as people have them to what a network takes; the argument is not changed.

    Args:
        array: NumPy (N, height, width[, channels]), channels last; or torch (N, height, width) or
            (N, channels, height, width), channels first. uint8 (0 to 255) or floating point.

    Returns:
        float32 on the CPU, shape (N, channels, height, width); uint8 is divided by 255.

    Raises:
        InputError: wrong axes or type.
        NonFiniteError: NaN or infinity; the message names the rows.
    """
    check_array(array)
    tensor = array.detach() if isinstance(array, Tensor) else channels_first(array)
    images = to_float(tensor)
    if tensor.is_floating_point():
        check_finite(images, range(len(images)), np.arange(len(images)))
    return images


def check_array(array: object) -> None:
    """Raise `InputError` unless this is a batch of images as `ArrayPool` documents them."""
    if not isinstance(array, np.ndarray | Tensor):
        raise InputError(
            f"Images must be a NumPy array or a torch tensor; got {type(array).__name__}. For "
            "files use FolderPool, for a torch Dataset DatasetPool."
        )
    torch_like = isinstance(array, Tensor)
    wanted = (
        "a torch tensor (N, channels, height, width) or (N, height, width)"
        if torch_like
        else "a NumPy array (N, height, width, channels) or (N, height, width)"
    )
    shape = tuple(array.shape)
    if array.ndim not in (3, 4):
        hint = " For one image add an axis: image[None]." if array.ndim == 2 else ""
        raise InputError(f"Images must be {wanted}; got shape {shape}.{hint}")
    if 0 in shape[1:]:
        raise InputError(f"Images must have pixels; got shape {shape}.")
    if array.ndim == 4:
        here, there = (shape[1], shape[3]) if torch_like else (shape[3], shape[1])
        if here > 4 >= there:
            fix = "x.permute(0, 3, 1, 2)" if torch_like else "torch.from_numpy(x)"
            raise InputError(
                f"Images must be {wanted}; shape {shape} looks like the channels are "
                f"{'last' if torch_like else 'first'}. Pass {fix}."
            )
    floating = array.is_floating_point() if isinstance(array, Tensor) else array.dtype.kind == "f"
    if not floating and array.dtype not in (np.dtype(np.uint8), torch.uint8):
        raise InputError(
            f"Images must be uint8 (0 to 255) or floating point; got {array.dtype}. Convert them, "
            "for instance 16-bit values with (x / 65535).astype('float32')."
        )


def channels_first(array: NDArray[Any]) -> Tensor:
    """A tensor of our own (N, channels, height, width) with the values of a NumPy batch."""
    native = array.dtype.newbyteorder("=")
    if native.kind == "f" and native.itemsize > 8:
        native = np.dtype(np.float64)  # torch has no long double
    tensor = torch.from_numpy(np.array(array, dtype=native, order="C", subok=False))
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor


def to_float(tensor: Tensor) -> Images:
    """float32 in new, contiguous memory on the CPU, with a channel axis; uint8 divided by 255."""
    if tensor.ndim == 3:
        tensor = tensor[:, None]
    images = torch.empty(tensor.shape, dtype=torch.float32).copy_(tensor)
    return images.div_(255) if tensor.dtype == torch.uint8 else images


def check_finite(images: Tensor, ids: Sequence[ItemId], rows: NDArray[np.int64]) -> None:
    """Raise `NonFiniteError` if an image has NaN or infinity; image i is item `ids[rows[i]]`."""
    if bool(torch.isfinite(images.sum())):  # one fast pass: NaN and ±inf survive any sum
        return
    bad = np.flatnonzero(~torch.isfinite(images).flatten(1).all(dim=1).numpy())  # N
    if len(bad):
        more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise NonFiniteError(
            "NaN or infinity (in float32) in the images of items "
            f"{[ids[row] for row in rows[bad[:10]].tolist()]}{more}."
        )


def item_image(dataset: Any, position: int, name: ItemId) -> Tensor:
    """The image of one item of a Dataset, as a batch of one; an error names the item."""
    try:
        item = dataset[position]
    except Exception as error:  # it is anyone's code
        raise DatasetError(
            f"Item {name!r} of the dataset cannot be read: dataset[{position}] raised "
            f"{type(error).__name__}: {error}. Mend it, or leave it out of the dataset."
        ) from error
    image = item[0] if isinstance(item, tuple | list) and item else item
    if isinstance(image, Image.Image):
        image = np.asarray(flatten(image, "L" if Image.getmodebase(image.mode) == "L" else "RGB"))
    if not isinstance(image, np.ndarray | Tensor):
        raise InputError(
            f"Item {name!r} of the dataset must be an image (tensor, array or Pillow image), or a "
            f"tuple that begins with one; got {type(image).__name__}."
        )
    try:
        check_array(image[None])
    except InputError as error:
        raise InputError(f"Item {name!r} of the dataset, as a batch of one: {error}") from error
    return image[None].detach() if isinstance(image, Tensor) else channels_first(image[None])


def release_pages(array: object) -> None:
    """Give the pages of a read-only memory map back to the system; it reads them again if needed.

    Otherwise every page that was ever read counts as this process's memory, and a pool of a million
    images seems to need as much as its file is large.
    """
    mapped = getattr(array, "_mmap", None)
    advice = getattr(mmap, "MADV_DONTNEED", None)
    if mapped is not None and advice is not None and getattr(array, "mode", None) == "r":
        mapped.madvise(advice)


def check_same_shape(items: Sequence[Tensor], ids: Sequence[ItemId]) -> None:
    """Raise `InputError`, naming the shapes and an item that differs, unless all are equal."""
    shapes = Counter(tuple(item.shape[1:]) for item in items)
    if len(shapes) == 1:
        return
    usual = shapes.most_common(1)[0][0]
    odd = next(i for i, item in zip(ids, items, strict=True) if tuple(item.shape[1:]) != usual)
    named = ", ".join(f"{shape} ({n} images)" for shape, n in shapes.most_common(5))
    raise InputError(
        f"All images of a pool must have one shape (channels, height, width); got {named}, for "
        f"instance item {odd!r} differs. Resize them in the dataset's transform."
    )
