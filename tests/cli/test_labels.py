"""Labels in and out by the command line, on projects that a person labelled."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from askwell.cli import data, labels, propose
from askwell.datasets import DATASETS, ImageTask, LabelledImages
from askwell.datasets.png_files import write_images
from askwell.errors import AskwellError, DatasetError, InputError, RunError
from askwell.features import FeatureStore
from askwell.formats import Labelled, read_labels, write_csv
from askwell.models.pretrained import load_trunk
from askwell.scan import scan
from askwell.store import Decision, Ranking, Store
from tests.models.small_backbones import TINY

APP = typer.Typer()
for command in (labels.export, labels.ingest, labels.backup, propose.propose):
    APP.command()(command)

ODD = ("007", "NA", "a/b", "..", ".cat", "🐈", "ü" * 150, "Größe", "CON")


def run(*arguments: object) -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
    return runner.invoke(APP, [str(each) for each in arguments])


def good(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    error = run(*arguments).exception
    assert isinstance(error, AskwellError), error
    return str(error)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve images in two folders with the same names, of which b/copy.png has a's content."""
    root = tmp_path / "photos"
    for folder in "ab":
        (root / folder).mkdir(parents=True)
        for number in range(6):
            (root / folder / f"{number}.png").write_bytes(f"{folder}{number}".encode())
    (root / "b/copy.png").write_bytes(b"a0")
    return root


@pytest.fixture
def project(photos: Path) -> Iterator[Store]:
    with Store.open(photos / ".askwell/project.db") as store:
        store.sync(scan(photos).files)
        yield store


def decide(store: Store, path: str, kind: str, label: str = "", by: str = "ada", **more: object):
    classes = {each.name: each.id for each in store.classes()}
    number = None
    if label:
        number = classes[label] if label in classes else store.add_class(label).id
    item = {item.path: item.id for item in store.items()}[path]
    key = f"key-{len(store.events())}"
    store.decide([Decision(key, item, store.annotator(by).id, kind, number, **more)])


def rows(path: Path) -> list[tuple[str, str]]:
    found = read_labels(path)
    assert found.problems == []
    return [(row.path, row.label) for row in found.rows]


def test_export_is_what_was_agreed_on_for_every_copy(tmp_path, photos, project):
    decide(project, "a/0.png", "label", "cat")
    decide(project, "b/0.png", "label", "dog")
    decide(project, "b/0.png", "label", "cat")  # corrected
    decide(project, "a/1.png", "label", "cat", "ada")
    decide(project, "a/1.png", "label", "dog", "bob")  # disputed
    decide(project, "a/2.png", "label", "cat", "ada")
    decide(project, "a/2.png", "label", "dog", "bob")
    decide(project, "a/2.png", "label", "dog", "eve", stream="adjudication")
    decide(project, "a/3.png", "label", "cat", "ada")
    decide(project, "a/3.png", "bad", "", "bob")
    decide(project, "a/4.png", "unsure")
    decide(project, "a/5.png", "label", "cat")
    decide(project, "b/1.png", "label", "kitten")
    project.merge_class(*(each.id for each in reversed(project.classes()) if each.name != "dog"))
    (photos / "a/5.png").unlink()
    project.sync(scan(photos).files)
    result = run("export", photos, "--out", tmp_path / "x.csv")
    assert result.exit_code == 0
    assert rows(tmp_path / "x.csv") == [
        ("a/0.png", "cat"),
        ("a/2.png", "dog"),
        ("b/0.png", "cat"),
        ("b/1.png", "cat"),
        ("b/copy.png", "cat"),
    ]
    of_copies = "1 of further copies of an image"
    assert result.stdout == f"5 labels written to {tmp_path / 'x.csv'}, {of_copies}.\n"
    assert result.stderr.splitlines() == [
        "1 labelled image left out: as many annotators say one thing as another; settle it on the "
        "page.",
        "1 labelled image left out: somebody calls the image bad.",
        "1 labelled image left out: the file is not in the folder any more, or has other content.",
        "  a/5.png",
    ]


@pytest.mark.parametrize(
    ("form", "out", "back"),
    [
        ("csv", "labels.csv", "labels.csv"),
        ("jsonl", "labels.jsonl", "labels.jsonl"),
        ("label-studio", "tasks.json", "tasks.json"),
        ("hugging-face", "set", "set/metadata.jsonl"),
        ("hugging-face", "set", "set"),
        ("class-folders", "set", "set"),
    ],
)
def test_what_is_exported_can_be_taken_in_by_another_project(
    tmp_path, photos, project, form, out, back
):
    paths = [item.path for item in project.items() if item.path != "b/copy.png"]
    for path, label in zip(paths, ODD, strict=False):
        decide(project, path, "label", label)
    good("export", photos, "--format", form, "--out", tmp_path / out)
    other = tmp_path / "other.db"
    said = good("ingest", photos, tmp_path / back, "--project", other)
    assert said.endswith("9 new labels, 0 corrected, 0 known already, 0 rows without a label.\n")
    good("export", photos, "--out", tmp_path / "first.csv")
    good("export", photos, "--project", other, "--out", tmp_path / "second.csv")
    assert rows(tmp_path / "first.csv") == rows(tmp_path / "second.csv")
    assert len(rows(tmp_path / "first.csv")) == 10


def test_ingest_twice_changes_nothing_also_after_a_correction(tmp_path, photos):
    table = tmp_path / "labels.csv"
    table.write_text("path,label\na/1.png,cat\nb/copy.png,dog\nb/1.png,\n")
    database = photos / ".askwell/project.db"
    first = good("ingest", photos, table, "--annotator", "ada")
    assert first == (
        "New classes: cat, dog.\n"
        "2 new labels, 0 corrected, 0 known already, 1 row without a label.\n"
    )
    with Store.open(database) as store:
        decide(store, "a/1.png", "label", "dog", stream="review")
        store.merge_class(*(each.id for each in store.classes()))
        before = store.events(), store.classes(active_only=False)
    assert good("ingest", photos, table, "--annotator", "ada") == (
        "0 new labels, 0 corrected, 2 known already, 1 row without a label.\n"
    )
    with Store.read(database) as store:
        assert (store.events(), store.classes(active_only=False)) == before
        assert all(event.decision.stream in ("import", "review") for event in before[0])
    table.write_text("path,label\na/1.png,cat\na/2.png,cat\nphotos/a/3.png,bird\n")
    assert good("ingest", photos, table, "--annotator", "ada") == (
        "New classes: bird.\n2 new labels, 0 corrected, 1 known already, 0 rows without a label.\n"
    )
    table.write_text("path,label\na/3.png,cat\n")
    assert good("ingest", photos, table, "--annotator", "ada").startswith("0 new labels, 1 corr")


def test_ingest_names_every_row_that_does_not_fit_and_takes_the_others(tmp_path, photos):
    (tmp_path / "labels.csv").write_text(
        "path,label\n"
        "a/0.png,cat\n"
        "none.png,cat\n"
        "1.png,cat\n"
        "b/copy.png,dog\n"
        "a/1.png\n"
        "a/2.png,cat\n"
        f"a/3.png,{'x' * 201}\n"
        "a/4.png,c\x07t\n",
        encoding="utf-8",
    )
    result = run("ingest", photos, tmp_path / "labels.csv")
    assert result.exit_code == 1
    assert result.stdout.endswith("1 new label, 0 corrected, 0 known already, 0 rows without a "
                                  "label.\n")  # fmt: skip
    assert result.stderr.splitlines() == [
        "6 rows not taken in:",
        "  line 6: 1 columns in the place of 2",
        "  line 3: there is no image none.png",
        "  line 4: 1.png is the end of the paths of 2 images; write more of it",
        "  a/0.png has several labels: 'cat' (line 2), 'dog' (line 5)",
        "  line 8: A class name has 201 characters; at most 200 are kept.",
        "  line 9: A class name has control characters: 'c\\x07t'. Use letters and digits.",
    ]
    with Store.read(photos / ".askwell/project.db") as store:
        assert [each.name for each in store.classes()] == ["cat"]
        assert len(store.events()) == 1


def test_ingest_of_class_folders(tmp_path, photos):
    result = run("ingest", photos, photos)  # in which one image is in two classes
    assert result.exit_code == 1
    assert "a/0.png has several labels: 'a' (a/0.png), 'b' (b/copy.png)" in result.stderr
    good("export", photos, "--out", tmp_path / "x.csv")
    expected = [(f"{each}/{number}.png", each) for each in "ab" for number in range(6)]
    assert rows(tmp_path / "x.csv") == expected[1:]
    (photos / "b/copy.png").unlink()
    assert good("ingest", photos, photos).startswith("1 new label, 0 corrected, 11 known already")
    (photos / "a/1.png").rename(photos / "b/moved.png")
    assert good("ingest", photos, photos).startswith("0 new labels, 1 corrected, 11 known already")


def test_a_folder_that_says_nothing_of_its_images_is_refused(tmp_path, photos):
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "0.png").write_bytes(b"a0")
    said = refused("ingest", photos, flat)
    assert "says nothing about its 1 images: it has neither class folders" in said


def test_ingest_refuses_what_it_cannot_read_and_makes_no_project(tmp_path, photos):
    assert refused("ingest", photos, tmp_path / "none.csv").startswith("There is no file or folder")
    assert not (photos / ".askwell").exists()
    (tmp_path / "x.csv").write_text("a.png,cat\n")
    assert "must name its columns" in refused("ingest", photos, tmp_path / "x.csv")
    assert isinstance(run("ingest", tmp_path / "no", tmp_path / "x.csv").exception, DatasetError)


def test_ingest_beside_an_open_page_says_so(tmp_path, photos, project):
    write_csv(tmp_path / "x.csv", [Labelled("a/1.png", "cat")])
    error = run("ingest", photos, tmp_path / "x.csv").exception
    assert isinstance(error, RunError)
    assert "is open in this process" in str(error)


def test_export_never_overwrites(tmp_path, photos, project):
    out = tmp_path / "x.csv"
    assert "has no labels yet" in refused("export", photos, "--out", out)
    decide(project, "a/1.png", "label", "cat")
    out.write_text("mine")
    for form in ("csv", "jsonl", "label-studio", "decisions"):
        said = refused("export", photos, "--format", form, "--out", out)
        assert said.startswith(f"{out} is there already.")
        assert "is a folder" in refused("export", photos, "--format", form, "--out", tmp_path)
        image = photos / "a/0.png"
        assert "name of an image" in refused(
            "export", photos, "--format", form, "--out", image, "--overwrite"
        )
    for form in ("class-folders", "hugging-face"):
        arguments = ("export", photos, "--overwrite", "--format", form, "--out")
        assert "is a file" in refused(*arguments, out)
        assert "which no export put there" in refused(*arguments, tmp_path / "..")
        assert "would be taken for new ones" in refused(*arguments, photos / "out")
    assert out.read_text() == "mine"
    good("export", photos, "--out", out, "--overwrite")
    assert rows(out) == [("a/1.png", "cat")]


def test_a_file_that_changed_since_is_left_out_by_name(tmp_path, photos, project):
    for path in ("a/1.png", "a/2.png", "a/3.png"):
        decide(project, path, "label", "cat")
    (photos / "a/1.png").write_bytes(b"another image")
    (photos / "a/2.png").unlink()
    result = run("export", photos, "--format", "class-folders", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("2 files left out:\n  a/1.png: it was changed since")
    assert "\n  a/2.png: No such file or directory; open the project" in result.stderr
    found = scan(tmp_path / "out").files
    assert [file.path for file in found] == ["cat/3.png"]


def test_the_decision_log_has_everything(tmp_path, photos, project):
    decide(project, "a/1.png", "label", "cat", lead_time_ms=900)
    decide(project, "a/1.png", "label", "007", by="bob", predicted=1, confidence=0.75)
    decide(project, "a/1.png", "later")
    project.undo(1, "undo")
    for name in ("log.csv", "log.jsonl"):
        good("export", photos, "--format", "decisions", "--out", tmp_path / name)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [each["action"] for each in log] == ["label", "label", "later", "undo"]
    assert [each["annotator"] for each in log] == ["ada", "bob", "ada", "ada"]
    assert [each["supersedes"] for each in log] == [None, None, 1, 3]
    assert (log[1]["label"], log[1]["predicted"], log[1]["confidence"]) == ("007", "cat", 0.75)
    assert {each["sha256"] for each in log} == {project.item(log[0]["image_id"]).sha256}
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [{k: "" if v is None else str(v) for k, v in each.items()} for each in log] == table


def test_the_decision_log_says_what_a_merged_class_is_part_of(tmp_path, photos, project):
    decide(project, "a/1.png", "label", "cat", predicted=1)
    decide(project, "a/2.png", "label", "kitten", predicted=2)
    project.merge_class(2, 1)
    project.rename_class(1, "Felis")
    good("export", photos, "--format", "decisions", "--out", tmp_path / "log.jsonl")
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [(each["label"], each["predicted"]) for each in log] == [("Felis", "Felis")] * 2


def test_backup(tmp_path, photos, project):
    decide(project, "a/1.png", "label", "cat")
    made = Path(good("backup", photos).strip())
    assert made.parent == photos / ".askwell/backups"
    named = tmp_path / "copy.db"
    assert good("backup", photos, "--out", named) == f"{named}\n"
    for copy in (made, named):
        with Store.read(copy) as store:
            assert store.events() == project.events()
    assert "is there already" in refused("backup", photos, "--out", named)
    assert "There is no labelling project" in refused("backup", tmp_path)


def proposed(photos: Path, k: int) -> list[dict[str, str]]:
    result = run("propose", photos, "-k", k, "--format", "csv")
    assert result.exit_code == 0
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_propose_at_random_is_the_projects_own_order_and_without_copies(photos, project):
    result = run("propose", photos, "-k", "30")
    assert result.stderr.startswith("At random: there are no features of these images yet.")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    paths = {item.path for item in project.items() if item.duplicate_of is None}
    assert {path for _, path in lines} == paths
    assert all(project.item(int(number)).path == path for number, path in lines)
    assert [each["id"] for each in proposed(photos, 30)] == [number for number, _ in lines]
    as_json = json.loads(good("propose", photos, "-k", "30", "--format", "json"))
    assert [str(each["id"]) for each in as_json] == [number for number, _ in lines]
    assert as_json[0] == {
        "id": as_json[0]["id"],
        "path": as_json[0]["path"],
        "stream": as_json[0]["stream"],
        "acquisition": "",
        "score": None,
    }


def test_propose_leaves_out_what_is_decided(photos, project):
    first = proposed(photos, 5)
    for each, kind in zip(first, ("label", "bad", "unsure", "later", "flag"), strict=True):
        decide(project, each["path"], kind, "cat" if kind == "label" else "")
    left = {each["path"] for each in proposed(photos, 30)}
    assert left & {each["path"] for each in first} == {each["path"] for each in first[3:]}
    for each in proposed(photos, 30):
        decide(project, each["path"], "label", "cat")
    result = run("propose", photos)
    assert (result.stdout, result.stderr) == ("", "Nothing is left to label.\n")


def test_propose_draws_its_share_from_the_reserve(photos, project):
    project.change_settings(holdout_share=0.5)
    reserve = {item.path for item in project.items() if project.is_reserved(item)}
    assert 2 <= len(reserve - {"b/copy.png"}) <= 10  # else the test would show nothing
    for count in (1, 2, 3):
        chosen = proposed(photos, 2)
        drawn = [each["path"] for each in chosen if each["stream"] == "random"]
        assert set(drawn) <= reserve
        assert not {each["path"] for each in chosen if each["stream"] != "random"} & reserve
        for each in chosen:
            decide(project, each["path"], "label", "cat")
        counts = project.counts()
        expected = min(count, len(reserve - {"b/copy.png"}))
        assert (counts.labelled, counts.holdout_labelled) == (2 * count, expected)


def test_propose_in_the_order_of_the_pages_last_ranking(photos, project):
    free = [i.id for i in project.items() if not project.is_reserved(i) and not i.duplicate_of]
    ranked = tuple(free[:4][::-1])
    project.switch_ranking(Ranking(1, 9, "bald", "", ranked, (0.4, 0.3, 0.2, 0.1)))
    decide(project, project.item(ranked[1]).path, "label", "cat")
    found = [each for each in proposed(photos, 6) if each["stream"] != "random"]
    assert [int(each["id"]) for each in found[:3]] == [ranked[0], ranked[2], ranked[3]]
    assert [each["score"] for each in found[:4]] == ["0.4", "0.2", "0.1", ""]
    assert [each["acquisition"] for each in found[:4]] == ["bald"] * 3 + [""]


@pytest.mark.parametrize("command", ["export", "ingest", "backup", "propose"])
def test_help_teaches_by_example(command):
    assert f"Example: askwell {command} photos" in good(command, "--help")


def test_k_must_be_positive(photos, project):
    assert run("propose", photos, "-k", "0").exit_code == 2
    assert isinstance(run("propose", photos / "no").exception, InputError | DatasetError)


def test_propose_computes_features_trains_and_ranks(tmp_path, monkeypatch):
    monkeypatch.setattr("askwell.cli.ordering.load_trunk", lambda _: load_trunk(TINY))
    root = tmp_path / "digits"
    write_images(DATASETS["digits"].load(), root, 90, split="test", seed=0)
    (root / "broken.png").write_bytes(b"no image")
    known = (root / "labels.csv").read_text().splitlines()[:71]
    (tmp_path / "some.csv").write_text("\n".join(known))
    good("ingest", root, tmp_path / "some.csv")
    result = run("propose", root, "-k", "100", "--features", "--format", "json")
    assert result.exit_code == 0
    first, second, last = result.stderr.splitlines()[-3:]
    assert first == "1 image that cannot be read:"
    assert second == "  broken.png: not an image that Pillow can identify"
    assert last.startswith("By bald, of a model trained on ")
    found = json.loads(result.stdout)
    assert len(found) == 20
    assert not {each["path"] for each in found} & {line.split(",")[0] for line in known}
    ranked = [each for each in found if each["stream"] == "active" and each["score"] is not None]
    assert ranked == found[: len(ranked)]
    assert len(ranked) >= 10
    with Store.read(root / ".askwell/project.db") as store:
        assert not any(store.is_reserved(store.item(each["id"])) for each in ranked)
    assert len(FeatureStore.read(root / ".askwell/features", load_trunk(TINY))) == 90


def test_features_that_another_process_computes_are_not_waited_for(photos, project, monkeypatch):
    monkeypatch.setattr("askwell.cli.ordering.load_trunk", lambda _: load_trunk(TINY))
    with FeatureStore.open(photos / ".askwell/features", load_trunk(TINY)):
        result = run("propose", photos, "--features")
    assert result.exit_code == 0
    assert "No features computed. " in result.stderr
    assert len(result.stdout.splitlines()) == 12


def test_images_of_a_data_set(tmp_path):
    task = DATASETS["digits"].load()
    out = tmp_path / "deep" / "digits"
    command = ("images", "digits", str(out), "--count", "20", "--split", "test")
    assert CliRunner().invoke(data.app, command).exit_code == 0
    names = [f"{number:05}.png" for number in range(20)]
    assert sorted(path.name for path in out.iterdir()) == [*names, "labels.csv"]
    assert [path for path, _ in rows(out / "labels.csv")] == names
    truth = {
        image.tobytes(): task.classes[label]
        for image, label in zip(task.test.images, task.test.labels, strict=True)
    }
    drawn = {name: np.asarray(Image.open(out / name)).tobytes() for name in names}
    assert rows(out / "labels.csv") == [(name, truth[drawn[name]]) for name in names]
    assert len(set(drawn.values())) == 20
    error = CliRunner().invoke(data.app, command).exception
    assert str(error).endswith("digits is not empty. Give a new folder, or an empty one.")
    write_images(task, tmp_path / "again", 20, split="test", seed=0)
    write_images(task, tmp_path / "other", 10**9, split="test", seed=1)
    again, other = (tmp_path / each / "labels.csv" for each in ("again", "other"))
    assert again.read_bytes() == (out / "labels.csv").read_bytes()
    assert len(rows(other)) == 500
    assert rows(other)[:20] != rows(again)


def test_what_needs_no_torch_loads_none():
    code = (
        "import sys, askwell.scan, askwell.cli.labels, askwell.cli.propose, askwell.formats, "
        "askwell.formats.exporting, askwell.formats.ingesting, askwell.formats.proposing; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_regression_has_no_images_to_label(tmp_path):
    part = LabelledImages(np.zeros((2, 4, 4), np.uint8), np.zeros(2))
    task = ImageTask("r", (), part, part)
    with pytest.raises(InputError, match="r is a regression"):
        write_images(task, tmp_path / "out", 1, split="train", seed=0)
    assert not (tmp_path / "out").exists()
