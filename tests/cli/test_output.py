"""Where the output goes: nowhere, to a full disk, to a pipe that is closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = (
    "Error: The output or a file cannot be written: No space left on device. Finished steps are "
    "safe. Make room, or send the output elsewhere.\n"
)


def askwell(*arguments: str, stdout: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since Python, too, writes when it ends."""
    environment = os.environ | {"TERM": "dumb"}
    for name in ("ASKWELL_TRACEBACK", "PYTHONUNBUFFERED"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "askwell", *arguments],
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["--help", "--version", "data list"])
def test_a_full_disk_is_one_sentence(command):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = askwell(*command.split(), stdout=full)
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.skipif(os.name != "posix", reason="pipes of other systems say it otherwise")
def test_a_reader_that_goes_away_is_no_error_in_words():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = askwell("data", "list", stdout=pipe)
    assert done.returncode == 1
    assert done.stderr == ""
