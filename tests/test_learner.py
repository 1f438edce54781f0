"""What the learner refuses, in which words, and what it accepts."""

import math
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError, LabelError, ModelError, NonFiniteError
from askwell.learner import Learner
from askwell.likelihoods import gaussian
from askwell.pool import ArrayPool
from askwell.posterior import Deterministic, MCDropout
from askwell.randomness import generator
from askwell.records import ItemId, Query
from askwell.select import STRATEGIES, PowerSampling, Race, Random, TopK, strategy
from askwell.train import Fit, Recipe, cross_entropy, gaussian_nll, remarks

N = 12
IMAGES = torch.rand(N, 1, 8, 8, generator=generator(0))
POOL = ArrayPool(IMAGES)


def network(outputs: int = 3) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, outputs))


def learner(pool=POOL, *, name: str = "bald", **kwargs) -> Learner:
    fit = Fit(network, Recipe(steps=2, epochs=0))
    return Learner(pool, fit, strategy(name), **{"classes": 3, "draws": 3, **kwargs})


class Recording:
    """Asks at random, and keeps the ids that it could choose from."""

    def __init__(self) -> None:
        self.offered: list[set[ItemId]] = []

    def select(self, draws, chunks, k, *, seed) -> Query:
        parts = list(chunks)
        self.offered.append({item for part in parts for item in part.ids})
        return Random().select(draws, parts, k, seed=seed)


# --- Labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", [3, -1, 0.5, math.nan, math.inf, "1", "cat", None, 10**400])
def test_a_label_that_is_no_class(label):
    with pytest.raises(LabelError, match=r"label of item 4 must be a class index 0 … 2; got"):
        learner().tell({0: 1, 4: label})


@pytest.mark.parametrize("target", [math.nan, math.inf, -math.inf, "1", None, 10**400])
def test_a_target_that_is_no_finite_number(target):
    with pytest.raises(LabelError, match="label of item 4 must be a finite number; got"):
        learner(name="random", classes=None).tell({0: 0.5, 4: target})


@pytest.mark.parametrize("item", [N, -1, "0", None, 0.5])
def test_an_unknown_item(item):
    with pytest.raises(LabelError, match=rf"no item {item!r}"):
        learner().tell({0: 1, item: 1})
    with pytest.raises(LabelError, match=rf"no item {item!r}"):
        learner().withdraw([0, item])


def test_another_label_than_before():
    asker = learner()
    asker.tell({5: 2})
    with pytest.raises(LabelError, match=r"Item 5 is labelled 2 already; got 1\. Withdraw it"):
        asker.tell({0: 0, 5: 1})
    assert asker.labelled == {5: 2}
    asker.withdraw([5])
    asker.tell({5: 1})
    assert asker.labelled == {5: 1}


def test_an_excluded_item():
    asker = learner(exclude=[3, 4])
    with pytest.raises(LabelError, match=r"Item 3 is excluded .* not to be told"):
        asker.tell({0: 0, 3: 1})
    assert asker.labelled == {}
    asker.withdraw([3])  # does not open it
    assert asker.available == N - 2
    assert set(asker.ask(N - 2).ids) == set(range(N)) - {3, 4}


def test_an_excluded_item_that_does_not_exist():
    with pytest.raises(LabelError, match="no item 99"):
        learner(exclude=[99])


def test_a_string_is_not_several_ids():
    letters = ArrayPool(IMAGES[:3], ids=["a", "b", "ab"])
    message = r"several ids, e\.g\. \['ab'\]; got the string 'ab'"
    with pytest.raises(InputError, match=message):
        learner(letters, exclude="ab")
    asker = learner(letters)
    asker.tell({"a": 0, "b": 1, "ab": 2})
    with pytest.raises(InputError, match=message):
        asker.withdraw("ab")
    assert asker.labelled == {"a": 0, "b": 1, "ab": 2}
    asker.withdraw(["ab"])
    assert asker.labelled == {"a": 0, "b": 1}


@pytest.mark.parametrize("answers", [[0, 1], [(0, 1)], {0, 1}, None, "01"])
def test_answers_that_are_no_mapping(answers):
    message = rf"tell takes a mapping .* dict\(zip\(query\.ids.*got {type(answers).__name__}"
    with pytest.raises(InputError, match=message):
        learner().tell(answers)


def test_numpy_s_numbers_become_python_s():
    asker = learner(exclude=np.array([11]))
    asker.tell({np.int64(3): np.uint8(2), 4: np.float32(1.0)})
    assert asker.labelled == {3: 2, 4: 1}
    assert {type(v) for pair in asker.labelled.items() for v in pair} == {int}
    asker.tell({3: 2})  # the same label again
    assert len(asker.ask(np.int64(2))) == 2  # type: ignore[arg-type]
    asker.withdraw(np.array([3, 4]))  # type: ignore[arg-type]
    assert asker.labelled == {}
    with pytest.raises(LabelError, match="Item 11 is excluded"):
        asker.tell({np.int64(11): 0})


def test_targets_of_a_regression_are_floats():
    asker = learner(name="random", classes=None)
    asker.tell({0: 1, 1: np.float32(0.1)})
    asker.tell({1: np.float32(0.1)})
    assert {type(v) for v in asker.labelled.values()} == {float}


def test_answers_are_copied_and_labels_are_a_read_only_view():
    asker, answers = learner(), {0: 1}
    asker.tell(answers)
    answers[0] = 2
    assert asker.labelled == {0: 1}
    with pytest.raises(TypeError):
        asker.labelled[1] = 1  # type: ignore[index]


# --- Questions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -3])
def test_fewer_than_one_item(k):
    with pytest.raises(InputError, match=f"items to ask for must be at least 1; got {k}"):
        learner().ask(k)


@pytest.mark.parametrize("k", [2.5, 2.0, "2", None])
def test_a_part_of_an_item(k):
    with pytest.raises(InputError, match=f"items to ask for must be a whole number; got {k!r}"):
        learner().ask(k)


@pytest.mark.parametrize("labels", [{}, {1: 0, 2: 1}])
def test_a_pool_smaller_than_the_query(labels):
    asker = learner(exclude=[0])
    asker.tell(labels)
    left = set(range(1, N)) - set(labels)
    with pytest.warns(UserWarning, match=f"Asked for 50 items, but only {len(left)} are left"):
        query = asker.ask(50)
    assert len(query) == len(left)
    assert set(query.ids) == left


def test_an_exhausted_pool():
    asker = learner(exclude=[0, 1])
    asker.tell(dict.fromkeys(range(2, 7), 1))
    asker.ask(N - 7)
    with pytest.raises(InputError, match="no item left to ask for: 5 labelled, 5 pending, 2 excl"):
        asker.ask(1)


def test_an_image_that_is_not_finite_is_named_and_nothing_becomes_pending():
    images = IMAGES.clone()
    images[7, 0, 3, 3] = math.nan
    asker = learner(ArrayPool(images, ids=[f"image {i}" for i in range(N)]))
    asker.tell({"image 0": 1, "image 1": 2})
    with pytest.raises(NonFiniteError, match="image 7"):
        asker.ask(3)
    assert asker.pending == frozenset()


def test_so_it_is_by_a_pool_that_does_not_look():
    class Careless:
        ids = POOL.ids

        def position(self, item):
            return POOL.position(item)

        def images(self, positions):
            images = POOL.images(positions)
            images[positions == 7] = math.inf
            return images

    asker = learner(Careless())
    asker.tell({0: 1, 1: 2})
    with pytest.raises(NonFiniteError, match="for 1 of 10 items: 7"):
        asker.ask(3)


def test_asking_trains_only_if_nothing_was_trained_yet():
    calls = []

    def fit(labelled, pool, seed):
        calls.append(dict(labelled))
        return Fit(network, Recipe(steps=2, epochs=0))(labelled, pool, seed)

    asker = Learner(POOL, fit, strategy("bald"), classes=3, draws=2)
    asker.ask(2)
    assert asker.posterior is None
    asker.tell({0: 1})
    asker.ask(2)
    asker.tell({1: 2})
    asker.ask(2)
    assert calls == [{0: 1}]
    assert asker.posterior is not None
    assert asker.refit() is asker.posterior
    assert calls == [{0: 1}, {0: 1, 1: 2}]


def test_new_labels_and_another_seed_bring_new_draws_and_asking_alone_does_not():
    seeds = []

    class Watched:
        training = None

        def draw(self, n, *, seed):
            seeds.append((n, seed))
            return Fit(network, Recipe(steps=1, epochs=0))({0: 1}, POOL, 0).draw(n, seed=seed)

    for seed in (0, 0, 1):
        asker = Learner(POOL, lambda *_: Watched(), strategy("bald"), classes=3, seed=seed, draws=7)
        asker.tell({0: 1})
        asker.ask(1)
        asker.ask(1)
        asker.tell({1: 2})
        asker.ask(1)
    one, again, other = seeds[:3], seeds[3:6], seeds[6:]
    assert one == again
    assert {n for n, _ in seeds} == {7}
    assert one[0] == one[1]
    assert len({*one, *other}) == 4


def test_a_posterior_or_draws_of_length_zero_are_still_there():
    class Empty:
        training = None

        def __len__(self) -> int:
            return 0

        def draw(self, n, *, seed):
            return self

    seen = []

    class Watching:
        def select(self, draws, chunks, k, *, seed) -> Query:
            seen.append(draws)
            return Random().select(draws, chunks, k, seed=seed)

    posterior = Empty()
    asker = Learner(POOL, lambda *_: posterior, Watching(), classes=3)  # type: ignore[arg-type]
    asker.tell({0: 1})
    asker.ask(1)
    assert seen == [posterior]


def test_refit_needs_labels():
    asker = learner()
    with pytest.raises(LabelError, match="Nothing is labelled yet"):
        asker.refit()
    asker.tell({0: 1})
    asker.withdraw([0])
    with pytest.raises(LabelError, match="Nothing is labelled yet"):
        asker.refit()


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
    with pytest.raises(InputError, match=message):
        TopK(wrong)


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


def recording(**kwargs) -> tuple[Learner, Recording]:
    strategy = Recording()
    fit = Fit(network, Recipe(steps=1, epochs=0))
    return Learner(POOL, fit, strategy, classes=3, draws=2, **kwargs), strategy


def test_a_pool_subset_is_fresh_each_time_seeded_and_of_open_items_only():
    def subsets(seed: int) -> list[set[ItemId]]:
        asker, strategy = recording(pool_subset=5, exclude=[0], seed=seed)
        asker.tell({1: 1})
        for label in (0, 1, 2):
            closed = {0, *asker.labelled, *asker.pending}
            query = asker.ask(1)
            assert len(strategy.offered[-1]) == 5
            assert not strategy.offered[-1] & closed
            assert set(query.ids) <= strategy.offered[-1]
            if label:  # once an open question, then answers
                asker.tell(dict.fromkeys(query.ids, label))
        return strategy.offered

    first = subsets(0)
    assert subsets(0) == first
    assert subsets(1) != first


@pytest.mark.parametrize("answered", [True, False])
def test_a_pool_subset_is_not_the_last_one_filled_up(answered):
    strategy = Recording()
    pool = ArrayPool(torch.rand(200, 1, 8, 8))
    fit = Fit(network, Recipe(steps=1, epochs=0))
    asker = Learner(pool, fit, strategy, classes=3, draws=2, pool_subset=50)
    asker.tell({0: 1})
    for _ in range(2):
        query = asker.ask(1)
        if answered:
            asker.tell(dict.fromkeys(query.ids, 1))
    first, second = strategy.offered
    # Of 199 items each subset takes a quarter: all 49 in both has probability below 1e-40.
    assert len(first & second) < 49


def test_every_item_comes_into_some_subset():
    asker, strategy = recording(pool_subset=4)
    asker.tell({0: 1})
    for _ in range(60):  # an item is missed with probability (1 − 4/11)⁶⁰ ≈ 2e-12
        asker.withdraw(asker.ask(1).ids)
        asker.seed += 1
    assert set().union(*strategy.offered) == set(range(1, N))


def test_a_pool_subset_that_is_not_smaller_than_the_pool_is_the_pool():
    asker, strategy = recording(pool_subset=N - 1)
    asker.tell({0: 1})
    asker.ask(1)
    assert strategy.offered == [set(range(1, N))]


def test_a_query_larger_than_the_subset_says_so():
    asker = learner(pool_subset=3)
    asker.tell({0: 1})
    with pytest.warns(UserWarning, match=r"5 items, but only 3 are looked at \(pool_subset=3\)"):
        query = asker.ask(5)
    assert len(query) == 3
