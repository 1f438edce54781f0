"""Real data, fetched and checksummed: `DATASETS["mnist"].load()`, or a folder of your own."""

from collections.abc import Mapping
from types import MappingProxyType

from askwell.datasets.dataset import Dataset, data_dir
from askwell.datasets.digits import DIGITS
from askwell.datasets.fashion_mnist import FASHION_MNIST
from askwell.datasets.folder import FolderTask, load_folder
from askwell.datasets.isic2016 import ISIC2016, load_isic2016
from askwell.datasets.mnist import MNIST
from askwell.datasets.regression import ROTATED_DIGITS, ROTATED_DIGITS_NOISY
from askwell.datasets.task import ImageTask, LabelledImages

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "mnist": MNIST,
        "fashion_mnist": FASHION_MNIST,
        "digits": DIGITS,
        "isic2016": ISIC2016,
        "rotated_digits": ROTATED_DIGITS,
        "rotated_digits_noisy": ROTATED_DIGITS_NOISY,
    }
)
"""Every data set that askwell can fetch by itself."""

__all__ = [
    "DATASETS",
    "Dataset",
    "FolderTask",
    "ImageTask",
    "LabelledImages",
    "data_dir",
    "load_folder",
    "load_isic2016",
]
