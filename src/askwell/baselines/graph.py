"""A similarity graph, and the Gaussian random field on it (Zhu, Lafferty & Ghahramani 2003).

Nodes i, j are joined with the weight w_ij = exp(−‖x_i − x_j‖² / 2σ²). Δ = D − W is the graph's
Laplacian, D = diag(d_i) with d_i = Σ_j w_ij. With labels on the nodes L, the field's mean on the
others, U, is the harmonic function f_U = −Δ_UU⁻¹ Δ_UL f_L = Δ_UU⁻¹ W_UL f_L.

Every node also has an edge of weight `LEAK` · d_i to one more, labelled node whose value is the
uniform distribution, and Δ_UU includes these edges. A group of nodes that no label reaches has an
answer by that, 1/C, where Δ_UU would be singular; elsewhere f changes hardly. It also bounds the
condition number, so rounding may move f by about 2⁻⁵² / LEAK, 10⁻⁶, where labels are out of reach.

Axes: N nodes, of which n unlabelled (U) and l labelled (L); F features; C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, cholesky, lapack, solve_triangular

from askwell.baselines.base import Array
from askwell.errors import InputError
from askwell.pool import Positions

LEAK = 1e-10
"""Small beside any weight that matters, large beside the rounding of a Cholesky factor."""

_BLOCK = 256
"""Rows at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The similarity graph over N nodes; its N × N weights are computed when they are needed.

    Attributes:
        features: shape (N, F).
        width: σ, in the unit of distances between features.
    """

    features: Array
    width: float

    def log_weights(self, points: Array) -> Array:
        """−‖x − x_j‖² / 2σ² between each point and each node, shape (points, N)."""
        return squared_distances(points, self.features) / (-2.0 * self.width**2)


@dataclass(frozen=True, slots=True, eq=False)
class Unlabelled:
    """The nodes without a label, and what their harmonic function is computed with.

    Attributes:
        positions: of the n nodes, ascending.
        inverse: G = Δ_UU⁻¹, shape (n, n); never written to.
        leak: the weights of their edges to the node that knows nothing, shape (n,).
    """

    positions: Positions
    inverse: Array
    leak: Array

    def without(self, labelled: Positions) -> "Unlabelled":
        """What remains once these are labelled: O(n²) for each of them."""
        now = np.isin(self.positions, labelled)
        if not now.any():
            return self
        inverse = without(self.inverse, np.flatnonzero(now))
        return Unlabelled(self.positions[~now], inverse, self.leak[~now])


def squared_distances(a: Array, b: Array) -> Array:
    """‖a_i − b_j‖², shape (A, B)."""
    squares: Array = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    squares -= 2.0 * (a @ b.T)
    return np.maximum(squares, 0.0, out=squares)


def unlabelled_nodes(graph: Graph, positions: Positions) -> Unlabelled:
    """Invert the Laplacian of these nodes of the graph: O(n³)."""
    matrix, leak = laplacian(graph, positions)
    return Unlabelled(positions, inverse_in_place(matrix), leak)


def laplacian(graph: Graph, positions: Positions) -> tuple[Array, Array]:
    """Δ_UU, shape (n, n), and the leak, shape (n,), of these nodes of the graph."""
    n = len(positions)
    matrix, leak = np.empty((n, n)), np.empty(n)
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        inside = np.arange(rows.start, rows.stop)
        weights = np.exp(graph.log_weights(graph.features[positions[rows]]))  # block N
        weights[inside - start, positions[rows]] = 0.0  # no node is its own neighbour
        degrees = weights.sum(axis=1)
        leak[rows] = leak_of(degrees)
        np.negative(weights[:, positions], out=matrix[rows])
        matrix[inside, inside] = degrees + leak[rows]
    return matrix, leak


def leak_of(degrees: Array) -> Array:
    """`LEAK` · d_i; above 0 even for a node so far from all others that every weight is 0."""
    return np.maximum(LEAK * degrees, np.finfo(np.float64).tiny)


def harmonic(graph: Graph, nodes: Unlabelled, labelled: Positions, labels: Array) -> Array:
    """F at every node, shape (N, C): `labels` (one-hot, l × C) where labelled, harmonic elsewhere.

    F_U = G (W_UL F_L + leak / C): each row is the mean of its neighbours' rows, by weight.
    """
    values = np.empty((len(graph.features), labels.shape[1]))
    values[labelled] = labels
    weights = np.exp(graph.log_weights(graph.features[labelled]))[:, nodes.positions]  # l n
    sources = weights.T @ labels + nodes.leak[:, None] / labels.shape[1]  # n C
    values[nodes.positions] = np.clip(nodes.inverse @ sources, 0.0, 1.0)  # but for rounding
    return values


def class_factors(counts: Array, mass: Array) -> Array:
    """What class mass normalisation multiplies the columns of F by (Zhu et al. 2003).

    The share of each class among the labels, one added to every count, over its mean in F. 1 for a
    class without labels: what mass it has is leak.

    Args:
        counts: labels of each class, shape (..., C).
        mass: means of F over the unlabelled nodes, shape (..., C).
    """
    share = (counts + 1) / (counts + 1).sum(axis=-1, keepdims=True)
    factors: Array = np.divide(share, mass, out=np.ones_like(mass), where=counts > 0)
    return factors


def inverse_in_place(matrix: Array) -> Array:
    """The inverse of a symmetric positive definite matrix, in the memory of its argument.

    Raises:
        InputError: it is not positive definite.
    """
    if len(matrix) == 0:
        return matrix
    # The transpose of a C-ordered array is what LAPACK takes without a copy.
    factor, failed = lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        _, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise InputError(
            f"The graph's Laplacian of {len(matrix)} nodes is not positive definite: the kernel's "
            "width does not suit the distances between the features. Pass a larger width."
        )
    for start in range(0, len(matrix), _BLOCK):  # LAPACK filled the upper triangle only
        stop = start + _BLOCK
        corner = np.triu(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = corner + np.triu(corner, 1).T
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
    return matrix


def without(inverse: Array, removed: NDArray[np.int64]) -> Array:
    """(Δ_RR)⁻¹ from G = (Δ)⁻¹ where R are all rows but `removed`, M: O(n²) for each of them.

    G_RR − G_RM G_MM⁻¹ G_MR; for one node k this is the rank-1 update G − G_·k G_k· / G_kk.
    """
    kept = np.delete(np.arange(len(inverse)), removed)
    result = np.ascontiguousarray(inverse[np.ix_(kept, kept)])
    if len(kept) == 0 or len(removed) == 0:
        return result
    corner = cholesky(inverse[np.ix_(removed, removed)], lower=True)
    rows = solve_triangular(corner, inverse[np.ix_(removed, kept)], lower=True)  # M R
    # Symmetric, so that the transpose may be updated: BLAS writes there without a copy.
    updated: Array = blas.dgemm(
        -1.0, rows.T, rows.T, beta=1.0, c=result.T, trans_b=1, overwrite_c=1
    )
    return updated.T
