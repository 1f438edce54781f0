"""The store against a model in plain Python: any sequence of what people and folders do."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from askwell.errors import InputError, LabelError
from askwell.store import Decision, Found, Kind, Ranking, Store, Stream
from tests.store.model import Model
from tests.store.projects import found

SEED, RESERVE, LATER = 5, 0.35, 3
PATHS = [f"{i}.png" for i in range(9)]
CONTENTS = st.integers(0, 11)
ANNOTATORS = st.sampled_from([1, 2])
KINDS: st.SearchStrategy[Kind] = st.sampled_from(
    ["label", "label", "label", "unsure", "bad", "later", "later", "flag", "unflag"]
)
PICK = st.integers(0, 10_000)


class Labelling(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store.open(self.folder / "project.db", seed=SEED)
        self.store.change_settings(holdout_share=RESERVE, later_after=LATER)
        self.model = Model(SEED, RESERVE, later_after=LATER)
        self.now, self.keys, self.version = 1000.0, 0, 0
        for name in ("Ada", "Bob"):
            self.store.annotator(name)
        for name in ("cat", "dog"):
            self.add_class(name)

    def teardown(self) -> None:
        assert self.store.check() == ()
        assert self.store.events() == self.model.events
        self.store.close()
        shutil.rmtree(self.folder)

    def add_class(self, name: str) -> None:
        number = self.store.add_class(name).id
        self.model.parents[number] = number

    def key(self) -> str:
        self.keys += 1
        return f"key {self.keys}"

    # The folder

    @initialize(contents=st.permutations(range(9)))
    def first_scan(self, contents: list[int]) -> None:
        self.scan([found(path, c) for path, c in zip(PATHS, contents, strict=True)])

    @rule(contents=st.lists(st.one_of(st.none(), CONTENTS), min_size=9, max_size=9))
    def any_scan(self, contents: list[int | None]) -> None:
        pairs = zip(PATHS, contents, strict=True)
        self.scan([found(path, c) for path, c in pairs if c is not None])

    def scan(self, files: list[Found]) -> None:
        assert self.store.sync(files) == self.model.sync(files)

    @rule(pick=PICK)
    def cannot_be_read(self, pick: int) -> None:
        file = self.model.files[pick % len(self.model.files)]
        self.store.unreadable({file.id: "cut short"})
        file.status = "unreadable" if file.status != "vanished" else "vanished"

    @rule(pick=PICK)
    def can_be_read(self, pick: int) -> None:
        file = self.model.files[pick % len(self.model.files)]
        self.store.clear([file.id])
        file.status = "ok" if file.status == "unreadable" else file.status

    # Decisions

    def a_decision(self, item: int, annotator: int, kind: Kind, pick: int) -> Decision:
        active = [number for number, into in self.model.merged.items() if number == into]
        chosen = active[pick % len(active)] if kind == "label" else None
        stream: Stream = "adjudication" if pick % 7 == 0 else "review"
        return Decision(self.key(), item, annotator, kind, chosen, pick, stream)

    def decide(self, *chosen: Decision) -> None:
        for decision, event in zip(chosen, self.store.decide(chosen), strict=True):
            stored = replace(decision, item=self.model.home(decision))
            assert event.decision == stored
            assert event.seq == len(self.model.events) + 1
            assert event.supersedes == self.model.supersedes(stored)
            self.model.decide(event)

    @rule(annotator=ANNOTATORS, kind=KINDS, pick=PICK)
    def decides_what_is_next(self, annotator: int, kind: Kind, pick: int) -> None:
        for offer in self.offer(annotator, 1):
            decision = self.a_decision(offer.item, annotator, kind, pick)
            if decision.stream == "review":
                decision = replace(decision, stream=offer.stream, ranking=offer.ranking)
            self.decide(decision)

    @rule(annotator=ANNOTATORS, kind=KINDS, pick=PICK, item=PICK)
    def decides_any(self, annotator: int, kind: Kind, pick: int, item: int) -> None:
        self.decide(self.a_decision(1 + item % len(self.model.files), annotator, kind, pick))

    @rule(annotator=ANNOTATORS, kinds=st.lists(KINDS, min_size=2, max_size=3), pick=PICK)
    def corrects(self, annotator: int, kinds: list[Kind], pick: int) -> None:
        item = 1 + pick % len(self.model.files)
        self.decide(*(self.a_decision(item, annotator, kind, pick) for kind in kinds))

    @precondition(lambda self: self.model.events)
    @rule(pick=PICK, annotator=ANNOTATORS)
    def sends_again(self, pick: int, annotator: int) -> None:
        event = self.model.events[pick % len(self.model.events)]
        old = event.decision
        if old.kind == "undo":
            assert self.store.undo(old.annotator, old.key, now=self.now) == event
            with pytest.raises(LabelError, match="was used for another decision"):
                self.store.undo(3 - old.annotator, old.key, now=self.now)
        else:
            assert self.store.decide([old]) == [event]
            copies = [f.id for f in self.model.files if f.sha == self.model.sha(old.item)]
            assert self.store.decide([replace(old, item=copies[-1])]) == [event]
            with pytest.raises(LabelError, match="was used for another decision"):
                self.store.decide([replace(old, lead_time_ms=10_001)])
            with pytest.raises(LabelError, match="was used for another decision"):
                self.store.undo(annotator, old.key, now=self.now)

    @rule(pick=PICK)
    def sends_nonsense(self, pick: int) -> None:
        fine = self.a_decision(1, 1, "later", pick)
        wrong = (
            replace(fine, item=len(self.model.files) + 1),
            replace(fine, annotator=3),
            replace(fine, label=1),
            replace(fine, kind="label"),
            replace(fine, kind="label", label=99),
            replace(fine, kind="undo"),
            replace(fine, stream="nowhere"),  # type: ignore[arg-type]
            replace(fine, ranking=self.version + 1),
            replace(fine, confidence=1.5),
            replace(fine, score=float("nan")),
            replace(fine, key=""),
            *(
                replace(fine, kind="label", label=number)
                for number, into in self.model.merged.items()
                if number != into
            ),
        )
        with pytest.raises(LabelError):  # all or nothing: the fine one in front is not kept
            self.store.decide([replace(fine, key=self.key()), wrong[pick % len(wrong)]])

    @rule(annotator=ANNOTATORS)
    def undoes(self, annotator: int) -> None:
        stack = self.model.stacks.get(annotator, [])
        key, expires = self.key(), self.now + 300
        event = self.store.undo(annotator, key, now=self.now)
        if not stack:
            assert event is None
            return
        assert event is not None
        last = stack[-1]
        assert (event.supersedes, event.decision.kind) == (last.seq, "undo")
        assert (event.decision.item, event.decision.key) == (last.decision.item, key)
        self.model.undo(annotator, event, self.now, expires)
        assert self.store.undo(annotator, key, now=self.now) == event

    @rule(annotator=ANNOTATORS, pick=PICK)
    def takes_a_settlement_back(self, annotator: int, pick: int) -> None:
        item = 1 + pick % len(self.model.files)
        gone, key = self.model.unsettle(annotator, item), self.key()
        first = self.store.unsettle(annotator, item, key)
        undone = self.store.events(len(self.model.events))
        self.model.events += undone
        assert [event.supersedes for event in undone] == [event.seq for event in gone]
        assert first == (undone[0] if gone else None)
        assert not gone or self.store.unsettle(annotator, item, key) == first

    # Classes and settings

    @precondition(lambda self: len(self.model.merged) < 5)
    @rule()
    def new_class(self) -> None:
        self.add_class(f"class {len(self.model.merged)}")

    @rule(source=PICK, into=PICK)
    def merges(self, source: int, into: int) -> None:
        merged = self.model.merged
        a, b = 1 + source % len(merged), 1 + into % len(merged)
        if a == b or merged[a] != a or merged[b] != b:
            with pytest.raises(InputError):
                self.store.merge_class(a, b)
            return
        self.store.merge_class(a, b)
        self.model.parents[a] = b

    @rule(source=PICK)
    def separates(self, source: int) -> None:
        merged = self.model.merged
        a = 1 + source % len(merged)
        if merged[a] == a:
            with pytest.raises(InputError, match="is not part of another"):
                self.store.separate_class(a)
            return
        assert self.store.separate_class(a).active
        self.model.parents[a] = a

    @rule(share=st.sampled_from([0.0, 0.5, 1.0]))
    def overlap(self, share: float) -> None:
        self.store.change_settings(overlap_share=share)
        self.model.overlap_share = share

    @rule()
    def reopens(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder / "project.db")

    # Offers

    @rule(order=st.permutations(range(9)), k=st.integers(0, 9))
    def ranks(self, order: list[int], k: int) -> None:
        chosen = tuple(1 + i for i in order if i < len(self.model.files))[:k]
        scores = tuple(-float(i) for i in range(len(chosen)))
        self.version += 1
        self.store.switch_ranking(Ranking(self.version, 3, "bald", "now", chosen, scores))

    @rule(seconds=st.sampled_from([1, 200, 301]))
    def waits(self, seconds: int) -> None:
        self.now += seconds

    @rule(annotator=ANNOTATORS, n=st.integers(1, 5))
    def asks(self, annotator: int, n: int) -> None:
        self.offer(annotator, n)

    @rule(annotator=ANNOTATORS, pick=PICK)
    def gives_back(self, annotator: int, pick: int) -> None:
        item = 1 + pick % len(self.model.files)
        self.store.release(annotator, [item])
        self.model.end_lease(annotator, self.model.sha(item))

    @rule(annotator=ANNOTATORS)
    def gives_all_back(self, annotator: int) -> None:
        self.store.release_all(annotator)
        for sha in tuple(self.model.queues.get(annotator, [])):
            self.model.end_lease(annotator, sha)

    def offer(self, annotator: int, n: int) -> list:  # type: ignore[type-arg]
        offers = self.store.offer(annotator, n, now=self.now)
        expires, model = self.now + 300, self.model
        held = model.renew(annotator, expires)
        assert [offer.item for offer in offers[: len(held)]] == held[:n]
        for offer in offers[len(held) :]:
            new, due, early = model.offerable(annotator, self.now)
            assert offer.item in (due or new or early)
            self.check_stream(offer.item, offer.stream, offer.item in new)
            model.give(annotator, model.sha(offer.item), offer.item, expires, at=-1)
        if len(offers) < n:
            assert not any(model.offerable(annotator, self.now))
        for offer in offers:
            sha = model.sha(offer.item)
            assert model.open(sha)
            assert not model.said(annotator, sha, "label", "unsure", "bad")
            assert model.leases[sha][1] == annotator
            assert offer.expires_at == model.leases[sha][2]
        return offers

    def check_stream(self, item: int, stream: Stream, is_new: bool) -> None:
        reserved = self.model.reserved(self.model.sha(item))
        assert not (reserved and stream in ("active", "cold"))
        if is_new:
            assert reserved == (stream == "random")

    # What it comes to

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        model, store = self.model, self.store
        assert store.current() == model.current()
        assert store.labels() == model.labels(reserved=False)
        assert store.holdout_labels() == model.labels(reserved=True)
        assert store.counts() == model.counts()
        assert store.settlements() == model.settlements()
        assert store.agreement_pairs() == model.agreement_pairs()
        for item, file in zip(store.items(), model.files, strict=True):
            assert (item.id, item.path, item.sha256) == (file.id, file.path, file.sha)
            assert (item.status, item.duplicate_of) == (file.status, model.duplicate_of(file))
            assert store.is_reserved(item) == model.reserved(file.sha)
        for annotator in (1, 2):
            stands = [e for e in model.answers() if e.decision.annotator == annotator]
            answered = store.answered(annotator)
            assert [each.seq for each in answered] == [event.seq for event in stands]
            assert set(answered) <= set(model.current())
            assert store.visible_to(annotator) == [
                each
                for each in model.current()
                if each.annotator == annotator or not model.asked(annotator, model.sha(each.item))
            ]
        for item in store.items():
            said = [each for each in model.current() if model.sha(each.item) == item.sha256]
            assert store.answers(item.id) == sorted(said, key=lambda each: each.seq)
            assert store.is_asked(1, item.id) == model.asked(1, item.sha256)
            assert store.showing(item.id).id == (model.shown(item.sha256) or item.id)


Labelling.TestCase.settings = settings(
    max_examples=20, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
TestLabelling = Labelling.TestCase
