"""The graph's linear algebra against plain inverses, and what is true of harmonic functions."""

import numpy as np
import pytest

from askwell.baselines import graph as module
from askwell.baselines.graph import (
    LEAK,
    Graph,
    class_factors,
    harmonic,
    inverse_in_place,
    laplacian,
    unlabelled_nodes,
    without,
)
from askwell.errors import InputError
from tests.baselines.problems import laplacian_with_leak, points, reference

LABELS = {3: 0, 5: 1, 11: 1}
LABELLED = np.array(list(LABELS))
OTHERS = np.setdiff1d(np.arange(15), LABELLED)


def solved(graph: Graph, labels: dict[int, int], classes: int = 2):
    labelled = np.array(list(labels))
    nodes = unlabelled_nodes(graph, np.setdiff1d(np.arange(len(graph.features)), labelled))
    return harmonic(graph, nodes, labelled, np.eye(classes)[list(labels.values())])


def positive_definite(n: int, *, seed: int = 0) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T / n + np.eye(n)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("width", [0.3, 1.0, 4.0])
def test_harmonic_equals_inversion(width, classes):
    graph = Graph(points(), width)
    labels = LABELS | {0: classes - 1}
    expected = reference(graph.features, width, labels, classes)
    np.testing.assert_allclose(solved(graph, labels, classes), expected, rtol=1e-6, atol=1e-9)


def test_the_leak_changes_nothing_on_a_connected_graph():
    graph = Graph(points(), 1.0)
    delta = laplacian_with_leak(graph.features, 1.0)[:15, :15]
    degrees = -delta.sum(axis=1, where=~np.eye(15, dtype=bool))
    np.fill_diagonal(delta, degrees)
    inverse = np.linalg.inv(delta[np.ix_(OTHERS, OTHERS)])
    f = -inverse @ delta[np.ix_(OTHERS, LABELLED)] @ np.eye(2)[list(LABELS.values())]
    # (Δ + εD)(f' − f) = ε d (½ − f), and the inverse is a positive matrix.
    bound = LEAK * (inverse @ degrees[OTHERS]).max()
    assert bound < 1e-8
    np.testing.assert_allclose(solved(graph, LABELS)[OTHERS], f, rtol=0, atol=bound + 1e-13)


def test_blocks_of_rows_change_nothing(monkeypatch):
    graph = Graph(points(), 1.0)
    whole, leak = laplacian(graph, OTHERS)
    monkeypatch.setattr(module, "_BLOCK", 5)
    parts, again = laplacian(graph, OTHERS)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    np.testing.assert_allclose(again, leak, rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 7, 256, 600])
def test_the_inverse_takes_the_place_of_its_argument(n):
    matrix = positive_definite(n)
    expected = np.linalg.inv(matrix)
    result = inverse_in_place(matrix)
    assert n == 0 or np.shares_memory(result, matrix)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-10)
    assert np.array_equal(result, result.T)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(InputError, match="not positive definite"):
        inverse_in_place(np.array([[1.0, 2.0], [2.0, 1.0]]))


@pytest.mark.parametrize("removed", [[], [0], [4], [39], [1, 2, 30], list(range(40))])
def test_removing_nodes_equals_a_fresh_inverse(removed):
    matrix = positive_definite(40)
    inverse = np.linalg.inv(matrix)
    before = inverse.copy()
    kept = np.delete(np.arange(40), np.array(removed, dtype=int))
    result = without(inverse, np.array(removed, dtype=np.int64))
    np.testing.assert_allclose(result, np.linalg.inv(matrix[np.ix_(kept, kept)]), atol=1e-12)
    assert np.array_equal(inverse, before)


def test_one_node_is_the_rank_one_update():
    inverse = np.linalg.inv(positive_definite(9))
    update = inverse - np.outer(inverse[:, 4], inverse[4]) / inverse[4, 4]
    kept = np.delete(np.arange(9), 4)
    np.testing.assert_allclose(without(inverse, np.array([4])), update[np.ix_(kept, kept)])


def test_labels_one_by_one_at_once_or_from_the_start():
    graph = Graph(points(60, 3), 0.7)
    every = np.arange(60)
    first = one_by_one = unlabelled_nodes(graph, every[2:])
    for item in range(2, 30):
        one_by_one = one_by_one.without(np.arange(item + 1))
    for nodes in (one_by_one, first.without(np.arange(30))):
        fresh = unlabelled_nodes(graph, every[30:])
        assert np.array_equal(nodes.positions, fresh.positions)
        assert np.array_equal(nodes.leak, fresh.leak)
        np.testing.assert_allclose(nodes.inverse, fresh.inverse, rtol=1e-8)


def test_probabilities_obey_the_maximum_principle():
    values = solved(Graph(points(40, 4), 0.4), LABELS | {0: 2}, classes=3)
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-9)
    assert values.min() >= 0
    assert values.max() <= 1


def test_a_group_that_no_label_reaches_knows_nothing():
    features = np.vstack([points(6), points(6) + 1000])
    values = solved(Graph(features, 1.0), {0: 0, 1: 0, 2: 1})
    # Cholesky rounds 6 rows to about 6 · 2⁻⁵², beside eigenvalues of LEAK.
    np.testing.assert_allclose(values[6:], 0.5, atol=6 * 2**-52 / LEAK)
    assert values[3:6].max(axis=1).min() > 0.5
    far = solved(Graph(np.vstack([points(6), [[1e6, 0.0]]]), 1.0), {0: 0, 1: 1})
    assert far[6].tolist() == [0.5, 0.5]


def test_equal_images_have_equal_values():
    features = np.repeat(points(8), 2, axis=0)
    values = solved(Graph(features, 0.2), {0: 0, 2: 1})
    np.testing.assert_allclose(values[4::2], values[5::2], rtol=1e-6)


def test_class_masses_become_the_shares_of_the_labels():
    values = solved(Graph(points(40, 3), 0.5), {0: 0, 1: 1, 2: 1, 3: 1})[4:]
    factors = class_factors(np.array([1.0, 3.0]), values.mean(axis=0))
    np.testing.assert_allclose((values * factors).mean(axis=0), [2 / 6, 4 / 6])
    assert class_factors(np.array([5.0, 0.0]), np.array([0.9, 0.1]))[1] == 1
