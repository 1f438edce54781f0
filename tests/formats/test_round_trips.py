"""What a writer wrote, its reader gives back: every path and every label, exactly."""

import json
from pathlib import Path

import pytest
from hypothesis import given

from askwell.errors import InputError
from askwell.formats import (
    Labelled,
    Named,
    match,
    read_class_folders,
    read_csv,
    read_hugging_face,
    read_jsonl,
    read_label_studio,
    read_labels,
    write_class_folders,
    write_csv,
    write_hugging_face,
    write_jsonl,
    write_label_studio,
)
from askwell.scan import scan
from tests.formats.rows import ODD_ROWS, tables, write_images

FILES = {
    "labels.csv": (write_csv, read_csv),
    "labels.jsonl": (write_jsonl, read_jsonl),
    "tasks.json": (write_label_studio, read_label_studio),
}


def named(rows: list[Labelled]) -> list[Named]:
    return [Named(row.path, row.label) for row in rows]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("name", FILES)
@given(rows=tables)
def test_any_rows(place, name, rows):
    write, read = FILES[name]
    write(place / name, rows)
    found = read(place / name)
    assert (found.rows, found.problems, found.unlabelled) == (named(rows), [], 0)


@pytest.mark.parametrize("name", FILES)
def test_odd_rows_and_the_format_is_told_by_itself(tmp_path, name):
    FILES[name][0](tmp_path / name, ODD_ROWS)
    found = read_labels(tmp_path / name)
    assert (found.rows, found.problems) == (named(ODD_ROWS), [])
    by_path = {row.path: number for number, row in enumerate(ODD_ROWS)}
    matched = match(found.rows, by_path, tmp_path)
    assert {i: row.label for i, row in matched.items.items()} == {
        number: row.label for number, row in enumerate(ODD_ROWS)
    }
    assert (matched.unknown, matched.conflicting) == ([], [])


@pytest.mark.parametrize("name", FILES)
def test_nothing_else_stays_in_the_folder_and_a_second_time_is_the_same(tmp_path, name):
    path = tmp_path / "deep" / name
    FILES[name][0](path, ODD_ROWS)
    before = path.read_bytes()
    FILES[name][0](path, ODD_ROWS)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("how", ["link", "copy"])
def test_class_folders(tmp_path, how):
    root, out = tmp_path / "photos", tmp_path / "out"
    write_images(root, ODD_ROWS)
    write_class_folders(out, ODD_ROWS, root=root, how=how)
    found = scan(out)
    assert found.unreadable == {}
    label_of = {row.path: row.label for row in ODD_ROWS}
    by_content = {file.sha256: label_of[file.path] for file in scan(root).files}
    content = {file.path: file.sha256 for file in found.files}
    read = read_class_folders(out, content)
    assert {content[row.path]: row.label for row in read} == by_content
    assert len(read) == len(ODD_ROWS)
    for row in read:
        folder = Path(row.path).parts[0]
        assert len(Path(row.path).parts) == 2
        assert len(folder.encode()) <= 110
        assert not folder.startswith((".", "__"))
    folders = {Path(row.path).parts[0].casefold() for row in read}
    assert len(folders) == len(set(label_of.values()))


@pytest.mark.parametrize("how", ["link", "copy"])
def test_hugging_face(tmp_path, how):
    root, out = tmp_path / "photos", tmp_path / "out"
    write_images(root, ODD_ROWS)
    write_hugging_face(out, ODD_ROWS, root=root, how=how)
    assert [file.path for file in scan(out).files] == sorted(row.path for row in ODD_ROWS)
    for row in ODD_ROWS:
        assert (out / row.path).read_bytes() == (root / row.path).read_bytes()
    for found in (read_labels(out / "metadata.jsonl"), read_hugging_face(out / "metadata.jsonl")):
        assert (found.rows, found.problems, found.beside) == (named(ODD_ROWS), [], out)
    lines = (out / "metadata.jsonl").read_text("utf-8").split("\n")
    assert {tuple(json.loads(line)) for line in lines if line} == {("file_name", "label")}


def test_hugging_face_refuses_folders_that_its_reader_leaves_out(tmp_path):
    rows = [Labelled("__x/a.png", "cat")]
    write_images(tmp_path / "photos", rows)
    with pytest.raises(InputError, match=r"begin with '__', as in __x/a\.png"):
        write_hugging_face(tmp_path / "out", rows, root=tmp_path / "photos", how="link")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([Labelled("a", "")], "needs a path and a label"),
        ([Labelled(" ", "cat")], "needs a path and a label"),
        ([Labelled("a", "\ud800")], "not valid Unicode"),
        ([Labelled("a", "cat"), Labelled("a", "dog")], "a came twice"),
    ],
)
def test_what_no_reader_would_give_back_is_refused_and_nothing_is_written(
    tmp_path, name, rows, message
):
    with pytest.raises(InputError, match=message):
        FILES[name][0](tmp_path / name, rows)
    assert not list(tmp_path.iterdir())
