"""Reports: of unfinished runs, of data that are gone, and of what cannot be written or shown."""

import io
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.shell import FOLDER, RUN
from tests.cli.test_output import FULL
from tests.experiment.test_workbench import write_photos
from tests.permissions import closed


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


def test_a_report_that_is_stopped_says_how_it_is_written(askwell, tmp_path, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as broken:
        broken.setattr("askwell.experiment.report.write_report", stop)
        answer = askwell(*RUN, "--out", "[red]x")
    assert answer.code == 143
    assert answer.out.splitlines()[-1] == (
        "Stopped. The run is safe in [red]x; `askwell report [red]x` writes its report."
    )
    assert "accuracy" in answer.out
    assert askwell("report", "[red]x").code == 0


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


@pytest.mark.usefixtures("no_report")
def test_data_in_a_closed_folder_stop_no_report(askwell, tmp_path):
    write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})
    assert askwell(*FOLDER).code == 0
    with closed(tmp_path / "photos"):
        report = askwell("report", "out")
    assert report.code == 0
    assert report.err.startswith("The report shows no images, since the data set is not at hand.")
    assert "Permission denied" in report.err


def test_a_report_is_there_even_where_its_table_cannot_be_shown(askwell, tmp_path, monkeypatch):
    assert askwell(*RUN).code == 0
    page = tmp_path / "runs" / "tiny" / "report" / "report.html"
    page.unlink()
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    with Path("/dev/full").open("w", encoding="utf-8") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        report = askwell("report", "runs/tiny", "--no-images")
    assert report.code == 1
    assert report.err == FULL
    assert page.is_file()


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_table_is_shown_in_an_encoding_that_lacks_some_of_its_letters(
    askwell, monkeypatch, encoding
):
    assert askwell(*RUN).code == 0
    shown = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", shown)
        report = askwell("report", "runs/tiny", "--no-images")
    assert (report.code, report.err) == (0, "")
    shown.seek(0)
    text = shown.read()
    assert "random" in text
    assert "?" in text, "the dash of the arm that others are compared with"
