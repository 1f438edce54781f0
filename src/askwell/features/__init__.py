"""Features of images, computed once by a frozen trunk and kept on disk.

    FeatureStore     keys and features in two append-only files    (store.py)
    extract          images → trunk → store, resumable             (extraction.py)
    feature_pool     a pool of images → a pool of their features   (pool.py)
    pixel_keys       the content keys of a pool's images           (keys.py)

Names are imported when first used: the store alone needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from askwell.features.extraction import extract
    from askwell.features.keys import VIEWS, pixel_keys, view_key
    from askwell.features.pool import FeaturePool, feature_pool
    from askwell.features.store import FeatureStore

_WHERE = {
    "VIEWS": "keys",
    "FeaturePool": "pool",
    "FeatureStore": "store",
    "extract": "extraction",
    "feature_pool": "pool",
    "pixel_keys": "keys",
    "view_key": "keys",
}

__all__ = [
    "VIEWS",
    "FeaturePool",
    "FeatureStore",
    "extract",
    "feature_pool",
    "pixel_keys",
    "view_key",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name not in _WHERE:
        raise AttributeError(f"module 'askwell.features' has no attribute {name!r}")
    value = getattr(import_module(f"askwell.features.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
