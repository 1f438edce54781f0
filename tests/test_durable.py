"""A file is the old one or the new one, whole; nothing else stays in its folder."""

import os
import stat

import pytest

from askwell.durable import replacing, sync_folder


def test_the_new_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_an_error_on_the_way_changes_nothing_and_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def replace(error: Exception | None = None) -> None:
        with replacing(path) as file:
            file.write(b"new")
            if error is not None:
                raise error

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ZeroDivisionError):
        replace(ZeroDivisionError())
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            replace()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("x" * 255)
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_new_files_or_the_owners_alone(tmp_path):
    before = os.umask(0o027)
    try:
        for private, wanted in ((False, 0o640), (True, 0o600)):
            with replacing(tmp_path / "a", private=private) as file:
                file.write(b"")
            assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == wanted
    finally:
        os.umask(before)


def test_what_is_synced_is_the_file_and_then_its_folder(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def watched(handle: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    with replacing(tmp_path / "a") as file:
        file.write(b"new")
    assert synced == [False, True][: 1 + (os.name == "posix")]
    sync_folder(tmp_path)
    assert len(synced) == 1 + 2 * (os.name == "posix")
