"""`askwell export`, `ingest`, `backup` and `propose`: labels in and out, without the page."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from askwell.errors import DatasetError, InputError, RunError
from askwell.paths import is_file, is_folder, shown

if TYPE_CHECKING:
    from askwell.formats import Labelled
    from askwell.formats.exporting import Exported
    from askwell.formats.proposing import Order, Proposal
    from askwell.store import Store

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The folder of images that was labelled.")
]
Project = Annotated[
    Path | None,
    typer.Option(help="The project file.", show_default="FOLDER/.askwell/project.db"),
]

_SHOWN = 20
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSONL = "jsonl"
    LABEL_STUDIO = "label-studio"
    CLASS_FOLDERS = "class-folders"
    HUGGING_FACE = "hugging-face"
    DECISIONS = "decisions"


class Printed(StrEnum):
    """What `propose` prints."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


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

    root = _root(folder)
    is_tree = form in (Format.CLASS_FOLDERS, Format.HUGGING_FACE)
    check_place(out, root) if is_tree else check_free(out, overwrite=overwrite)
    with _reading(root, project) as store:
        if form is Format.DECISIONS:
            log = list(decision_log(store))
            write_decisions(out, log)
            typer.echo(f"{_count(len(log), 'decision')} written to {shown(out)}.")
            return
        found = agreed_labels(store, root)
    if not found.rows:
        raise RunError(f"{shown(root)} has no labels yet: there is nothing to export.")
    _write(form, out, found.rows, root, link)
    typer.echo(f"{_count(len(found.rows), 'label')} written to {shown(out)}.")
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

    root = _root(folder)
    if not is_folder(labels, InputError) and not is_file(labels, InputError):
        raise InputError(f"There is no file or folder {shown(labels)}. Give a file of labels.")
    with Store.open(Places.of(root, project).db, name=root.resolve().name) as store:
        take_up(store, root)
        done = ingesting.ingest(store, root, labels, annotator=annotator)
    if done.classes:
        typer.echo(f"New classes: {', '.join(done.classes)}.")
    typer.echo(
        f"{_count(done.new, 'new label')}, {done.corrected} corrected, {done.same} known already, "
        f"{_count(done.unlabelled, 'row')} without a label."
    )
    if done.problems:
        _list(f"{_count(len(done.problems), 'row')} not taken in:", done.problems)
        raise typer.Exit(1)


def backup(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option(help="A new file, or a folder.", show_default="beside the project file"),
    ] = None,
    project: Project = None,
) -> None:
    """Copy a project, also while it is being labelled.

    To go back to a copy, put it in the place of the project file while no page is open.

    Example: askwell backup photos

    Example: askwell backup photos --out /mnt/stick
    """
    with _reading(_root(folder), project) as store:
        typer.echo(str(store.backup(out)))


def propose(
    folder: Folder,
    k: Annotated[int, typer.Option("-k", help="Images.", min=1)] = 20,
    printed: Annotated[
        Printed, typer.Option("--format", help="text is a number and a path a line.")
    ] = Printed.TEXT,
    features: Annotated[
        bool,
        typer.Option("--features", help="Compute the features that are missing first: minutes."),
    ] = False,
    project: Project = None,
) -> None:
    """Print which images to label next, for people who label elsewhere.

    Where there are features, which `--features` and the labelling page compute, a model is trained
    on all labels now, and ranks. Else the page's last ranking is taken, else a random order. As on
    the page, a share (a tenth) is drawn at random: label these too, they measure how good the model
    is. `askwell ingest` takes the labels in.

    Example: askwell propose photos --features

    Example: askwell propose photos -k 50 --format csv > next.csv
    """
    from askwell.formats import proposing

    root = _root(folder)
    with _reading(root, project) as store:
        unreadable = _features(store, root) if features else {}
        order, how = _order(store, unreadable)
        found = proposing.propose(store, order, k, unreadable)
    _remark(how if found else "Nothing is left to label.")
    _PRINTERS[printed](found)


def _root(folder: Path) -> Path:
    if not is_folder(folder, DatasetError):
        raise DatasetError(f"There is no folder {shown(folder)}. Give a folder of images.")
    return folder


def _reading(root: Path, project: Path | None) -> "Store":
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
        (found.vanished, "the file is not in the folder any more"),
    )
    for count, why in reasons:
        if count:
            _remark(f"{_count(count, 'labelled image')} left out: {why}.")
    if found.problems:
        _list(f"{_count(len(found.problems), 'file')} left out:", found.problems)
        raise typer.Exit(1)


def _features(store: "Store", root: Path) -> dict[int, str]:
    """Compute missing features with a bar; image → reason for those that cannot be read."""
    from askwell.cli.proposals import compute_features
    from askwell.store import Places

    console = Console(stderr=True)
    try:
        with Progress(*_COLUMNS, console=console, transient=True) as bars:
            bar = bars.add_task("features")
            unreadable = compute_features(
                store,
                root,
                Places(store.path).features,
                lambda done, total: bars.update(bar, completed=done, total=total),
            )
    except RunError as error:  # an open page is at it, and what it has is good enough
        _remark(f"No features computed. {error}")
        return {}
    if unreadable:
        lines = [f"{store.item(item).path}: {why}" for item, why in unreadable.items()]
        _list(f"{_count(len(lines), 'image')} that cannot be read:", lines)
    return unreadable


def _order(store: "Store", unreadable: Collection[int]) -> tuple["Order", str]:
    """The order to propose in, and a sentence about where it comes from."""
    from askwell.formats.proposing import Order, stored_order
    from askwell.store import Places

    features = Places(store.path).features
    if is_folder(features, RunError) and any(features.iterdir()):
        from askwell.cli.proposals import trained_order

        return trained_order(store, features, unreadable)
    order = stored_order(store)
    if order.items:
        return order, "In the order of the labelling page's last model."
    return Order(), (
        "At random: there are no features of these images yet. Add --features to compute them."
    )


def _print_text(found: "Iterable[Proposal]") -> None:
    for each in found:
        typer.echo(f"{each.id}\t{each.path}")


def _print_csv(found: "Iterable[Proposal]") -> None:
    from askwell.formats.csv_table import table

    rows = [["" if v is None else str(v) for v in asdict(each).values()] for each in found]
    typer.echo(table(["id", "path", "stream", "acquisition", "score"], rows), nl=False)


def _print_json(found: "Iterable[Proposal]") -> None:
    typer.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=1))


_PRINTERS: dict[Printed, Callable[["Iterable[Proposal]"], None]] = {
    Printed.TEXT: _print_text,
    Printed.CSV: _print_csv,
    Printed.JSON: _print_json,
}


def _list(head: str, lines: "Iterable[str]") -> None:
    """A head and the first lines on stderr, then how many more there are."""
    every = list(lines)
    more = [f"and {len(every) - _SHOWN} more"] if len(every) > _SHOWN else []
    _remark("\n  ".join([head, *every[:_SHOWN], *more]))


def _remark(text: str) -> None:
    Console(stderr=True).print(Text(text), soft_wrap=True)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
