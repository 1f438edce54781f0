"""Files that other programs and people made: what is taken, what is refused, where."""

import json
from pathlib import Path

import pytest

from askwell.errors import InputError
from askwell.formats import Labels, Named, read_labels


def read(tmp_path: Path, name: str, content: str | bytes) -> Labels:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(path)


CAT = [Named("a.png", "cat")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("path", ["path", "file", "file_name", "filename", "image", " Path "])
@pytest.mark.parametrize("label", ["label", "class", "LABEL"])
def test_csv_by_any_name_and_delimiter(tmp_path, delimiter, path, label):
    text = f"id{delimiter}{label}{delimiter}{path}\n1{delimiter}cat{delimiter}a.png\n"
    assert read(tmp_path, "x.txt", text) == Labels(CAT, [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_as_spreadsheets_write_it(tmp_path, encoding, end):
    text = end.join(["path,label", '"ü, 1.png","say ""cat"""', ""])
    found = read(tmp_path, "x.csv", text.encode(encoding))
    assert found == Labels([Named("ü, 1.png", 'say "cat"')], [])


def test_csv_values_are_text_and_the_first_name_counts(tmp_path):
    text = "image,path,label\nx,a.png,007\nx,b.png,NA\nx,c.png, cat \n"
    found = read(tmp_path, "x.csv", text)
    assert [(row.path, row.label) for row in found.rows] == [
        ("a.png", "007"),
        ("b.png", "NA"),
        ("c.png", " cat "),
    ]


def test_csv_lines_are_counted_as_an_editor_counts_them(tmp_path):
    text = 'path,label\n"a\nb.png",cat\n\nc.png\n,dog\nd.png,\ne.png,  \nf.png,cat,x\ng.png,cat\n'
    found = read(tmp_path, "x.csv", text)
    assert [(row.path, row.label, row.where) for row in found.rows] == [
        ("a\nb.png", "cat", "line 2"),
        ("g.png", "cat", "line 10"),
    ]
    assert found.unlabelled == 1
    assert found.problems == [
        "line 5: 1 columns in the place of 2",
        "line 6: the image is to be named by its path; got ''",
        "line 8: a label is the name of a class; got '  '",
        "line 9: 3 columns in the place of 2",
    ]


def test_jsonl_lines(tmp_path):
    lines = [
        '{"path": "a.png", "label": "cat"}',
        "",
        '{"file_name": "b.png", "class": 7, "other": [1]}',
        '{"path": "c.png", "label": null}',
        '{"path": "d.png", "label": true}',
        '{"path": "e.png"}',
        "[1, 2]",
        '{"path": "f.png", ',
        '{"path": 3, "label": "cat"}',
        '{"path": "g.png", "label": "\\ud800"}',
        '{"path": "h\u2028.png", "label": "x\u2028y"}',
    ]
    found = read(tmp_path, "x.jsonl", "\r\n".join(lines))
    assert [(row.path, row.label, row.where) for row in found.rows] == [
        ("a.png", "cat", "line 1"),
        ("b.png", "7", "line 3"),
        ("h\u2028.png", "x\u2028y", "line 11"),
    ]
    assert found.unlabelled == 1
    assert [problem.partition(":")[0] for problem in found.problems] == [
        f"line {number}" for number in (5, 6, 7, 8, 9, 10)
    ]


def choices(*names: str) -> dict[str, object]:
    return {"type": "choices", "from_name": "c", "to_name": "i", "value": {"choices": list(names)}}


def test_label_studio(tmp_path):
    local = "/data/local-files/?d=photos%2Fa%20b.png"
    tasks = [
        {
            "id": 11,
            "data": {"image": local},
            "predictions": [4, 5],
            "annotations": [
                {"completed_by": {"id": 1}, "result": [choices("cat")]},
                {"completed_by": 2, "was_cancelled": True, "result": [choices("dog")]},
            ],
        },
        {"id": 12, "data": {"photo": "/data/upload/3/1a2b3c4d-b.png"}, "annotations": []},
        {"id": 13, "data": {"image": "c.png"}, "annotations": [{"result": [choices("a", "b")]}]},
        {"id": 14, "data": {"image": "d.png"}, "annotations": [4]},
        {
            "data": {"photo": "e.png"},
            "annotations": [
                {"result": [{"type": "rectanglelabels", "value": {}}, choices("cat")]},
                {"result": [choices("dog")]},
            ],
        },
        {"id": 16, "image": "s3://bucket/f.png", "choice": "cat", "annotator": 1},
        7,
    ]
    found = read(tmp_path, "x.json", json.dumps(tasks))
    assert [(row.path, row.label, row.where) for row in found.rows] == [
        ("photos/a b.png", "cat", "task 1 (id 11)"),
        ("e.png", "cat", "task 5"),
        ("e.png", "dog", "task 5"),
        ("s3://bucket/f.png", "cat", "task 6 (id 16)"),
    ]
    assert found.unlabelled == 1
    assert found.problems == [
        "task 3 (id 13): one choice an image is taken; got ['a', 'b']",
        "task 4 (id 14): annotations must be a list; got [4]",
        "task 7: expected an object; got 7",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", "x.csv is empty"),
        ("x.csv", "a.png,cat\n", "must name its columns, path .* got 'a.png,cat'"),
        ("x.csv", "path,label\na.png,cat\nb.png,\xe4".encode("latin-1"), "line 3, is not in UTF-8"),
        ("x.csv", 'path,label\na,cat\n"b,cat\n', "line 3, is no CSV: .* Nothing was read"),
        ("x.csv", f"path,label\na,{'x' * 200_000}\n", "line 2, is no CSV: field larger"),
        ("x.jsonl", "{}\n", "holds no labels: line 1: expected"),
        ("x.json", "[1, 2", "is no JSON: "),
        ("x.json", "[" * 100_000, "is no JSON: "),
        ("x.bin", b"\x89PNG\r\n\x1a\n", "line 1, is not in UTF-8"),
    ],
)
def test_what_is_no_file_of_labels_is_a_sentence(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, name, content)


def test_no_file_is_a_sentence(tmp_path):
    for place in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="There is no file"):
            read_labels(place)
