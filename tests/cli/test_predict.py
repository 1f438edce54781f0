"""`askwell model` and `askwell predict` on real small images, with a small trunk."""

import csv
import json

import pytest

from askwell.models import pretrained
from askwell.scan import scan
from askwell.store import Decision, Store
from tests.labelling.photos import write_digits
from tests.models.small_backbones import TINY

pytest.importorskip("safetensors")


@pytest.fixture
def small_trunk(monkeypatch):
    trunk = pretrained.load_trunk(TINY, weights="random")
    monkeypatch.setattr(pretrained, "load_trunk", lambda *_, **__: trunk)


@pytest.fixture
def project(tmp_path, small_trunk):
    """Forty digits, labelled even or odd, and one file that is no image."""
    folder = tmp_path / "photos"
    items, digits = write_digits(folder, 40)
    (folder / "broken.png").write_bytes(b"not a png")
    with Store.open(folder / ".askwell" / "project.db", name="digits") as store:
        store.sync(scan(folder).files)
        names = [store.add_class(name).id for name in ("even", "odd")]
        me, by_path = store.annotator("me").id, store.by_path()
        store.decide(
            [
                Decision(f"k{each.item}", by_path[each.path], me, "label", names[digit % 2])
                for each, digit in zip(items, digits.values(), strict=True)
            ]
        )
    return folder


def test_a_model_is_written_and_used(askwell, project, tmp_path):
    answer = askwell("model", "photos", "--out", "model")
    assert answer.code == 0, answer.err
    assert "trained on 40 labels" in answer.out
    about = json.loads((tmp_path / "model" / "model.json").read_text())
    assert about["classes"] == ["even", "odd"]
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    answer = askwell("predict", "photos", "--model", "model", "--out", "out.csv")
    assert answer.code == 0, answer.err
    assert "40 images" in answer.out
    assert "broken.png: not an image" in answer.err
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "p(even)", "p(odd)", "entropy", "epistemic"]
    assert [row["path"] for row in rows] == [f"scans/{i:04}.png" for i in range(40)]
    for row in rows:
        even, odd = float(row["p(even)"]), float(row["p(odd)"])
        assert even + odd == pytest.approx(1, abs=1e-5)
        assert row["label"] == ("even" if even > odd else "odd")
        assert 0 <= float(row["epistemic"]) <= float(row["entropy"]) + 1e-6


def test_features_can_be_kept(askwell, project, tmp_path):
    askwell("model", "photos", "--out", "model")
    command = ("predict", "photos", "--model", "model", "--out", "out.csv", "--features", "kept")
    assert askwell(*command).code == 0
    first = (tmp_path / "out.csv").read_bytes()
    sizes = {path: path.stat().st_size for path in (tmp_path / "kept").iterdir()}
    again = askwell(*command)
    assert (again.code, "out.csv is there already" in again.err) == (1, True)
    assert askwell(*command, "--overwrite").code == 0
    assert {path: path.stat().st_size for path in (tmp_path / "kept").iterdir()} == sizes
    assert (tmp_path / "out.csv").read_bytes() == first


def test_onnx_is_written_beside(askwell, project, tmp_path):
    pytest.importorskip("onnxscript")
    assert askwell("model", "photos", "--out", "model", "--onnx").code == 0
    assert (tmp_path / "model" / "model.onnx").stat().st_size > 1000


def test_what_is_missing_is_named(askwell, project, tmp_path):
    answer = askwell("predict", "photos", "--model", "nothing", "--out", "out.csv")
    assert answer.code == 1
    assert "holds no model that can be read" in answer.err
    askwell("model", "photos", "--out", "model")
    before = (tmp_path / "model" / "model.json").stat().st_mtime_ns
    answer = askwell("model", "photos", "--out", "model")
    assert (answer.code, "holds a model already" in answer.err) == (1, True)
    assert (tmp_path / "model" / "model.json").stat().st_mtime_ns == before
    assert askwell("model", "photos", "--out", "model", "--overwrite").code == 0
    (tmp_path / "empty").mkdir()
    answer = askwell("predict", "empty", "--model", "model", "--out", "out.csv")
    assert (answer.code, "no image in empty" in answer.err) == (1, True)
    answer = askwell("model", "empty", "--out", "another")
    assert answer.code == 1
    assert "Error:" in answer.err
