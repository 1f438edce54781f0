"""Whole runs: kept, taken up, and made of what the options say."""

from pathlib import Path

import pytest

from askwell.experiment.journal import Journal
from tests.cli.shell import FOLDER, RUN
from tests.experiment.test_workbench import write_photos
from tests.permissions import closed


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
def test_a_spec_is_tried_out_in_a_directory_of_its_own(askwell, tmp_path):
    command = (*RUN, "--smoke", "--acquisitions", "random", "--seeds", "2", "--draws", "3")
    answer = askwell(*command)
    assert answer.code == 0, answer.err
    spec = Journal(tmp_path / "runs" / "tiny-smoke").read().spec
    assert (spec["seeds"], spec["draws"], spec["acquisitions"]) == ([0, 1], 3, ["random"])
    assert spec["pool_subset"] == 100
    assert not (tmp_path / "runs" / "tiny").exists()
    assert "4 done before" in askwell(*command).out


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
def test_steps_that_cannot_be_seen_are_not_written_over(askwell, tmp_path):
    assert askwell(*RUN).code == 0
    steps = tmp_path / "runs" / "tiny" / "steps"
    kept = {path.name: path.read_bytes() for path in steps.iterdir()}
    with closed(steps, 0o300):  # to be written and entered, not listed
        answer = askwell(*RUN, "--draws", "5")
    assert answer.code == 1
    assert answer.err == "Error: The folder runs/tiny/steps cannot be read: Permission denied.\n"
    assert {path.name: path.read_bytes() for path in steps.iterdir()} == kept


@pytest.mark.usefixtures("no_report")
def test_a_renamed_spec_goes_on_with_its_run(askwell, tmp_path):
    assert askwell(*RUN, "--out", "mine").code == 0
    (tmp_path / "tiny.toml").rename(tmp_path / "renamed.toml")
    answer = askwell("run", "renamed.toml", "--jobs", "1", "--out", "mine")
    assert answer.code == 0
    assert "4 done before" in answer.out


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
def test_a_picture_that_cannot_be_read_is_a_warning_in_words(askwell, tmp_path):
    photos = write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})
    (photos / "cat" / "bad.png").write_bytes(b"no image")
    answer = askwell(*FOLDER)
    assert answer.code == 0
    assert answer.err.startswith("Warning: ")
    assert answer.err.count("cat/bad.png") == 1, "the run reads the folder, and so does the report"
    assert ".py" not in answer.err, "no source line of ours"
