"""Classes in the middle of the work: added, renamed, merged; their keys; what is refused."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from askwell.errors import InputError, LabelError
from askwell.store import ClassName, Settings, Store, settings
from askwell.store.connection import connect, transaction
from askwell.store.migrations import MIGRATIONS, migrate
from tests.store.projects import label, project


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with project(tmp_path) as made:
        made.change_settings(holdout_share=0.0)
        yield made


def changes(store: Store) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(store.path)) as db:
        return db.execute(
            "SELECT class, change, before, after FROM class_change ORDER BY seq"
        ).fetchall()


def test_classes_come_in_their_order(store: Store) -> None:
    assert store.add_class("bird") == ClassName(3, "bird", None, 3, None)
    assert [known.name for known in store.classes()] == ["cat", "dog", "bird"]
    assert [known.shortcut for known in store.classes()] == ["1", "2", None]


def test_labels_follow_a_class_that_is_renamed(store: Store) -> None:
    store.decide([label("a", 1)])
    assert store.rename_class(1, "lynx").name == "lynx"
    assert store.labels() == {1: 1}
    assert store.classes()[0] == ClassName(1, "lynx", "1", 1, None)
    store.rename_class(2, "cat")  # the name is free again
    store.rename_class(2, "cat")
    assert changes(store)[4:] == [(1, "rename", "cat", "lynx"), (2, "rename", "dog", "cat")]


def test_a_merged_class_counts_as_the_other(store: Store) -> None:
    bird = store.add_class("bird", "b").id
    store.decide([label("a", 1, 1), label("b", 2, 2), label("c", 3, bird)])
    assert store.merge_class(bird, 2).name == "dog"
    assert store.labels() == {1: 1, 2: 2, 3: 2}
    assert store.counts().per_class == {1: 1, 2: 2}
    assert store.current()[2].label == 2
    assert store.events()[2].decision.label == bird  # what was said is kept
    assert [known.id for known in store.classes()] == [1, 2]
    assert store.classes(active_only=False)[2].merged_into == 2
    store.merge_class(2, 1)  # a chain leads to its end
    assert store.labels() == {1: 1, 2: 1, 3: 1}
    assert {known.merged_into for known in store.classes(active_only=False)} == {None, 1}
    with pytest.raises(LabelError, match=r"'bird' was merged into 'cat'. Use that"):
        store.decide([label("d", 4, bird)])
    assert store.decide([label("c", 3, bird)])[0].seq == 3  # sent again, it is no new label
    new = store.add_class("bird", "b")  # name and key are free again
    assert new.id not in (1, 2, bird)
    assert changes(store)[-4:] == [
        (bird, "merge", "bird", "dog"),
        (2, "merge", "dog", "cat"),
        (new.id, "add", None, "bird"),
        (new.id, "shortcut", None, "b"),
    ]
    assert store.check() == ()


def test_a_merge_can_be_taken_back(store: Store) -> None:
    bird = store.add_class("bird", "b").id
    store.decide([label("a", 1, 1), label("b", 2, 2), label("c", 3, bird)])
    store.merge_class(bird, 2)
    store.decide([label("d", 4, 2)])
    store.merge_class(2, 1)
    assert [(each.merged_into, each.part_of) for each in store.classes(active_only=False)] == [
        (None, None), (1, 1), (1, 2),
    ]  # fmt: skip
    assert store.separate_class(bird) == ClassName(bird, "bird", "b", 3, None)
    assert store.labels() == {1: 1, 2: 1, 3: bird, 4: 1}
    store.separate_class(2)
    assert store.labels() == {1: 1, 2: 2, 3: bird, 4: 2}
    with pytest.raises(InputError, match="'dog' is not part of another"):
        store.separate_class(2)
    store.merge_class(bird, 2)
    again = store.add_class("bird", "b")
    with pytest.raises(InputError, match=r"another class 'bird' by now\. Rename"):
        store.separate_class(bird)
    store.rename_class(again.id, "birds")
    assert store.separate_class(bird).shortcut is None  # another has the key
    assert changes(store)[-1] == (bird, "separate", "dog", "bird")
    assert store.check() == ()


def test_what_was_merged_before_comes_along_when_a_merge_is_taken_back(store: Store) -> None:
    belt, bag = store.add_class("belt").id, store.add_class("bag").id
    store.decide([label("a", 1, 1), label("b", 2, belt), label("c", 3, bag)])
    store.merge_class(belt, bag)
    store.merge_class(bag, 1)
    assert store.labels() == {1: 1, 2: 1, 3: 1}
    store.separate_class(bag)
    assert store.labels() == {1: 1, 2: bag, 3: bag}
    assert changes(store)[-1] == (bag, "separate", "cat", "bag")
    store.merge_class(bag, 1)
    store.merge_class(1, 2)
    store.separate_class(bag)
    assert store.labels() == {1: 2, 2: bag, 3: bag}
    assert store.check() == ()


def test_a_class_that_was_never_used_can_be_removed(store: Store) -> None:
    bird = store.add_class("bird", "b").id
    assert store.remove_class(bird).removed
    assert [each.name for each in store.classes()] == ["cat", "dog"]
    assert store.add_class("bird", "b").id != bird
    with pytest.raises(LabelError, match=r"'bird' was removed\. Add it again"):
        store.decide([label("a", 1, bird)])
    store.decide([label("a", 1, 1)])
    store.decide([label("b", 1, 2)])
    assert store.used_classes() == {1, 2}  # the first one comes back if the second is undone
    store.undo(1, "undo")
    assert store.used_classes() == {1}
    store.add_class("fish")
    store.merge_class(2, 5)
    assert store.used_classes() == {1, 5}
    for number, name in ((1, "cat"), (5, "fish")):
        with pytest.raises(InputError, match=f"{name!r} has been used. Make it part of another"):
            store.remove_class(number)
    assert changes(store)[-2:] == [(5, "add", None, "fish"), (2, "merge", "dog", "fish")]
    store.undo(1, "undo again")  # nothing is left of the label
    assert store.remove_class(1).removed
    assert store.check() == ()


def test_classes_change_places(store: Store) -> None:
    for name in ("bird", "fish"):
        store.add_class(name)
    store.merge_class(2, 1)

    def names() -> list[str]:
        return [each.name for each in store.classes()]

    assert store.move_class_up(4).name == "fish"
    assert names() == ["cat", "fish", "bird"]
    store.move_class_up(4)  # past the one that was merged away
    assert names() == ["fish", "cat", "bird"]
    count = len(changes(store))
    store.move_class_up(4)
    assert names() == ["fish", "cat", "bird"]
    assert len(changes(store)) == count


def test_a_project_of_before_can_take_merges_back(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "project.db", read_only=False)) as db:
        migrate(db, MIGRATIONS[:1])
        with transaction(db):
            db.execute("INSERT INTO class VALUES (1, 'cat', 'c', 1, NULL), (2, 'dog', 'd', 2, 1)")
            db.execute("INSERT INTO class_change VALUES (1, 2, 'merge', 'dog', 'cat', 'then')")
            settings.create(db, Settings("x", 0))
    with Store.open(tmp_path / "project.db") as store:
        assert [each.active for each in store.classes(active_only=False)] == [True, False]
        assert store.separate_class(2) == ClassName(2, "dog", "d", 2, None)
        assert changes(store) == [(2, "merge", "dog", "cat"), (2, "separate", "cat", "dog")]
        with closing(sqlite3.connect(store.path)) as db:
            for change in ("DELETE FROM class_change", "UPDATE class_change SET before = ''"):
                with pytest.raises(sqlite3.IntegrityError, match="are never"):
                    db.execute(change)


def test_capitals_make_nobody_another_person(store: Store) -> None:
    one = store.annotator("Zoë")
    assert store.annotator("ZOË") == store.annotator("zoë") == one
    assert store.annotator("Zoe") != one


def test_a_merge_can_settle_a_dispute(store: Store) -> None:
    store.change_settings(overlap_share=1.0)
    store.decide([label("a", 1, 1, 1), label("b", 1, 2, 2)])
    assert store.labels() == {}
    assert store.agreement_pairs() == [(1, {1: 1, 2: 2})]
    store.merge_class(2, 1)
    assert store.labels() == {1: 1}
    assert store.agreement_pairs() == [(1, {1: 1, 2: 1})]


def test_keys_on_the_keyboard(store: Store) -> None:
    assert store.set_shortcut(1, None).shortcut is None
    assert store.set_shortcut(2, "1").shortcut == "1"
    assert store.set_shortcut(2, "1").shortcut == "1"
    with pytest.raises(InputError, match="The key '1' already stands for the class 'dog'"):
        store.set_shortcut(1, "1")
    with pytest.raises(InputError, match="The key '1' already stands for the class 'dog'"):
        store.add_class("bird", "1")
    assert len(store.classes()) == 2
    wrong: Any
    for wrong in ("", "\n", "x" * 21, 7):
        with pytest.raises(InputError, match="A shortcut"):
            store.set_shortcut(1, wrong)
    assert changes(store)[4:] == [(1, "shortcut", "1", None), (2, "shortcut", "2", "1")]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("x" * 201, "201 characters; at most 200"),
        ("a\nb", "control characters"),
        ("a\0b", "control characters"),
        ("a\u202eb", "control characters"),
        ("a\u2028b", "control characters"),
        ("\udcff", "control characters"),
        (None, "is text"),
        (7, "is text"),
        ("cat", "already"),
        (" cat ", "already"),
    ],
)
def test_names_that_are_refused(name: Any, sentence: str, store: Store) -> None:
    with pytest.raises(InputError, match=sentence):
        store.add_class(name)
    with pytest.raises(InputError, match=sentence):
        store.rename_class(2, name)
    if name not in ("cat", " cat "):
        with pytest.raises(InputError, match=sentence):
            store.annotator(name)
    assert [known.name for known in store.classes()] == ["cat", "dog"]
    assert len(changes(store)) == 4


def test_names_are_one_however_they_are_composed(store: Store) -> None:
    assert store.add_class("  nai\u0308ve 🐈\u200d⬛ ").name == "na\u00efve 🐈\u200d⬛"
    with pytest.raises(InputError, match="already"):
        store.add_class("na\u00efve 🐈\u200d⬛")
    assert store.add_class("x" * 200).name == "x" * 200
    assert store.add_class("Cat").name == "Cat"
    ada = store.annotator("Ada")
    assert store.annotator(" Ada ") == ada
    assert [known.name for known in store.annotators()] == ["Ada", "Bob"]


def test_classes_that_are_not_there(store: Store) -> None:
    uses: tuple[Callable[[Any], object], ...] = (
        lambda number: store.rename_class(number, "x"),
        lambda number: store.merge_class(number, 1),
        lambda number: store.merge_class(1, number),
        lambda number: store.set_shortcut(number, "x"),
    )
    for number in (99, -1, 2**70, "1", True, None, 1.0):
        for use in uses:
            with pytest.raises(InputError, match=r"(no class number|A class number is an integer)"):
                use(number)
    with pytest.raises(InputError, match="'cat' cannot be merged into itself"):
        store.merge_class(1, 1)
    store.merge_class(1, 2)
    uses = (*uses[:1], lambda number: store.merge_class(number, 2), *uses[3:])
    for use in uses:
        with pytest.raises(InputError, match="'cat' was merged into 'dog'"):
            use(1)
    with pytest.raises(InputError, match="'cat' was merged into 'dog'"):
        store.merge_class(2, 1)
