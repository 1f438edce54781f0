import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner

from askwell.cli.data import app
from askwell.datasets import DATASETS
from askwell.errors import DatasetError, SpecError
from tests.datasets.conftest import contents  # noqa: F401
from tests.datasets.test_fetch import make
from tests.permissions import closed

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def tiny(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    contents: dict[str, bytes],  # noqa: F811
) -> dict[str, bytes]:
    """The only data set, with its files ready to be placed by hand."""
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    monkeypatch.setattr("askwell.cli.data.DATASETS", {"tiny": make(contents)})
    return contents


def place(folder: Path, contents: dict[str, bytes]) -> None:  # noqa: F811
    (folder / "tiny").mkdir()
    for name, data in contents.items():
        (folder / "tiny" / f"{name}.gz").write_bytes(gzip.compress(data))


def test_fetch_verify_and_list(tmp_path: Path, tiny: dict[str, bytes]) -> None:
    assert "not fetched" in runner.invoke(app, ["list"]).output
    assert "tiny: not fetched" in runner.invoke(app, ["verify"]).output
    place(tmp_path, tiny)
    result = runner.invoke(app, ["fetch", "tiny"])
    assert result.exit_code == 0, result.output
    assert f"tiny: ready in {tmp_path / 'tiny'}" in result.output
    assert "ready" in runner.invoke(app, ["list"]).output
    result = runner.invoke(app, ["verify"])
    assert (result.exit_code, result.output) == (0, "tiny: good\n")
    path = tmp_path / "tiny" / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    assert "incomplete" in runner.invoke(app, ["list"]).output
    result = runner.invoke(app, ["verify", "tiny"])
    assert result.exit_code == 1
    assert "t10k-labels-idx1-ubyte has 19 bytes instead of 20" in result.output
    assert "askwell data fetch tiny" in result.output


def test_verify_by_name_what_is_not_here_is_bad(tiny: dict[str, bytes]) -> None:
    assert runner.invoke(app, ["verify", "tiny"]).exit_code == 1


def test_list_shows_every_data_set(tmp_path: Path) -> None:
    output = runner.invoke(app, ["list", "--dir", str(tmp_path)]).output
    assert all(name in output for name in DATASETS)
    for shown in ("60 000", "28×28", "10 classes", "regression"):
        assert shown in output


def test_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    assert runner.invoke(app, ["path"]).output.strip() == str(tmp_path)
    assert runner.invoke(app, ["path", "mnist"]).output.strip() == str(tmp_path / "mnist")
    result = runner.invoke(app, ["path", "mnist", "--dir", "/elsewhere"])
    assert result.output.strip() == "/elsewhere/mnist"


@pytest.mark.parametrize("name", ["fashion-mnist", "Fashion_MNIST", "fashion_mnst"])
def test_an_unknown_name_gets_the_nearest(name: str) -> None:
    error = runner.invoke(app, ["fetch", name]).exception
    assert isinstance(error, SpecError)
    assert "Did you mean 'fashion_mnist'?" in str(error)
    error = runner.invoke(app, ["verify", "xyz"]).exception
    assert str(error) == f"No data set 'xyz'. There are: {', '.join(DATASETS)}."


@pytest.mark.parametrize("command", ["list", "fetch", "verify", "path"])
def test_help_teaches_by_example(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"askwell data {command}" in result.output


def test_list_is_whole_in_a_pipe_and_folded_on_a_narrow_terminal(tmp_path: Path) -> None:
    place = tmp_path / ("long-" * 40)
    piped = runner.invoke(app, ["list", "--dir", str(place)]).output
    assert str(place / "fashion_mnist") in piped
    narrow = {"COLUMNS": "80", "FORCE_COLOR": "1"}  # what Rich takes for a terminal
    folded = runner.invoke(app, ["list", "--dir", str(place)], env=narrow).output
    assert "fashion_mnist" in folded
    assert "…" not in folded


def test_a_closed_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    with closed(tmp_path):
        error = runner.invoke(app, ["list", "--dir", str(tmp_path)]).exception
    assert isinstance(error, DatasetError)
    assert f"{tmp_path}/mnist/train-images-idx3-ubyte cannot be looked at: Permission" in str(error)


def test_a_home_that_there_is_not_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKWELL_DATA", "~nobody-of-this-name/data")
    for command in (["list"], ["path", "mnist"], ["verify"]):
        error = runner.invoke(app, command).exception
        assert isinstance(error, DatasetError)
        assert "no home directory is known for ~nobody-of-this-name." in str(error)
