"""What the system says of a path, in words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from askwell.errors import AskwellError, DatasetError, RunError, SpecError
from askwell.paths import entries, expanded, is_file, is_folder, shown
from tests.permissions import closed

Ask = Callable[[Path, type[AskwellError]], bool]


def test_what_is_there_is_told_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "to folder").symlink_to("folder")
    (tmp_path / "to file").symlink_to("file")
    (tmp_path / "to nothing").symlink_to("nothing")
    kinds = {
        name: (is_folder(tmp_path / name, RunError), is_file(tmp_path / name, RunError))
        for name in ("folder", "to folder", "file", "to file", "nothing", "to nothing", "file/x")
    }
    folder, file, nothing = (True, False), (False, True), (False, False)
    assert list(kinds.values()) == [folder, folder, file, file, nothing, nothing, nothing]
    assert not is_file(Path("/dev/null"), RunError)


@pytest.mark.parametrize("ask", [is_folder, is_file])
def test_where_the_system_does_not_say_the_error_is_the_callers(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "locked").mkdir()
    with closed(tmp_path / "locked"), pytest.raises(SpecError) as caught:
        ask(tmp_path / "locked" / "x", SpecError)
    assert str(caught.value) == (
        f"{tmp_path / 'locked' / 'x'} cannot be looked at: Permission denied. Check how it is "
        "spelt, and whether you may enter the folders above it."
    )
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(RunError, match="round cannot be looked at: Too many levels of symbolic"):
        ask(tmp_path / "round", RunError)
    with pytest.raises(DatasetError, match=r"a\\x00b cannot be looked at: embedded null byte"):
        ask(Path("a\0b"), DatasetError)
    with pytest.raises(DatasetError, match="cannot be looked at: File name too long"):
        ask(tmp_path / ("x" * 300), DatasetError)


def test_entries_are_sorted_or_refused_in_words(tmp_path: Path) -> None:
    for name in "bca":
        (tmp_path / name).write_text("")
    assert [entry.name for entry in entries(tmp_path, RunError)] == ["a", "b", "c"]
    with closed(tmp_path), pytest.raises(RunError) as caught:
        entries(tmp_path, RunError)
    assert str(caught.value) == f"The folder {tmp_path} cannot be read: Permission denied."


def test_a_home_directory_is_put_in_where_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/photos", SpecError) == tmp_path / "photos"
    assert expanded("photos~", SpecError) == Path("photos~")
    with pytest.raises(SpecError) as caught:
        expanded("~nosuchuser/photos", SpecError)
    assert str(caught.value) == (
        "~nosuchuser/photos: no home directory is known for ~nosuchuser. Give the path in full, "
        "from / on."
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("дом/猫.png", "дом/猫.png"),
        ("a\nb\0", r"a\nb\x00"),
        ("caf\udce9.png", r"caf\udce9.png"),
        ("a\\b", "a\\b"),
        ("\u202eabc", r"\u202eabc"),
        ("a" * 200, "a" * 200),
        ("a" * 150 + "b" * 150, "a" * 100 + "…" + "b" * 100),
    ],
)
def test_a_path_is_shown_on_one_line_that_is_not_long(path: str, text: str) -> None:
    assert shown(path) == text
