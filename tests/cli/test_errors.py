"""What goes wrong is one sentence on stderr, whatever it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from askwell.cli import main
from tests.cli.shell import FOLDER, RUN
from tests.experiment.test_workbench import write_photos
from tests.permissions import closed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quickstrat"], "No spec is called 'quickstrat'. Did you mean 'quickstart'?"),
        (["run", "none.toml"], "Cannot read the spec none.toml: No such file or directory."),
        ([*RUN, "--acquisitions", "bold"], "No acquisition is called 'bold'. Did you mean 'bald'?"),
        ([*RUN, "--acquisitions", ","], "A spec needs an acquisition function, or an arm"),
        ([*RUN, "--dataset", "digit"], "dataset 'digit' is neither a data set ("),
        ([*RUN, "--set", "stepz=3"], "Unknown key 'stepz' in the spec."),
        ([*RUN, "--set", "training.stepz=3"], "Unknown key 'training.stepz' in the spec. Did you"),
        ([*RUN, "--set", "draws"], "--set takes KEY=VALUE, for example draws=50; got 'draws'."),
        ([*RUN, "--set", "draws=many"], "draws must be a whole number; got 'many' (text)."),
        ([*RUN, "--set", "name=[/b]"], "name must be a plain name for a folder"),
        ([*RUN, "--seeds", "0"], "seeds must be one or more different numbers; got []."),
        ([*RUN, "--jobs", "0"], "--jobs must be at least 1; got 0."),
        ([*RUN, "--set", "trainig.steps=3"], "Unknown key 'trainig.steps' in the spec. Did you"),
        ([*RUN, "--set", "image_size=28"], "image_size stretches the images of a folder; those"),
        ([*RUN, "--budget", "5000"], "The budget of 5000 labels and 10 validation images need"),
        ([*RUN, "--out", "tiny.toml"], "tiny.toml is a file, and a run needs a directory."),
        ([*RUN, "--out", "tiny.toml/run"], "The run directory tiny.toml/run cannot be made or"),
        ([*RUN, "--out", "/proc/foo"], "The run directory /proc/foo cannot be made or written: "),
        (["report", "tiny.toml"], "tiny.toml is a file. A run is a directory with a run.json"),
        (["report", "runs/none"], "runs/none is no run directory: it has no run.json."),
        (["data", "path", "mnits"], "No data set 'mnits'. Did you mean 'mnist'?"),
    ],
)
def test_an_error_is_one_sentence_on_stderr_and_exit_code_1(askwell, arguments, message):
    answer = askwell(*arguments)
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert line.startswith(f"Error: {message}")
    assert "Traceback" not in answer.out + answer.err


def test_an_unknown_option_is_exit_code_2(askwell):
    answer = askwell("run", "quickstart", "--buget", "5")
    assert answer.code == 2
    assert "--budget" in answer.err


def test_python_m_askwell_is_askwell_and_shows_no_traceback(tmp_path):
    command = [sys.executable, "-m", "askwell", "report", "[red]none"]
    environment = os.environ | {"TERM": "dumb"}
    environment.pop("ASKWELL_TRACEBACK", None)
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: [red]none is no run directory: it has no run.json. `askwell run` makes one.\n"
    )


def test_a_traceback_can_be_asked_for(askwell, monkeypatch):
    monkeypatch.setenv("ASKWELL_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["askwell", "report", "none"])
    with pytest.raises(Exception, match="is no run directory"):
        main()


LONG, DIGITS = "x" * 5000, "1" + "0" * 400


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", LONG], "File name too long"),
        (["run", f"{LONG}.toml"], "File name too long"),
        (["run", "a\0b"], "embedded null byte"),
        ([*RUN, "--dataset", LONG], "File name too long"),
        ([*RUN, "--set", r'dataset="a\u0000b"'], "embedded null byte"),
        ([*RUN, "--out", LONG], "File name too long"),
        (["report", LONG], "File name too long"),
        ([*RUN, "--dataset", "~nosuchuser/photos"], "no home directory is known for ~nosuchuser"),
        ([*RUN, "--dataset", ""], "dataset must name a data set (mnist, "),
        ([*RUN, "--set", "dataset="], "dataset must name a data set (mnist, "),
        ([*RUN, "--set", f"temperature={DIGITS}"], "temperature must lie between -1e308 and 1e308"),
        ([*RUN, "--set", f"training.weight_decay=[1, {DIGITS}]"], "training.weight_decay must lie"),
        ([*RUN, "--set", "draws=10000000000000000000000"], "draws must be at most 100000; got 1"),
        ([*RUN, "--set", f"draws={'9' * 5000}"], "draws must be a whole number; got '999"),
        ([*RUN, "--set", f"draws={'[' * 3000}"], "draws must be a whole number; got '[[["),
        ([*RUN, "--seeds", "9999999999999"], "--seeds must be at most 10000; got 9999999999999."),
    ],
)
def test_what_no_file_system_and_no_computer_takes_is_a_short_sentence(askwell, arguments, reason):
    answer = askwell(*arguments)
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert line.startswith("Error: ")
    assert reason in line
    assert len(line) < 500


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "locked/run"],
        ["run", "locked/spec"],
        ["run", "locked/spec.toml"],
        [*RUN, "--dataset", "locked"],
        [*RUN, "--dataset", "locked/photos"],
        [*RUN, "--out", "locked/run"],
    ],
)
def test_what_lies_in_a_closed_folder_is_named(askwell, tmp_path, arguments):
    (tmp_path / "locked").mkdir()
    with closed(tmp_path / "locked"):
        answer = askwell(*arguments)
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert "Permission denied" in line
    assert arguments[-1] in line


def test_a_class_that_cannot_be_read_is_not_left_out(askwell, tmp_path):
    photos = write_photos(tmp_path / "photos", {"bird": 9, "cat": 9, "dog": 9})
    with closed(photos / "bird"):
        answer = askwell(*FOLDER)
    assert answer.code == 1
    assert answer.err.startswith(f"Error: No image in {photos / 'bird'} can be read, so a class")
    assert answer.err.endswith("\n  bird/: the folder cannot be read: Permission denied\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            PermissionError(13, "Permission denied", Path("/x/y")),
            "Error: The system refuses /x/y: Permission denied. Check the place and its",
        ),
        (OSError("no number"), "Error: The output or a file cannot be written: no number. Fin"),
        (MemoryError(), "Error: Memory is short. Finished steps are safe. Make image_size or"),
    ],
    ids=["with a path", "bare", "memory"],
)
def test_a_refusal_that_nobody_foresaw_is_a_sentence_too(askwell, monkeypatch, error, message):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("askwell.experiment.journal.Journal.read", refuse)
    answer = askwell("report", "runs/tiny")
    assert (answer.code, answer.out) == (1, "")
    (line,) = answer.err.splitlines()
    assert line.startswith(message)
