"""`askwell export`, `ingest` and `backup`: labels in and out, without the page."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from askwell.cli.consoles import counted, listed, remark
from askwell.errors import DatasetError, InputError, RunError
from askwell.paths import is_file, is_folder, shown

if TYPE_CHECKING:
    from askwell.formats import Labelled
    from askwell.formats.exporting import Exported
    from askwell.store import Store

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The folder of images that was labelled.")
]
Project = Annotated[
    Path | None,
    typer.Option(help="The project file.", show_default="FOLDER/.askwell/project.db"),
]


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSONL = "jsonl"
    LABEL_STUDIO = "label-studio"
    CLASS_FOLDERS = "class-folders"
    HUGGING_FACE = "hugging-face"
    DECISIONS = "decisions"


def export(
    folder: Folder,
    out: Annotated[
        Path, typer.Option(help="The file to write; a folder for the formats that are folders.")
    ],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.CSV,
    link: Annotated[
        bool, typer.Option("--link/--copy", help="In folders: links to the images, or copies.")
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    project: Project = None,
) -> None:
    """Write the labels of a project for other programs.

    The label of an image is the one that was settled on, else that of the majority; every copy of
    an image has it. "decisions" is the log of all that was ever decided, as .csv or .jsonl.

    Folders ("class-folders", "hugging-face") hold the labelled images as links, which take no
    room, or as copies. One that an earlier export made is replaced; any other must be empty. Your
    own images are never changed.

    Example: askwell export photos --out labels.csv

    Example: askwell export photos --format class-folders --out sorted

    Example: askwell export photos --format hugging-face --copy --out dataset

    Example: askwell export photos --format decisions --out decisions.jsonl
    """
    from askwell.formats import check_free, check_place, write_decisions
    from askwell.formats.exporting import agreed_labels, decision_log

    root = root_of(folder)
    is_tree = form in (Format.CLASS_FOLDERS, Format.HUGGING_FACE)
    check_place(out, root) if is_tree else check_free(out, overwrite=overwrite)
    with reading(root, project) as store:
        if form is Format.DECISIONS:
            log = list(decision_log(store))
            write_decisions(out, log)
            typer.echo(f"{counted(len(log), 'decision')} written to {shown(out)}.")
            return
        found = agreed_labels(store, root)
    if not found.rows:
        raise RunError(f"{shown(root)} has no labels yet: there is nothing to export.")
    _write(form, out, found.rows, root, link)
    copies = len(found.rows) - len({row.sha256 for row in found.rows})
    of_copies = f", {copies} of further copies of an image" if copies else ""
    typer.echo(f"{counted(len(found.rows), 'label')} written to {shown(out)}{of_copies}.")
    _tell_left_out(found)


def ingest(
    folder: Folder,
    labels: Annotated[
        Path,
        typer.Argument(metavar="LABELS", help="A file of labels, or a folder that holds them."),
    ],
    annotator: Annotated[str, typer.Option(help="Whose labels they are.")] = "import",
    project: Project = None,
) -> None:
    """Take labels from a file, or from class folders, into a project.

    Files: CSV (path,label), JSON lines, Hugging Face's metadata.jsonl, Label Studio's JSON; which
    one, is found out. Folders: class folders, or one with a metadata.jsonl; FOLDER itself, or
    another one with the same images, which are known by their content. Classes that are new are
    added, and so is a project where none is.

    The same file again changes nothing. Rows that do not fit are listed, the others are taken in
    together; the exit code is 1 then.

    Example: askwell ingest photos labels.csv --annotator ada

    Example: askwell ingest photos photos
    """
    from askwell.formats import ingesting
    from askwell.scan import take_up
    from askwell.store import Places, Store

    root = root_of(folder)
    if not is_folder(labels, InputError) and not is_file(labels, InputError):
        raise InputError(f"There is no file or folder {shown(labels)}. Give a file of labels.")
    with Store.open(Places.of(root, project).db, name=root.resolve().name) as store:
        take_up(store, root)
        done = ingesting.ingest(store, root, labels, annotator=annotator)
    if done.classes:
        typer.echo(f"New classes: {', '.join(done.classes)}.")
    typer.echo(
        f"{counted(done.new, 'new label')}, {done.corrected} corrected, {done.same} known already, "
        f"{counted(done.unlabelled, 'row')} without a label."
    )
    if done.problems:
        listed(f"{counted(len(done.problems), 'row')} not taken in:", done.problems)
        raise typer.Exit(1)


def backup(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A new file (x.db), or a folder that is there.",
            show_default="beside the project file",
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Copy a project, also while it is being labelled.

    To go back to a copy, put it in the place of the project file while no page is open.

    Example: askwell backup photos

    Example: askwell backup photos --out /mnt/stick
    """
    with reading(root_of(folder), project) as store:
        typer.echo(str(store.backup(out)))


def root_of(folder: Path) -> Path:
    """The folder of images, if it is one.

    Raises:
        DatasetError: it is not.
    """
    if not is_folder(folder, DatasetError):
        raise DatasetError(f"There is no folder {shown(folder)}. Give a folder of images.")
    return folder


def reading(root: Path, project: Path | None) -> "Store":
    """The project of a folder, for reading."""
    from askwell.store import Places, Store

    return Store.read(Places.of(root, project).db)


def _write(form: Format, out: Path, rows: "list[Labelled]", root: Path, link: bool) -> None:
    from askwell import formats

    how: formats.How = "link" if link else "copy"
    match form:
        case Format.CSV:
            formats.write_csv(out, rows)
        case Format.JSONL:
            formats.write_jsonl(out, rows)
        case Format.LABEL_STUDIO:
            formats.write_label_studio(out, rows)
        case Format.CLASS_FOLDERS:
            formats.write_class_folders(out, rows, root=root, how=how)
        case _:
            formats.write_hugging_face(out, rows, root=root, how=how)


def _tell_left_out(found: "Exported") -> None:
    """Say what was labelled and is not written."""
    reasons = (
        (found.disputed, "as many annotators say one thing as another; settle it on the page"),
        (found.bad, "somebody calls the image bad"),
    )
    for count, why in reasons:
        if count:
            remark(f"{counted(count, 'labelled image')} left out: {why}.")
    if found.vanished:
        n = counted(len(found.vanished), "labelled image")
        why = "the file is not in the folder any more, or has other content"
        listed(f"{n} left out: {why}.", map(shown, found.vanished))
    if found.problems:
        listed(f"{counted(len(found.problems), 'file')} left out:", found.problems)
        raise typer.Exit(1)
