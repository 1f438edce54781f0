"""Label propagation: the Gaussian random field of Zhu, Lafferty & Ghahramani (2003)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import softmax
from torch import Tensor

from askwell.baselines.base import Array, PointMass, labels_by_position
from askwell.baselines.features import FeatureMap, Features, pixels, pool_features
from askwell.baselines.graph import (
    LEAK,
    Graph,
    Unlabelled,
    class_factors,
    harmonic,
    unlabelled_nodes,
)
from askwell.baselines.width import likeliest_width, median_distance
from askwell.checks import whole_number
from askwell.errors import InputError
from askwell.pool import Pool, Positions
from askwell.randomness import derive
from askwell.records import ItemId, Label, Training
from askwell.tensors import Images

Width = Literal["likelihood", "median"] | float


@dataclass(frozen=True, slots=True, eq=False)
class HarmonicFunction:
    """The field's mean given the labels; called with images, it gives log-probabilities (N, C).

    Attributes:
        graph: over the items of the pool, by position.
        feature_map: of new images, the same as the pool's.
        unlabelled: the nodes without a label, with G = Δ_UU⁻¹.
        values: f at every node, one-hot where it is labelled, shape (N, C).
        class_factors: what class masses multiply the probabilities of new images by, shape (C,).
        position: of an item of the pool.
    """

    graph: Graph
    feature_map: FeatureMap
    unlabelled: Unlabelled
    values: Array
    class_factors: Array
    position: Callable[[ItemId], int]

    def __call__(self, images: Images) -> Float[Tensor, "N C"]:
        """log p(y | x) of images that need not be nodes.

        f(x) = Σ_i w(x, x_i) f_i / Σ_i w(x, x_i) over all nodes, the harmonic extension of f to
        one more node (Bengio, Delalleau & Le Roux 2006). Computed as a softmax of the logarithms
        of the weights: where all underflow, the nearest nodes decide.

        Raises:
            InputError: images of another size than the pool's.
        """
        points = self.feature_map(images)
        size = self.graph.features.shape[1]
        if points.shape[1] != size:
            raise InputError(
                f"Images must have {size} features, as those of the pool have; these have "
                f"{points.shape[1]}."
            )
        probs = softmax(self.graph.log_weights(points), axis=1) @ self.values * self.class_factors
        probs /= probs.sum(axis=1, keepdims=True)
        probs = np.maximum(probs, LEAK)  # no surer than the field can be
        return torch.from_numpy(np.log(probs / probs.sum(axis=1, keepdims=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What the next call may use again, if it is about the same graph."""

    pool: Pool
    feature_map: FeatureMap
    graph: Graph
    unlabelled: Unlabelled


class GaussianField:
    """`fit(labelled, pool, seed)` gives the harmonic function over all items of the pool.

    Unlabelled items are nodes of the graph, so they shape the predictions too. The first call
    inverts Δ_UU, O(n³) in time and 8 n² bytes; a call with more labels on the same graph updates
    the inverse, O(n²) for each new label. What was kept changes the time only: the result depends
    on the arguments alone, up to rounding.

    Args:
        features: what images are compared by: `pixels`, or `cnn_features(fit)`.
        width: σ of the kernel, in the unit of distances between features; or "median", the median
            distance; or "likelihood", the multiple of the median under which each label is best
            predicted by the others (see `width.likeliest_width`).
        class_mass: scale the class probabilities of new images so that the mean over unlabelled
            nodes is the share of each class among the labels, one added to each count (Zhu's
            class mass normalisation). `values`, and so `MBR`, are not scaled.
        max_nodes: refuse a larger pool, before memory runs out.

    Raises:
        InputError: an impossible width, or (when called) a pool larger than `max_nodes`.
    """

    def __init__(
        self,
        features: Features = pixels,
        *,
        width: Width = "likelihood",
        class_mass: bool = True,
        max_nodes: int = 20_000,
    ) -> None:
        if width not in ("likelihood", "median") and not (
            isinstance(width, int | float) and 0 < width < float("inf")
        ):
            raise InputError(
                f'width must be "likelihood", "median" or a number above 0; got {width!r}.'
            )
        self.features = features
        self.width = width
        self.class_mass = class_mass
        self.max_nodes = whole_number("max_nodes", max_nodes)
        self._kept: _Kept | None = None

    def __call__(
        self,
        labelled: Mapping[ItemId, Label],
        pool: Pool,
        seed: int,
        *,
        classes: int | None = None,
    ) -> PointMass:
        """The field given these labels.

        Raises:
            LabelError: nothing is labelled yet, or a label is no class index.
            InputError: the pool has too many items, or images that are all equal.
        """
        start = time.perf_counter()
        positions, labels, count = labels_by_position(labelled, pool, classes)
        one_hot = np.eye(count)[labels]  # l C
        if len(pool.ids) > self.max_nodes:
            raise InputError(
                f"The graph over all {len(pool.ids)} items of the pool takes "
                f"{8e-9 * len(pool.ids) ** 2:.1f} GB and O(n³) time. Pass a smaller pool, or "
                "max_nodes to allow it."
            )
        feature_map = self.features(labelled, pool, seed, classes)
        graph = self._graph(pool, feature_map, positions, one_hot, seed)
        unlabelled = self._unlabelled(pool, feature_map, graph, positions)
        values = harmonic(graph, unlabelled, positions, one_hot)
        factors = np.ones(count)
        if self.class_mass and len(unlabelled.positions):
            mass = values[unlabelled.positions].mean(axis=0)
            factors = class_factors(one_hot.sum(axis=0), mass)
        function = HarmonicFunction(
            graph=graph,
            feature_map=feature_map,
            unlabelled=unlabelled,
            values=values,
            class_factors=factors,
            position=pool.position,
        )
        seconds = time.perf_counter() - start
        return PointMass(function, Training(len(labels), 0, 0.0, 0.0, seconds=seconds))

    def _graph(
        self,
        pool: Pool,
        feature_map: FeatureMap,
        positions: Positions,
        labels: Array,
        seed: int,
    ) -> Graph:
        """The graph that these labels ask for; the kept one if it is the same."""
        kept = self._kept
        if kept is not None and not (kept.pool is pool and kept.feature_map is feature_map):
            kept = self._kept = None
        features = pool_features(feature_map, pool) if kept is None else kept.graph.features
        purpose = derive(seed, "kernel width")
        if self.width == "likelihood":
            width = likeliest_width(
                features, positions, labels, purpose, class_mass=self.class_mass
            )
        elif self.width == "median":
            width = median_distance(features, purpose)
        else:
            width = float(self.width)
        if kept is not None and kept.graph.width == width:
            return kept.graph
        return Graph(features, width)

    def _unlabelled(
        self, pool: Pool, feature_map: FeatureMap, graph: Graph, labelled: Positions
    ) -> Unlabelled:
        """The nodes without a label: from those of the last call if these had fewer labels."""
        every = np.arange(len(pool.ids), dtype=np.int64)
        positions = np.setdiff1d(every, labelled)
        kept, self._kept = self._kept, None
        if (
            kept is not None
            and kept.graph is graph
            and np.isin(positions, kept.unlabelled.positions).all()
        ):
            unlabelled = kept.unlabelled.without(labelled)
        else:
            kept = None  # its memory goes before another inverse comes
            unlabelled = unlabelled_nodes(graph, positions)
        self._kept = _Kept(pool, feature_map, graph, unlabelled)
        return unlabelled
