"""What readers give and writers take: frozen records, and what a table's columns may be called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from askwell.errors import InputError
from askwell.paths import is_unicode, shown

PATH_NAMES = ("path", "file_name", "filename", "file", "image")
LABEL_NAMES = ("label", "class", "choice")
"""What the column (or key) of the file and of the label may be called; the first found counts."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file's label, as a file of labels says it.

    Attributes:
        path: of the image, as it was written there.
        label: name of the class, never empty.
        where: for messages, e.g. "line 3".
    """

    path: str
    label: str
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a file of labels holds.

    Attributes:
        rows: in the order of the file.
        problems: rows that are not taken, each with its line and why.
        unlabelled: rows with an image and no label.
        beside: the folder that the paths are relative to, where the format says so.
    """

    rows: list[Named]
    problems: list[str]
    unlabelled: int = 0
    beside: Path | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image and its label, to be written.

    Attributes:
        path: relative to the project's folder, with forward slashes.
        label: name of the class.
        sha256: of the file.
    """

    path: str
    label: str
    sha256: str = ""


class Collector:
    """Gathers rows one by one, with what is wrong with them."""

    def __init__(self) -> None:
        self._rows: list[Named] = []
        self._problems: list[str] = []
        self._unlabelled = 0

    def add(self, path: object, label: object, where: str) -> None:
        """Take a row, or note why not. Whole numbers are labels too; None and "" are none."""
        name = str(label) if _is_whole(label) else label
        if not isinstance(path, str) or not path.strip():
            self.problem(where, f"the image is to be named by its path; got {path!r:.100}")
        elif name is None or name == "":
            self._unlabelled += 1
        elif not isinstance(name, str) or not name.strip():
            self.problem(where, f"a label is the name of a class; got {label!r:.100}")
        elif not is_unicode(path + name):
            self.problem(where, f"{shown(path)} or its label is not valid Unicode")
        else:
            self._rows.append(Named(path, name, where))

    def problem(self, where: str, why: str) -> None:
        """Note what is wrong somewhere."""
        self._problems.append(f"{where}: {why}")

    def labels(self, beside: Path | None = None) -> Labels:
        """All that was gathered."""
        return Labels(self._rows, self._problems, self._unlabelled, beside)


_OF_A_LOG = {"event", "action", "supersedes"}


def chosen_keys(keys: list[str] | Mapping[str, object]) -> tuple[str, str] | None:
    """Which of a table's columns hold path and label, whatever their capitals; None if not both.

    Raises:
        InputError: it is a decision log, whose rows are not all labels that stand.
    """
    if keys and _OF_A_LOG.issubset(keys):
        raise InputError(
            "This is a decision log: what was undone or corrected stands in it beside what counts. "
            "It is not taken for labels; give what `askwell export --format csv` writes."
        )
    plain = {key.strip().lower(): key for key in reversed(list(keys))}
    path = next((plain[name] for name in PATH_NAMES if name in plain), None)
    label = next((plain[name] for name in LABEL_NAMES if name in plain), None)
    return None if path is None or label is None else (path, label)


def check_rows(rows: list[Labelled]) -> None:
    """Refuse what no reader would give back.

    Raises:
        InputError: an empty path or label, invalid Unicode, or one path twice.
    """
    seen: set[str] = set()
    for row in rows:
        if not row.path.strip() or not row.label.strip():
            raise InputError(f"Every row needs a path and a label; got {row!r:.200}.")
        if not is_unicode(row.path + row.label):
            raise InputError(f"{shown(row.path)} or its label is not valid Unicode.")
        if row.path in seen:
            raise InputError(f"{shown(row.path)} came twice; an image has one label.")
        seen.add(row.path)


def _is_whole(label: object) -> bool:
    return isinstance(label, int) and not isinstance(label, bool)
