"""`askwell run` and `askwell report`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from askwell.cli.consoles import table_console
from askwell.cli.data import fetch_with_bars
from askwell.cli.stops import exit_code, terminable
from askwell.datasets import DATASETS
from askwell.errors import AskwellError, LabelError, RunError, SpecError
from askwell.records import Run
from askwell.version import __version__

if TYPE_CHECKING:
    from askwell.experiment.report import Images
    from askwell.experiment.spec import Spec

_MOST_SEEDS = 10_000

_CHANGED = (
    "the data have changed since the run: images of {} were added, removed, edited or labelled "
    "anew. Restore them to see the images that were asked for."
)


def run(
    spec: Annotated[
        str | None, typer.Argument(help="A built-in spec, or a TOML file.", metavar="SPEC")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run's directory.", show_default="runs/SPEC or runs/SPEC-DATASET"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", help="Processes.", show_default="one for each core"),
    ] = None,
    acquisitions: Annotated[
        str | None, typer.Option(help="Acquisition functions, separated by commas.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Repetitions: seeds 0 … N − 1.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set, or a folder of class folders.")
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(help="Where the files of isic2016 lie.", show_default="the data directory"),
    ] = None,
    budget: Annotated[int | None, typer.Option(help="Labelled images at the end.")] = None,
    query_size: Annotated[int | None, typer.Option(help="Images asked for at a time.")] = None,
    draws: Annotated[int | None, typer.Option(help="Posterior draws T for scoring.")] = None,
    exact: Annotated[
        bool | None,
        typer.Option("--exact", help="Score every image with all T draws.", show_default="race"),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other key of the spec; repeatable."),
    ] = None,
    reuse: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Take over the chains that this other run has already."),
    ] = None,
    tiny: Annotated[
        bool, typer.Option("--smoke", help="Try the spec out, tiny, in runs/SPEC-smoke.")
    ] = False,
    list_specs: Annotated[bool, typer.Option("--list", help="List the built-in specs.")] = False,
) -> None:
    """Run an experiment: every acquisition function with every seed, from the same start.

    Each step is on disk before the next begins. Stop at any time (Ctrl-C, SIGTERM, power cut); the
    same command goes on where the records end, with the same result. At the end it prints a table
    and writes a report.

    Example: askwell run quickstart

    Example: askwell run figure1 --smoke

    Example: askwell run figure1 --seeds 1 --acquisitions bald,random --jobs 2

    Example: askwell run my_experiment.toml --out runs/mine --set training.steps=800

    Example: askwell run figure2 --reuse runs/figure1_subset

    Example: askwell run melanoma --data-dir downloads/isic2016

    Example: askwell run quickstart --dataset photos/ --set image_size=28 --out runs/photos
    """
    from askwell.experiment import spec_files
    from askwell.experiment.smoke import smoke

    console = table_console()
    if list_specs or spec is None:
        console.print(_spec_table())
        return
    options = {
        "acquisitions": None if acquisitions is None else _names(acquisitions),
        "seeds": None if seeds is None else _first_seeds(seeds),
        "dataset": dataset,
        "data_dir": data_dir,
        "budget": budget,
        "query_size": query_size,
        "draws": draws,
        "exact": exact,
    }
    given = {key: value for key, value in options.items() if value is not None}
    given |= _assignments(change or [])
    original = spec_files.located(spec_files.load(spec), Path())
    if tiny:
        original = smoke(original)
    chosen = spec_files.located(spec_files.override(original, given), Path())
    chosen = spec_files.named_apart(chosen, original)
    directory = out or Path("runs") / chosen.name
    if _to_fetch(chosen):
        fetch_with_bars(DATASETS[chosen.dataset])
    _finish(console, chosen, directory, _run(console, chosen, directory, jobs, reuse))


def report(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory.")],
    images: Annotated[
        bool, typer.Option(help="Show the images asked for (reads the data set).")
    ] = True,
) -> None:
    """Write the report of a run again, finished or not, and print its table.

    Where the data set is not here any more, or has changed, the report is written without images.

    Example: askwell report runs/quickstart

    Example: askwell report runs/quickstart --no-images
    """
    from askwell.experiment import spec_files
    from askwell.experiment.journal import Journal

    run = Journal(directory).read()
    table = dict(run.spec)
    try:
        spec = spec_files.parse(table, str(table.get("name", directory.name)))
    except SpecError as error:
        raise RunError(
            f"{directory / 'run.json'} holds a spec that this askwell ({__version__}) does not "
            f"take; it was edited, or is another version's. {error}"
        ) from error
    _finish(table_console(), spec, directory, run, images=images)


def _run(
    console: Console, spec: "Spec", directory: Path, jobs: int | None, reuse: Path | None
) -> Run:
    from askwell.experiment.progress import LiveProgress
    from askwell.experiment.runner import run as run_spec

    with LiveProgress(console) as progress:
        try:
            with terminable():
                return run_spec(spec, directory, jobs=jobs, watcher=progress, reuse=reuse)
        except KeyboardInterrupt as stopped:
            progress.__exit__(None, None, None)
            console.print(
                Text(
                    f"Stopped. Finished steps are safe in {directory}; the same command goes on "
                    "from there."
                ),
                soft_wrap=True,
            )
            raise typer.Exit(exit_code(stopped)) from None


def _finish(
    console: Console, spec: "Spec", directory: Path, run: Run, *, images: bool = True
) -> None:
    from askwell.experiment.report import summary_table, write_report

    if not any(chain.steps for chain in run.chains):
        raise RunError(f"{directory} has no finished step yet: there is nothing to report.")
    stopped: KeyboardInterrupt | None = None
    try:
        with terminable():
            pixels = _first_images(spec, run, directory) if images else None
            page = write_report(run, directory / "report", images=pixels)
    except KeyboardInterrupt as stop:
        stopped = stop
    except OSError as error:
        raise RunError(
            f"Cannot write {directory / 'report'}: {error.strerror or error}. The run itself is "
            f"safe; `askwell report {directory}` writes its report again."
        ) from error
    finally:
        console.print(summary_table(run))
    if stopped is not None:
        said = f"Stopped. The run is safe in {directory}; `askwell report {directory}` writes its"
        console.print(Text(f"{said} report."), soft_wrap=True)
        raise typer.Exit(exit_code(stopped))
    console.print(Text(f"Report: {page.resolve()}"), soft_wrap=True)


def _first_images(spec: "Spec", run: Run, directory: Path) -> "Images | None":
    """The images asked for first; None, with a remark, where the data are gone or have changed."""
    from askwell.experiment.data import load_data
    from askwell.experiment.journal import Journal
    from askwell.experiment.report import first_asked

    asked = [item for items in first_asked(run).values() for item, _ in items]
    try:
        if _to_fetch(spec):
            raise SpecError(f"`askwell data fetch {spec.dataset}` brings it.")
        data = load_data(spec)
        if Journal(directory).data() in (None, data.digest()):
            return data.thumbnails(list(dict.fromkeys(asked)))
        reason = _CHANGED.format(spec.dataset)
    except LabelError:  # an image is gone, and the run of before digests were recorded
        reason = _CHANGED.format(spec.dataset)
    except (AskwellError, OSError) as error:
        reason = f"the data set is not at hand. {error}"
    remark = f"The report shows no images, since {reason}"
    Console(stderr=True).print(Text(remark), soft_wrap=True)
    return None


def _first_seeds(count: int) -> list[int]:
    if count > _MOST_SEEDS:
        raise SpecError(f"--seeds must be at most {_MOST_SEEDS}; got {count}.")
    return list(range(count))


def _to_fetch(spec: "Spec") -> bool:
    if spec.data_dir or spec.dataset not in DATASETS:
        return False
    return DATASETS[spec.dataset].state() != "ready"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _assignments(texts: list[str]) -> Mapping[str, Any]:
    """`key=value` with values as in TOML; what is no TOML value is text."""
    changes: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SpecError(f"--set takes KEY=VALUE, for example draws=50; got {text!r}.")
        try:
            changes[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):  # no TOML, or a number or a list without end
            changes[key.strip()] = value.strip()
    return changes


def _spec_table() -> Table:
    from askwell.experiment import spec_files

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("spec", no_wrap=True)
    for heading in ("what", "arms", "seeds", "labels", "cost"):
        table.add_column(heading, overflow="fold")
    for name, spec in spec_files.builtin().items():
        labels = f"{spec.initial} … {spec.budget or 'all'}, {spec.query_size} at a time"
        numbers = (str(len(spec.all_arms)), str(len(spec.seeds)))
        table.add_row(name, spec.summary, *numbers, labels, spec.cost)
    return table
