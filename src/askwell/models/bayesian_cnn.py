"""The Bayesian convolutional network of Gal, Islam & Ghahramani (2017), §5.1."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from askwell.errors import InputError, ModelError
from askwell.tensors import Images


class BayesianCNN(nn.Module):
    """conv–relu–conv–relu–maxpool–dropout–dense–relu–dropout–dense, ending in logits.

    32 filters of 4×4 without padding in both convolutions, 2×2 max-pooling, dropout ¼, a dense
    layer of 128 units, dropout ½. Initial weights are Glorot-uniform and biases zero (the defaults
    of Keras, which the paper's code uses). Initialisation draws from torch's global generator, as
    that of any module does.

    Args:
        image_shape: (channels, height, width), at least 8 × 8.
        outputs: logits (classes), or 1–2 for a Gaussian likelihood.

    Raises:
        InputError: an image too small for two 4×4 convolutions and the pooling.
        ModelError: (when called) images of another shape than `image_shape`.
    """

    def __init__(self, image_shape: tuple[int, ...] = (1, 28, 28), outputs: int = 10) -> None:
        super().__init__()
        if len(image_shape) != 3 or min(image_shape[1:]) < 8:
            raise InputError(
                "BayesianCNN needs images of shape (channels, height, width) of at least 8 × 8 "
                f"pixels; got {tuple(image_shape)}."
            )
        channels, height, width = image_shape
        self.image_shape = tuple(image_shape)
        self.conv1 = nn.Conv2d(channels, 32, 4)
        self.conv2 = nn.Conv2d(32, 32, 4)
        self.pool = nn.MaxPool2d(2)
        self.dropout1 = nn.Dropout(0.25)
        self.dense1 = nn.Linear(32 * ((height - 6) // 2) * ((width - 6) // 2), 128)
        self.dropout2 = nn.Dropout(0.5)
        self.dense2 = nn.Linear(128, outputs)
        for layer in (self.conv1, self.conv2, self.dense1, self.dense2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, images: Images) -> Float[Tensor, "N outputs"]:
        """Logits, shape (N, outputs)."""
        x = check_image_shape(images, self.image_shape)
        x = convolve(x, self.conv1, self.conv2, self.pool)
        x = torch.flatten(self.dropout1(x), 1)
        x = self.dropout2(torch.relu(self.dense1(x)))
        logits: Tensor = self.dense2(x)
        return logits


def convolve(images: Tensor, conv1: nn.Module, conv2: nn.Module, pool: nn.Module) -> Tensor:
    """The network up to its first dropout, shape (N, 32, h, w)."""
    x = torch.relu(conv1(images))
    # ReLU after the pooling: max and ReLU commute, and there are four times fewer values.
    return torch.relu(pool(conv2(x)))


def check_image_shape(images: Tensor, image_shape: tuple[int, ...]) -> Tensor:
    """The images, if each has shape `image_shape`; else a `ModelError` that says both shapes."""
    if tuple(images.shape[1:]) != image_shape:
        raise ModelError(
            f"This network takes images of shape (N, {', '.join(map(str, image_shape))}); got "
            f"{tuple(images.shape)}. Build it with image_shape={tuple(images.shape[1:])}, or "
            "resize the images."
        )
    return images


# A graph of the network keeps the check as one call: its branch depends on shapes alone.
torch.fx.wrap("check_image_shape")
