"""Dropout followed by a linear layer, for many fixed masks at once."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from askwell.tensors import float32_at_least

_MOST_BYTES = 2**28
"""Of weights kept: 256 MiB, 541 draws of the paper's network. VGG16 would take gigabytes."""


class MaskedLinear:
    """`linear(dropout_t(x))` for T fixed masks, shared by all images.

    A mask that drops a fraction p of F features splits the product into two sums of which only
    the smaller is computed for each draw: the kept features where p ≥ ½, else the dropped ones,
    which are subtracted from the unmasked product (computed once). So a draw costs about
    min(p, 1 − p) · F · O multiplications an image instead of F · O: a quarter at p = ¼.

    Args:
        linear: the layer; its weights are read now.
        keep: which features survive in each draw, shape (T, F).
        p: the probability of dropping a feature, below 1.
        dtype: of the features. In half precision the products are rounded to it, everything
            after them is float32.
    """

    def __init__(
        self, linear: nn.Linear, keep: Bool[Tensor, "T F"], p: float, dtype: torch.dtype
    ) -> None:
        self.scale = 1 / (1 - p)
        self.subtract = p < 0.5
        self.weight = linear.weight.detach().to(dtype)
        self.bias = None if linear.bias is None else linear.bias.detach().unsqueeze(1)  # O 1
        chosen = ~keep if self.subtract else keep
        self.columns = [row.nonzero().flatten() for row in chosen]
        self._most = max(len(c) for c in self.columns)
        self._parts: list[Tensor | None] = [None] * len(keep)
        part_bytes = self._most * self.weight.shape[0] * self.weight.element_size()
        self._kept = _MOST_BYTES // max(1, part_bytes)
        self._rows = self._whole = self._gathered = self.weight.new_empty(0)

    def take(self, features: Float[Tensor, "n F"]) -> None:
        """Take in the images whose products the next calls give: what all draws share."""
        self._rows = features.t().contiguous()  # F n: a feature's values lie side by side
        if self.subtract:
            self._whole = float32_at_least(self.weight @ self._rows)  # O n
        # One buffer for all draws: allocating it anew costs more than filling it.
        if self._gathered.shape[1:] != self._rows.shape[1:]:
            self._gathered = self._rows.new_empty(self._most, self._rows.shape[1])

    def __call__(self, draws: slice) -> Float[Tensor, "B_n O"]:
        """Shape (B · n, O) for the B draws of `draws`, draws outermost."""
        rows, n = self._rows, self._rows.shape[1]
        wanted = range(draws.start, draws.stop)
        result = float32_at_least(rows.new_empty(len(wanted), len(self.weight), n))  # B O n
        for b, t in enumerate(wanted):
            part = self._gathered[: len(self.columns[t])]
            torch.index_select(rows, 0, self.columns[t], out=part)
            weight = self._columns_of_weight(t)
            if result.dtype != rows.dtype:
                product = torch.mm(weight, part)
                result[b] = self._whole - product if self.subtract else product
            elif self.subtract:
                torch.addmm(self._whole, weight, part, alpha=-1, out=result[b])
            else:
                torch.mm(weight, part, out=result[b])
        result *= self.scale
        if self.bias is not None:
            result += self.bias
        return result.transpose(1, 2).flatten(0, 1)

    def _columns_of_weight(self, t: int) -> Tensor:
        """The chosen columns of the weight; kept from chunk to chunk for the first draws."""
        part = self._parts[t]
        if part is None:
            part = self.weight[:, self.columns[t]].contiguous()
            self._parts[t] = part if t < self._kept else None
        return part
