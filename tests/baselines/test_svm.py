"""Support vector machines: two points in closed form, and the rules for missing classes."""

import math

import numpy as np
import pytest
import torch

from askwell import ACQUISITIONS, ArrayPool, TopK, strategy
from askwell.baselines import SVM
from askwell.errors import InputError
from askwell.select import Random
from tests.baselines.problems import as_pool, points
from tests.select.draws import chunks

LINE = as_pool(np.linspace(-1, 1, 21)[:, None])  # item i is the number (i − 10) / 10


def images(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1, 1)


def outputs(svm: SVM, labelled, at, pool=LINE, **classes) -> np.ndarray:
    draws = svm(labelled, pool, 0, **classes).draw(1, seed=0)
    return draws.outputs(at)[:, 0].numpy()


def test_two_points_in_closed_form():
    # The widest margin between −1 and 1 is h(x) = x; its multipliers of ½ need C ≥ ½.
    x = np.array([-2.0, -0.3, 0.0, 0.7, 5.0])
    result = outputs(SVM("linear"), {0: 0, 20: 1}, images(*x))
    np.testing.assert_allclose(result, np.column_stack([-x / 2, x / 2]), atol=1e-9)
    draws = SVM("linear")({0: 0, 20: 1}, LINE, 0).draw(1, seed=0)
    p = draws.log_probs(images(0.7)).exp()[0, 0, 1]
    assert float(p) == pytest.approx(1 / (1 + math.exp(-0.7)))


def test_the_margin_ranks_by_the_distance_to_the_hyperplane():
    draws = SVM("linear")({0: 0, 20: 1}, LINE, 0).draw(1, seed=0)

    def offered():
        for chunk in chunks(range(1, 20)):
            chunk.images = (chunk.images[:, :, None, None] - 9) / 10
            yield chunk

    query = TopK(ACQUISITIONS["margin"]).select(draws, offered(), 19, seed=0)
    assert query.ids[0] == 10
    distances = [abs(i - 10) for i in query.ids]
    assert distances == sorted(distances)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf"])
def test_every_kernel_separates_what_can_be(kernel):
    labels = {i: int(i > 10) for i in range(0, 21, 2)}
    result = outputs(SVM(kernel, penalty=1e6), labels, LINE.images(np.arange(0, 21, 2)))
    assert result.argmax(axis=1).tolist() == list(labels.values())


def test_more_classes_have_one_output_each():
    features = np.concatenate([points(8) + centre for centre in ([0, 0], [9, 0], [0, 9])])
    labels = {i: i // 8 for i in range(24)}
    pool = as_pool(features)
    result = outputs(SVM(), labels, pool.images(np.arange(24)), pool, classes=5)
    assert result.shape == (24, 5)
    assert result.argmax(axis=1).tolist() == list(labels.values())
    assert (result[:, 3:] <= result[:, :3].min(axis=1, keepdims=True) - 30).all()


def test_classes_without_labels_keep_their_columns():
    three = outputs(SVM("linear"), {0: 1, 20: 3}, images(-1, 1), classes=4)
    two = outputs(SVM("linear"), {0: 0, 20: 1}, images(-1, 1))
    assert np.array_equal(three[:, [1, 3]], two)
    assert three.argmax(axis=1).tolist() == [1, 3]


def test_labels_of_one_class_predict_it_everywhere():
    draws = SVM()({0: 1, 7: 1}, LINE, 0, classes=3).draw(2, seed=0)
    log_probs = draws.log_probs(images(-1, 0, 1))
    assert log_probs.shape == (3, 2, 3)
    assert (log_probs.argmax(dim=2) == 1).all()
    margins = ACQUISITIONS["margin"].of_outputs(draws.outputs(images(-1, 0, 1)))
    assert len(set(margins.tolist())) == 1  # so the learner asks at random
    query = strategy("margin").select(draws, _images_4d(range(21)), 4, seed=2)
    assert query.ids == Random().select(draws, chunks(range(21)), 4, seed=2).ids


def _images_4d(ids):
    for chunk in chunks(ids):
        chunk.images = chunk.images[:, :, None, None]
        yield chunk


def test_colour_images():
    pool = ArrayPool(np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8))
    assert outputs(SVM(), {0: 0, 1: 1}, pool.images([2, 3]), pool).shape == (2, 2)


def test_impossible_arguments():
    with pytest.raises(InputError, match="kernel must be one of linear, poly, rbf; got 'cubic'"):
        SVM("cubic")
    for penalty in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match="penalty must be a number above 0"):
            SVM(penalty=penalty)
