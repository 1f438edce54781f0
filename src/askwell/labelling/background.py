"""Images → features, a small batch at a time, so that other work never waits for long."""

import hashlib
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askwell.datasets.arrays import to_images
from askwell.datasets.decoding import UnreadableImageError, decode
from askwell.datasets.images import LARGEST_BYTES, in_threads, read_bytes
from askwell.errors import NonFiniteError
from askwell.features import FeatureStore, extract
from askwell.labelling.files import Listed
from askwell.labelling.head import FeatureRows
from askwell.models.backbone import Trunk
from askwell.randomness import item_keys

BATCH = 8
"""Images at a time: about a quarter of a second of EfficientNet-Lite0 on two cores."""

_ORDER_SEED = 0


def read_image(root: Path, name: str, size: int, sha256: str | None = None) -> NDArray[np.uint8]:
    """One image of a folder, stretched to what a trunk takes, shape (S, S, 3).

    Raises:
        UnreadableImageError: it cannot be decoded, is too large, lies outside the folder, or is
            another file than the one that had this hash.
    """
    try:
        path = (root / name).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or "the path cannot be followed"
        raise UnreadableImageError(reason) from error
    if not path.is_relative_to(root.resolve()):
        raise UnreadableImageError("it lies outside the folder")
    content = read_bytes(path, LARGEST_BYTES)
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise UnreadableImageError("it changed since the folder was scanned; scan it again")
    return decode(content, mode="RGB", image_size=size)


@dataclass(slots=True)
class FeatureQueue:
    """The features of a project's images: those that there are, and those to be computed.

    Computed ones are kept in the store under the file's SHA-256; killed, it goes on from there.

    Attributes:
        root: the folder of the images.
        trunk: what computes the features.
        store: open for writing.
        unreadable: item → reason.
    """

    root: Path
    trunk: Trunk
    store: FeatureStore
    unreadable: dict[int, str] = field(default_factory=dict)
    _items: dict[str, list[Listed]] = field(default_factory=dict)  # by hash: copies share a row
    _waiting: dict[str, None] = field(default_factory=dict)  # hashes, in order
    _rows: NDArray[np.float16] = field(default_factory=lambda: np.empty((0, 0), np.float16))
    _ids: list[int] = field(default_factory=list)
    _total: int = 0
    _computed: int = 0
    _seconds: float = 0.0

    def want(self, items: Sequence[Listed]) -> None:
        """Take over the list of a project's images, in the place of any earlier one."""
        self._items, self.unreadable, self._total = {}, {}, len(items)
        for item in items:
            self._items.setdefault(item.sha256, []).append(item)
        self._rows = np.empty((len(items), self.trunk.features), dtype=np.float16)
        self._ids = []
        missing = self.store.missing(self._items)
        absent = set(missing)
        self._enter([key for key in self._items if key not in absent])
        # At random, so that what comes first tells of the whole folder.
        keys = item_keys(missing, _ORDER_SEED)
        self._waiting = {missing[i]: None for i in np.argsort(keys).tolist()}

    def hurry(self, items: Collection[int]) -> None:
        """Put these items first: they have labels."""
        wanted = set(items)
        first = [k for k in self._waiting if any(e.item in wanted for e in self._items[k])]
        self._waiting = dict.fromkeys([*first, *self._waiting])

    def give_up(self) -> None:
        """Compute no more until the next list comes."""
        self._waiting = {}

    def step(self) -> dict[int, str]:
        """Compute one batch; gives the items found unreadable, with reasons.

        Raises:
            RunError: the store cannot be written.
        """
        start = time.perf_counter()
        keys = list(self._waiting)[:BATCH]
        for key in keys:
            del self._waiting[key]
        images: dict[str, NDArray[np.uint8]] = {}
        failed: dict[str, str] = {}
        for key, found in zip(keys, in_threads(self._read, keys), strict=True):
            if isinstance(found, UnreadableImageError):
                failed[key] = str(found)
            else:
                images[key] = found
        failed |= self._extract(images)
        self._enter([key for key in images if key not in failed])
        self._computed += len(keys)
        self._seconds += time.perf_counter() - start
        reasons = {e.item: reason for key, reason in failed.items() for e in self._items[key]}
        self.unreadable |= reasons
        return reasons

    @property
    def waiting(self) -> int:
        """Images whose features are still to be computed, copies not counted."""
        return len(self._waiting)

    @property
    def progress(self) -> Mapping[str, float]:
        """What the event "features" says."""
        rate = self._computed / self._seconds if self._seconds else 0.0
        return {"done": len(self._ids), "total": self._total, "rate": round(rate, 2)}

    @property
    def pool(self) -> FeatureRows:
        """The features that there are now."""
        return FeatureRows(self._rows[: len(self._ids)], tuple(self._ids))

    def _read(self, key: str) -> NDArray[np.uint8] | UnreadableImageError:
        item = self._items[key][0]
        try:
            return read_image(self.root, item.path, self.trunk.image_size, key)
        except UnreadableImageError as error:
            return error

    def _extract(self, images: Mapping[str, NDArray[np.uint8]]) -> dict[str, str]:
        """Compute and keep; image by image where the batch has one without finite features."""
        parts = {key: ([key], to_images(image[None])) for key, image in images.items()}
        try:
            extract(self.trunk, parts.values(), self.store, batch=BATCH)
        except NonFiniteError as error:
            if len(parts) == 1:
                return dict.fromkeys(parts, str(error))
            return {
                key: reason
                for single in images
                for key, reason in self._extract({single: images[single]}).items()
            }
        return {}

    def _enter(self, keys: Sequence[str]) -> None:
        """Read the features of these hashes from the store into memory."""
        each = [(key, item) for key in keys for item in self._items[key]]
        start = len(self._ids)
        for i in range(0, len(each), 1000):
            part = each[i : i + 1000]
            self._rows[start + i : start + i + len(part)] = self.store.rows([k for k, _ in part])
        self._ids += [item.item for _, item in each]
