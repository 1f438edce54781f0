"""`askwell propose`: which images to label next, for people who label elsewhere."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from askwell.cli.consoles import bar, counted, listed, remark
from askwell.cli.labels import Folder, Project, reading, root_of
from askwell.errors import RunError
from askwell.paths import is_folder

if TYPE_CHECKING:
    from askwell.formats.proposing import Order, Proposal
    from askwell.store import Store


class Printed(StrEnum):
    """What `propose` prints."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


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

    root = root_of(folder)
    with reading(root, project) as store:
        unreadable = _features(store, root) if features else {}
        order, how = _order(store, unreadable)
        found = proposing.propose(store, order, k, unreadable)
    remark(how if found else "Nothing is left to label.")
    _PRINTERS[printed](found)


def _features(store: "Store", root: Path) -> dict[int, str]:
    """Compute missing features with a bar; image → reason for those that cannot be read."""
    from askwell.cli.ordering import compute_features
    from askwell.store import Places

    try:
        with bar("features") as report:
            unreadable = compute_features(store, root, Places(store.path).features, report)
    except RunError as error:  # an open page is at it, and what it has is good enough
        remark(f"No features computed. {error}")
        return {}
    if unreadable:
        lines = [f"{store.item(item).path}: {why}" for item, why in unreadable.items()]
        listed(f"{counted(len(lines), 'image')} that cannot be read:", lines)
    return unreadable


def _order(store: "Store", unreadable: Collection[int]) -> tuple["Order", str]:
    """The order to propose in, and a sentence about where it comes from."""
    from askwell.formats.proposing import Order, stored_order
    from askwell.store import Places

    features = Places(store.path).features
    if is_folder(features, RunError) and any(features.iterdir()):
        from askwell.cli.ordering import trained_order

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
