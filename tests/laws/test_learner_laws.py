"""Laws of ask, tell, withdraw and refit: the learner's state is a fold over the answers."""

import math
import random

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from torch import Tensor, nn

from askwell.acquisition import ACQUISITIONS
from askwell.errors import AskwellError, InputError, LabelError
from askwell.learner import Learner
from askwell.likelihoods import categorical, gaussian
from askwell.pool import ArrayPool
from askwell.randomness import derive, generator
from askwell.records import ItemId, Label
from askwell.select import STRATEGIES, strategy
from askwell.train import Fit, Recipe
from askwell.train.losses import cross_entropy, gaussian_nll

N, CLASSES, EXCLUDED = 24, 3, frozenset({2, 11})
NUMBERS = ArrayPool(torch.arange(N).float().view(N, 1, 1, 1))  # image i is the number i


class Table:
    """A posterior, and its draws, that look up random outputs by the image's number."""

    def __init__(self, seed: int, draws: int = 1) -> None:
        self.training = None
        self.seed = seed
        self.table = torch.randn(N, draws, CLASSES, generator=generator(seed))

    def draw(self, n: int, *, seed: int) -> "Table":
        return Table(derive(self.seed, seed), n)

    def __len__(self) -> int:
        return self.table.shape[1]

    def outputs(self, images: Tensor) -> Tensor:
        return self.table[images.flatten().long()]

    def log_probs(self, images: Tensor) -> Tensor:
        return categorical(self.outputs(images))


def table_fit(labelled, pool, seed):
    return Table(derive(seed, *(f"{item}: {label}" for item, label in sorted(labelled.items()))))


def table_learner(**kwargs) -> Learner:
    defaults = {"classes": CLASSES, "draws": 4, "exclude": EXCLUDED}
    return Learner(NUMBERS, table_fit, strategy("bald"), **{**defaults, **kwargs})


def label_of(item: ItemId) -> int:
    return int(item) % CLASSES


class AskTell(RuleBasedStateMachine):
    """Any order of calls, compared with what the state should be."""

    @initialize(pool_subset=st.sampled_from([None, 5]))
    def begin(self, pool_subset):
        self.pool_subset = pool_subset
        self.learner = table_learner(pool_subset=pool_subset)
        self.labelled: dict[ItemId, Label] = {}
        self.pending: set[ItemId] = set()

    @property
    def left(self) -> set[ItemId]:
        return set(range(N)) - EXCLUDED - self.labelled.keys() - self.pending

    @precondition(lambda self: self.left)
    @rule(data=st.data())
    def ask(self, data):
        k = data.draw(st.integers(1, min(len(self.left), self.pool_subset or N)))
        query = self.learner.ask(k)
        assert len(set(query.ids)) == len(query) == len(query.scores) == k
        assert set(query.ids) <= self.left
        assert all(math.isnan(s) for s in query.scores) == (not self.labelled)
        if self.labelled:
            assert list(query.scores) == sorted(query.scores, reverse=True)
        self.pending |= set(query.ids)

    @precondition(lambda self: not self.left)
    @rule()
    def ask_too_much(self):
        with pytest.raises(InputError, match="no item left"):
            self.learner.ask(1)

    def tell_these(self, items: list[ItemId]) -> None:
        answers = {item: label_of(item) for item in items}
        before = dict(answers)
        self.learner.tell(answers)
        assert answers == before
        self.labelled |= answers
        self.pending -= set(items)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def answer_some(self, data):
        items = data.draw(st.lists(st.sampled_from(sorted(self.pending)), unique=True))
        self.tell_these(items)

    @rule(items=st.lists(st.sampled_from(sorted(set(range(N)) - EXCLUDED)), unique=True))
    def answer_asked_for_or_not_and_maybe_again(self, items):
        self.tell_these(items)

    @rule(
        good=st.lists(st.sampled_from(sorted(set(range(N)) - EXCLUDED)), unique=True),
        bad=st.sampled_from([(N, 0), (2, 2), (-1, 0), ("0", 0), (5, CLASSES), (5, 0.5), (6, None)]),
    )
    def tell_all_or_nothing(self, good, bad):
        answers = {item: label_of(item) for item in good if item != bad[0]} | dict([bad])
        with pytest.raises(LabelError):
            self.learner.tell(answers)

    @precondition(lambda self: self.labelled)
    @rule(data=st.data())
    def contradict(self, data):
        item = data.draw(st.sampled_from(sorted(self.labelled)))
        with pytest.raises(LabelError, match="Withdraw it first"):
            self.learner.tell({item: (label_of(item) + 1) % CLASSES})

    @rule(items=st.lists(st.integers(0, N - 1)))
    def withdraw(self, items):
        self.learner.withdraw(items)
        for item in items:
            self.labelled.pop(item, None)
            self.pending.discard(item)

    @rule(good=st.lists(st.integers(0, N - 1)))
    def withdraw_all_or_nothing(self, good):
        with pytest.raises(LabelError):
            self.learner.withdraw([*good, N])

    @precondition(lambda self: self.labelled)
    @rule()
    def refit(self):
        self.learner.refit()

    @precondition(lambda self: self.left and not self.pending)
    @rule(data=st.data())
    def replay(self, data):
        """A new learner that is told the same, in another order and in parts, asks the same."""
        items = data.draw(st.permutations(sorted(self.labelled)))
        middle = data.draw(st.integers(0, len(items)))
        twin = table_learner(pool_subset=self.pool_subset, chunk_size=data.draw(st.integers(1, N)))
        for part in (items[:middle], items[middle:]):
            twin.tell({item: label_of(item) for item in part})
        if self.labelled:
            self.learner.refit()
        k = min(3, len(self.left))
        query = self.learner.ask(k)
        assert str(query) == str(twin.ask(k))  # nan equals nan in text
        self.learner.withdraw(query.ids)

    @invariant()
    def the_state_is_what_was_told(self):
        assert dict(self.learner.labelled) == self.labelled
        assert self.learner.pending == self.pending
        assert self.learner.available == len(self.left)


AskTell.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestAskTell = AskTell.TestCase


# --- The same laws with real networks, for every strategy ---------------------------------------

IMAGES = torch.rand(30, 1, 8, 8, generator=generator(0, "images"))
POOL = ArrayPool(IMAGES)
FEW = Recipe(steps=5, epochs=0, learning_rate=1e-2)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2)
    )


def learner(name: str, **kwargs) -> Learner:
    regression = name in ACQUISITIONS and ACQUISITIONS[name].likelihood is not categorical
    fit = Fit(network, FEW, loss=gaussian_nll if regression else cross_entropy)
    classes = None if regression else 2
    defaults = {"classes": classes, "draws": 5, "seed": 3}
    return Learner(POOL, fit, STRATEGIES[name], **{**defaults, **kwargs})


def answers(ids) -> dict[ItemId, Label]:
    return {item: int(item) % 2 for item in ids}


def outputs(of: Learner) -> Tensor:
    return of.refit().draw(3, seed=0).outputs(IMAGES)


each = pytest.mark.parametrize("name", list(STRATEGIES))


@each
def test_told_the_same_answers_a_new_learner_asks_the_same_questions(name):
    first, asked = learner(name), []
    for _ in range(3):
        asked.append(first.ask(4).ids)
        first.tell(answers(asked[-1]))
        first.refit()
    again = learner(name)
    told: list[ItemId] = []
    for ids in asked:
        assert again.ask(4).ids == ids
        again.tell(answers(reversed(ids)))
        again.refit()
        told.extend(ids)
    late = learner(name)
    random.Random(0).shuffle(told)
    for item in told:  # one by one, unasked for and out of order
        late.tell(answers([item]))
    assert late.ask(4).ids == again.ask(4).ids == first.ask(4).ids


@each
def test_questions_before_an_answer_are_disjoint(name):
    asker = learner(name, exclude=range(5))
    asker.tell(answers([10, 11, 12]))
    batches = [asker.ask(7).ids for _ in range(3)]
    offered = [item for batch in batches for item in batch]
    assert len(set(offered)) == 21
    assert not set(offered) & {0, 1, 2, 3, 4, 10, 11, 12}
    assert asker.pending == set(offered)
    asker.withdraw(batches[0])
    assert set(asker.ask(8).ids) == {*batches[0], *set(range(5, 30)) - {10, 11, 12, *offered}}


@each
def test_before_the_first_label_nothing_is_trained_and_no_image_is_read(name):
    class Unreadable:
        ids = range(30)

        def position(self, item):
            return POOL.position(item)

        def images(self, positions):
            raise AssertionError("an image was read")

    def fit(labelled, pool, seed):
        raise AssertionError("something was trained")

    regression = name in ACQUISITIONS and ACQUISITIONS[name].likelihood is gaussian
    classes = None if regression else 2
    cold = Learner(Unreadable(), fit, STRATEGIES[name], classes=classes, seed=1)
    query = cold.ask(6)
    assert len(set(query.ids)) == 6
    assert all(map(math.isnan, query.scores))
    other = Learner(Unreadable(), fit, STRATEGIES[name], classes=classes, seed=2)
    assert other.ask(6).ids != query.ids


@each
@pytest.mark.parametrize("pool_subset", [None, 9])
def test_the_chunk_size_changes_nothing(name, pool_subset):
    regression = learner(name).classes is None

    def fit(labelled, pool, seed):
        table = Table(0)
        if regression:
            table.draw = lambda n, seed: narrow(n)
        return table

    def narrow(n: int) -> Table:
        draws = Table(0, n)
        draws.table = draws.table[:, :, :2]
        return draws

    queries = set()
    for chunk_size in (1, 5, 24, 1000):
        asker = Learner(
            NUMBERS, fit, STRATEGIES[name], classes=None if regression else CLASSES,
            draws=6, pool_subset=pool_subset, chunk_size=chunk_size,
        )  # fmt: skip
        asker.tell({0: 1})
        queries.add(str(asker.ask(6)))
    assert len(queries) == 1


def test_refit_starts_afresh_from_the_same_initial_weights():
    some, more = answers(range(6)), answers(range(6, 12))
    one = learner("bald")
    one.tell(some)
    first = outputs(one)
    assert torch.equal(outputs(one), first)  # it does not go on from where it was
    one.tell(more)
    second = outputs(one)
    assert not torch.equal(second, first)
    one.withdraw(more)
    assert torch.equal(outputs(one), first)
    other = learner("random")
    other.tell(dict(reversed((some | more).items())))
    assert torch.equal(outputs(other), second)


def test_every_refit_has_the_learner_s_own_seed():
    seeds = []

    def fit(labelled, pool, seed):
        seeds.append(seed)
        return table_fit(labelled, pool, seed)

    asker = Learner(NUMBERS, fit, strategy("bald"), classes=CLASSES, seed=42)
    for item in range(3):
        asker.tell({item: 0})
        asker.refit()
    assert seeds == [42] * 3


def test_another_seed_asks_other_questions():
    queries = set()
    for seed in range(5):
        asker = table_learner(seed=seed)
        asker.tell({0: 0})
        queries.add(asker.ask(5).ids)
    assert len(queries) == 5  # any two agree with probability below 1e-5


def test_a_failed_question_leaves_nothing_pending():
    class Fails:
        def select(self, draws, chunks, k, *, seed):
            raise AskwellError

    asker = Learner(NUMBERS, table_fit, Fails(), classes=CLASSES)
    asker.tell({0: 0})
    with pytest.raises(AskwellError):
        asker.ask(3)
    assert asker.pending == frozenset()
    assert asker.available == N - 1
