"""`askwell label`: serve the labelling page of a folder of images."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from askwell.cli.consoles import bar, counted
from askwell.cli.labels import root_of
from askwell.errors import DatasetError, InputError
from askwell.paths import shown

if TYPE_CHECKING:
    from askwell.web.project import Project

_LOOPBACK = "127.0.0.1"


def label(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of images, at any depth.")
    ],
    classes: Annotated[
        str | None, typer.Option(help="First classes, separated by commas.", show_default=False)
    ] = None,
    annotator: Annotated[
        str | None, typer.Option(help="Your name.", show_default="asked for on the page")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="0 takes a free one.", show_default="the project's own"
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    project: Annotated[
        Path | None,
        typer.Option(help="The project file.", show_default="FOLDER/.askwell/project.db"),
    ] = None,
    acquisition: Annotated[
        str | None, typer.Option(help="What the next image is chosen by.", show_default="bald")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="What reads the images; for handwriting bayesian_cnn_mnist.",
            show_default="efficientnet_lite0",
        ),
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(min=0, max=0.5, help="Share shown at random, to measure.", show_default="0.1"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of a new project: what is drawn at random.")] = 0,
    host: Annotated[
        str, typer.Option(help="Address to bind; others than this machine's need a password.")
    ] = _LOOPBACK,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="ASKWELL_PASSWORD", help="For other machines; better set ASKWELL_PASSWORD."
        ),
    ] = None,
) -> None:
    """Label images in the browser, as few as possible: a model chooses which.

    The model learns while you label and always shows the image whose label teaches it most. Every
    answer is on disk before the page counts it; stop at any time (Ctrl-C), the same command goes
    on. Nothing leaves this machine, and your files are never changed.

    Example: askwell label photos

    Example: askwell label photos --classes naevus,melanoma --annotator ada

    Example: ASKWELL_PASSWORD=… askwell label photos --host 0.0.0.0 --port 8000
    """
    from askwell.web.server import serve

    console = Console(stderr=True)
    root_of(folder)
    settings: dict[str, object] = {
        "acquisition": acquisition,
        "backbone": backbone,
        "holdout_share": holdout,
    }
    opened = _open(
        console,
        folder,
        file=project,
        seed=seed,
        classes=_names(classes),
        settings={name: value for name, value in settings.items() if value is not None},
        host=host,
        password=password,
        annotator=annotator,
    )

    def started(url: str) -> None:
        console.print(Text.assemble("Label at ", (url, "bold")), soft_wrap=True)
        console.print("The link works once, in one browser. Ctrl-C stops; all answers are safe.")
        if browser:
            webbrowser.open(url)

    serve(opened, host=host, port=port, started=started)
    console.print("Stopped; all answers are saved. The same command goes on.")
    if opened.store.backup_problem:
        console.print(Text(f"The last safety copy failed: {opened.store.backup_problem}"))


def _open(
    console: Console,
    folder: Path,
    *,
    file: Path | None,
    seed: int,
    classes: list[str],
    settings: dict[str, object],
    host: str,
    password: str | None,
    annotator: str | None,
) -> "Project":
    """Open the project, with a bar while the folder is looked through."""
    from askwell.web.project import open_project

    with bar("Looking through the images") as report:
        opened = open_project(
            folder,
            file=file,
            seed=seed,
            classes=classes,
            settings=settings,
            host=host,
            password=password,
            annotator=annotator,
            progress=report,
        )
    counts = opened.tally.exact()
    problems = counts.unreadable + len(opened.refused)
    said = counted(counts.items, "image") + (
        f", {counts.labelled} of them labelled" if counts.labelled else ""
    )
    if counts.duplicates:
        said += f"; {counted(counts.duplicates, 'duplicate')}, not shown"
    if problems:
        said += f"; {counted(problems, 'file')} cannot be read so far (see Problems on the page)"
    console.print(f"{said}.")
    if counts.items == 0:
        opened.close()
        raise DatasetError(
            f"There are no images that can be read in {shown(folder)}. Give another folder."
        )
    return opened


def _names(text: str | None) -> list[str]:
    if text is None:
        return []
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"--classes holds no name: {text!r}. Give them as naevus,melanoma.")
    return names
