"""What the learner refuses of labels and questions, in which words, and what it accepts."""

import math

import numpy as np
import pytest
import torch

from askwell.errors import InputError, LabelError, NonFiniteError
from askwell.learner import Learner
from askwell.pool import ArrayPool
from askwell.records import ItemId, Query
from askwell.select import Random, strategy
from askwell.train import Fit, Recipe
from tests.learners import IMAGES, POOL, N, Recording, learner, network

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


# --- Subsets of the pool --------------------------------------------------------------------------


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
