"""The store is light, and its files grow with it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from askwell.errors import RunError
from askwell.store import Store
from askwell.store.connection import connect
from askwell.store.migrations import (
    APPLICATION,
    MIGRATIONS,
    check_ours,
    migrate,
    run_script,
    version,
)
from tests.store.projects import label, project


def test_the_store_needs_neither_torch_nor_numpy() -> None:
    program = (
        "import sys, askwell.store\n"
        "heavy = ('torch', 'numpy', 'scipy', 'PIL', 'sklearn', 'matplotlib', 'fastapi')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def schema(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_an_empty_file_is_brought_to_the_newest_version(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "x.db", read_only=False)) as db:
        assert version(db) == 0
        check_ours(db, tmp_path / "x.db")
        migrate(db)
        assert version(db) == len(MIGRATIONS)
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
        check_ours(db, tmp_path / "x.db")
        made = schema(db)
        migrate(db)  # a second time there is nothing to do
        assert schema(db) == made
    with Store.open(tmp_path / "y.db"), closing(connect(tmp_path / "y.db", read_only=True)) as db:
        assert schema(db) == made
    tables = {name: sql for name, sql in made if sql and sql.startswith("CREATE TABLE")}
    assert all(") STRICT" in sql for sql in tables.values())


@pytest.mark.parametrize("start", range(len(MIGRATIONS) + 1))
def test_from_every_version_there_is_a_way_to_the_newest(start: int, tmp_path: Path) -> None:
    with closing(connect(tmp_path / "project.db", read_only=False)) as db:
        migrate(db, MIGRATIONS[:start])
        assert version(db) == start
    with project(tmp_path) as store:
        store.decide([label("a", 1)])
        assert store.check() == ()


def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path) -> None:
    def adds(db: sqlite3.Connection) -> None:
        run_script(db, "CREATE TABLE extra (x);\nINSERT INTO extra\nVALUES (';');\n")

    def fails(db: sqlite3.Connection) -> None:
        run_script(db, "CREATE TABLE more (x);\nINSERT INTO nowhere VALUES (1);\n")

    steps = (*MIGRATIONS, adds, fails)
    with project(tmp_path) as store:
        path = store.path
    with closing(connect(path, read_only=False)) as db:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(db, steps)
        assert version(db) == len(MIGRATIONS) + 1  # the step before it stays
        assert db.execute("SELECT * FROM extra").fetchall() == [(";",)]
        assert "more" not in dict(schema(db))
        check_ours(db, path, newest=len(steps))
        with pytest.raises(RunError, match="newer askwell"):
            check_ours(db, path)
