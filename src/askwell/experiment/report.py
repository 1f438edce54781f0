"""A run's report: one self-contained HTML page, figures, CSV files; `terminal` has its table."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from askwell.experiment import comparison_tables as beside
from askwell.experiment import csv_files, curve_figures, drawing, figures
from askwell.experiment import setting_tables as settings
from askwell.experiment import tables as results
from askwell.experiment.facts import integer, is_paper_melanoma, positive_class, started
from askwell.experiment.metrics import primary_metric
from askwell.experiment.notes import notes
from askwell.experiment.prose import headline
from askwell.experiment.splits import by_split
from askwell.experiment.statistics import arms as arms_of
from askwell.experiment.terminal import summary_table
from askwell.experiment.writing import counted
from askwell.records import ItemId, Run
from askwell.version import __version__

__all__ = ["FIRST_IMAGES", "Images", "first_asked", "page", "summary_table", "write_report"]

FIRST_IMAGES = 20
"""How many of the first images each arm asked for are shown."""

_THUMBNAIL = 96  # longest side in pixels

Images = Mapping[ItemId, NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One image of the page: its PNG as a data URI, what it shows, and its label."""

    source: str
    description: str
    label: str


def write_report(run: Run, directory: Path, *, images: Images | None = None) -> Path:
    """Write `report.html`, the figures as `.png` and `.svg`, and the numbers as `.csv`.

    Figures: `learning_curves`; `positives`, where the spec has a positive class; `first_images`,
    with `images`. Numbers: `steps`, `summary`, `seeds`; `comparisons`, with arms to compare. What
    an earlier report had and this one has not is removed. Each file appears whole or not at all,
    the page last; earlier ones are replaced.

    Args:
        run: finished or not; any arms, seeds and steps, classification or regression.
        directory: where to write; made if missing.
        images: pixels of the images that `first_asked` names, uint8, (H, W), (H, W, 1) or
            (H, W, 3). Items that are missing are left out of the page.

    Returns:
        The path of `report.html`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    positive = positive_class(run)
    drawn = {
        "learning_curves": curve_figures.learning_curves(run, primary_metric(run).name),
        "positives": None if positive is None else curve_figures.positives_curves(run, positive),
        "first_images": figures.image_strips(first_asked(run), images) if images else None,
    }
    for name, figure in drawn.items():
        _replace(directory / f"{name}.png", None if figure is None else drawing.png(figure))
        _replace(
            directory / f"{name}.svg", None if figure is None else drawing.svg(figure).encode()
        )
    _write(directory / "steps.csv", _csv(csv_files.steps(run)))
    _write(directory / "summary.csv", _csv(csv_files.summary(run)))
    _write(directory / "seeds.csv", _csv(csv_files.seeds(run)))
    compared = csv_files.comparison(run)
    _replace(directory / "comparisons.csv", _csv(compared) if compared else None)
    return _write(directory / "report.html", page(run, images=images).encode())


def first_asked(run: Run, count: int = FIRST_IMAGES) -> dict[str, tuple[tuple[ItemId, str], ...]]:
    """The first images that each arm's first chain asked for, with their labels, in that order."""
    found = {}
    for arm, chains in started(run).items():
        asked = [
            (item, _label(run, label))
            for step in chains[0].steps
            for item, label in zip(step.acquired, step.acquired_labels, strict=True)
        ]
        if asked:
            found[arm] = tuple(asked[:count])
    return found


def page(run: Run, *, images: Images | None = None) -> str:
    """The report as one HTML document that asks for nothing from outside itself."""
    environment = Environment(
        loader=PackageLoader("askwell.experiment"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    arms = list(started(run))
    positive = positive_class(run)
    return environment.get_template("report.html").render(
        title=str(run.spec.get("name", "run")),
        facts=_facts(run),
        headline=headline(run),
        curves=[_inline(f, f"curves{i}", arms) for i, f in enumerate(_curves(run))],
        curves_caption=_curves_caption(run),
        tables=[
            results.crossing_table(run),
            beside.saving_table(run),
            beside.comparison_table(run),
            beside.posterior_table(run),
            beside.table_2(run),
            results.final_table(run),
        ],
        strips=_thumbnails(run, images or {}),
        positives=(positives := results.positives_table(run)),
        positives_figure=positives
        and positive is not None
        and _inline(curve_figures.positives_curves(run, positive), "positives", arms),
        balance=(balance := results.balance_table(run)),
        balance_figure=balance and _inline(figures.class_balance_bars(run), "balance", arms),
        time=(time := settings.time_table(run)),
        time_figure=time and _inline(figures.step_time_bars(run), "time", arms),
        weight_decay=settings.weight_decay_table(run),
        notes=notes(run),
        spec=settings.settings_table("Specification", "Every setting, resolved.", run.spec),
        environment=settings.settings_table("Environment", "Where it ran.", run.environment),
        version=__version__,
    )


def _facts(run: Run) -> str:
    """One line under the title: data, model, seeds, queries."""
    seeds = {chain.seed for chain in run.chains}
    parts = [str(run.spec[key]) for key in ("dataset", "model") if run.spec.get(key)]
    parts += [counted(len(arms_of(run)), "arm"), counted(len(seeds), "seed")]
    if (size := integer(run, "query_size")) is not None:
        parts.append(f"{counted(size, 'image')} a query")
    return " · ".join(parts)


def _curves(run: Run) -> list[Figure]:
    if not run.chains:
        return []
    metric = primary_metric(run).name
    drawn = [curve_figures.learning_curves(run, metric)]
    if len(by_split(run)) > 1:
        drawn.append(curve_figures.pooled_curves(run, metric))
    present = {name for chain in run.chains for step in chain.steps for name in step.metrics}
    if metric == "accuracy" and "accuracy" in present:
        drawn.append(curve_figures.error_curves(run))
        if "auc" in present:
            drawn.append(curve_figures.learning_curves(run, "auc"))
    return drawn


def _curves_caption(run: Run) -> str:
    text = "Lines are means over seeds, bands ± 1 standard deviation."
    if by_split(run):
        text = (
            "One panel for each test split: lines are means over its seeds, bands ± 1 standard "
            "error."
        )
    if len(by_split(run)) > 1:
        text += (
            " Then the means over the seeds of all splits that every arm has, without bands: their "
            "spread would be that of the test sets."
        )
    text += " A thin dotted part has not been reached by every seed."
    if is_paper_melanoma(run) and primary_metric(run).name == "auc":
        text += " Dashed: the paper's network with all labels, on its own two test splits."
    return text


def _inline(figure: Figure, name: str, arms: Sequence[str]) -> Markup:
    axes = figure.axes[-1]
    what = figure.get_supylabel() or axes.get_ylabel() or "arms"
    text = f"{what} against {axes.get_xlabel()}, for {', '.join(arms)}. Numbers: in the tables."
    return Markup(drawing.inline_svg(figure, name=name, description=text))


def _thumbnails(run: Run, images: Images) -> dict[str, list[Thumbnail]]:
    strips = {}
    for arm, asked in first_asked(run).items():
        shown = [
            Thumbnail(_data_uri(images[item]), f"item {item}, labelled {label}", label)
            for item, label in asked
            if item in images
        ]
        if shown:
            strips[arm] = shown
    return strips


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    image = Image.fromarray(np.squeeze(pixels))
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _label(run: Run, label: float) -> str:
    return run.classes[int(label)] if run.classes else f"{label:.3g}"


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Rows with the union of their columns, in order of appearance; absent values are empty."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _replace(path: Path, data: bytes | None) -> None:
    """Write the file or, without data, remove an earlier one."""
    if data is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, data)


def _write(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    return temporary.replace(path)
