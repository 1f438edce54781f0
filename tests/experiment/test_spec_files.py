"""Specs from files and by name, and the folders that they name."""

import re
from pathlib import Path

import pytest

from askwell.errors import SpecError
from askwell.experiment.spec import Spec
from askwell.experiment.spec_files import builtin, load, located, named_apart, override
from tests.permissions import closed

SMALL = Spec("small")


def test_every_builtin_spec_parses_and_adds_up():
    specs = builtin()
    assert {"figure1", "quickstart"} <= set(specs)
    for name, spec in specs.items():
        assert spec == load(name)
        assert (spec.name, bool(spec.summary)) == (name, True)
        product = len(spec.acquisitions) * len(spec.posteriors)
        assert len(spec.all_arms) == product + len(spec.arms)
        full = spec.initial + (spec.steps - 2) * spec.query_size  # negative for a budget of 0
        if spec.budget:
            assert full < spec.budget <= full + spec.query_size, "the last step just gets there"


def test_a_file_is_read_and_named_after_itself(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('dataset = "digits"\n[training]\nsteps = 3\n')
    spec = load(str(path))
    assert (spec.name, spec.dataset, spec.training.steps) == ("mine", "digits", 3)


@pytest.mark.parametrize(
    "content",
    [
        *(b"draws = ", b"draws = 1\ndraws = 2", b"\xff\xfe"),
        *(b"draws = " + b"9" * 5000, b"draws = " + b"[" * 3000),
    ],
    ids=["cut off", "twice", "no UTF-8", "number without end", "list without end"],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=re.escape(f"{path} is not valid TOML: ")):
        load(str(path))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(SpecError, match=r"Cannot read the spec .*none\.toml: No such file"):
        load(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SpecError, match=r"Cannot read the spec .*folder\.toml: Is a directory"):
        load(str(tmp_path / "folder.toml"))


def test_an_unknown_spec_is_answered_with_the_nearest():
    with pytest.raises(SpecError) as caught:
        load("figure_1")
    assert "No spec is called 'figure_1'. Did you mean 'figure1'?" in str(caught.value)
    assert "quickstart" in str(caught.value)


def test_a_relative_data_folder_is_found_beside_the_spec_file(tmp_path: Path, monkeypatch):
    (tmp_path / "specs" / "photos").mkdir(parents=True)
    (tmp_path / "specs" / "mine.toml").write_text('dataset = "photos"')
    monkeypatch.chdir(tmp_path)
    spec = load("specs/mine.toml")
    assert spec.dataset == str((tmp_path / "specs" / "photos").resolve())
    monkeypatch.chdir("/")
    assert located(spec, Path()) == spec


def test_a_relative_data_folder_that_is_not_there_is_left_as_it_is(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = Spec("s", dataset="photos")
    assert located(spec, Path()) == spec
    (tmp_path / "photos").mkdir()
    assert located(spec, Path()).dataset == str((tmp_path / "photos").resolve())


def test_the_name_of_a_data_set_is_never_a_folder_by_chance(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert located(Spec("s", dataset="digits"), Path()).dataset == "digits"
    spec = located(Spec("s", dataset="./digits"), Path())
    assert spec.dataset == str((tmp_path / "digits").resolve())


def test_the_size_of_a_folders_images_may_come_with_the_folder():
    assert override(SMALL, {"dataset": "photos", "image_size": 28}).image_size == 28


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("mnist", "small"),
        ("digits", "small-digits"),
        ("/data/My Photos", "small-My Photos"),
        ("/data/a\\b\n", "small-a_b_"),
        ("/", "small-"),
    ],
)
def test_a_spec_on_other_data_than_its_own_is_named_apart(dataset: str, name: str):
    changed = override(SMALL, {"dataset": dataset})
    assert named_apart(changed, SMALL).name == name
    assert named_apart(override(changed, {"name": "mine"}), SMALL).name == "mine"


def test_a_place_that_cannot_be_looked_at_is_named(tmp_path: Path):
    (tmp_path / "locked").mkdir()
    with closed(tmp_path / "locked"):
        for name in ("spec", "spec.toml"):
            with pytest.raises(SpecError, match=f"{name} cannot be looked at: Permission denied"):
                load(str(tmp_path / "locked" / name))
        with pytest.raises(SpecError, match="photos cannot be looked at: Permission denied"):
            located(Spec("s", dataset=str(tmp_path / "locked" / "photos")), Path())


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("~nosuchuser/photos", "~nosuchuser/photos: no home directory is known for ~nosuchuser."),
        ("a\0b", r"a\x00b cannot be looked at: embedded null byte."),
        ("x" * 5000, f"{'x' * 100}…{'x' * 100} cannot be looked at: File name too long."),
    ],
)
def test_data_that_can_be_nowhere_are_refused_in_words(dataset: str, message: str):
    with pytest.raises(SpecError) as caught:
        located(Spec("s", dataset=dataset), Path())
    assert str(caught.value).startswith(message)


def test_a_home_directory_is_put_in(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    assert located(Spec("s", dataset="~/photos"), Path()).dataset == str(tmp_path / "photos")
