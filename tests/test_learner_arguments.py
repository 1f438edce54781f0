"""What a learner is made with: what is refused, in which words, and what fits the task."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError, ModelError
from askwell.learner import Learner
from askwell.likelihoods import gaussian
from askwell.posterior import Deterministic, MCDropout
from askwell.randomness import generator
from askwell.select import STRATEGIES, PowerSampling, Race, Random, TopK, strategy
from askwell.train import Fit, Recipe, cross_entropy, gaussian_nll, remarks
from tests.learners import IMAGES, POOL, Recording, learner, network

# --- Arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["draws", "chunk_size", "classes", "pool_subset"])
@pytest.mark.parametrize("value", [0, -1])
def test_counts_are_at_least_one(name, value):
    with pytest.raises(InputError, match=rf"{name} must be at least 1.*; got {value}\."):
        learner(**{name: value})


@pytest.mark.parametrize("name", ["draws", "chunk_size", "classes", "pool_subset"])
@pytest.mark.parametrize("value", [2.5, "3", ["cat", "dog"]])
def test_counts_are_whole_numbers(name, value):
    with pytest.raises(InputError, match=rf"{name} must be a whole number.*; got") as caught:
        learner(**{name: value})
    assert str(caught.value).endswith("Pass its length, 2.") == isinstance(value, list)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("bald", r'strategy\("bald"\), Random\(\) or TopK\(acquisition\); got \'bald\''),
        (ACQUISITIONS["bald"], r"TopK\(acquisition\); got 'Acquisition'"),
        (Random, r"Random\(\).* got <class .*Random'>"),
        (None, "got 'NoneType'"),
    ],
)
def test_what_is_no_strategy(wrong, message):
    with pytest.raises(InputError, match=message):
        Learner(POOL, Fit(network), wrong, classes=3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "margin",
            r"""ACQUISITIONS\["margin"\] is one; got 'margin'\. strategy\("margin"\) gives""",
        ),
        ("blad", r"""ACQUISITIONS\["bald"\] is one; got 'blad'"""),
        (ACQUISITIONS["bald"].score, "got function"),
        (strategy("bald"), "got Race"),
        (None, "got NoneType"),
    ],
)
def test_the_highest_scores_are_of_an_acquisition_function(wrong, message):
    for of in (TopK, lambda acquisition: PowerSampling(acquisition, 0.5)):
        with pytest.raises(InputError, match=message):
            of(wrong)


@pytest.mark.parametrize("wrong", [1.5, "a", None, [0]])
def test_a_seed_is_a_whole_number(wrong):
    message = rf"seed must be a whole number; got {re.escape(repr(wrong))} \({type(wrong).__name__}"
    with pytest.raises(InputError, match=message):
        learner(seed=wrong)


def test_a_seed_may_be_negative_or_numpy_s():
    assert learner(seed=-3).seed == -3
    assert type(learner(seed=np.int64(3)).seed) is int


@pytest.mark.parametrize("wrong", [network(), Fit, nn.Linear, None, "fit"])
def test_what_is_no_fit(wrong):
    with pytest.raises(
        InputError, match=r"fit must be Fit\(network\), where network is a function"
    ):
        Learner(POOL, wrong, strategy("bald"), classes=3)


@pytest.mark.parametrize("returned", [None, network(), MCDropout])
def test_a_fit_that_returns_no_posterior(returned):
    asker = Learner(POOL, lambda *_: returned, strategy("bald"), classes=3)
    asker.tell({0: 1})
    for act in (asker.refit, lambda: asker.ask(1)):
        with pytest.raises(InputError, match=r"return a posterior, such as MCDropout\(network\)"):
            act()
    assert asker.posterior is None
    assert asker.pending == frozenset()
    ours = Fit(network, Recipe(steps=1, epochs=0), posterior=lambda *_: returned)
    asker = Learner(POOL, ours, strategy("bald"), classes=3)
    asker.tell({0: 1})
    with pytest.raises(InputError, match=r"return a posterior, such as MCDropout\(network\)"):
        asker.refit()


@pytest.mark.parametrize("wrong", [IMAGES, IMAGES.numpy(), "photos", [IMAGES]])
def test_what_is_no_pool(wrong):
    message = rf"got {type(wrong).__name__}\. Pass ArrayPool\(array\).*DatasetPool.*FolderPool"
    with pytest.raises(InputError, match=message):
        learner(wrong)
    with pytest.raises(InputError, match=message):
        Fit(network)({0: 1}, wrong, 0)


# --- The task and the network ---------------------------------------------------------------------


def strategies_of(name: str):
    entry = ACQUISITIONS[name]
    return STRATEGIES[name], TopK(entry), PowerSampling(entry, 0.5), Race(PowerSampling(entry, 1.0))


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_an_acquisition_function_of_the_other_task(name):
    regression = ACQUISITIONS[name].likelihood is gaussian
    fit = Fit(network, loss=gaussian_nll)
    for of in strategies_of(name):
        Learner(POOL, fit, of, classes=None if regression else 3)
        with pytest.raises(InputError) as caught:
            Learner(POOL, fit, of, classes=3 if regression else None)
        message = str(caught.value)
        assert message.startswith(f"{name} is for {'regre' if regression else 'classifica'}")
        assert ("bald" in message.partition("Choose from")[2]) == regression
        assert ("predictive_variance" in message.partition("Choose from")[2]) != regression


def test_a_likelihood_or_strategy_of_one_s_own_fits_any_task():
    mine = replace(ACQUISITIONS["bald"], likelihood=lambda outputs: outputs)
    for of in (TopK(mine), Random(), Recording()):
        for classes in (3, None):
            Learner(POOL, Fit(network), of, classes=classes)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_scores_of_disagreement_are_those_that_one_draw_makes_0(name):
    outputs = torch.randn(20, 1, 2, generator=generator(1))
    nothing = bool((ACQUISITIONS[name].of_outputs(outputs) == 0).all())
    assert nothing == ACQUISITIONS[name].disagreement


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("draws", [1, 2])
def test_one_draw_that_cannot_disagree_is_remarked_on_once_a_process(name, draws, monkeypatch):
    monkeypatch.setattr(remarks, "_made", set())
    entry = ACQUISITIONS.get(name)
    regression = entry is not None and entry.likelihood is gaussian
    loss = gaussian_nll if regression else cross_entropy
    fit = Fit(lambda: network(2 if regression else 3), Recipe(steps=1, epochs=0), loss=loss)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            of = STRATEGIES[name]
            asker = Learner(POOL, fit, of, classes=None if regression else 3, draws=draws)
            asker.ask(1)  # before the first label: at random anyway
            asker.tell({0: 1})
            asker.ask(2)
            asker.ask(2)
    found = [str(w.message) for w in caught]
    if draws == 1 and entry is not None and entry.disagreement:
        (message,) = found
        assert message.startswith(f"{name} measures how far posterior draws disagree, and draws=1")
    else:
        assert found == []


def test_one_draw_of_a_deterministic_network_is_enough():
    def deterministic(trained, training):
        return Deterministic(trained, training=training)

    fit = Fit(network, Recipe(steps=1, epochs=0), posterior=deterministic)
    asker = Learner(POOL, fit, strategy("bald"), classes=3, draws=1)
    asker.tell({0: 1})
    assert len(asker.ask(2)) == 2


@pytest.mark.parametrize("classes", [2, 4])
def test_a_network_needs_one_output_for_each_class(classes):
    asker = learner(classes=classes)
    asker.tell({0: 1, 1: 0})
    with pytest.raises(ModelError, match=f"has 3 outputs, but there are {classes} classes"):
        asker.refit()
    with pytest.raises(ModelError, match=f"has 3 outputs, but there are {classes} classes"):
        asker.ask(1)
    assert asker.posterior is None
    assert asker.pending == frozenset()


@pytest.mark.parametrize("targets", [(0.5, 3.25), (0.0, 1.0)])
def test_a_regression_without_its_loss(targets):
    asker = learner(name="predictive_variance", classes=None)
    asker.tell(dict(enumerate(targets)))
    with pytest.raises(InputError, match=r"cross_entropy\. Pass Fit\(…, loss=gaussian_nll\)"):
        asker.refit()
    fit = Fit(network, Recipe(steps=2, epochs=0), loss=gaussian_nll)
    asker = Learner(POOL, fit, strategy("predictive_variance"), classes=None)
    asker.tell(dict(enumerate(targets)))
    asker.refit()
