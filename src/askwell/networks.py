"""What is asked of anyone's network: a batch of images in, one matrix (N, outputs) out."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import Float
from torch import Tensor, nn

from askwell.errors import InputError, ModelError
from askwell.tensors import Images


def require_images(images: Images) -> Images:
    """The images, if they are a tensor: nobody should guess where an array has its channels.

    Raises:
        InputError: anything else.
    """
    if not isinstance(images, Tensor):
        raise InputError(
            "Images must be a torch tensor, ready for the network; got "
            f"{type(images).__name__}. askwell.to_images(array) makes one of a NumPy array."
        )
    return images


@contextmanager
def naming_the_shape(network: nn.Module, images: Images) -> Iterator[None]:
    """Say which network failed on images of which shape, whatever it failed with inside.

    Raises:
        ModelError: instead of what the network raised.
    """
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(
            f"{type(network).__name__} failed on images of shape {tuple(images.shape)}: {error}"
        ) from error


def require_matrix(outputs: object) -> Float[Tensor, "N outputs"]:
    """What a network returned, if it is one tensor with two axes.

    Raises:
        ModelError: anything else.
    """
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ModelError(
            "The network must return one tensor of shape (N, outputs): logits, or a Gaussian's "
            f"parameters; got {got}."
        )
    return outputs
