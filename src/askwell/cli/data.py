"""`askwell data`: list, fetch and verify data sets, write their images as files."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from askwell.cli.consoles import table_console
from askwell.datasets import DATASETS, Dataset, data_dir
from askwell.datasets.names import nearest
from askwell.errors import SpecError

app = typer.Typer(
    no_args_is_help=True,
    help="List, fetch and verify data sets.\n\nFor your own images see `askwell data path --help`.",
)

Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir", help="The folder of all data sets; by default $ASKWELL_DATA or the user's cache."
    ),
]


class Split(StrEnum):
    """The parts of a data set."""

    TRAIN = "train"
    TEST = "test"


_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    DownloadColumn(),
    TransferSpeedColumn(),
)


@app.command("list")
def list_(directory: Directory = None) -> None:
    """Show every data set that askwell knows, and whether it is here.

    Example: askwell data list
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for heading in ("what", "training", "test", "kind", "size", "state", "where"):
        table.add_column(heading, overflow="fold")
    for dataset in DATASETS.values():
        table.add_row(
            dataset.name,
            dataset.summary,
            *(f"{n:,}".replace(",", " ") for n in dataset.sizes),
            dataset.kind,
            "×".join(map(str, dataset.image_shape)),
            dataset.state(directory),
            escape(_where(dataset, directory)),
        )
    table_console().print(table)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Which data sets.")],
    directory: Directory = None,
) -> None:
    """Download data sets and check every file; a broken download goes on where it broke off.

    Good files stay as they are. When no source can be reached, the message says which files to
    put where by hand.

    Example: askwell data fetch mnist fashion_mnist

    Example: askwell data fetch mnist --dir /data
    """
    for dataset in _chosen(names):
        fetch_with_bars(dataset, directory)


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Which data sets; all that are here by default."),
    ] = None,
    directory: Directory = None,
) -> None:
    """Hash or decode every file of the data sets that are here; exit with 1 if one is damaged.

    Example: askwell data verify

    Example: askwell data verify mnist
    """
    damaged = False
    for dataset in _chosen(names or DATASETS):
        if not names and dataset.state(directory) == "not fetched":
            typer.echo(f"{dataset.name}: not fetched")
            continue
        problems = dataset.verify(directory)
        damaged = damaged or bool(problems)
        typer.echo(f"{dataset.name}: {'damaged or incomplete' if problems else 'good'}")
        for problem in problems:
            typer.echo(f"  {problem}")
        if problems:
            typer.echo(f"  To mend it: askwell data fetch {dataset.name}")
    if damaged:
        raise typer.Exit(1)


@app.command()
def path(
    name: Annotated[str | None, typer.Argument(help="One data set's folder.")] = None,
    directory: Directory = None,
) -> None:
    """Print the folder of all data sets, or of one; set ASKWELL_DATA to choose another.

    Your own images need no place here: give `load_folder("photos")` a folder with one subfolder
    for each class, or `FolderPool("photos")` any folder.

    Example: askwell data path mnist

    Example: ASKWELL_DATA=/data askwell data path
    """
    folder = (directory or data_dir()).absolute()
    typer.echo(folder if name is None else _chosen([name])[0].folder(directory))


@app.command()
def images(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which data set.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New, or empty.")],
    count: Annotated[int, typer.Option(help="Images, drawn at random.", min=1)] = 1000,
    split: Annotated[Split, typer.Option(help="Which part of the data set.")] = Split.TRAIN,
    seed: Annotated[int, typer.Option(help="Of the drawing.")] = 0,
    directory: Directory = None,
) -> None:
    """Write images of a data set as PNG files, with their labels beside: to try labelling.

    The files are numbered, so that their names tell nothing. The labels are in labels.csv, for
    `askwell ingest`, or to see how well you did.

    Example: askwell data images fashion_mnist clothes --count 500

    Example: askwell data images digits digits --split test
    """
    from askwell.datasets.png_files import write_images

    (dataset,) = _chosen([name])
    if dataset.state(directory) != "ready":
        fetch_with_bars(dataset, directory)
    written = write_images(dataset.load(directory), folder, count, split=split.value, seed=seed)
    typer.echo(f"{written} images and labels.csv written to {folder}.")


def fetch_with_bars(dataset: Dataset, directory: Path | None = None) -> None:
    """Fetch one data set, with a bar for each file, and say where it is."""
    with Progress(*_COLUMNS, transient=True) as bars:
        dataset.fetch(directory, progress=_shown_on(bars))
    typer.echo(f"{dataset.name}: ready in {_where(dataset, directory)}")


def _chosen(names: Iterable[str]) -> list[Dataset]:
    """The data sets of these names, each once; an unknown one is a `SpecError`."""
    chosen = []
    for name in dict.fromkeys(names):
        if name not in DATASETS:
            raise SpecError(
                f"No data set {name!r}.{nearest(name, DATASETS)} There are: {', '.join(DATASETS)}."
            )
        chosen.append(DATASETS[name])
    return chosen


def _where(dataset: Dataset, directory: Path | None) -> str:
    return "comes with scikit-learn" if dataset.bundled else str(dataset.folder(directory))


def _shown_on(bars: Progress) -> Callable[[str, int, int | None], None]:
    """A progress callback with one bar for each thing that is fetched."""
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(escape(what), total=total)
        bars.update(tasks[what], completed=done, total=total)

    return show
