"""What scans see: new, gone, back, changed and equal files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from askwell.errors import InputError, LabelError
from askwell.store import Decision, Found, Store, SyncReport
from askwell.store.chance import uniform
from tests.store.projects import files, found, label, project, sha


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with project(tmp_path, 4) as made:
        yield made


def statuses(store: Store) -> list[str]:
    return [item.status for item in store.items()]


def test_new_files_are_items_in_their_order(store: Store) -> None:
    assert store.sync(files(range(6))) == SyncReport(2, 0, 0, 0, 0)
    assert [(item.id, item.path) for item in store.items()] == [
        (i + 1, f"{i}.png") for i in range(6)
    ]
    assert store.by_path() == {f"{i}.png": i + 1 for i in range(6)}
    assert store.item(5).sha256 == sha(4)
    assert store.sync(files(range(6))) == SyncReport(0, 0, 0, 0, 0)


def test_a_file_that_vanishes_keeps_its_number_and_its_labels(store: Store) -> None:
    store.decide([label("a", 2)])
    assert store.sync(files([0, 2, 3])) == SyncReport(0, 0, 1, 0, 0)
    assert statuses(store) == ["ok", "vanished", "ok", "ok"]
    assert "1.png" not in store.by_path()
    assert store.labels() | store.holdout_labels() == {}
    assert {offer.item for offer in store.offer(2, 9)} == {1, 3, 4}
    assert store.sync(files(range(4))) == SyncReport(0, 1, 0, 0, 0)
    assert store.labels() | store.holdout_labels() == {2: 1}
    assert store.item(2).status == "ok"


def test_a_changed_file_is_another_image(store: Store) -> None:
    store.decide([label("a", 1)])
    changed = [found("0.png", "edited"), *files([1, 2, 3])]
    assert store.sync(changed) == SyncReport(0, 0, 0, 1, 0)
    assert [(i.id, i.status) for i in store.items() if i.path == "0.png"] == [
        (1, "vanished"),
        (5, "ok"),
    ]
    assert store.by_path()["0.png"] == 5
    assert store.counts().labelled == 0
    assert store.counts().vanished == 0  # nothing is missing
    assert store.sync(changed[1:]) == SyncReport(0, 0, 1, 0, 0)
    assert store.counts().vanished == 1  # one file, whatever was in it
    assert store.sync(changed) == SyncReport(0, 1, 0, 0, 0)
    assert store.sync(files(range(4))) == SyncReport(0, 0, 0, 1, 0)  # and back
    assert store.by_path()["0.png"] == 1
    assert store.counts().labelled == 1


def test_a_moved_file_takes_its_label_along(store: Store) -> None:
    store.decide([label("a", 1)])
    report = store.sync([found("elsewhere/0.png", 0), *files([1, 2, 3])])
    assert report == SyncReport(1, 0, 1, 0, 0)
    assert store.labels() | store.holdout_labels() == {5: 1}
    assert store.counts().labelled == 1


def test_equal_files_are_one_image(store: Store) -> None:
    twins = [found("b.png", 0), found("c.png", 0)]
    assert store.sync([*files(range(4)), *twins]) == SyncReport(2, 0, 0, 0, 2)
    assert [item.duplicate_of for item in store.items()] == [None] * 4 + [1, 1]
    assert {offer.item for offer in store.offer(1, 9)} == {1, 2, 3, 4}
    store.decide([label("a", 6)])  # a label of one is the label of all
    assert store.labels() | store.holdout_labels() == {1: 1}
    assert 1 not in {offer.item for offer in store.offer(2, 9)}
    assert store.sync([*files([1, 2, 3]), *twins]).duplicates == 1  # the next one stands for them
    assert [item.duplicate_of for item in store.items()] == [None] * 5 + [5]
    assert store.labels() | store.holdout_labels() == {5: 1}
    store.unreadable({5: "cut short"})
    assert store.item(6).duplicate_of is None
    store.clear([5])
    assert store.item(6).duplicate_of == 5
    assert store.check() == ()


def test_unreadable_files_are_not_offered_until_they_can_be_read(store: Store) -> None:
    store.unreadable({1: "cut short", 2: "surrogate \udcff"})
    assert [item.reason for item in store.items()] == ["cut short", "surrogate \\udcff", "", ""]
    assert statuses(store) == ["unreadable", "unreadable", "ok", "ok"]
    assert {offer.item for offer in store.offer(1, 9)} == {3, 4}
    store.sync(files(range(4)))  # the same bytes are not readable by being seen again
    assert statuses(store)[:2] == ["unreadable", "unreadable"]
    store.clear([1])
    assert store.item(1).reason == ""
    assert {offer.item for offer in store.offer(1, 9)} == {1, 3, 4}
    with pytest.raises(LabelError, match="no image number 77"):
        store.clear([77])


def test_a_lease_ends_with_its_image(store: Store) -> None:
    held = store.offer(1, 2)
    gone = held[0].item
    store.sync([file for i, file in enumerate(files(range(4))) if i + 1 != gone])
    assert gone not in {offer.item for offer in store.offer(1, 4)}
    assert store.offer(1, 1)[0].item == held[1].item


def test_size_and_time_are_the_newest(store: Store) -> None:
    store.sync([found("0.png", 0, size=7, mtime_ns=-8), *files([1, 2, 3])])
    assert (store.item(1).size, store.item(1).mtime_ns) == (7, -8)


def test_an_empty_folder_and_a_full_one(tmp_path: Path) -> None:
    with project(tmp_path, 0) as store:
        assert store.offer(1, 3) == []
        assert store.counts().items == 0
        assert store.sync(files(range(2500))).new == 2500
        assert store.sync([]) == SyncReport(0, 0, 2500, 0, 0)
        assert store.offer(1, 3) == []
        assert store.check() == ()


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (Found("", sha(1), 1, 1), "A path is text"),
        (Found("a\0b", sha(1), 1, 1), "A path is text"),
        (Found(cast(Any, b"a"), sha(1), 1, 1), "A path is text"),
        (Found("\udcff.png", sha(1), 1, 1), "valid Unicode"),
        (Found("0.png", sha(1), 1, 1), "came twice"),
        (Found("a", "abc", 1, 1), "64 hex digits"),
        (Found("a", sha(1).upper(), 1, 1), "64 hex digits"),
        (Found("a", sha(1) + "\n", 1, 1), "64 hex digits"),
        (Found("a", sha(1), -1, 1), "size"),
        (Found("a", sha(1), 1, 2**63), "time"),
        (Found("a", sha(1), 1, cast(Any, 1.5)), "time"),
    ],
)
def test_scans_that_are_refused_change_nothing(file: Any, sentence: str, store: Store) -> None:
    before = store.items()
    with pytest.raises(InputError, match=sentence):
        store.sync([found("0.png", "new"), file])
    assert store.items() == before


def test_odd_paths_are_kept_as_they_are(store: Store) -> None:
    paths = ["a b.png", "a\nb.png", "ü.png", "u\u0308.png", "'; DROP TABLE item; --.png", "🐈.png"]
    store.sync([found(path, path) for path in paths])
    assert sorted(store.by_path()) == sorted(paths)


def test_keys_are_uniform_and_depend_on_the_content_alone(tmp_path: Path) -> None:
    n = 4000
    with project(tmp_path / "a", n) as store:
        keys = {item.sha256: item.key for item in store.items()}
    with Store.open(tmp_path / "b" / "project.db", seed=0) as store:
        store.sync([found(f"other/{i}", i) for i in reversed(range(n))])
        assert {item.sha256: item.key for item in store.items()} == keys
    with Store.open(tmp_path / "c" / "project.db", seed=1) as store:
        store.sync(files(range(5)))
        assert not {item.key for item in store.items()} & set(keys.values())
    ordered = sorted(keys.values())
    # Kolmogorov–Smirnov: the largest distance from uniform passes 2/√n one time in a thousand.
    assert max(abs(key - i / n) for i, key in enumerate(ordered)) < 2 / n**0.5
    assert 0 <= ordered[0] < ordered[-1] < 1


def test_chance_is_the_same_for_ever() -> None:
    # Numbers on disk depend on them: the reserve of a project never changes.
    assert uniform(0, "reserve", sha(0)) == 0.6142040080038552
    assert uniform(0, "stream", 1) != uniform(0, "stream", "1")
    assert uniform(0, "a", "b") != uniform(0, "ab")
    assert uniform(1, "a") != uniform(0, "a")


def test_a_reserved_item_is_one_with_a_small_key(tmp_path: Path) -> None:
    with project(tmp_path, 50, holdout_share=0.3) as store:
        reserved = {item.id for item in store.items() if store.is_reserved(item)}
        assert reserved == {item.id for item in store.items() if item.key < 0.3}
        assert 5 < len(reserved) < 26
        store.decide([Decision(f"k{i}", i, 1, "label", 1) for i in range(1, 51)])
        assert store.holdout_labels().keys() == reserved
        assert store.labels().keys() == set(range(1, 51)) - reserved
