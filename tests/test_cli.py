"""The command line as people meet it: help, lists, errors in one sentence, whole runs."""

import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from askwell.acquisition import ACQUISITIONS
from askwell.cli import main
from askwell.datasets import DATASETS
from askwell.experiment.journal import Journal
from askwell.experiment.spec_files import builtin
from askwell.records import Run
from askwell.version import __version__
from tests.conftest import tiny_toml
from tests.experiment.test_workbench import write_photos


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


class Shell:
    """`askwell …` in this process, in a directory of its own."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.patch = patch
        self.capture = capture

    def __call__(self, *arguments: str) -> Answer:
        self.capture.readouterr()
        with self.patch.context() as patch, warnings.catch_warnings():
            patch.setattr(sys, "argv", ["askwell", *arguments])
            warnings.simplefilter("default")  # as Python does; `main` says how they are shown
            with pytest.raises(SystemExit) as ended:
                main()
        code = ended.value.code
        return Answer(
            code if isinstance(code, int) else int(bool(code)), *self.capture.readouterr()
        )


@pytest.fixture
def askwell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("ASKWELL_TRACEBACK", raising=False)
    (tmp_path / "tiny.toml").write_text(tiny_toml())
    return Shell(monkeypatch, capsys)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports take seconds: they are left out where a test is about something else."""

    def instead(run: Run, directory: Path, *, images: object = None) -> Path:
        return directory / "report.html"

    monkeypatch.setattr("askwell.experiment.report.write_report", instead)


RUN = ("run", "tiny.toml", "--jobs", "1")


@pytest.mark.parametrize("command", ["run", "report", "acquisitions", "data list", "data path"])
def test_help_teaches_by_example(askwell, command):
    answer = askwell(*command.split(), "--help")
    assert answer.code == 0
    assert f"Example: askwell {command}" in answer.out


def test_help_of_everything_says_where_to_start(askwell):
    answer = askwell("--help")
    assert answer.code == 0
    assert "askwell run quickstart" in answer.out
    assert all(name in answer.out for name in ("run", "report", "acquisitions", "data"))


def test_the_version_is_shown(askwell):
    assert askwell("--version") == Answer(0, f"askwell {__version__}\n", "")


@pytest.mark.parametrize("command", ["data list", "acquisitions", "run --list"])
def test_a_list_in_a_pipe_has_a_whole_line_for_each_thing(askwell, command):
    answer = askwell(*command.split())
    assert answer.code == 0
    head, rule, *rows = [line for line in answer.out.splitlines() if line.strip()]
    names = {"data list": DATASETS, "acquisitions": ("random", *ACQUISITIONS)}.get(
        command, builtin()
    )
    assert [row.split()[0] for row in rows] == list(names)
    assert "…" not in head + rule + "".join(rows).replace(" … ", "")


def test_every_acquisition_is_listed_whole_on_a_narrow_terminal(askwell):
    answer = askwell("acquisitions")
    assert answer.code == 0
    for name in ("random", *ACQUISITIONS):
        assert re.search(rf"^ ?{name} ", answer.out, re.MULTILINE), name
    assert "…" not in answer.out


@pytest.mark.parametrize("arguments", [["run", "--list"], ["run"]])
def test_the_builtin_specs_are_listed(askwell, arguments):
    answer = askwell(*arguments)
    assert answer.code == 0
    for name in builtin():
        assert re.search(rf"^ ?{name} ", answer.out, re.MULTILINE), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quickstrat"], "No spec is called 'quickstrat'. Did you mean 'quickstart'?"),
        (["run", "none.toml"], "Cannot read the spec none.toml: No such file or directory."),
        ([*RUN, "--acquisitions", "bold"], "No acquisition is called 'bold'. Did you mean 'bald'?"),
        ([*RUN, "--acquisitions", ","], "acquisitions must name one or more different ones"),
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


def test_help_and_lists_need_no_torch():
    code = (
        "import sys; from askwell.cli import app; app(['--help'], standalone_mode=False); "
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)


def test_a_run_is_kept_reported_and_found_finished_the_next_time(askwell, tmp_path):
    first = askwell(*RUN)
    assert first.code == 0, first.err
    directory = tmp_path / "runs" / "tiny"
    assert first.out.startswith("tiny: 2 chains of 2 steps; 1 process.\n")
    assert "bald seed 0: 15/15 labels" in first.out
    page = directory / "report" / "report.html"
    assert first.out.splitlines()[-1] == f"Report: {page}"
    assert (directory / "report" / "first_images.png").is_file()
    steps = {p: p.read_bytes() for p in directory.glob("steps/*")}
    page.unlink()
    again = askwell(*RUN)
    assert again.code == 0
    assert again.out.startswith("tiny: 2 chains of 2 steps, 4 done before; 1 process.\n")
    assert page.is_file()
    assert {p: p.read_bytes() for p in directory.glob("steps/*")} == steps
    page.unlink()
    report = askwell("report", "runs/tiny")
    assert report.code == 0
    assert page.is_file()
    assert report.out == again.out.partition("process.\n")[2]


@pytest.mark.usefixtures("no_report")
def test_options_and_assignments_reach_the_spec(askwell, tmp_path):
    answer = askwell(
        *RUN, "--acquisitions", "random, max_entropy", "--seeds", "2", "--budget", "17",
        "--query-size", "7", "--draws", "3", "--set", "training.steps=4",
        "--set", "training.weight_decay=[0.1, 1]", "--set", "label_noise=0.5", "--out", "here",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    spec = Journal(tmp_path / "here").read().spec
    assert spec["acquisitions"] == ["random", "max_entropy"]
    assert (spec["seeds"], spec["budget"], spec["query_size"]) == ([0, 1], 17, 7)
    assert (spec["draws"], spec["label_noise"]) == (3, 0.5)
    training = spec["training"]
    assert isinstance(training, dict)
    assert (training["steps"], training["weight_decay"]) == (4, [0.1, 1.0])


@pytest.mark.usefixtures("no_report")
def test_a_run_on_other_data_than_the_specs_has_a_directory_and_a_name_of_its_own(
    askwell, tmp_path
):
    toml = tmp_path / "tiny.toml"
    toml.write_text(toml.read_text().replace('"digits"', '"mnist"'))
    assert askwell(*RUN, "--dataset", "digits").code == 0
    assert Journal(tmp_path / "runs" / "tiny-digits").read().spec["name"] == "tiny-digits"
    again = askwell(*RUN, "--set", "dataset=digits")
    assert "4 done before" in again.out
    toml.write_text(toml.read_text().replace('"mnist"', '"digits"'))
    assert askwell(*RUN, "--dataset", "digits").out.startswith("tiny: 2 chains")
    assert (tmp_path / "runs" / "tiny" / "run.json").is_file()


@pytest.mark.usefixtures("no_report")
def test_another_spec_in_the_same_directory_is_refused(askwell):
    assert askwell(*RUN).code == 0
    answer = askwell(*RUN, "--draws", "5")
    assert answer.code == 1
    assert "runs/tiny holds a run of another spec: draws is 4 there and 5 here." in answer.err
    assert "--out" in answer.err


@pytest.mark.usefixtures("no_report")
def test_a_renamed_spec_goes_on_with_its_run(askwell, tmp_path):
    assert askwell(*RUN, "--out", "mine").code == 0
    (tmp_path / "tiny.toml").rename(tmp_path / "renamed.toml")
    answer = askwell("run", "renamed.toml", "--jobs", "1", "--out", "mine")
    assert answer.code == 0
    assert "4 done before" in answer.out


FOLDER = (
    *("run", "tiny.toml", "--jobs", "1", "--dataset", "photos", "--out", "out"),
    *("--set", "initial=4", "--set", "validation=4", "--budget", "9"),
    *("--set", "pool_size=0", "--set", "test_size=0", "--acquisitions", "bald"),
)


def test_a_folder_of_photos_runs_and_is_found_from_another_directory(
    askwell, tmp_path, monkeypatch
):
    write_photos(tmp_path / "photos", {"[b] cat": 20, "dog": 20})
    first = askwell(*FOLDER)
    assert first.code == 0, first.err
    assert Journal(Path("out")).read().spec["dataset"] == str(tmp_path / "photos")
    images = tmp_path / "out" / "report" / "first_images.png"
    images.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    report = askwell("report", "../out")
    assert (report.code, report.err) == (0, "")
    assert images.is_file()
    assert "[b] cat" in (tmp_path / "out" / "report" / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("no_report")
def test_data_that_are_gone_or_moved_stop_neither_a_report_nor_the_run(askwell, tmp_path):
    photos = write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})
    assert askwell(*FOLDER).code == 0
    photos.rename(tmp_path / "moved")
    report = askwell("report", "out")
    assert report.code == 0
    assert report.err.startswith(
        "The report shows no images, since the data set is not at hand. dataset '"
    )
    assert report.out.splitlines()[-1].startswith("Report: ")
    assert askwell("report", "out", "--no-images").err == ""
    moved = ["moved" if word == "photos" else word for word in FOLDER]
    again = askwell(*moved)
    assert again.code == 0, again.err
    assert "2 done before" in again.out
    (tmp_path / "moved").rename(photos)
    (photos / "cat" / "0.png").unlink()
    changed = askwell(*FOLDER)
    assert changed.code == 1
    assert "holds a run on other data: images were added, removed, edited" in changed.err


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("digest", ["recorded", "of before it was"])
def test_data_that_have_changed_are_said_so_and_not_shown(askwell, tmp_path, digest):
    photos = write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})
    assert askwell(*FOLDER).code == 0
    if digest != "recorded":
        path = tmp_path / "out" / "run.json"
        header = json.loads(path.read_text("utf-8"))
        del header["data"]
        path.write_text(json.dumps(header))
    for path in photos.rglob("*.png"):
        if path.stem not in ("0", "1"):
            path.unlink()  # two of each class are left: too few for the budget, even
    report = askwell("report", "out")
    assert report.code == 0
    assert report.err == (
        "The report shows no images, since the data have changed since the run: images of "
        f"{photos} were added, removed, edited or labelled anew. Restore them to see the images "
        "that were asked for.\n"
    )


@pytest.mark.usefixtures("no_report")
def test_a_report_of_a_spec_that_this_version_does_not_know_says_where_it_stands(askwell, tmp_path):
    assert askwell(*RUN).code == 0
    header = tmp_path / "runs" / "tiny" / "run.json"
    header.write_text(header.read_text("utf-8").replace('"draws"', '"drawz"'))
    report = askwell("report", "runs/tiny")
    assert report.code == 1
    assert report.err.startswith("Error: runs/tiny/run.json holds a spec that this askwell (")
    assert "Unknown key 'drawz' in the spec. Did you mean 'draws'?" in report.err


def test_a_report_without_images_leaves_none_of_an_earlier_one(askwell, tmp_path):
    assert askwell(*RUN).code == 0
    images = tmp_path / "runs" / "tiny" / "report" / "first_images.png"
    assert images.is_file()
    assert askwell("report", "runs/tiny", "--no-images").code == 0
    assert not images.exists()


@pytest.mark.usefixtures("no_report")
def test_a_report_fetches_nothing(askwell, tmp_path, monkeypatch):
    assert askwell(*RUN).code == 0
    header = tmp_path / "runs" / "tiny" / "run.json"
    header.write_text(header.read_text("utf-8").replace('"digits"', '"mnist"'))
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path / "no data"))
    report = askwell("report", "runs/tiny")
    assert report.code == 0
    assert "`askwell data fetch mnist` brings it." in report.err
    assert not (tmp_path / "no data").exists()


@pytest.mark.usefixtures("no_report")
def test_a_picture_that_cannot_be_read_is_a_warning_in_words(askwell, tmp_path):
    photos = write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})
    (photos / "cat" / "bad.png").write_bytes(b"no image")
    answer = askwell(*FOLDER)
    assert answer.code == 0
    assert answer.err.startswith("Warning: ")
    assert answer.err.count("cat/bad.png") == 1, "the run reads the folder, and so does the report"
    assert ".py" not in answer.err, "no source line of ours"


def test_a_run_without_a_finished_step_has_no_report(askwell, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("askwell.experiment.workbench.Workbench.step", stop)
        answer = askwell(*RUN, "--out", "[red]x")
    assert answer.code == 130
    assert answer.out.splitlines()[-1] == (
        "Stopped. Finished steps are safe in [red]x; the same command goes on from there."
    )
    report = askwell("report", "[red]x")
    assert report.code == 1
    assert report.err == (
        "Error: [red]x has no finished step yet: there is nothing to report.\n"
    )  # fmt: skip
    assert askwell(*RUN, "--out", "[red]x").code == 0


def test_a_report_that_cannot_be_written_says_that_the_run_is_safe(askwell, tmp_path):
    assert askwell(*RUN).code == 0
    report = tmp_path / "runs" / "tiny" / "report"
    report.rename(tmp_path / "old")
    report.write_text("in the way")
    answer = askwell("report", "runs/tiny")
    assert answer.code == 1
    assert answer.err == (
        "Error: Cannot write runs/tiny/report: File exists. The run itself is safe; `askwell "
        "report runs/tiny` writes its report again.\n"
    )
