"""The page about the project file is true: its Python runs, and its tables are those there are."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from askwell.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "labelling-store.md").read_text("utf-8")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(example, {})
    assert capsys.readouterr().out == "1\n"


def test_the_page_names_every_table(tmp_path: Path) -> None:
    with Store.open(tmp_path / "project.db") as store:
        path = store.path
    with closing(sqlite3.connect(path)) as db:
        tables = {
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
    section = PAGE.partition("## The tables")[2].partition("## In Python")[0]
    first_column = " ".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE))
    named = set(re.findall(r"`(\w+)[.\w]*`", first_column))
    assert named == tables
