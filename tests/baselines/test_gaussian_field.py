"""The field as a posterior: its predictions, what it keeps between calls, its errors."""

import math

import numpy as np
import pytest
import torch

from askwell import ArrayPool, evaluate, labelled_chunks
from askwell.baselines import GaussianField, HarmonicFunction, gaussian_field
from askwell.baselines.features import flat
from askwell.baselines.graph import LEAK
from askwell.errors import InputError, LabelError
from askwell.tensors import as_log_probs
from tests.baselines.problems import as_pool, points, reference, three_and_eight

LABELLED = {3: 0, 5: 1, 11: 1, 0: 0}


def digits(labels: int, *, first: int = 0) -> dict[int, int]:
    y = three_and_eight()[1]
    return {i: int(y[i]) for i in range(first, first + labels)}


def function(field: GaussianField, labelled, pool, **classes) -> HarmonicFunction:
    return field(labelled, pool, 0, **classes).predict


def same(a: HarmonicFunction, b: HarmonicFunction) -> None:
    assert a.graph.width == b.graph.width
    assert np.array_equal(a.unlabelled.positions, b.unlabelled.positions)
    np.testing.assert_allclose(a.values, b.values, rtol=1e-7, atol=1e-10)
    scale = b.unlabelled.inverse.max(initial=0)
    np.testing.assert_allclose(a.unlabelled.inverse, b.unlabelled.inverse, atol=1e-8 * scale)


def test_values_equal_inversion():
    features = points(20, 3)
    field = GaussianField(width=0.8)
    values = function(field, LABELLED, as_pool(features)).values
    np.testing.assert_allclose(values, reference(features, 0.8, LABELLED), rtol=1e-6)


def test_new_images_get_the_mean_of_the_nodes_by_weight():
    features, new = points(20, 3), points(4, 3, seed=1)
    field = function(GaussianField(width=0.8, class_mass=False), LABELLED, as_pool(features))
    probs = field(torch.from_numpy(new).reshape(4, 1, 1, 3)).exp().numpy()
    for point, row in zip(new, probs, strict=True):
        weights = np.exp(-((features - point) ** 2).sum(axis=1) / (2 * 0.8**2))
        np.testing.assert_allclose(row, weights @ field.values / weights.sum(), rtol=1e-6)


def test_class_mass_is_scaled_to_the_shares_of_the_labels():
    features = points(20, 3)
    labelled = {3: 0, 5: 1, 11: 1}
    raw = function(GaussianField(width=0.8, class_mass=False), labelled, as_pool(features))
    scaled = function(GaussianField(width=0.8), labelled, as_pool(features))
    mass = raw.values[raw.unlabelled.positions].mean(axis=0)
    new = torch.from_numpy(points(4, 3, seed=1)).reshape(4, 1, 1, 3)
    expected = raw(new).exp().numpy() * [2 / 5, 3 / 5] / mass
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled(new).exp().numpy(), expected, rtol=1e-6)
    assert np.array_equal(raw.values, scaled.values)


def test_an_image_far_from_all_nodes_goes_by_the_nearest():
    features = points(20, 1)
    field = function(GaussianField(width=0.5, class_mass=False), LABELLED, as_pool(features))
    (row,) = field(torch.tensor([[[[1e4]]]])).exp().numpy()
    np.testing.assert_allclose(row, field.values[features.argmax()], rtol=1e-6)


def test_a_labelled_image_is_as_sure_as_can_be_and_no_surer():
    features = np.vstack([points(10, 1), [[1e6]]])
    field = function(GaussianField(width=0.5), {0: 0, 10: 1}, as_pool(features))
    (row,) = field(torch.tensor([[[[1e6]]]])).numpy()
    np.testing.assert_allclose(row, [math.log(LEAK), 0.0], atol=1e-9)


def test_more_classes_are_one_field_each():
    features = points(25, 3)
    labels = {0: 0, 4: 1, 7: 2, 9: 3, 20: 3}
    values = function(GaussianField(width=0.8), labels, as_pool(features), classes=4).values
    for c in range(4):
        binary = {item: int(label == c) for item, label in labels.items()}
        one = function(GaussianField(width=0.8), binary, as_pool(features)).values[:, 1]
        np.testing.assert_allclose(values[:, c], one, atol=1e-6)  # the leak is ¼ or ½


def test_digits_are_told_apart_with_few_labels():
    pool, _, test, labels = three_and_eight()
    posterior = GaussianField()(digits(20), pool, 0)
    metrics = evaluate(posterior.draw(1, seed=0), labelled_chunks(test, labels))
    assert metrics["accuracy"] > 0.9


def test_every_width_rule_is_used():
    pool = three_and_eight()[0]
    widths = {
        rule: function(GaussianField(width=rule), digits(20), pool).graph.width
        for rule in ("median", "likelihood", 0.25)
    }
    assert widths[0.25] == 0.25
    assert widths["likelihood"] < widths["median"]


def test_what_was_seen_before_does_not_matter(monkeypatch):
    pool, other = three_and_eight()[0], as_pool(points(30, 64))
    used = GaussianField(width=1.0)
    calls = [
        (digits(10), pool),
        (digits(11), pool),  # one more
        (digits(30), pool),  # many more
        (digits(12), pool),  # fewer
        (digits(12, first=40), pool),  # others
        (digits(12), other),  # another pool
        ({i: i % 2 for i in range(30)}, other),  # all of them
    ]
    for labelled, images in calls:
        same(function(used, labelled, images), function(GaussianField(width=1.0), labelled, images))


def test_more_labels_invert_nothing(monkeypatch):
    pool, field = three_and_eight()[0], GaussianField(width=1.0)
    field(digits(10), pool, 0)
    monkeypatch.delattr(gaussian_field, "unlabelled_nodes")
    field(digits(12), pool, 0)
    with pytest.raises(NameError):
        field(digits(11), pool, 0)


def test_a_width_that_changes_with_the_labels():
    pool, field = three_and_eight()[0], GaussianField()
    results = {n: function(field, digits(n), pool) for n in (2, 10, 100, 11)}
    assert len({result.graph.width for result in results.values()}) > 1
    for n, result in results.items():
        same(result, function(GaussianField(), digits(n), pool))


def test_an_earlier_posterior_stays_as_it_was():
    pool, field = three_and_eight()[0], GaussianField(width=1.0)
    first = function(field, digits(10), pool)
    inverse, values = first.unlabelled.inverse.copy(), first.values.copy()
    field(digits(20), pool, 0)
    assert np.array_equal(first.unlabelled.inverse, inverse)
    assert np.array_equal(first.values, values)


def test_features_that_are_trained_make_another_graph_each_time():
    calls = []

    def features(labelled, pool, seed, classes):
        calls.append((len(labelled), classes))
        return lambda images: flat(images) * len(labelled)

    pool, field = three_and_eight()[0], GaussianField(features, width=1.0)
    field(digits(10), pool, 0)
    result = function(field, digits(11), pool, classes=2)
    assert calls == [(10, None), (11, 2)]
    same(result, function(GaussianField(features, width=1.0), digits(11), pool))


def test_the_order_of_labels_does_not_matter():
    pool, field = three_and_eight()[0], GaussianField()
    backwards = dict(reversed(digits(20).items()))
    images = pool.images(np.arange(30))
    forwards = field(digits(20), pool, 0).draw(1, seed=0).outputs(images)
    again = GaussianField()(backwards, pool, 0).draw(1, seed=0).outputs(images)
    assert torch.equal(forwards, again)


def test_one_class_is_predicted_until_there_is_another():
    pool = three_and_eight()[0]
    log_probs = GaussianField()({4: 1, 9: 1}, pool, 0).draw(1, seed=0).log_probs(pool.images([0]))
    assert float(log_probs[0, 0, 1].exp()) > 0.999


def test_everything_labelled():
    features = points(12)
    labels = {i: int(features[i, 0] > 0) for i in range(12)}
    posterior = GaussianField()(labels, as_pool(features), 0)
    assert posterior.predict.unlabelled.inverse.shape == (0, 0)
    chunks = labelled_chunks(as_pool(features), np.array(list(labels.values())))
    assert evaluate(posterior.draw(1, seed=0), chunks)["accuracy"] > 0.8


def test_draws_are_one_function():
    pool = three_and_eight()[0]
    posterior = GaussianField()(digits(20), pool, 0)
    images = pool.images(np.arange(7))
    draws = posterior.draw(5, seed=1)
    outputs = draws.outputs(images)
    assert len(draws) == 5
    assert outputs.shape == (7, 5, 2)
    assert torch.equal(outputs, posterior.draw(5, seed=2).outputs(images))
    assert torch.equal(outputs, outputs[:, :1].expand(-1, 5, -1))
    as_log_probs(outputs)  # they are normalised, so they are the log-probabilities too
    assert torch.allclose(draws.log_probs(images), outputs, atol=1e-12)
    assert posterior.training.labels == 20
    with pytest.raises(InputError, match="At least one posterior draw"):
        posterior.draw(0, seed=0)
    with pytest.raises(InputError, match="torch tensor"):
        draws.outputs(images.numpy())


@pytest.mark.parametrize(
    ("labelled", "classes", "message"),
    [
        ({}, 2, "Nothing is labelled"),
        ({0: 0, 1: 2}, 2, "class indices 0 … 1; 1 are not, for instance 2"),
        ({0: 0, 1: 0.5}, None, "for instance 0.5"),
        ({0: 0, 1: math.nan}, None, "for instance nan"),
        ({0: 0, 1: math.inf}, None, "for instance inf"),
        ({0: 0, 1: "cat"}, None, "class indices, numbers from 0; .*'cat'"),
        ({0: 0, 1: -1}, None, "for instance -1"),
        ({0: 0, 500: 1}, 2, "no item 500"),
    ],
)
def test_labels_that_do_not_fit(labelled, classes, message):
    with pytest.raises(LabelError, match=message):
        GaussianField()(labelled, three_and_eight()[0], 0, classes=classes)


@pytest.mark.parametrize("width", ["mean", 0, -1.0, math.nan, math.inf, None])
def test_impossible_widths(width):
    with pytest.raises(InputError, match="width must be"):
        GaussianField(width=width)


def test_other_errors():
    pool = three_and_eight()[0]
    with pytest.raises(InputError, match=r"all 120 items .* 0\.0 GB .*max_nodes"):
        GaussianField(max_nodes=119)({0: 1}, pool, 0)
    with pytest.raises(InputError, match="A pool of images"):
        GaussianField()({0: 1}, np.zeros((3, 4)), 0)
    with pytest.raises(InputError, match="classes must be at least 2"):
        GaussianField()({0: 0}, pool, 0, classes=1)
    draws = GaussianField()(digits(4), pool, 0).draw(1, seed=0)
    with pytest.raises(InputError, match=r"must have 64 features.* these have 25"):
        draws.outputs(torch.zeros(1, 1, 5, 5))
    with pytest.raises(InputError, match="most of them are equal"):
        GaussianField()({0: 0, 1: 1}, ArrayPool(np.zeros((9, 4, 4), dtype=np.float32)), 0)
