"""Exported folders: what they hold, what they never overwrite."""

import errno
import shutil
from pathlib import Path

import pytest

from askwell.errors import InputError, RunError
from askwell.formats import (
    Labelled,
    Named,
    read_class_folders,
    write_class_folders,
    write_hugging_face,
)
from askwell.formats.class_folders import file_names, folder_names
from tests.formats.rows import ODD, write_images

ROWS = [Labelled("a/1.png", "cat"), Labelled("b/1.png", "cat"), Labelled("c/2.png", "dog")]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_images(tmp_path / "photos", ROWS)
    return tmp_path / "photos"


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def shapes(found: list[str]) -> list[str]:
    return [name if len(name) < 12 else f"{name[:6]}…" for name in found]


def test_files_of_one_name_are_told_apart_the_others_keep_theirs(tmp_path, photos):
    write_class_folders(tmp_path / "out", ROWS, root=photos, how="link")
    found = files(tmp_path / "out")
    assert shapes(found) == [".askwe…", "cat/1-…", "cat/1-…", "dog/2.png"]
    contents = {(tmp_path / "out" / name).read_bytes() for name in found[1:3]}
    assert contents == {b"image 0", b"image 1"}


def test_links_take_no_room_and_copies_are_files_of_their_own(tmp_path, photos):
    for how, links in (("link", 2), ("copy", 1)):
        write_class_folders(tmp_path / how, ROWS[2:], root=photos, how=how)
        assert (tmp_path / how / "dog/2.png").stat().st_nlink == links
        shutil.rmtree(tmp_path / how)
    assert (photos / "c/2.png").read_bytes() == b"image 2"


def test_on_another_disk_links_are_symbolic(tmp_path, photos, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    write_class_folders(tmp_path / "out", ROWS, root=photos, how="link")
    assert (tmp_path / "out/dog/2.png").readlink() == photos / "c/2.png"
    write_class_folders(tmp_path / "out", ROWS[2:], root=photos, how="link")
    assert files(tmp_path / "out") == [".askwell-export.json", "dog/2.png"]


def test_an_earlier_export_is_replaced_as_a_whole(tmp_path, photos):
    out = tmp_path / "out"
    write_class_folders(out, ROWS, root=photos, how="link")
    changed = [ROWS[0], Labelled("c/2.png", "cat")]
    write_class_folders(out, changed, root=photos, how="copy")
    assert files(out) == [".askwell-export.json", "cat/1.png", "cat/2.png"]
    write_hugging_face(out, changed, root=photos, how="link")
    assert files(out) == [".askwell-export.json", "a/1.png", "c/2.png", "metadata.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]
    assert files(photos) == ["a/1.png", "b/1.png", "c/2.png"]


@pytest.mark.parametrize("foreign", ["notes.txt", "cat/mine.png", "deep/er/x"])
def test_what_no_export_put_there_stays_and_nothing_is_written(tmp_path, photos, foreign):
    out = tmp_path / "out"
    for earlier in (False, True):
        if earlier:
            write_class_folders(out, ROWS[:1], root=photos, how="link")
        (out / foreign).parent.mkdir(parents=True, exist_ok=True)
        (out / foreign).write_text("mine")
        before = files(out)
        with pytest.raises(InputError, match=f"holds {foreign}, which no export put there"):
            write_class_folders(out, ROWS, root=photos, how="link")
        assert files(out) == before
        shutil.rmtree(out)


def test_what_was_changed_in_an_export_stays(tmp_path, photos):
    out = tmp_path / "out"
    write_class_folders(out, ROWS, root=photos, how="copy")
    (out / "dog/2.png").write_bytes(b"edited")
    with pytest.raises(InputError, match=r"holds dog/2\.png"):
        write_class_folders(out, ROWS, root=photos, how="copy")
    assert (out / "dog/2.png").read_bytes() == b"edited"


def test_a_folder_of_empty_folders_is_not_ours(tmp_path, photos):
    (tmp_path / "out/deep").mkdir(parents=True)
    with pytest.raises(InputError, match="holds deep"):
        write_class_folders(tmp_path / "out", ROWS, root=photos, how="copy")


def test_no_export_into_the_folder_of_images_or_a_file(tmp_path, photos):
    for place in (photos, photos / "out", photos / "../photos/x"):
        with pytest.raises(InputError, match="would be taken for new ones"):
            write_class_folders(place, ROWS, root=photos, how="link")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        write_class_folders(tmp_path / "file", ROWS, root=photos, how="link")


def test_an_image_that_is_gone_leaves_the_earlier_export_as_it_was(tmp_path, photos):
    out = tmp_path / "out"
    write_class_folders(out, ROWS, root=photos, how="link")
    before = files(out)
    (photos / "c/2.png").unlink()
    for how in ("link", "copy"):
        with pytest.raises(RunError, match="No such file"):
            write_class_folders(out, ROWS, root=photos, how=how)
        assert files(out) == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_odd_labels_have_folders_that_differ_everywhere():
    names = folder_names(ODD)
    assert len({name.casefold() for name in names.values()}) == len(ODD)
    assert all(
        names[plain] == plain for plain in ("007", "NA", "null", "two words", "Größe", "🐈‍⬛")
    )
    for name in names.values():
        assert len(name.encode()) <= 109
        assert not set(name) & set('/\\:*?"<>|')
        assert not name.startswith((".", "__", " "))
        assert not name.endswith((".", " "))
        assert name.partition(".")[0].upper() not in {"CON", "AUX"}
    assert folder_names(reversed(ODD)) == names


def test_a_label_that_looks_like_anothers_folder_gets_its_own():
    (made,) = folder_names(["a/b"]).values()
    assert len(set(folder_names(["a/b", made]).values())) == 2
    (first, second) = file_names(["a/1.png", "b/1.png"]).values()
    crowd = file_names(["a/1.png", "b/1.png", f"c/{first}", f"c/{second}", "1.PNG"])
    assert len({name.casefold() for name in crowd.values()}) == 5


def test_class_folders_of_others(tmp_path):
    plain = ["cat/1.png", "dog/x/2.png", "loose.png"]
    assert read_class_folders(tmp_path, plain) == [
        Named("cat/1.png", "cat"),
        Named("dog/x/2.png", "dog"),
    ]
    split = ["train/cat/1.png", "Val/dog/2.png"]
    assert [row.label for row in read_class_folders(tmp_path, split)] == ["cat", "dog"]
    trains = ["train/1.png", "bus/2.png"]
    assert [row.label for row in read_class_folders(tmp_path, trains)] == ["train", "bus"]
    assert read_class_folders(tmp_path, []) == []
