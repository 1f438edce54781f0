"""Class folders: `<class>/x.jpg`, as ImageFolder of torchvision and most tools read them."""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from askwell.formats.placing import How, read_manifest, write_tree
from askwell.formats.rows import Labelled, Named, check_rows

SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
"""Folders above the class folders that stand for no class, where all images lie in such."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_DEVICES = re.compile(r"(?i:con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_LONGEST = 100
_LONGEST_FILE = 240
"""Bytes: file systems take 255."""


def write_class_folders(out: Path, rows: list[Labelled], *, root: Path, how: How) -> None:
    """Make a folder for each class, with its images as links or copies.

    Where a label cannot be a folder's name it is made safe; the folder's list of files keeps the
    label, so `read_class_folders` gives it back. Files keep their names; those that several
    images of a class have get eight more characters, from their paths.

    Args:
        out: a folder that is new, empty, or made by an earlier export.
        rows: images with labels.
        root: the folder that the rows' paths are relative to.
        how: "link" or "copy".

    Raises:
        InputError: `out` holds other things, or lies in `root`; rows without a path or label.
        RunError: the system refuses.
    """
    check_rows(rows)
    folders = folder_names(row.label for row in rows)
    by_class: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_class[folders[row.label]].append(row.path)
    images = {
        f"{folder}/{name}": path
        for folder, paths in by_class.items()
        for path, name in file_names(paths).items()
    }
    labels = {folder: label for label, folder in folders.items()}
    write_tree(out, root, images, how=how, about={"labels": labels})


def read_class_folders(folder: Path, paths: Iterable[str]) -> list[Named]:
    """The label of each image: the name of its first folder, below `train` and the like.

    Args:
        folder: that holds the class folders.
        paths: of images in it, relative to it. Those in no class folder have no label.
    """
    kept = read_manifest(folder).get("labels")
    labels = kept if isinstance(kept, dict) else {}
    parts = [PurePosixPath(path).parts for path in paths]
    split = all(each[0].lower() in SPLITS and len(each) > 2 for each in parts)
    named = []
    for each in parts:
        within = each[1:] if split else each
        if len(within) > 1:
            path = "/".join(each)
            label = labels.get(within[0], within[0])
            named.append(Named(path, str(label), path))
    return named


def folder_names(labels: Iterable[str]) -> dict[str, str]:
    """A folder's name for each label: the label itself, where it can be one everywhere.

    The names differ in more than capitals, and none depends on the order of the labels.
    """
    different = sorted(set(labels))
    same = Counter(_folded(_safe(label)) for label in different)
    longer = {label: f"{_safe(label)}-{_short(label)}" for label in different}
    names = {
        label: label if _safe(label) == label and same[_folded(label)] == 1 else longer[label]
        for label in different
    }
    return names if _all_differ(names.values()) else longer


def file_names(paths: Iterable[str]) -> dict[str, str]:
    """A name for each path, to stand in one folder: its own, or with eight characters more."""
    different = sorted(set(paths))
    same = Counter(_folded(PurePosixPath(path).name) for path in different)
    longer = {path: _longer(PurePosixPath(path).name, path) for path in different}
    names: dict[str, str] = {}
    for path in different:
        name = PurePosixPath(path).name
        names[path] = name if same[_folded(name)] == 1 else longer[path]
    return names if _all_differ(names.values()) else longer


def _safe(label: str) -> str:
    """A name that Windows, macOS and Linux take, and that no reader leaves out as hidden."""
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", label)).strip(" .")
    if label.startswith((".", "__")) or not text or _DEVICES.fullmatch(text):
        text = f"x{text}" if text.startswith("_") else f"x_{text}"
    return _cut(text, _LONGEST).strip(" .")


def _longer(name: str, path: str) -> str:
    whole = PurePosixPath(name)
    stem = _cut(whole.stem, _LONGEST_FILE - len(whole.suffix.encode()) - 9)
    return f"{stem}-{_short(path)}{whole.suffix}"


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _all_differ(names: Iterable[str]) -> bool:
    """False where a name was, by chance or by an earlier export, what another was made to be."""
    folded = [_folded(name) for name in names]
    return len(set(folded)) == len(folded)


def _folded(name: str) -> str:
    """What file systems that know no capitals, or compose accents, take for the same name."""
    return unicodedata.normalize("NFC", name).casefold()
