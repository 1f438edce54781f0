"""Minimum Bayes risk: the acquisition function of Zhu, Lafferty & Ghahramani (2003)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askwell.baselines.base import Array, PointMassDraws
from askwell.baselines.gaussian_field import HarmonicFunction
from askwell.errors import InputError
from askwell.pool import Chunk
from askwell.posterior.base import Draws
from askwell.records import Query
from askwell.select import StreamingTopK

_BLOCK = 2**17
"""Values at a time: 1 MiB, so that the passes over them stay in cache."""

_DECIMALS = 8
"""Of a risk; beyond is rounding, which must not decide between two equal images."""

_KNOWN = -1
"""Stands for the row of an item that has a label."""


@dataclass(frozen=True, slots=True)
class MBR:
    """Ask for the items whose labels leave the least expected error; for two classes.

    The risk of a field is the error it expects of its own predictions on the unlabelled nodes,
    Σ_i min(f_i, 1 − f_i). The score of an item is minus what that is expected to be once the item
    is labelled. Needs the draws of a `GaussianField`'s posterior; reads no image. A label that the
    field knows already changes nothing, so such an item's score is minus the present risk.

    Args:
        sequential: choose the items of a batch one after the other, each as if the earlier ones
            had been answered with their most probable class. Otherwise the k least risks are
            taken, as in the paper; these items are often much alike.
    """

    sequential: bool = False

    def select(self, draws: Draws, chunks: Iterable[Chunk], k: int, *, seed: int) -> Query:
        """Choose as `Strategy` says; ties are broken by `seed`.

        Raises:
            InputError: draws of something else than a field of two classes, k < 1, or an item that
                came twice.
            LabelError: an item that is not in the field's pool.
        """
        field = _two_class_field(draws)
        nodes = field.unlabelled
        ids = [item for chunk in chunks for item in chunk.ids]
        positions = np.array([field.position(item) for item in ids], dtype=np.int64)
        order = np.argsort(positions)  # blocks of candidates are the same in whatever order
        ids, positions = [ids[row] for row in order.tolist()], positions[order]
        rows = np.searchsorted(nodes.positions, positions)
        rows[~np.isin(positions, nodes.positions)] = _KNOWN
        belief = _Belief(field.values[nodes.positions, 1], nodes.inverse)
        top = StreamingTopK(k, seed)
        if not self.sequential:
            top.add(ids, -belief.risks(rows))
            return top.result()
        for turn in range(min(k, len(ids))):
            best = StreamingTopK(1, seed)
            best.add(ids, -belief.risks(rows))
            (item,), score = best.result().ids, best.result().scores
            top.add([item], np.array(score), order_by=np.array([-float(turn)]))
            at = ids.index(item)
            belief.assume(int(rows[at]))
            ids, rows = ids[:at] + ids[at + 1 :], np.delete(rows, at)
        return top.result()


class _Belief:
    """A field of two classes, and what becomes of it when nodes get their most probable label.

    Args:
        f: harmonic function of the unlabelled nodes, for class 1, shape (n,).
        inverse: G = Δ_UU⁻¹, shape (n, n); read only.
    """

    def __init__(self, f: Array, inverse: Array) -> None:
        self.f = f.copy()
        self.inverse = inverse
        self._assumed = np.empty((0, len(f)))  # B: G is the inverse − BᵀB by now

    def risks(self, rows: NDArray[np.int64]) -> Array:
        """`expected_risks` of these nodes; the present risk for what is no unlabelled node."""
        result = np.full(len(rows), np.minimum(self.f, 1 - self.f).sum())
        block = max(1, _BLOCK // max(1, len(self.f)))
        todo = np.flatnonzero(rows != _KNOWN)
        for start in range(0, len(todo), block):
            where = todo[start : start + block]
            result[where] = expected_risks(self.f, self._columns(rows[where]), rows[where])
        return np.round(result, _DECIMALS)

    def assume(self, row: int) -> None:
        """Give a node its most probable label."""
        if row == _KNOWN:
            return
        (g,) = self._columns(np.array([row]))
        label = float(self.f[row] > 0.5)
        self.f += (label - self.f[row]) * g / g[row]
        self._assumed = np.vstack([self._assumed, g / np.sqrt(g[row])])

    def _columns(self, rows: NDArray[np.int64]) -> Array:
        """G_·k of these nodes, as rows."""
        columns: Array = self.inverse[rows]
        if len(self._assumed):
            columns -= self._assumed[:, rows].T @ self._assumed
        return columns


def expected_risks(f: Array, columns: Array, candidates: NDArray[np.int64]) -> Array:
    """The expected risk after labelling each candidate, shape (candidates,), in errors.

    R̂(k) = Σ_y p(y | k) Σ_i min(f_i⁺, 1 − f_i⁺) over the n unlabelled nodes, with p(1 | k) = f_k
    and f⁺ = f + (y − f_k) G_·k / G_kk, the harmonic function once k has label y. Since
    min(f, 1 − f) = ½ − |f − ½|, this is n/2 − Σ_y p(y | k) Σ_i |f_i⁺ − ½|.

    Args:
        f: of the unlabelled nodes, for class 1, shape (n,).
        columns: G_·k of each candidate k as a row, shape (candidates, n).
        candidates: k, as a position in f.
    """
    own = np.take_along_axis(columns, candidates[:, None], axis=1)  # G_kk
    g, p = columns / own, f[candidates]
    if_one = np.abs((f - 0.5) + (1 - p)[:, None] * g).sum(axis=1)
    if_zero = np.abs((f - 0.5) - p[:, None] * g).sum(axis=1)
    risks: Array = len(f) / 2 - p * if_one - (1 - p) * if_zero
    return risks


def _two_class_field(draws: Draws) -> HarmonicFunction:
    field = draws.predict if isinstance(draws, PointMassDraws) else None
    if not isinstance(field, HarmonicFunction):
        raise InputError(
            f"MBR reads the field of a GaussianField; these draws ({type(draws).__name__}) come "
            "from something else. Pass fit=GaussianField() to the learner."
        )
    if field.values.shape[1] != 2:
        raise InputError(
            f"MBR is defined for two classes; the field has {field.values.shape[1]}. Take two of "
            "them, or max_entropy with the same field."
        )
    return field
