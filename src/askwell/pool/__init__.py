"""Pools: stable item ids in, chunks of images out. A pool never knows a label.

Pool, chunks     what every pool is (base.py)
ArrayPool        an array, a memory map, a tensor (arrays.py)
DatasetPool      a map-style torch data set (dataset.py)
FolderPool       image files (folder.py)
"""

from askwell.datasets.arrays import to_images
from askwell.pool.arrays import ArrayPool
from askwell.pool.base import Chunk, Pool, Positions, check_pool, chunks
from askwell.pool.dataset import DatasetPool
from askwell.pool.folder import FolderPool

__all__ = [
    "ArrayPool",
    "Chunk",
    "DatasetPool",
    "FolderPool",
    "Pool",
    "Positions",
    "check_pool",
    "chunks",
    "to_images",
]
