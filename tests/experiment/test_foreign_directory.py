"""A run does not write into a directory that holds something else."""

import json
from pathlib import Path

import pytest

from askwell.errors import RunError
from askwell.experiment import runner
from askwell.experiment.journal import Journal
from askwell.experiment.runner import run
from askwell.experiment.spec import Spec
from tests.experiment.test_workbench import TINY

HEADER = {"spec": Spec("tiny").as_dict(), "environment": {}, "classes": ["a", "b"]}


def everything(directory: Path) -> dict[str, bytes]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "name", ["cat/1.png", "notes.txt", ".git/config", "steps/photo.png", "run.json/x", "report/a"]
)
def test_somebody_else_s_files_are_left_alone_before_the_data_are_read(tmp_path, name, monkeypatch):
    monkeypatch.setattr(runner, "Workbench", lambda *_, **__: pytest.fail("the data were read"))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunError) as caught:
        run(TINY, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds other files ({Path(name).parts[0]}) and no run: nothing is written "
        "there. Choose a new or empty directory with --out."
    )
    assert everything(tmp_path) == {name: b"mine"}


def test_a_run_json_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match=r"run\.json is not askwell's"):
        run(TINY, tmp_path)
    assert everything(tmp_path) == {"run.json": b"{}"}


@pytest.mark.parametrize(
    "names",
    [[], [".lock"], [".lock", "run.tmp"], ["steps/bald-seed0.jsonl", ".lock"], ["run.json", "x"]],
)
def test_what_a_run_left_is_its_own(tmp_path, names):
    (tmp_path / "steps").mkdir()
    for name in names:
        content = json.dumps(HEADER) if name == "run.json" else ""
        (tmp_path / name).write_text(content)
    before = everything(tmp_path)
    Journal(tmp_path).refuse_foreign()
    Journal(tmp_path / "new" / "run").refuse_foreign()
    assert everything(tmp_path) == before


def test_a_file_is_refused_elsewhere_and_a_long_name_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    Journal(tmp_path / "file").refuse_foreign()
    with pytest.raises(RunError, match="is a file, and a run needs a directory"):
        run(TINY, tmp_path / "file")
    with pytest.raises(RunError, match="cannot be looked at: File name too long"):
        run(TINY, tmp_path / ("x" * 300))
