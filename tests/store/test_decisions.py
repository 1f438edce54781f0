"""Decisions one by one: what is stored, what settles, what is refused; and the settings."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from askwell.errors import InputError, LabelError
from askwell.store import Decision, Ranking, Settlement, Store
from tests.store.projects import label, project


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with project(tmp_path, holdout_share=0.0) as made:
        yield made


def test_all_of_a_decision_is_kept(store: Store) -> None:
    store.switch_ranking(Ranking(4, 9, "bald", "", (1,), (0.5,)))
    full = Decision("k é", 1, 2, "label", 2, 1234, "active", 4, 1, 0.75, "bald", -0.5)
    (event,) = store.decide([full])
    assert event.decision == full
    assert (event.seq, event.supersedes) == (1, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.created_at)
    assert store.events() == [event]
    assert store.decide([]) == []


def test_events_come_in_pages(store: Store) -> None:
    stored = store.decide([label(f"k{i}", 1 + i) for i in range(6)])
    assert store.events(after=2, limit=3) == stored[2:5]
    assert store.events(after=6) == []
    last = [(each.seq, each.item, each.kind, each.label) for each in store.answered(1, 2)]
    given = [(e.seq, e.decision.item, e.decision.kind, e.decision.label) for e in stored[-2:]]
    assert last == given
    assert store.answered(2) == []


def test_a_repeated_call_is_answered_as_the_first(store: Store) -> None:
    call = [label("a", 1), Decision("b", 1, 1, "flag"), label("c", 1, 2)]
    first = store.decide(call)
    store.undo(1, "u")
    assert store.decide(call) == first
    assert store.current()[0].label == 1  # and the undo stays
    assert store.decide([label("d", 2), label("d", 2)])[0].seq == 5
    assert len(store.events()) == 5


def test_undo_leaves_what_was_imported(store: Store) -> None:
    store.decide([replace(label("a", 1), stream="import"), label("b", 1, 2)])
    assert store.undo(1, "u1") is not None
    assert store.undo(1, "u2") is None
    assert [(c.item, c.label) for c in store.current()] == [(1, 1)]


def test_undo_goes_back_through_everything(store: Store) -> None:
    store.decide([label("a", 1), Decision("f", 2, 1, "flag"), label("b", 1, 2)])
    store.decide([label("other", 3, 1, 2)])
    seen = [
        [(c.item, c.kind, c.label) for c in store.current() if c.annotator == 1]
        for n in range(4)
        if n == 0 or store.undo(1, f"u{n}")
    ]
    assert seen == [
        [(1, "label", 2), (2, "flag", None)],
        [(1, "label", 1), (2, "flag", None)],
        [(1, "label", 1)],
        [],
    ]
    assert store.undo(1, "u4") is None
    assert store.counts().decisions == 1
    assert len(store.events()) == 7
    wrong: Any
    for wrong in (99, "1", None):
        with pytest.raises(LabelError, match="annotator"):
            store.undo(wrong, "u5")
    with pytest.raises(LabelError, match="A key"):
        store.undo(1, "")


def test_flags_stand_beside_answers(store: Store) -> None:
    store.decide([Decision("f", 1, 1, "flag"), label("a", 1)])
    (now,) = store.current()
    assert (now.kind, now.label, now.flagged) == ("label", 1, True)
    assert store.counts().flagged == 1
    store.decide([Decision("g", 1, 1, "unflag")])
    assert [(c.kind, c.flagged) for c in store.current()] == [("label", False)]
    store.decide([Decision("h", 2, 1, "unflag")])
    assert len(store.current()) == 1
    assert store.counts().flagged == 0


def test_majorities_and_what_settles_a_dispute(store: Store) -> None:
    eve = store.annotator("Eve").id
    store.decide([label("a", 1, 1, 1), label("b", 1, 2, 2)])
    assert store.labels() == {}
    assert store.counts().labelled == 1
    store.decide([label("c", 1, 2, eve)])
    assert store.labels() == {1: 2}
    settles = replace(label("d", 1, 1, 2), stream="adjudication")
    store.decide([settles])
    assert store.labels() == {1: 1}
    assert store.settlements() == {1: Settlement(1, by=2)}
    assert store.agreement_pairs() == [(1, {1: 1, 2: 2, eve: 2})]  # what each said unasked
    store.decide([label("e", 1, 2, 1)])
    assert store.labels() == {1: 1}  # nobody's later label unsettles it
    store.undo(2, "u")
    assert (store.labels(), store.settlements()) == ({1: 2}, {})
    store.decide([Decision("g", 1, eve, "bad")])
    assert store.labels() == {}
    assert store.counts().bad == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"key": "x" * 201},
        {"key": "a\nb"},
        {"key": 7},
        {"item": 0},
        {"item": "1"},
        {"item": True},
        {"item": 2**64},
        {"annotator": 9},
        {"kind": "maybe"},
        {"kind": "undo", "label": None},
        {"kind": "unsure"},
        {"label": None},
        {"label": 9},
        {"label": 1.0},
        {"lead_time_ms": -1},
        {"lead_time_ms": 0.5},
        {"stream": "elsewhere"},
        {"ranking": 1},
        {"predicted": 9},
        {"confidence": 1.01},
        {"confidence": "0.5"},
        {"score": float("inf")},
        {"acquisition": "x" * 201},
        {"acquisition": "\udcff"},
    ],
    ids=str,
)
def test_decisions_that_are_refused(changes: dict[str, Any], store: Store) -> None:
    with pytest.raises(LabelError):
        store.decide([label("fine", 2), replace(label("k", 1), **changes)])
    assert store.events() == []


def test_what_is_no_decision(store: Store) -> None:
    with pytest.raises(LabelError, match=r"takes records of askwell\.store\.Decision"):
        store.decide([cast(Any, ("k", 1, 1, "bad"))])


def test_settings_are_kept(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        changed = store.change_settings(name="Moles", later_after=7, overlap_share=1)
        assert (changed.name, changed.later_after, changed.overlap_share) == ("Moles", 7, 1.0)
        assert store.settings() == changed
    with Store.open(tmp_path / "project.db", name="other", seed=9) as store:
        assert store.settings() == changed


@pytest.mark.parametrize(
    "changes",
    [
        {"holdout_share": 0.91},
        {"holdout_share": -0.1},
        {"holdout_share": float("nan")},
        {"overlap_share": 1.1},
        {"overlap_share": "0.1"},
        {"lease_seconds": 0},
        {"lease_seconds": 10**9},
        {"later_after": 0},
        {"backup_every": 0.5},
        {"acquisition": ""},
        {"backbone": None},
        {"name": "a\nb"},
        {"seed": 1},
        {"sede": 1},
    ],
    ids=str,
)
def test_settings_that_are_refused(changes: dict[str, Any], store: Store) -> None:
    before = store.settings()
    with pytest.raises(InputError, match=next(iter(changes)).replace("name", "name|setting")):
        store.change_settings(**{"lease_seconds": 9, **changes})
    assert store.settings() == before


def test_the_reserve_takes_in_nothing_that_was_decided(tmp_path: Path) -> None:
    with project(tmp_path, 50, holdout_share=0.1) as store:
        item = next(item for item in store.items() if 0.3 < item.key < 0.4)
        store.change_settings(holdout_share=0.2)
        store.decide([label("a", item.id)])
        with pytest.raises(InputError, match="from 20 to 50 % any more: 1 image that"):
            store.change_settings(holdout_share=0.5)
        assert store.change_settings(holdout_share=0.3).holdout_share == 0.3
        assert store.change_settings(holdout_share=0.0).holdout_share == 0.0
