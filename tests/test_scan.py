import hashlib
import os
from pathlib import Path

import pytest

from askwell.errors import DatasetError
from askwell.scan import Scan, scan
from askwell.store import Found
from tests.permissions import closed


def put(root: Path, name: str, content: bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def known(found: Scan) -> dict[str, tuple[int, int, str]]:
    return {file.path: (file.size, file.mtime_ns, file.sha256) for file in found.files}


def test_every_image_at_any_depth_with_its_hash_and_nothing_else(tmp_path):
    contents = {"a.png": b"1", "b/ü/c.JPG": b"22", "b/same.tif": b"1", "z/ .webp": b"x" * (3 << 20)}
    for name, content in contents.items():
        put(tmp_path, name, content)
    for name in ("notes.txt", ".hidden.png", ".askwell/work/a.png", "b/.git/c.png"):
        put(tmp_path, name, b"no")
    found = scan(tmp_path)
    assert found.unreadable == {}
    assert found.files == [
        Found(
            name,
            hashlib.sha256(contents[name]).hexdigest(),
            len(contents[name]),
            (tmp_path / name).stat().st_mtime_ns,
        )
        for name in sorted(contents)
    ]


def test_a_known_file_is_not_read_again_a_changed_one_is(tmp_path):
    a, b, c = (put(tmp_path, name, b"old") for name in ("a.png", "b.png", "c.png"))
    first = scan(tmp_path)
    marked = {path: (size, mtime, "f" * 64) for path, (size, mtime, _) in known(first).items()}
    b.write_bytes(b"longer")
    os.utime(b, ns=(0, first.files[1].mtime_ns))
    os.utime(c, ns=(0, first.files[2].mtime_ns + 1))
    with closed(a):
        again = scan(tmp_path, marked)
    hashes = [file.sha256 for file in again.files]
    assert hashes == ["f" * 64, hashlib.sha256(b"longer").hexdigest(), first.files[2].sha256]


def test_what_cannot_be_taken_up_has_a_reason_and_stops_nothing(tmp_path):
    outside = put(tmp_path / "elsewhere", "secret.png", b"secret")
    root = tmp_path / "photos"
    put(root, "good.png", b"good")
    put(root, "empty.png", b"")
    put(root, "raw.dcm", b"x")
    put(root, "shut.png", b"x")
    (root / "inner.png").symlink_to("good.png")
    (root / "link.png").symlink_to(outside)
    (root / "way").symlink_to(outside.parent)
    (root / "nowhere.png").symlink_to("gone.png")
    (root / "round.png").symlink_to("round.png")
    os.mkfifo(root / "pipe.png")
    (root / "folder.png").mkdir()
    with closed(root / "shut.png"):
        found = scan(root)
    assert [file.path for file in found.files] == ["good.png", "inner.png"]
    assert found.files[0].sha256 == found.files[1].sha256
    out = "a symbolic link that leads out of the folder"
    assert found.unreadable == {
        "empty.png": "the file is empty",
        "raw.dcm": ".dcm files are not read; convert it to PNG or JPEG",
        "shut.png": "Permission denied",
        "link.png": out,
        "way/secret.png": out,
        "nowhere.png": "No such file or directory",
        "pipe.png": "not a regular file",
        "round.png": "symbolic links in a circle",
    }


def test_a_folder_by_way_of_a_link_is_that_folder(tmp_path):
    put(tmp_path / "photos", "a.png", b"1")
    (tmp_path / "link").symlink_to("photos")
    assert scan(tmp_path / "link") == scan(tmp_path / "photos")


def test_progress_counts_every_file(tmp_path):
    for number in range(5):
        put(tmp_path, f"{number}.png", bytes([number]))
    put(tmp_path, "5.png", b"")
    calls = []
    scan(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 6) for done in range(1, 7)]


def test_no_folder_is_a_sentence(tmp_path):
    for place in (tmp_path / "none", put(tmp_path, "a.png", b"1")):
        with pytest.raises(DatasetError, match=r"There is no folder .* Give a folder of images\."):
            scan(place)
    assert scan(tmp_path / ".").files[0].path == "a.png"
