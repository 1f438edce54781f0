from pathlib import Path

import pytest

from askwell.formats import Named, match

BY_PATH = {
    "1.png": 1,
    "a/1.png": 2,
    "a/2.png": 3,
    "b/a/2.png": 4,
    "b/only here (1).png": 5,
    "Caf\u00e9/x.png": 6,
    "1a2b3c4d-y.png": 7,
    "z.png": 8,
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    return root


def one(path: str, root: Path, beside: Path | None = None) -> list[int]:
    return list(match([Named(path, "cat", "line 2")], BY_PATH, root, beside).items)


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("1.png", 1),
        ("./a/1.png", 2),
        ("a\\1.png", 2),
        ("a/2.png", 3),
        ("photos/1.png", 1),
        ("photos/a/2.png", 3),
        ("only here (1).png", 5),
        ("Cafe\u0301/x.png", 6),
        ("x.png", 6),
        ("s3://bucket/photos/b/a/2.png", 4),
        ("https://host/x/z.png?size=3", 8),
        ("/data/upload/3/1a2b3c4d-z.png", 8),
        ("00000000-z.png", 8),
        ("00000000-only_here_1.png", 5),
        ("1a2b3c4d-y.png", 7),
        ("00000000-1a2b3c4d-y.png", 7),
    ],
)
def test_a_path_means_the_image_that_it_is_the_end_of(photos, path, item):
    assert one(path, photos) == [item]


@pytest.mark.parametrize(
    "path",
    [
        "2.png",
        "other/1.png",
        "elsewhere/photos/1.png",
        "/photos/1.png",
        "../photos/1.png",
        "none.png",
        "png",
        ".",
        "/",
        "https://[bad/z.png",
        "/data/upload/3/z.png",
        "C:\\x\\z.png",
    ],
)
def test_others_are_unknown_with_their_line(photos, path):
    matched = match([Named(path, "cat", "line 2")], BY_PATH, photos)
    assert matched.items == {}
    (said,) = matched.unknown
    assert said.startswith("line 2: ")
    assert ("2 images" in said) == (path == "2.png")


def test_full_paths_through_links_too(photos, tmp_path):
    (tmp_path / "link").symlink_to("photos")
    assert one(str(photos / "a/1.png"), photos) == [2]
    assert one(str(photos / "a/1.png"), tmp_path / "link") == [2]
    assert one(str(tmp_path / "link/a/1.png"), tmp_path / "link") == [2]
    assert one(str(tmp_path / "a/1.png"), photos) == []


def test_beside_the_file_of_labels_comes_first(photos, tmp_path):
    assert one("1.png", photos, photos / "a") == [2]
    assert one("1.png", photos, photos) == [1]
    assert one("1.png", photos, tmp_path / "export") == [1]
    assert one("z.png", photos, photos / "a") == [8]


def test_rows_that_differ_conflict_and_none_counts(photos):
    rows = [
        Named("1.png", "cat", "line 2"),
        Named("a/1.png", "cat", "line 3"),
        Named("photos/1.png", "dog", "line 4"),
        Named("photos/a/1.png", "cat", "line 5"),
        Named("copy.png", "dog", "line 6"),
    ]
    matched = match(rows, {**BY_PATH, "copy.png": 8}, photos)
    assert {item: row.where for item, row in matched.items.items()} == {2: "line 3", 8: "line 6"}
    assert matched.conflicting == ["1.png has several labels: 'cat' (line 2), 'dog' (line 4)"]
    assert matched.unknown == []
