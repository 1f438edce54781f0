"""What was settled: a bad image or none, closed for all, and seen from every file of a content."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from askwell.errors import LabelError
from askwell.store import Decision, Found, Settlement, Store
from tests.store.projects import files, label, project

BEFORE_VERSION_4 = """
DROP INDEX content_open;
DROP INDEX content_second;
ALTER TABLE content DROP COLUMN open;
ALTER TABLE content DROP COLUMN settled;
ALTER TABLE content ADD COLUMN open INTEGER
  GENERATED ALWAYS AS (item IS NOT NULL AND NOT bad AND votes < wanted) VIRTUAL;
CREATE INDEX content_open ON content (key) WHERE open;
CREATE INDEX content_second ON content (key) WHERE open AND votes > 0;
UPDATE content SET bad = coalesce(
  (SELECT max(kind = 'bad') FROM current WHERE current.content = content.id), 0);
PRAGMA user_version = 3;
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with project(tmp_path, holdout_share=0.0, overlap_share=1.0) as made:
        yield made


def bad(key: str, item: int, annotator: int = 1) -> Decision:
    return Decision(key, item, annotator, "bad")


def settles(decision: Decision) -> Decision:
    return replace(decision, stream="adjudication")


def test_a_class_settles_that_an_image_is_not_bad(store: Store) -> None:
    store.decide([bad("a", 1), bad("b", 2), settles(label("c", 1, 2, 2))])
    counts = store.counts()
    assert (counts.labelled, counts.bad, counts.items) == (1, 1, 10)
    assert store.labels() == {1: 2}
    assert store.settlements() == {1: Settlement(2, by=2)}
    assert 1 not in store.unrankable()
    eve = store.annotator("Eve").id
    assert 1 not in {offer.item for offer in store.offer(eve, 20)}  # settled: asked of nobody
    store.undo(2, "u")
    assert (store.counts().bad, store.settlements()) == (2, {})
    assert store.check() == ()


def test_an_image_settled_as_bad_is_no_open_disagreement(store: Store) -> None:
    store.decide([label("a", 1), label("b", 1, 2, 2), settles(bad("c", 1, 2))])
    assert store.settlements() == {1: Settlement(None, by=2)}
    assert store.agreement_pairs() == [(1, {1: 1, 2: 2})]  # both had said what they thought
    assert (store.labels(), store.counts().bad, store.counts().disputed) == ({}, 1, 0)
    store.decide([settles(label("d", 1, 1, 1))])
    assert store.settlements() == {1: Settlement(1, by=1)}  # the last word
    assert store.counts().bad == 0


def test_a_settlement_is_taken_back_with_what_followed_it(store: Store) -> None:
    store.decide([label("a", 1), label("b", 1, 2, 2), settles(label("c", 1, 1, 2))])
    store.decide([label("d", 1, 2, 2), label("e", 2, 1, 2), label("f", 3, 1, 2)])
    assert store.settlements() == {1: Settlement(2, by=2)}
    assert store.unsettle(1, 1, "not mine") is None
    first = store.unsettle(2, 1, "u")
    assert first is not None
    assert store.unsettle(2, 1, "u") == first  # sent twice
    assert (store.settlements(), store.labels()) == ({}, {2: 1, 3: 1})  # a tie again
    assert [(each.item, each.label) for each in store.answers(1)] == [(1, 1), (1, 2)]
    assert store.unsettle(2, 1, "again") is None
    with pytest.raises(LabelError, match="was used for another decision"):
        store.unsettle(2, 1, "a")
    with pytest.raises(LabelError):
        store.unsettle(2, 99, "v")
    assert store.check() == ()


def test_labelled_and_bad_images_add_up(store: Store) -> None:
    store.decide([label("a", 1), bad("b", 1, 2), label("c", 2), bad("d", 3)])
    counts = store.counts()
    assert (counts.labelled, counts.bad) == (1, 2)  # the first is out: somebody calls it bad


@pytest.mark.parametrize("kind", ["later", "flag"])
def test_who_has_not_answered_does_not_see_what_others_said(store: Store, kind: str) -> None:
    store.decide([label("a", 1), Decision("b", 1, 2, kind)])  # type: ignore[arg-type]
    assert [each.annotator for each in store.visible_to(2)] == [2]
    assert [each.annotator for each in store.visible_to(1)] == [1, 2]
    store.decide([Decision("c", 1, 2, "unsure")])
    assert [each.annotator for each in store.visible_to(2)] == [1, 2]  # an answer: not asked again
    assert not store.is_asked(2, 1)


def test_a_renamed_file_is_found_under_its_new_name(store: Store) -> None:
    store.decide([label("a", 1), Decision("f", 2, 1, "flag")])
    first, *rest = files(range(10))
    renamed = Found("elsewhere.png", first.sha256, first.size, first.mtime_ns)
    store.sync([renamed, *rest])
    now = store.by_path()["elsewhere.png"]
    assert [(each.item, each.shown) for each in store.current()] == [(1, now), (2, 2)]
    assert store.showing(1).path == "elsewhere.png"
    assert store.is_asked(2, 1)
    assert not store.is_asked(1, now)  # Ada has answered, under the other name
    assert store.counts().vanished == 0
    store.sync(rest)
    assert store.current()[0].shown == store.showing(1).id == 1
    assert store.counts().vanished == 2  # by either name
    swapped = [replace(rest[0], sha256=rest[1].sha256), replace(rest[1], sha256=rest[0].sha256)]
    store.sync([*swapped, *rest[2:]])
    store.sync(rest)
    assert store.counts().vanished == 2


def test_an_answer_on_a_copy_takes_the_place_of_that_on_the_file_of_before(store: Store) -> None:
    store.decide([Decision("a", 1, 1, "later")])
    first, *rest = files(range(10))
    store.sync([replace(first, path="elsewhere.png"), *rest])
    now = store.by_path()["elsewhere.png"]
    call = [label("b", now, 2)]
    (event,) = store.decide(call)
    assert (event.decision.item, event.supersedes) == (1, 1)
    assert store.decide(call) == [event]  # sent twice
    assert [(each.item, each.kind, each.shown) for each in store.current()] == [(1, "label", now)]
    assert (store.counts().later, store.counts().labelled) == (0, 1)
    store.undo(1, "u")
    assert store.counts().later == 1
    assert store.check() == ()


def test_files_that_are_away_keep_their_answers_from_who_may_be_asked_again(store: Store) -> None:
    store.decide([label("a", 1)])
    store.sync(files(range(1, 10)))
    assert store.visible_to(2) == []
    store.sync(files(range(10)))
    store.unreadable({1: "cut off"})
    assert store.visible_to(2) == []
    assert store.is_asked(2, 1)


def test_what_was_settled_with_the_others_in_sight_is_not_asked_again(store: Store) -> None:
    store.decide([label("a", 1), settles(label("b", 1, 2, 2))])
    store.undo(2, "u", now=0.0)
    assert store.offer(2, 1, now=1.0)[0].stream != "adjudication"


def test_older_projects_learn_what_was_settled(store: Store, tmp_path: Path) -> None:
    store.decide([bad("a", 1), settles(label("b", 1, 2, 2))])
    store.decide([label("c", 2), settles(bad("d", 2, 2)), bad("e", 3), label("f", 4)])
    counts, labels, settled = store.counts(), store.labels(), store.settlements()
    store.close()
    with closing(sqlite3.connect(tmp_path / "project.db")) as older:
        older.executescript(BEFORE_VERSION_4)
    with Store.open(tmp_path / "project.db") as again:
        assert again.check() == ()
        assert (again.counts(), again.labels(), again.settlements()) == (counts, labels, settled)
        assert settled == {1: Settlement(2, by=2), 2: Settlement(None, by=2)}
