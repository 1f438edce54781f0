"""The Bayesian part on top of deterministic features: a few dense layers with dropout."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from askwell.checks import whole_number
from askwell.errors import InputError


class BayesianHead(nn.Module):
    """[dropout–]dense–relu–dropout–…–dense, from features (N, F) to outputs (N, O).

    Every hidden layer is followed by ReLU and dropout, so its draws differ in the features that
    they look at. `hidden=(4096, 4096)` is the head of the paper's VGG16 (Gal, Islam & Ghahramani
    2017, §5.5). Dropout on the input makes the draws differ in the backbone's features too; it
    costs min(p, 1 − p) of the first layer's multiplications for each draw, where without it that
    layer runs once an image.

    Weights are Glorot-uniform and biases zero, as in `BayesianCNN`.

    Args:
        features: F.
        outputs: logits (classes), or 1–2 for a Gaussian likelihood.
        hidden: the width of each hidden layer; may be empty if `input_p` is above 0.
        p: dropout probability after each hidden layer.
        input_p: dropout probability of the features.

    Raises:
        InputError: a width below 1, a probability outside 0 … 1, or no dropout at all.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        *,
        hidden: Sequence[int] = (512,),
        p: float = 0.5,
        input_p: float = 0.2,
    ) -> None:
        super().__init__()
        widths = (features, *hidden, outputs)
        for width in widths:
            whole_number("The width of a layer", width, least=1)
        for name, value in (("p", p), ("input_p", input_p)):
            if not 0 <= value < 1:
                raise InputError(f"{name} must be at least 0 and below 1; got {value!r}.")
        if input_p == 0 and (p == 0 or not hidden):
            raise InputError(
                "A Bayesian head needs dropout: give input_p above 0, or a hidden layer and p "
                "above 0."
            )
        dense = [nn.Linear(a, b) for a, b in pairwise(widths)]
        self.dense = nn.ModuleList(dense)
        self.dropout = nn.ModuleList(nn.Dropout(p) for _ in hidden)
        self.input_dropout = nn.Dropout(input_p)
        for layer in dense:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Float[Tensor, "N F"]) -> Float[Tensor, "N outputs"]:
        """Logits, shape (N, outputs)."""
        x = self.input_dropout(features)
        *hidden, last = self.dense
        for layer, dropout in zip(hidden, self.dropout, strict=True):
            x = dropout(torch.relu(layer(x)))
        logits: Tensor = last(x)
        return logits
