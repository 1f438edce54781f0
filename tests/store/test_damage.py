"""Files that are no project, or none any more: a sentence, and nothing is changed."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from askwell.errors import InputError, LabelError, RunError
from askwell.store import Store
from askwell.store.migrations import MIGRATIONS
from tests.permissions import closed
from tests.store.projects import files, label, project

Opener = Callable[[Path], Store]
BOTH = pytest.mark.parametrize("opener", [Store.open, Store.read], ids=["open", "read"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with project(folder, 300, backup_every=1000) as store:
        store.decide([label(f"k{i}", i) for i in range(1, 200)])
    return folder / "project.db"


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    shutil.copy(made, tmp_path / "project.db")
    return tmp_path / "project.db"


def sql(db: Path, *statements: str) -> None:
    """What another program did to the file, keys between tables not looked at."""
    with closing(sqlite3.connect(db)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


@BOTH
def test_files_that_are_no_database(opener: Opener, tmp_path: Path) -> None:
    for text in (b"path,label\n1.png,cat\n" * 100, b"\0" * 5000):
        (tmp_path / "x.db").write_bytes(text)
        with pytest.raises(
            RunError, match=r"x\.db: it is no labelling project .*its start was overwritten"
        ):
            opener(tmp_path / "x.db")
        assert (tmp_path / "x.db").read_bytes() == text


@BOTH
def test_databases_of_other_programs(opener: Opener, tmp_path: Path) -> None:
    sql(tmp_path / "tables.db", "CREATE TABLE event (x)")
    sql(tmp_path / "version.db", "PRAGMA user_version = 1")
    sql(tmp_path / "geo.db", "PRAGMA application_id = 1196444487")
    for name in ("tables.db", "version.db", "geo.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(
            RunError, match=r"is a database of another program.*Nothing was changed"
        ):
            opener(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before


@BOTH
def test_projects_of_a_newer_askwell(opener: Opener, db: Path) -> None:
    sql(db, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = db.read_bytes()
    with pytest.raises(RunError, match=r"written by a newer askwell.*pip install -U askwell"):
        opener(db)
    assert db.read_bytes() == before


def test_what_is_not_there_is_not_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.db", tmp_path / "no" / "folder.db", tmp_path):
        with pytest.raises(RunError, match="There is no labelling project"):
            Store.read(path)
    (tmp_path / "empty.db").touch()
    with pytest.raises(RunError, match="of an older askwell, or was never finished"):
        Store.read(tmp_path / "empty.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.db"]
    with Store.open(tmp_path / "empty.db") as store:  # nobody's: a project is made of it
        assert store.check() == ()


def test_paths_that_cannot_be_files(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is a folder"):
        Store.open(tmp_path)
    for opener in (Store.open, Store.read):
        with pytest.raises((InputError, RunError)):
            opener(str(tmp_path / "a\0b"))
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be made or written"):
        Store.open(tmp_path / "file" / "project.db")


def test_a_truncated_file_is_damaged_and_the_newest_backup_is_the_way_out(db: Path) -> None:
    with Store.open(db) as store:
        store.backup()
        newest = store.backup()
        labels = store.current()
    db.write_bytes(db.read_bytes()[:-8192])
    with pytest.raises(RunError) as caught:
        Store.open(db)
    text = str(caught.value)
    assert "damaged" in text
    assert f"copy the newest backup, {newest}," in text
    db.unlink()
    shutil.copy(newest, db)
    with Store.open(db) as store:
        assert store.current() == labels


def test_without_a_backup_the_sentence_says_so(db: Path) -> None:
    db.write_bytes(db.read_bytes()[:-8192])
    with pytest.raises(RunError, match=r"There is no backup in .*exported labels can be read in"):
        Store.open(db)


def test_no_overwritten_page_brings_anything_but_a_sentence(db: Path) -> None:
    whole = db.read_bytes()
    pages = range(0, len(whole), 4096)
    sentences = []
    for start in pages[:: max(1, len(pages) // 12)]:
        db.write_bytes(whole[:start] + b"\x5a" * 4096 + whole[start + 4096 :])
        try:
            Store.open(db).close()
        except RunError as error:
            sentences.append(str(error))
    assert len(sentences) > 5
    assert all(sentence.endswith(".") for sentence in sentences)
    db.write_bytes(whole)
    with Store.open(db) as store:
        assert store.counts().labelled == 199


def test_a_file_that_may_not_be_written_can_be_read(db: Path) -> None:
    with closed(db, 0o444):
        with Store.read(db) as store:
            assert store.counts().labelled == 199
        with pytest.raises(RunError, match=r"it may not be written. Check the permissions"):  # noqa: SIM117
            with Store.open(db) as store:
                store.decide([label("new", 250)])


def test_a_closed_file_and_a_closed_folder(db: Path) -> None:
    with closed(db):
        for opener in (Store.open, Store.read):
            with pytest.raises(RunError, match="permissions"):
                opener(db)
    folder = db.parent / "closed"
    folder.mkdir()
    with closed(folder, 0o555), pytest.raises(RunError, match="--project FILE"):
        Store.open(folder / "project.db")


def test_a_reader_of_a_folder_that_may_not_be_written(db: Path) -> None:
    with closed(db.parent, 0o555), Store.read(db) as store:
        assert store.counts().labelled == 199
        assert store.check() == ()


@pytest.mark.parametrize("table", ["event", "class_change"])
def test_the_record_is_only_ever_appended_to(table: str, db: Path) -> None:
    with closing(sqlite3.connect(db)) as raw:
        (rows,) = raw.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert rows > 1
        for statement in (
            f"DELETE FROM {table}",
            f"DELETE FROM {table} WHERE seq = 1",
            f"UPDATE {table} SET created_at = ''",
            f"UPDATE {table} SET seq = seq + 1000 WHERE seq = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match=r"never (changed|deleted)"):
                raw.execute(statement)
        assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)


PLANTED = {
    "a lost current decision": ("DELETE FROM current WHERE item = 1", "current decisions are not"),
    "a current decision made up": (
        "INSERT INTO current SELECT 250, annotator, 250, answer, kind, label, flag, flagged, "
        "adjudicated FROM current WHERE item = 1",
        "current decisions are not",
    ),
    "a wrong number of votes": ("UPDATE content SET votes = 2 WHERE id = 1", "wrong numbers"),
    "a wrong bad": ("UPDATE content SET bad = 1 WHERE id = 290", "wrong numbers"),
    "a wrong settlement": ("UPDATE content SET settled = 1 WHERE id = 290", "wrong numbers"),
    "a duplicate of another content": (
        "UPDATE item SET duplicate_of = 1 WHERE id = 2",
        "duplicates do not point",
    ),
    "a content without its image": ("UPDATE content SET item = NULL WHERE id = 3", "not the first"),
    "a merge into a merged class": (
        "UPDATE class SET merged_into = 3 - id",
        "merged into none, or into one",
    ),
    "a missing image": ("DELETE FROM item WHERE id = 5", "that is not there"),
    "a wrong supersedes": (
        "INSERT INTO event (key, item, annotator, kind, label, stream, acquisition, created_at, "
        "supersedes) VALUES ('x', 1, 1, 'label', 1, 'active', '', '', 2)",
        "do not follow",
    ),
    "an undo of another image": (
        "INSERT INTO event (key, item, annotator, kind, stream, acquisition, created_at, "
        "supersedes) VALUES ('x', 1, 1, 'undo', 'active', '', '', 2)",
        "undo no decision of the same annotator and image",
    ),
}


@pytest.mark.parametrize("damage", PLANTED)
def test_planted_damage_is_found(damage: str, db: Path) -> None:
    statement, sentence = PLANTED[damage]
    with Store.read(db) as store:
        assert store.check() == ()
    sql(db, statement)
    with Store.read(db) as store:
        assert sentence in " ".join(store.check())
    with pytest.raises(RunError, match="There is no backup in"):
        Store.open(db)


def test_a_refused_call_leaves_nothing_behind(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        with pytest.raises(LabelError, match="no image number 99"):
            store.decide([label("a", 1), label("b", 99)])
        assert store.events() == []
        with pytest.raises(InputError, match="came twice"):
            store.sync(files([20, 21, 20]))
        assert len(store.items()) == 10
        with pytest.raises(LabelError):
            store.unreadable({1: "why", 99: "why"})
        assert store.counts().unreadable == 0
        assert store.check() == ()


def test_a_full_disk_is_a_sentence_and_what_was_saved_stays(db: Path) -> None:
    with Store.open(db) as store:
        with store._file.reading() as raw:
            (pages,) = raw.execute("PRAGMA page_count").fetchone()
        store._file._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own SQLITE_FULL
        with pytest.raises(RunError, match=r"the disk is full. What was saved before is safe"):
            store.decide([label(f"full {i}", 1 + i % 300) for i in range(1000)])
        store._file._db.execute("PRAGMA max_page_count = 1000000")
        assert len(store.events()) == 199
        store.decide([label("room again", 1)])
        assert len(store.events()) == 200
        assert store.check() == ()
