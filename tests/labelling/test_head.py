"""The head: its summary is what the posterior's draws say, its ranking what TopK says."""

import numpy as np
import pytest
import torch

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError, LabelError, NonFiniteError
from askwell.labelling import head
from askwell.labelling.choice import RANKINGS, rank
from askwell.labelling.head import FeatureRows, fit_head, summarise
from askwell.models.heads import BayesianHead
from askwell.numerics import draw_probs, entropy
from askwell.posterior import MCDropout
from tests.labelling.points import points, pool_of

FEATURES, LABELS = points()
POOL = pool_of(FEATURES)
ROWS = np.arange(len(FEATURES))


def labelled(count: int) -> dict[int, int]:
    return {1000 + row: int(LABELS[row]) for row in range(count)}


@pytest.fixture(scope="module")
def draws():
    return fit_head(POOL, labelled(30), 3, seed=0).draw(40, seed=5)


@pytest.mark.parametrize(("rows", "block"), [(1024, 2**18), (7, 50), (300, 1)])
def test_the_summary_is_the_mean_over_the_posteriors_draws(draws, monkeypatch, rows, block):
    monkeypatch.setattr(head, "ROWS", rows)
    monkeypatch.setattr(head, "_BLOCK_VALUES", block)
    found = summarise(draws, FEATURES)
    log_probs = draws.log_probs(torch.from_numpy(FEATURES).float())
    each = draw_probs(log_probs)
    assert torch.allclose(found.probs.double(), each.mean(dim=1), atol=1e-5)
    assert torch.allclose(found.expected_entropy.double(), entropy(each).mean(dim=1), atol=1e-5)
    assert torch.allclose(found.entropy.double(), entropy(each.mean(dim=1)), atol=1e-5)
    assert torch.allclose(found.bald.double(), ACQUISITIONS["bald"].score(log_probs), atol=1e-5)


@pytest.mark.parametrize("name", [name for name in RANKINGS if name != "random"])
def test_a_ranking_is_that_of_exact_scores(draws, name):
    rows = ROWS[40:240]
    found, scores = rank(name, draws, POOL, rows, summarise(draws, FEATURES), 25, seed=1)
    every = ACQUISITIONS[name].of_outputs(draws.outputs(POOL.images(rows))).numpy()
    assert np.allclose(scores, np.sort(every)[::-1][:25], atol=1e-9)
    assert np.allclose(every[found - 40], scores, atol=1e-9)
    assert len(set(found.tolist())) == 25


def test_ties_are_broken_by_chance_and_stay_few(monkeypatch, draws):
    same = pool_of(np.repeat(FEATURES[:1], 200, axis=0))
    summary = summarise(draws, same.features)
    first, _ = rank("bald", draws, same, np.arange(200), summary, 10, seed=1)
    other, _ = rank("bald", draws, same, np.arange(200), summary, 10, seed=2)
    assert set(first.tolist()) != set(other.tolist())
    assert max(first) > 50


def test_random_is_seeded_and_has_no_scores(draws):
    summary = summarise(draws, FEATURES)
    first, scores = rank("random", draws, POOL, ROWS, summary, 20, seed=1)
    assert np.isnan(scores).all()
    assert len(set(first.tolist())) == 20
    again, _ = rank("random", draws, POOL, ROWS[::-1], summary, 20, seed=1)
    assert first.tolist() == again.tolist()


def test_few_or_no_rows(draws):
    summary = summarise(draws, FEATURES)
    found, _ = rank("bald", draws, POOL, ROWS[:3], summary, 20, seed=0)
    assert sorted(found.tolist()) == [0, 1, 2]
    assert rank("bald", draws, POOL, ROWS[:0], summary, 20, seed=0)[0].tolist() == []


def test_training_depends_on_labels_alone_and_learns():
    one = fit_head(POOL, labelled(60), 3, seed=0)
    reverse = dict(reversed(labelled(60).items()))
    other = fit_head(POOL, reverse, 3, seed=0)
    a, b = (summarise(p.draw(20, seed=0), FEATURES).probs for p in (one, other))
    assert torch.equal(a, b)
    assert (a.argmax(dim=1).numpy()[60:] == LABELS[60:]).mean() > 0.9


def test_what_cannot_be_done_is_refused(draws):
    with pytest.raises(LabelError, match="at least two classes"):
        fit_head(POOL, labelled(3), 1, seed=0)
    with pytest.raises(LabelError, match="no features of item 7"):
        fit_head(POOL, {7: 0}, 2, seed=0)
    with pytest.raises(InputError, match="no acquisition function 'best'"):
        rank("best", draws, POOL, ROWS, summarise(draws, FEATURES), 3, seed=0)
    deep = MCDropout(BayesianHead(12, 3, hidden=(4, 4), input_p=0.0)).draw(2, seed=0)
    with pytest.raises(InputError, match="one hidden layer"):
        summarise(deep, FEATURES)
    bad = FEATURES.copy()
    bad[7] = np.inf
    with pytest.raises(NonFiniteError, match=r"rows \[7\]"):
        summarise(draws, bad)


def test_no_row_is_summarised_as_nothing(draws):
    found = summarise(draws, FEATURES[:0])
    assert found.probs.shape == (0, 3)
    assert FeatureRows(FEATURES, range(300)).has(299)
