"""A pool of images → a pool of their features, so that only a small head is left to train."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from askwell.checks import several_ids
from askwell.errors import InputError
from askwell.features.extraction import Keyed, extract
from askwell.features.keys import VIEWS, pixel_keys, view_key
from askwell.features.store import FeatureStore
from askwell.models.backbone import Backbone, Trunk
from askwell.models.pretrained import load_trunk
from askwell.pool import Pool, Positions, check_pool
from askwell.records import ItemId

_CHUNK = 8


class FeaturePool:
    """The features of a pool's images under the same ids, read from disk when asked for.

    Attributes:
        views: those that `view` can give; the pool itself is of the first.
    """

    def __init__(
        self, pool: Pool, keys: Sequence[str], store: FeatureStore, views: Sequence[str]
    ) -> None:
        self.views = tuple(views)
        self._pool, self._keys, self._store = pool, keys, store

    @property
    def ids(self) -> Sequence[ItemId]:
        """The id of every item, by position: those of the pool of images."""
        return self._pool.ids

    def position(self, item: ItemId) -> int:
        """The position of an item; `LabelError` if there is none such."""
        return self._pool.position(item)

    def images(self, positions: Positions) -> Float[Tensor, "N F"]:
        """The features, float32, shape (N, F); `InputError` for positions outside the pool."""
        positions = np.asarray(positions)
        if positions.size and not 0 <= positions.min() <= positions.max() < len(self._keys):
            raise InputError(
                f"positions must lie in 0 … {len(self._keys) - 1}; got "
                f"{positions.min()} … {positions.max()}."
            )
        rows = self._store.rows(
            [view_key(self._keys[p], self.views[0]) for p in positions.tolist()]
        )
        return torch.from_numpy(rows.astype(np.float32))

    def view(self, name: str) -> "FeaturePool":
        """The features of the images seen another way, under the same ids.

        Raises:
            InputError: a view that was not asked for when the pool was made.
        """
        if name not in self.views:
            raise InputError(f"This pool has the views {self.views}; got {name!r}.")
        return FeaturePool(self._pool, self._keys, self._store, (name,))


def feature_pool(
    pool: Pool,
    backbone: str | Backbone | Trunk,
    directory: str | Path,
    *,
    views: Sequence[str] = ("",),
    keys: Sequence[str] | None = None,
    batch: int = 8,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> FeaturePool:
    """Compute what is missing of the features of a pool, and give them as a pool.

    Processes that ask for the same features wait for the one that computes them. Killed, it goes
    on where it stopped. Images are read a few at a time.

    Args:
        pool: of images from 0 to 1.
        backbone: a name, a `Backbone`, or a trunk with weights of one's own.
        directory: of the stores.
        views: of each image, from `VIEWS`; the pool that is returned is of the first.
        keys: a hex digest of the content of every image (of its file, and of how it is decoded),
            by position; None hashes the pixels, for which every image is read.
        batch: as for `extract`.
        device: as for `extract`.
        progress: called with the features computed and to be computed, in this call.

    Raises:
        InputError: unknown views, keys that do not fit, or images that are not from 0 to 1.
        ModelError: the weights cannot be had.
        NonFiniteError: features that are NaN or beyond float16.
        RunError: the directory cannot be used.
    """
    check_pool(pool)
    views = _checked_views(views)
    trunk = backbone if isinstance(backbone, Trunk) else load_trunk(backbone)
    keys = list(pixel_keys(pool) if keys is None else keys)
    if len(keys) != len(pool.ids):
        raise InputError(f"keys must name each of the {len(pool.ids)} images; got {len(keys)}.")
    every = [view_key(key, view) for key in keys for view in views]
    store = FeatureStore.read(directory, trunk)
    if store.missing(every):
        with FeatureStore.open(directory, trunk, wait=True) as store:
            total = len(store.missing(every))
            images = _missing(pool, keys, views, store)
            report = None if progress is None else lambda done: progress(done, total)
            extract(trunk, images, store, batch=batch, device=device, progress=report)
    return FeaturePool(pool, keys, store, views)


def _missing(
    pool: Pool, keys: Sequence[str], views: Sequence[str], store: FeatureStore
) -> Iterator[Keyed]:
    """The views that the store lacks, of a few images at a time."""
    lacking = [
        position
        for position, key in enumerate(keys)
        if store.missing(view_key(key, view) for view in views)
    ]
    for start in range(0, len(lacking), _CHUNK):
        part = np.array(lacking[start : start + _CHUNK], dtype=np.int64)
        images = pool.images(part)
        for view in views:
            yield [view_key(keys[p], view) for p in part.tolist()], VIEWS[view](images)


def _checked_views(views: Sequence[str]) -> tuple[str, ...]:
    found = tuple(str(view) for view in several_ids(views))
    unknown = [view for view in found if view not in VIEWS]
    if unknown or not found or len(set(found)) < len(found):
        raise InputError(
            f"views must be one or more of {', '.join(map(repr, VIEWS))}, each once; got {found}."
        )
    return found
