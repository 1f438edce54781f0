"""Backups: whole, pruned, made by themselves, and never in anybody's way."""

import logging
import os
import re
import shutil
import threading
import time
from pathlib import Path

import pytest

from askwell.errors import InputError, RunError
from askwell.store import Store, backup
from tests.permissions import closed
from tests.store.projects import label, project


def test_a_backup_is_the_project_at_that_moment(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        store.decide([label("a", 1)])
        before = store.events()
        copy = store.backup()
        store.decide([label("b", 2)])
        assert re.fullmatch(r"project-\d{8}T\d{6}\.\d{6}Z\.db", copy.name)
        assert copy.parent == tmp_path / "backups"
        with Store.read(copy) as kept:
            assert kept.events() == before
            assert kept.check() == ()
            assert kept.settings() == store.settings()
            assert kept.items() == store.items()


def test_going_back_is_copying_a_backup_to_its_place(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        store.decide([label("a", 1)])
        copy = store.backup()
        then = store.current()
        store.decide([label("b", 1, 2), label("c", 2)])
    shutil.copy(copy, tmp_path / "project.db")
    with Store.open(tmp_path / "project.db") as store:
        assert store.current() == then
        assert store.decide([label("d", 3)])[0].seq == 2


def test_a_backup_elsewhere_overwrites_nothing(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        target = tmp_path / "new" / "mine.db"
        assert store.backup(target) == target
        before = target.read_bytes()
        with pytest.raises(InputError, match="is there already, and is not overwritten"):
            store.backup(target)
        assert target.read_bytes() == before
        into = store.backup(str(target.parent))
        assert into.parent == target.parent
        assert into.name.startswith("project-")
        (tmp_path / ".half.db.part").write_text("what a killed process left")
        with Store.read(store.backup(tmp_path / "half.db")) as kept:
            assert kept.check() == ()
        assert not list(tmp_path.rglob("*.part"))
        (tmp_path / "file").touch()
        with pytest.raises(RunError, match=r"cannot be written.*The project itself is safe"):
            store.backup(tmp_path / "file" / "x.db")


def test_a_reader_can_make_one(tmp_path: Path) -> None:
    with project(tmp_path) as store, Store.read(store.path) as reader:
        assert reader.backup().exists()


def test_the_newest_ten_stay(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        made = [store.backup() for _ in range(backup.KEPT + 3)]
        others = [tmp_path / "backups" / name for name in ("mine.db", "project-old.db", "x.txt")]
        for other in others:
            other.touch()
        made.append(store.backup())
        assert backup.listing(store.path) == made[-backup.KEPT :]
        assert all(other.exists() for other in others)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        kept = [store.backup(elsewhere) for _ in range(backup.KEPT + 2)]
        assert all(copy.exists() for copy in kept)  # asked for by name, they are the user's


def test_what_killed_processes_left_half_written_is_removed(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        store.backup()
        place, name = tmp_path / "backups", "project-20200101T000000.000000Z.db"
        stale = [place / f".{name}.part", place / f".{name}.part-journal"]
        being_made = place / ".project-20200101T000001.000000Z.db.part"
        foreign = place / ".other.part"
        for path in (*stale, being_made, foreign):
            path.touch()
        for path in (*stale, foreign):
            os.utime(path, (time.time() - 86_400,) * 2)
        store.backup()
        assert not any(path.exists() for path in stale)
        assert being_made.exists()  # another process may be at it
        assert foreign.exists()


def test_they_are_made_every_so_many_decisions(tmp_path: Path) -> None:
    with project(tmp_path, 60, backup_every=10) as store:
        for i in range(9):
            store.decide([label(f"k{i}", 1 + i)])
        assert not (tmp_path / "backups").exists()
        store.decide([label("k9", 10)])
        wait_for(store, 1)
        store.decide([label("k9", 10)])  # sent again: no decision
        store.decide([label(f"many {i}", 20 + i) for i in range(25)])  # one, though it passes two
        wait_for(store, 2)
    (first, second) = backup.listing(tmp_path / "project.db")
    with Store.read(first) as early, Store.read(second) as late:
        assert len(early.events()) == 10
        assert len(late.events()) == 35


def wait_for(store: Store, n: int) -> None:
    """Until the backup thread is done; the test's own time limit ends it if it never is."""
    while len(backup.listing(store.path)) < n:
        time.sleep(0.005)


def test_what_is_decided_while_a_copy_is_made_is_in_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may, copy = threading.Event(), threading.Event(), backup.copy

    def slow(path: Path, to: Path | None) -> Path:
        begun.set()
        assert may.wait(60)
        return copy(path, to)

    with project(tmp_path, backup_every=1) as store:
        monkeypatch.setattr(backup, "copy", slow)
        store.decide([label("a", 1)])
        assert begun.wait(60)
        for i in range(3):
            store.decide([label(f"b{i}", 2 + i)])
        may.set()
        wait_for(store, 2)
    (first, second) = backup.listing(tmp_path / "project.db")
    with Store.read(first) as early, Store.read(second) as late:
        assert len(early.events()) == len(late.events()) == 4


def test_closing_waits_for_the_copy(tmp_path: Path) -> None:
    with project(tmp_path, backup_every=1) as store:
        store.decide([label("a", 1)])
    (copy,) = backup.listing(tmp_path / "project.db")
    with Store.read(copy) as kept:
        assert len(kept.events()) == 1
    assert not [t for t in threading.enumerate() if t.name == "askwell backup"]


def test_one_that_fails_is_a_warning_and_the_decision_stands(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "backups").write_text("in the way")
    with caplog.at_level(logging.WARNING), project(tmp_path, backup_every=1) as store:
        assert store.backup_problem == ""
        (event,) = store.decide([label("a", 1)])
        while not store.backup_problem:
            time.sleep(0.005)
        assert "cannot be written" in store.backup_problem
        assert "The project itself is safe" in caplog.text
        assert store.events() == [event]
        (tmp_path / "backups").unlink()
        store.decide([label("b", 2)])
        while store.backup_problem:
            time.sleep(0.005)
        assert len(backup.listing(store.path)) == 1


def test_a_folder_of_backups_that_may_not_be_written(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        store.backup()
        with closed(tmp_path / "backups", 0o555), pytest.raises(RunError, match="Make room, or"):
            store.backup()
        assert len(backup.listing(store.path)) == 1
