"""What a posterior is made of and asked for: refused in words, before it is used."""

import copy
import operator

from torch import nn
from torch.nn.parameter import is_lazy

from askwell.checks import whole_number
from askwell.errors import InputError, ModelError


def frozen_copy(network: nn.Module) -> nn.Module:
    """The network as a posterior keeps it: a copy in eval mode, without gradients.

    Raises:
        ModelError: a lazy layer that has not seen an image yet, and so has no weights.
    """
    for name, values in [*network.named_parameters(), *network.named_buffers()]:
        if is_lazy(values):
            raise ModelError(
                f"`{name}` of {type(network).__name__} belongs to a lazy layer that has no size "
                "yet. Run the network on a few images first, network(images), then train it."
            )
    return copy.deepcopy(network).eval().requires_grad_(False)


def checked_draw(n: int, seed: int) -> tuple[int, int]:
    """The number of draws and their seed, as plain ints.

    Raises:
        InputError: no whole number, or not even one draw.
    """
    n = whole_number("n, the number of posterior draws,", n)
    try:
        return n, operator.index(seed)
    except TypeError:
        raise InputError(
            f"seed must be a whole number; got {seed!r} ({type(seed).__name__})."
        ) from None
