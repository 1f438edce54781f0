"""A trunk for small grey images: the convolutions of the paper's network, trained on MNIST.

The network is `BayesianCNN` up to its first dropout; with a hidden layer of 128 and dropout ¼ and ½
as its head it is the paper's, but for its frozen convolutions. The weights are 68 kB and come with
askwell, so they are the same everywhere; `benchmarks/small_grey.py --train` made them.
"""

from importlib.resources import as_file, files

from jaxtyping import Float
from torch import Tensor, nn

from askwell.models.backbone import Backbone, Head
from askwell.models.bayesian_cnn import convolve
from askwell.models.weights import State, read_state

WEIGHTS = "bayesian_cnn_mnist.pt"


class Convolutions(nn.Module):
    """(N, 3, 28, 28) → grey → conv–relu–conv–maxpool–relu → (N, 3 872)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 4)
        self.conv2 = nn.Conv2d(32, 32, 4)
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Float[Tensor, "N 3 28 28"]) -> Float[Tensor, "N F"]:
        """The features, shape (N, 3 872)."""
        grey = images.mean(dim=1, keepdim=True)
        return convolve(grey, self.conv1, self.conv2, self.pool).flatten(1)


def _fetch() -> State:
    with as_file(files("askwell.models") / "shipped" / WEIGHTS) as path:
        return read_state(path)


BAYESIAN_CNN_MNIST = Backbone(
    name="bayesian_cnn_mnist",
    image_size=28,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    features=32 * 11 * 11,
    head=Head(hidden=(128,), p=0.5, input_p=0.25),
    build=Convolutions,
    fetch=_fetch,
    source="trained for askwell on MNIST's 60 000 training images; Apache-2.0",
)
