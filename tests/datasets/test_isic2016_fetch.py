"""ISIC 2016 from a server: fetched, completed, verified."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from askwell.cli.data import app
from askwell.datasets import Dataset
from askwell.datasets.fetch import SCRATCH, silent
from askwell.datasets.isic2016 import Isic2016
from askwell.errors import DatasetError
from tests.datasets.conftest import Server
from tests.datasets.isic import FOUR, SMALL, TEST, TRAIN, contents, jpeg, no_decoding, packed, place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return place(tmp_path / "official", contents())


@pytest.fixture
def served(server: Server) -> Isic2016:
    """The four official files on a web server."""
    files = contents()
    for part in SMALL:
        server.content[part.table] = files[part.table]
        server.content[f"{part.data}.zip"] = packed(files, part)
    return Isic2016(SMALL, server.url)


def dataset(archive: Isic2016) -> Dataset:
    return Dataset(
        name="isic2016",
        summary="small",
        classes=("benign", "malignant"),
        image_shape=(224, 224, 3),
        sizes=(7, 3),
        licence="none",
        source="nowhere",
        citation="nobody",
        read=archive.read,
        archive=archive,
    )


def test_load_fetches_what_is_not_there(
    served: Isic2016, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dataset(served)
    assert small.state(tmp_path) == "not fetched"
    task = small.load(tmp_path)
    assert task.train.images.shape == (7, 224, 224, 3)
    assert len(server.requests) == 4
    assert small.state(tmp_path) == "ready"
    assert small.verify(tmp_path) == ()
    assert not (tmp_path / "isic2016" / SCRATCH).exists()
    with no_decoding(monkeypatch):
        small.load(tmp_path)
    assert len(server.requests) == 4


def test_fetch_completes_and_leaves_what_is_good(
    served: Isic2016, server: Server, tmp_path: Path
) -> None:
    files = contents()
    folder = place(tmp_path, {k: v for k, v in files.items() if k.startswith(f"{TRAIN}_Data/")})
    place(folder, {f"{TEST}_Data.zip": packed(files, SMALL[1])[:-9]})  # cut short
    place(folder, {f"{TEST}_GroundTruth.csv": b"<html>"})
    assert served.state(folder) == "incomplete"
    served.fetch(folder, progress=silent)
    asked = {name for name, _ in server.requests}
    assert asked == {f"{TRAIN}_GroundTruth.csv", f"{TEST}_Data.zip", f"{TEST}_GroundTruth.csv"}
    assert served.verify(folder) == ()


def test_a_broken_download_goes_on(served: Isic2016, server: Server, tmp_path: Path) -> None:
    server.break_after[f"{TRAIN}_Data.zip"] = 1000
    served.fetch(tmp_path, progress=silent)
    assert (f"{TRAIN}_Data.zip", "bytes=1000-") in server.requests


def test_an_old_beginning_that_does_not_fit_is_thrown_away(
    served: Isic2016, server: Server, tmp_path: Path
) -> None:
    place(tmp_path, {f"{SCRATCH}/{TRAIN}_Data.zip.part": b"x" * 100})
    assert served.state(tmp_path) == "incomplete"
    served.fetch(tmp_path, progress=silent)
    assert served.verify(tmp_path) == ()


def test_what_is_not_the_official_file_is_refused(
    served: Isic2016, server: Server, tmp_path: Path
) -> None:
    files = contents()
    del files[f"{TRAIN}_Data/ISIC_0000001.jpg"]
    server.content[f"{TRAIN}_Data.zip"] = packed(files, SMALL[0])
    server.content[f"{TRAIN}_GroundTruth.csv"] = b"ISIC_0000000,benign\n"
    server.content[f"{TEST}_Data.zip"] = b"<html>log in</html>"
    del server.content[f"{TEST}_GroundTruth.csv"]
    with pytest.raises(DatasetError) as raised:
        served.fetch(tmp_path, progress=silent)
    text = str(raised.value)
    assert "_Data.zip: has 6 images instead of 7" in text
    assert ".csv: has (1, 0) benign and malignant images instead of (5, 2)" in text
    assert "_Data.zip: is not the file: " in text
    assert ".csv: answered 404" in text
    assert str(tmp_path) in text
    assert all(name in text for name in FOUR)
    assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


def test_a_damaged_archive_is_refused(served: Isic2016, server: Server, tmp_path: Path) -> None:
    data = server.content[f"{TRAIN}_Data.zip"]
    middle = data.index(jpeg(1)) + 100
    server.content[f"{TRAIN}_Data.zip"] = data[:middle] + b"\0\0\0\0" + data[middle + 4 :]
    with pytest.raises(DatasetError, match="is damaged: a checksum inside does not fit"):
        served.fetch(tmp_path, progress=silent)


def test_verify_names_what_is_wrong(folder: Path) -> None:
    (folder / f"{TRAIN}_Data" / "ISIC_0000002.jpg").write_bytes(b"no")
    with pytest.warns(UserWarning, match="not the complete official data set"):
        (problem,) = Isic2016(SMALL).verify(folder)
    assert problem.startswith(f"{TRAIN}_Data/ISIC_0000002.jpg cannot be read: not an image")
    (folder / f"{TRAIN}_GroundTruth.csv").unlink()
    (problem,) = Isic2016(SMALL).verify(folder)
    assert f"{TRAIN}_GroundTruth.csv cannot be found" in problem


def test_the_command_line_knows_it(
    served: Isic2016, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    monkeypatch.setattr("askwell.cli.data.DATASETS", {"isic2016": dataset(served)})
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
    assert "not fetched" in runner.invoke(app, ["list"]).output
    result = runner.invoke(app, ["fetch", "isic2016"])
    assert result.exit_code == 0, result.output
    assert f"isic2016: ready in {tmp_path / 'isic2016'}" in result.output
    listed = runner.invoke(app, ["list"]).output
    assert "2 classes" in listed
    assert str(tmp_path / "isic2016") in listed
    result = runner.invoke(app, ["verify"])
    assert (result.exit_code, result.output) == (0, "isic2016: good\n")
    (tmp_path / "isic2016" / f"{TEST}_Data.zip").write_bytes(b"no")
    result = runner.invoke(app, ["verify", "isic2016"])
    assert result.exit_code == 1
    assert "cannot be read as a zip archive" in result.output
