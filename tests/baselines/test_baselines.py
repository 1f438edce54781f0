"""Laws of every baseline, on real digits and in the learner's loop."""

import numpy as np
import pytest
import torch

from askwell import (
    BayesianCNN,
    Fit,
    KnownLabels,
    Learner,
    Random,
    Recipe,
    evaluate,
    labelled_chunks,
    strategy,
)
from askwell.baselines import BASELINES, MBR
from tests.baselines.problems import three_and_eight

FIT = Fit(lambda: BayesianCNN((1, 8, 8), 2), Recipe(steps=30, epochs=0))

OWN = {name: strategy("margin") for name in BASELINES if name.startswith("svm")} | {
    "gaussian_field": MBR(),
    "gaussian_field_cnn": MBR(sequential=True),
    "gaussian_process": strategy("max_entropy"),
}
"""The strategy that each baseline's authors acquire with."""

every_baseline = pytest.mark.parametrize("name", list(BASELINES))


def first_labels(n: int = 20) -> dict[int, int]:
    labels = three_and_eight()[1]
    return {i: int(labels[i]) for i in range(n)}


def test_every_baseline_has_its_strategy():
    assert OWN.keys() == BASELINES.keys()


@every_baseline
@pytest.mark.parametrize("own", [True, False], ids=["own strategy", "random"])
def test_two_rounds_of_asking_and_telling(name, own):
    pool, labels, test, test_labels = three_and_eight()
    oracle = KnownLabels.from_array(labels)
    learner = Learner(
        pool, BASELINES[name](FIT), OWN[name] if own else Random(), classes=2, draws=2
    )
    learner.tell(first_labels())
    for _ in range(2):
        learner.refit()
        query = learner.ask(5)
        assert len(set(query.ids)) == 5
        assert not set(query.ids) & set(learner.labelled)
        learner.tell(oracle.label(query))
    posterior = learner.refit()
    assert posterior.training.labels == 30
    chunks = labelled_chunks(test, test_labels)
    assert evaluate(posterior.draw(1, seed=0), chunks)["accuracy"] > 0.85


@every_baseline
def test_the_result_depends_on_the_arguments_alone(name):
    pool, _, test, _ = three_and_eight()
    images = test.images(np.arange(20))
    backwards = dict(reversed(first_labels().items()))
    once = BASELINES[name](FIT)(first_labels(), pool, 0, classes=2)
    used = BASELINES[name](FIT)
    used(first_labels(25), pool, 0, classes=2)
    again = used(backwards, pool, 0, classes=2)
    outputs = once.draw(1, seed=0).outputs(images)
    assert torch.isfinite(outputs).all()
    torch.testing.assert_close(outputs, again.draw(1, seed=1).outputs(images))


@every_baseline
def test_draws_are_one_function_of_each_image_alone(name):
    pool = three_and_eight()[0]
    images = pool.images(np.arange(12))
    before = images.clone()
    draws = BASELINES[name](FIT)(first_labels(), pool, 0, classes=2).draw(3, seed=0)
    whole = draws.outputs(images)
    assert whole.shape == (12, 3, 2)
    assert torch.equal(images, before)
    parts = torch.cat([draws.outputs(part) for part in images.split(5)])
    torch.testing.assert_close(parts, whole)
    assert torch.equal(whole, whole[:, :1].expand_as(whole))


@every_baseline
def test_one_labelled_class_is_no_error(name):
    pool, labels, _, _ = three_and_eight()
    ones = {int(i): 1 for i in np.flatnonzero(labels == 1)[:4]}
    posterior = BASELINES[name](FIT)(ones, pool, 0, classes=2)
    probs = posterior.draw(1, seed=0).log_probs(pool.images(np.arange(10))).exp()
    assert (probs[:, 0, 1] > 0.5).all()


@every_baseline
def test_the_learner_says_how_many_classes_there_are(name):
    """Class 2 has no label yet: untold, a baseline would leave it out."""
    pool, labels, _, _ = three_and_eight()
    fit = BASELINES[name](Fit(lambda: BayesianCNN((1, 8, 8), 3), Recipe(steps=5, epochs=0)))
    learner = Learner(pool, fit, strategy("margin"), classes=3, draws=1)
    learner.tell(first_labels())
    images = pool.images(np.arange(4))
    assert learner.refit().draw(1, seed=0).outputs(images).shape == (4, 1, 3)
    learner.tell({int(i): 2 for i in np.flatnonzero(labels)[30:36]})
    probs = learner.refit().draw(1, seed=0).log_probs(images).exp()
    assert probs.shape == (4, 1, 3)
    torch.testing.assert_close(probs.sum(dim=2), torch.ones(4, 1, dtype=probs.dtype))
