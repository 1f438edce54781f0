"""The command line: parse and print, nothing else.

askwell run SPEC          run an experiment, or go on with one (run.py)
askwell report RUN        write the report of a run again (run.py)
askwell data …            data sets (data.py)
askwell acquisitions      acquisition functions with formula and source
"""

import os
import sys
import warnings
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from askwell.acquisition import ACQUISITIONS
from askwell.cli import data, run
from askwell.errors import AskwellError
from askwell.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=(
        "Deep Bayesian active learning with images: label as few as possible.\n\n"
        "Start here: [bold]askwell run quickstart[/] (MNIST, minutes), then look at its report."
    ),
)
app.add_typer(data.app, name="data")
app.command()(run.run)
app.command()(run.report)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"askwell {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Options of askwell itself."""


@app.command()
def acquisitions() -> None:
    """List the acquisition functions: name, formula, source.

    Example: askwell acquisitions
    """
    table = Table("name", "formula (nats; larger = label it)", "source", "prefers")
    table.add_row("random", "uniform", "baseline", "nothing")
    for entry in ACQUISITIONS.values():
        table.add_row(*map(escape, (entry.name, entry.formula, entry.source, entry.summary)))
    Console().print(table)


def main() -> None:
    """Run the command line; an `AskwellError` is a sentence and exit code 1, no traceback."""
    warnings.showwarning = _show_warning
    try:
        app()
    except AskwellError as error:
        if os.environ.get("ASKWELL_TRACEBACK"):
            raise
        Console(stderr=True).print(f"[bold red]Error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    text = f"[yellow]Warning:[/] {escape(str(message))}"
    Console(stderr=True).print(text, soft_wrap=True)
