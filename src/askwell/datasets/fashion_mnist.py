"""Fashion-MNIST: photographs of clothes, in MNIST's format (Xiao, Rasul & Vollgraf 2017).

The hashes are of the uncompressed files. They hold the authors' bytes: Debian compresses them
anew with `gzip -n`, and with the authors' file name and time put back into the gzip header its
files have the MD5 sums that the authors publish.
"""

from pathlib import Path

from askwell.datasets.dataset import Dataset
from askwell.datasets.files import File
from askwell.datasets.idx import read_mnist_like
from askwell.datasets.sources import DebianPackage, Folder, Mirror

FASHION_MNIST = Dataset(
    name="fashion_mnist",
    summary="clothes, ten kinds",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    image_shape=(28, 28),
    sizes=(60_000, 10_000),
    licence="MIT",
    source="https://github.com/zalandoresearch/fashion-mnist",
    citation="Xiao, Rasul & Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking "
    "machine learning algorithms, arXiv:1708.07747, 2017",
    read=read_mnist_like,
    files=(
        File(
            "train-images-idx3-ubyte",
            47_040_016,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        File(
            "train-labels-idx1-ubyte",
            60_008,
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        File(
            "t10k-images-idx3-ubyte",
            7_840_016,
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        File(
            "t10k-labels-idx1-ubyte",
            10_008,
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    sources=(
        Folder(Path("/usr/share/datasets/fashion-mnist")),
        Mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        DebianPackage("dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
    ),
)
