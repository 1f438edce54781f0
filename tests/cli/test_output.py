"""Where the output goes: nowhere, to a full disk, to a pipe that is closed."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from askwell.cli import _say

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


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("drawn", [True, False])
def test_a_warning_stands_above_the_bars_that_are_being_drawn(drawn, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    console = Console(file=out, force_terminal=drawn, width=60)
    with Live("a bar", console=console, auto_refresh=False):
        _say("Warning:", "yellow", "the loss is [high]")
    shown, other = (out, err) if drawn else (err, out)
    assert "the loss is [high]" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    assert "the loss" not in other.getvalue()


def test_a_warning_goes_to_the_file_that_stderr_is_also_while_bars_are_drawn(monkeypatch):
    out, err = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    with Live("a bar", console=Console(file=out, force_terminal=True), auto_refresh=False):
        _say("Warning:", "yellow", "the loss is [high]")
    assert err.getvalue() == "Warning: the loss is [high]\n"
    assert "the loss" not in out.getvalue()
