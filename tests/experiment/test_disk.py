"""A run directory is held by one process at a time, or refused in words."""

import subprocess
import sys

import pytest

from askwell.errors import RunError
from askwell.experiment.disk import locked
from tests.permissions import closed


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    directory = tmp_path / "file" / "run"
    with pytest.raises(RunError) as caught, locked(directory):
        pytest.fail("not to be had")
    assert str(caught.value) == (
        f"The run directory {directory} cannot be made or written: Not a directory. Choose another "
        "one with --out."
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 300, f"{'x' * 100} cannot be made or written: File name too long."),
        ("a\0b", r"a\x00b cannot be made or written: embedded null byte."),
        ("locked/run", "locked/run cannot be made or written: Permission denied."),
    ],
    ids=["long", "NUL", "closed"],
)
def test_a_directory_that_can_be_nowhere_is_named(tmp_path, name, reason):
    (tmp_path / "locked").mkdir()
    with (
        closed(tmp_path / "locked"),
        pytest.raises(RunError) as caught,
        locked(tmp_path / name),
    ):
        pytest.fail("not to be had")
    assert str(caught.value).endswith(f"{reason} Choose another one with --out.")


def test_a_file_in_the_place_of_the_directory_is_said_to_be_one(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError) as caught, locked(tmp_path / "file"):
        pytest.fail("not to be had")
    assert str(caught.value) == (
        f"{tmp_path / 'file'} is a file, and a run needs a directory. Choose one with --out."
    )


def test_a_lock_is_exclusive_and_given_back(tmp_path):
    directory = tmp_path / "new" / "run"
    with locked(directory):
        assert directory.is_dir()
        with pytest.raises(RunError, match="Another process is running in"), locked(directory):
            pytest.fail("held twice")
    with locked(directory):
        pass


def test_a_lock_of_another_process_is_respected_and_ends_with_it(tmp_path):
    code = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / ".lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RunError) as caught, locked(tmp_path):
            pytest.fail("held by another process")
        assert str(caught.value) == (
            f"Another process is running in {tmp_path}. Wait for it, or choose another directory "
            "with --out."
        )
        other.kill()
        other.wait()
        with locked(tmp_path):
            pass


def test_the_error_of_a_user_is_not_taken_for_one_of_the_disk(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path):
        raise FileNotFoundError("mine")
