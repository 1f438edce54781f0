"""Digits: 1 797 handwritten digits of 8×8 pixels that come with scikit-learn.

They are the test part of UCI's optdigits. The split here is fixed: 500 test images, stratified by
class, chosen by `stratified_split` with seed 0 over the positions in scikit-learn's array. The
same writers are in both parts, so accuracies are those of known writers.
"""

from pathlib import Path

import numpy as np

from askwell.datasets.dataset import Dataset
from askwell.datasets.task import LabelledImages

_SEED = 0
_TEST = 500


def _read(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """Scale 0…16 to 0…255 and split; scikit-learn and torch are imported only when needed."""
    del folder
    from sklearn.datasets import load_digits

    from askwell.datasets.split import stratified_split

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    ids = range(len(labels))
    train, test = stratified_split(labels, test=_TEST, ids=ids, seed=_SEED)
    return LabelledImages(images[train], labels[train]), LabelledImages(images[test], labels[test])


DIGITS = Dataset(
    name="digits",
    summary="small handwritten digits, for a first try",
    classes=tuple("0123456789"),
    image_shape=(8, 8),
    sizes=(1_297, 500),
    licence="CC BY 4.0",
    source="https://archive.ics.uci.edu/dataset/80 (comes with scikit-learn)",
    citation="Alpaydin & Kaynak, Optical recognition of handwritten digits, UCI Machine Learning "
    "Repository, 1998",
    read=_read,
)
