"""Labels from a file into a project: once, however often; every row that does not fit is named."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from askwell.errors import InputError
from askwell.formats.class_folders import read_class_folders
from askwell.formats.hugging_face import METADATA, read_hugging_face
from askwell.formats.matching import Matched, match
from askwell.formats.reading import read_labels
from askwell.formats.rows import Labels, Named
from askwell.paths import is_file, is_folder, shown
from askwell.scan import scan
from askwell.store import Decision, Item, Store, parsing
from askwell.store.classes import named


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of a file of labels.

    Attributes:
        new: images that the annotator had not labelled.
        corrected: images that the annotator had labelled otherwise.
        same: images that the annotator had given this label, or whose row was taken in before.
        unlabelled: rows without a label.
        classes: names of classes that the project did not have.
        problems: rows that were not taken in, and why.
    """

    new: int
    corrected: int
    same: int
    unlabelled: int
    classes: tuple[str, ...]
    problems: tuple[str, ...]


def ingest(store: Store, root: Path, source: Path, *, annotator: str) -> Ingested:
    """Take in a file of labels, a folder of class folders, or a Hugging Face folder.

    Rows of a file mean images by their paths, files in a folder by their content. A row that
    was taken in before is not taken in again, also if its image has been corrected since. All
    labels are stored in one transaction.

    Args:
        store: of the project, opened for writing; the folder is scanned already.
        root: the folder of images.
        source: the file, or folder.
        annotator: whose labels they are.

    Raises:
        InputError: no such file, of no format that is read, or an annotator's name that cannot be.
        DatasetError: the folder cannot be read.
    """
    every = store.items()
    items = {item.id: item for item in every if item.status != "vanished"}
    labels, matched, origin = _rows(items.values(), root, source)
    named, refused = _class_names(matched.items)
    annotator = parsing.name(annotator, "An annotator's name")
    seen = {event.decision.key for event in store.events()}
    keys = {
        item: _key(origin, annotator, items[item].sha256, matched.items[item]) for item in named
    }
    classes, before = _classes(store), _labels_by(store, annotator, every)
    changed = [
        item
        for item, name in named.items()
        if keys[item] not in seen and (item not in before or before[item] != classes.get(name))
    ]
    added = tuple(sorted({named[item] for item in changed} - classes.keys()))
    if changed:
        who = store.annotator(annotator).id
        classes |= {name: store.add_class(name).id for name in added}
        store.decide(
            [
                Decision(keys[item], item, who, "label", classes[named[item]], stream="import")
                for item in changed
            ]
        )
    corrected = sum(item in before for item in changed)
    return Ingested(
        new=len(changed) - corrected,
        corrected=corrected,
        same=len(named) - len(changed),
        unlabelled=labels.unlabelled,
        classes=added,
        problems=(*labels.problems, *matched.unknown, *matched.conflicting, *refused),
    )


def _rows(items: Iterable[Item], root: Path, source: Path) -> tuple[Labels, Matched, str]:
    """The rows, their images, and what tells the source from others."""
    if not is_folder(source, InputError):
        labels = read_labels(source)
        by_path = {item.path: _representative(item) for item in items}
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        return labels, match(labels.rows, by_path, root, labels.beside), digest
    found = scan(source)
    content = {file.path: file.sha256 for file in found.files}
    labels = _folder_labels(source, content)
    if not labels.rows and not labels.problems:
        raise InputError(
            f"{shown(source)} says nothing about its {len(content)} images: it has neither class "
            f"folders (CLASS/1.jpg) nor {METADATA}. Give one that has, or a file of labels."
        )
    labels.problems.extend(f"{path}: {reason}" for path, reason in found.unreadable.items())
    by_content = {item.sha256: _representative(item) for item in items}
    here = {path: by_content[sha] for path, sha in content.items() if sha in by_content}
    return labels, match(labels.rows, here, source, labels.beside), "class folders"


def _folder_labels(source: Path, paths: Iterable[str]) -> Labels:
    """What a folder says of its images: by a list of Hugging Face's, else by class folders."""
    listed = source / METADATA
    if is_file(listed, InputError):
        return read_hugging_face(listed)
    return Labels(read_class_folders(source, paths), [])


def _class_names(rows: Mapping[int, Named]) -> tuple[dict[int, str], list[str]]:
    """The name of each image's class as the store keeps it, and the rows that it cannot keep."""
    names: dict[int, str] = {}
    refused: list[str] = []
    for item, row in rows.items():
        try:
            names[item] = parsing.name(row.label, "A class name")
        except InputError as error:
            refused.append(f"{row.where}: {error}")
    return names, refused


def _classes(store: Store) -> dict[str, int]:
    """Name → class; of those that were merged away, what they are part of now."""
    every = store.classes(active_only=False)
    merged = {each.name: each.merged_into for each in every if each.merged_into is not None}
    return merged | {each.name: each.id for each in every if each.active}


def _labels_by(store: Store, annotator: str, items: Sequence[Item]) -> dict[int, int | None]:
    """The images that an annotator decided on → class, None for other answers.

    What was decided counts for the content, also where the file has another name now.
    """
    who = named(store.annotators(), annotator)
    content = {item.id: item.sha256 for item in items}
    said = {
        content[each.item]: each.label
        for each in sorted(store.current(), key=lambda each: each.seq)
        if who is not None and each.annotator == who.id and each.kind != "flag"
    }
    return {item.id: said[item.sha256] for item in items if item.sha256 in said}


def _representative(item: Item) -> int:
    """The item that stands for all files of the same content."""
    return item.id if item.duplicate_of is None else item.duplicate_of


def _key(origin: str, annotator: str, sha256: str, row: Named) -> str:
    """The same for the same row of the same file about the same image, whenever it comes."""
    text = json.dumps([origin, annotator, sha256, row.path, row.label, row.where])
    return f"ingest-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
