"""Labels → a Bayesian head → probabilities and uncertainty of every image.

A head is trained from scratch for every ranking, on features that were computed once. It is a
`BayesianHead` of one hidden layer without dropout on its input, trained by `train.Fit`, and its
posterior is an `MCDropout`, so every draw of it is what it is anywhere else. What is made for this
page is `summarise`: the hidden layer runs once an image, and the dropout masks of all T draws are
folded into the small last layer, so that they are one matrix product a block of images.

Axes: N items, T posterior draws, C classes, F features, H hidden units.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from askwell.errors import InputError, LabelError, NonFiniteError
from askwell.models.heads import BayesianHead
from askwell.numerics import entropy
from askwell.pool import Positions
from askwell.posterior import MCDropout
from askwell.posterior.dropout import DropoutDraws
from askwell.records import ItemId, Label
from askwell.tensors import Probs, Scores
from askwell.train import Fit, Recipe

HIDDEN = 128
DROPOUT = 0.5
RECIPE = Recipe(steps=100, epochs=10, batch_size=128, learning_rate=3e-3, weight_decay=(0.2,))
"""Chosen on real features, see docs/labelling-model.md."""

DRAWS = 100
"""T."""

ROWS = 1024
"""Images at a time: their hidden units and a block of outputs stay in a core's cache."""

_BLOCK_VALUES = 2**18
"""Outputs of a block of draws: 1 MiB of float32."""


class FeatureRows:
    """Features as a pool: what `Fit` and a race take. The array is kept, not copied.

    Args:
        features: shape (N, F), float16 or float32.
        ids: of the items, by row.
    """

    def __init__(self, features: NDArray[np.floating], ids: Sequence[ItemId]) -> None:
        self.features = features
        self.ids = ids
        self._where = {item: row for row, item in enumerate(ids)}

    def position(self, item: ItemId) -> int:
        """The row of an item; `LabelError` if there is none such."""
        if item not in self._where:
            raise LabelError(f"There are no features of item {item!r}.")
        return self._where[item]

    def has(self, item: ItemId) -> bool:
        """Whether the item has a row."""
        return item in self._where

    def images(self, positions: Positions) -> Float[Tensor, "N F"]:
        """The features, float32."""
        return torch.from_numpy(self.features[positions]).float()


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What all draws together say of every item, in float32.

    Attributes:
        probs: (N, C), p̄ = mean_t p_t.
        expected_entropy: (N,), mean_t H[p_t] in nats: what would remain if ω were known.
        squares: (N, C), mean_t p_t².
    """

    probs: Probs
    expected_entropy: Float[Tensor, " N"]
    squares: Float[Tensor, "N C"]

    @property
    def entropy(self) -> Scores:
        """H[p̄], all uncertainty, float32 (N,)."""
        return entropy(self.probs)

    @property
    def bald(self) -> Scores:
        """H[p̄] − mean_t H[p_t], the epistemic part, float32 (N,), at least 0."""
        return (self.entropy - self.expected_entropy).clamp_min(0)


def fit_head(pool: FeatureRows, labels: Mapping[int, int], classes: int, *, seed: int) -> MCDropout:
    """Train a head from scratch: item → class index (0 … C−1) → posterior.

    Raises:
        LabelError: no label, or fewer than two classes.
        NonFiniteError: training diverged.
    """
    if classes < 2 or not labels:
        raise LabelError(
            f"A model needs labels and at least two classes; got {len(labels)} labels and "
            f"{classes} classes."
        )
    features = pool.features.shape[1]

    def network() -> nn.Module:
        return BayesianHead(features, classes, hidden=(HIDDEN,), p=DROPOUT, input_p=0.0)

    # A step is a few milliseconds: no work to share. The recipe is not the caller's to change.
    with _single_threads(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The training loss is still", UserWarning)
        known = dict[ItemId, Label](sorted(labels.items()))
        # In the order of ids: rows come in the order in which features were computed.
        rows = pool.features[[pool.position(item) for item in known]]
        labelled = FeatureRows(rows, list(known))
        posterior = Fit(network, RECIPE)(known, labelled, seed, classes=classes)
    assert isinstance(posterior, MCDropout)
    return posterior


def summarise(draws: DropoutDraws, features: NDArray[np.floating]) -> Summary:
    """What T draws of a head of one hidden layer say of every row of features, shape (N, F).

    The same numbers, up to float32's rounding, as `draws.log_probs` and its means would give.
    Every thread takes images of its own: threads that meet after each operation would wait for
    whatever else the machine does.

    Raises:
        InputError: the draws are of another network.
        NonFiniteError: an output is NaN or infinite.
    """
    folded = fold(draws)
    n, classes = len(features), folded.last.out_features
    probs, remains, squares = torch.empty(n, classes), torch.empty(n), torch.empty(n, classes)

    def of_rows(start: int) -> None:
        rows = slice(start, start + ROWS)
        with torch.inference_mode():
            x = torch.from_numpy(features[rows]).float()
            p, h, p2 = folded.moments(x)
            probs[rows] = p.t() / len(draws)
            remains[rows] = h / len(draws)
            squares[rows] = p2.t() / len(draws)

    with _single_threads() as threads, ThreadPoolExecutor(threads) as executor:
        list(executor.map(of_rows, range(0, n, ROWS)))
    if not bool(torch.isfinite(remains.sum())):
        bad = (~torch.isfinite(remains)).nonzero().flatten()[:5].tolist()
        raise NonFiniteError(f"The head's output is NaN or infinite, for instance in rows {bad}.")
    return Summary(probs, remains, squares)


@dataclass(frozen=True, slots=True, eq=False)
class FoldedDraws:
    """A head of one hidden layer whose masks are in its last layer's weights, (T, C, H)."""

    hidden: nn.Linear
    last: nn.Linear
    weights: Float[Tensor, "T C H"]

    def moments(
        self, x: Float[Tensor, "n F"]
    ) -> tuple[Float[Tensor, "C n"], Float[Tensor, " n"], Float[Tensor, "C n"]]:
        """Σ_t p_t, Σ_t H[p_t] and Σ_t p_t² of some images."""
        h = torch.relu_(self.hidden(x)).t().contiguous()  # H n
        classes, n = self.last.out_features, len(x)
        probs, entropies, squares = (
            x.new_zeros(shape) for shape in ((classes, n), n, (classes, n))
        )
        for part in self.weights.split(max(1, _BLOCK_VALUES // (classes * n))):  # B C H
            logits = torch.mm(part.flatten(0, 1), h).view(len(part), classes, n)  # B C n
            logs = logits.add_(self.last.bias.unsqueeze(1)).log_softmax(dim=1)
            p = logs.exp()
            probs += p.sum(dim=0)
            entropies -= logs.mul_(p).sum(dim=(0, 1))
            squares += p.square_().sum(dim=0)
        return probs, entropies, squares


@contextmanager
def _single_threads() -> Iterator[int]:
    """Let torch use one thread for an operation meanwhile; gives how many it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def fold(draws: DropoutDraws) -> FoldedDraws:
    """The hidden layer of a head, and its last one under the masks of each draw.

    Raises:
        InputError: the draws are of another network.
    """
    head = draws.posterior.network
    if not isinstance(head, BayesianHead) or len(head.dense) != 2 or head.input_dropout.p:
        raise InputError(
            "Only draws of a BayesianHead with one hidden layer and input_p=0 are summarised here; "
            f"got {type(head).__name__}."
        )
    hidden, last = head.dense
    assert isinstance(hidden, nn.Linear)
    assert isinstance(last, nn.Linear)
    p = float(head.dropout[0].p)  # type: ignore[arg-type]
    keep = draws.masks.keep(0, p, (hidden.out_features,))  # T H
    return FoldedDraws(hidden, last, last.weight.detach() * keep.unsqueeze(1) / (1 - p))
