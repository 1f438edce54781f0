"""The command line: parse and print, nothing else.

askwell run SPEC          run an experiment, or go on with one (run.py)
askwell report RUN        write the report of a run again (run.py)
askwell label FOLDER      label your own images in the browser (label.py)
askwell propose, ingest, export, backup FOLDER     labels without the page (labels.py)
askwell model, predict FOLDER                      the trained model (predict.py)
askwell data …            data sets (data.py)
askwell acquisitions      acquisition functions with formula and source

Commands import what they need when they run: help and lists need no torch.
"""

import io
import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.table import Table
from rich.text import Text

from askwell.cli import data, label, labels, predict, propose, run
from askwell.cli.consoles import table_console
from askwell.errors import AskwellError
from askwell.paths import shown
from askwell.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Deep Bayesian active learning with images: label as few as possible.\n\n"
        "Your own images: **askwell label photos** opens the labelling page.\n\n"
        "An experiment: **askwell run quickstart** (MNIST, minutes), then look at its report."
    ),
)
app.add_typer(data.app, name="data")
app.command()(run.run)
app.command()(run.report)
app.command()(label.label)
app.command()(propose.propose)
app.command()(labels.ingest)
app.command()(labels.export)
app.command()(labels.backup)
app.command()(predict.model)
app.command()(predict.predict)


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
    from askwell.acquisition import ACQUISITIONS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for heading in ("formula (nats; larger = label it)", "source", "prefers"):
        table.add_column(heading, overflow="fold")
    table.add_row("random", "uniform", "baseline", "nothing")
    for entry in ACQUISITIONS.values():
        table.add_row(*map(Text, (entry.name, entry.formula, entry.source, entry.summary)))
    table_console().print(table)


def main() -> None:
    """Run the command line; an `AskwellError` is a sentence and exit code 1, no traceback.

    So is what the system refuses at a place that nobody foresaw. What the output's encoding does
    not have is shown as a question mark.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    warnings.showwarning = _each_once()
    try:
        app()
    except (AskwellError, OSError, MemoryError) as error:
        if os.environ.get("ASKWELL_TRACEBACK"):
            raise
        _say("Error:", "bold red", _in_words(error))
        _give_up_lost_output()
        sys.exit(1)


def _in_words(error: AskwellError | OSError | MemoryError) -> str:
    if isinstance(error, AskwellError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "Memory is short. Finished steps are safe. Make image_size or pool_size smaller, or "
            "give fewer --jobs."
        )
    why = error.strerror or error
    if error.filename is None:  # it is known when a file is opened, not when it is written
        return (
            f"The output or a file cannot be written: {why}. Finished steps are safe. Make room, "
            "or send the output elsewhere."
        )
    return (
        f"The system refuses {shown(str(error.filename))}: {why}. Check the place and its "
        "permissions; ASKWELL_TRACEBACK=1 shows where this happened."
    )


def _give_up_lost_output() -> None:
    """Let what standard output does not take go nowhere; or Python says so again when it ends."""
    if sys.stdout is None:  # it was closed before Python began
        return
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _each_once() -> Callable[..., None]:
    """Shows warnings as sentences, and none twice: a command may read the same data again."""
    shown = set[str]()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if (text := str(message)) not in shown:
            shown.add(text)
            _say("Warning:", "yellow", text)

    return show


def _say(kind: str, style: str, message: object) -> None:
    """One paragraph on stderr; what a message quotes is never taken for markup.

    While bars are drawn on a terminal, Rich stands in for stderr and prints above them what is
    written to it. A console would go past it, and the bars would be drawn twice.
    """
    text = Text.assemble((kind, style), f" {message}")
    console = Console(stderr=True)
    if not (isinstance(sys.stderr, FileProxy) and console.is_terminal):
        console.print(text, soft_wrap=True)
        return
    with console.capture() as written:
        console.print(text, soft_wrap=True)
    sys.stderr.write(written.get())
