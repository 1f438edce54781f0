"""One writer, any number of readers, any number of threads."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from askwell.errors import RunError
from askwell.store import Decision, Offer, Store
from tests.store.projects import files, label, project

OPENS = """
import sys
from askwell.errors import RunError
from askwell.store import Store
try:
    Store.open(sys.argv[1]).close()
except RunError as error:
    sys.exit(str(error))
"""

HOLDS = """
import os, sys
from askwell.store import Store
with Store.open(sys.argv[1]):
    os.write(1, b"open\\n")
    sys.stdin.read()
"""

READS = """
import sys
from askwell.store import Store
with Store.read(sys.argv[1]) as store:
    assert store.check() == ()
    assert store.labels() | store.holdout_labels() == {3: 1}
    print(store.counts().decisions)
"""


def python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_process_is_refused_in_a_sentence_that_names_the_first(tmp_path: Path) -> None:
    db = tmp_path / "project.db"
    command = [sys.executable, "-c", HOLDS, str(db)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(RunError, match=rf"is open in process {holder.pid}\. One process"):
                Store.open(db)
        finally:
            holder.stdin.close()
    with Store.open(db) as store:  # which lets it go when it ends
        assert store.check() == ()
        refused = python(OPENS, db)
    assert refused.returncode == 1
    assert "use the page that is open there, or stop it (Ctrl+C)" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert python(OPENS, db).returncode == 0


def test_a_second_store_of_the_same_process_is_refused(tmp_path: Path) -> None:
    with (
        project(tmp_path),
        pytest.raises(RunError, match="is open in this process already"),
    ):
        Store.open(tmp_path / "project.db")
    Store.open(tmp_path / "project.db").close()


def test_others_read_beside_the_writer(tmp_path: Path) -> None:
    with project(tmp_path) as store, Store.read(tmp_path / "project.db") as reader:
        assert reader.read_only
        assert not store.read_only
        assert reader.counts().decisions == 0
        store.decide([label("a", 3)])
        assert reader.current() == store.current()
        read = python(READS, tmp_path / "project.db")
        assert (read.returncode, read.stdout) == (0, "1\n"), read.stderr
        store.decide([label("b", 3)])  # and do not keep it from writing
        assert reader.counts().decisions == 2


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    with project(tmp_path):
        pass
    before = (tmp_path / "project.db").read_bytes()
    with Store.read(tmp_path / "project.db") as store:
        for change in (
            lambda: store.decide([label("a", 1)]),
            lambda: store.offer(1, 1),
            lambda: store.sync([]),
            lambda: store.annotator("Eve"),
            lambda: store.change_settings(name="mine"),
        ):
            with pytest.raises(RunError, match=r"opened for reading alone .* Use Store\.open"):
                change()
    assert (tmp_path / "project.db").read_bytes() == before


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        pass
    store.close()
    with pytest.raises(RunError, match=r"it was closed. Open it again"):
        store.counts()
    with pytest.raises(RunError, match=r"it was closed. Open it again"):
        store.decide([label("a", 1)])


def test_threads_take_turns_and_never_get_the_same_image(tmp_path: Path) -> None:
    with project(tmp_path, 70, backup_every=10) as store:
        people = [store.annotator(name).id for name in "ABCD"]

        def work(annotator: int) -> list[Offer]:
            done = []
            for i in range(15):
                (offer,) = store.offer(annotator, 2)[:1]
                key = f"{annotator}-{i}"
                store.decide([Decision(key, offer.item, annotator, "label", 1)])
                done.append(offer)
            return done

        with ThreadPoolExecutor(len(people)) as threads:
            offers = [offer for done in threads.map(work, people) for offer in done]
        assert len({offer.item for offer in offers}) == len(offers) == 60
        assert store.counts().labelled == 60
        assert store.check() == ()


def test_a_key_sent_by_two_threads_at_once_counts_once(tmp_path: Path) -> None:
    with project(tmp_path) as store, ThreadPoolExecutor(8) as threads:
        events = list(threads.map(lambda _: store.decide([label("same", 1)]), range(24)))
        assert all(event == events[0] for event in events)
        assert len(store.events()) == 1


def test_all_of_a_project_is_where_its_file_is(tmp_path: Path) -> None:
    db = tmp_path / "deep" / "down" / "mine.db"
    with Store.open(str(db), name="Mine", seed=3) as store:
        assert store.path == db
        assert (store.settings().name, store.settings().seed) == ("Mine", 3)
        store.sync(files(range(3)))
        assert store.backup().parent == db.parent / "backups"
    assert {path.name for path in db.parent.iterdir()} <= {"mine.db", "mine.db.lock", "backups"}
