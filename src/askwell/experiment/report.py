"""A run's report: one self-contained HTML page, figures, CSV files, and a terminal table."""

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
from rich import box
from rich.table import Table as TerminalTable
from rich.text import Text

from askwell.experiment import csv_files, drawing, figures, tables
from askwell.experiment.prose import (
    METRICS,
    counted,
    headline,
    integer,
    labels_written,
    notes,
    primary_metric,
    saving_written,
    written,
)
from askwell.experiment.savings import baseline_arm, label_saving
from askwell.experiment.statistics import CONSECUTIVE, THRESHOLDS, crossings, final, step_seconds
from askwell.experiment.statistics import arms as arms_of
from askwell.records import Chain, ItemId, Run
from askwell.version import __version__

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
    """Write `report.html`, `learning_curves.png/.svg`, `steps.csv` and `summary.csv`.

    With `images`, `first_images.png/.svg` too; without, earlier ones are removed. Each file
    appears whole or not at all, the page last; earlier ones are replaced.

    Args:
        run: finished or not; any arms, seeds and steps, classification or regression.
        directory: where to write; made if missing.
        images: pixels of the images that `first_asked` names, uint8, (H, W), (H, W, 1) or
            (H, W, 3). Items that are missing are left out of the page.

    Returns:
        The path of `report.html`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    curves = figures.learning_curves(run, primary_metric(run))
    _write(directory / "learning_curves.png", drawing.png(curves))
    _write(directory / "learning_curves.svg", drawing.svg(curves).encode())
    first = (directory / "first_images.png", directory / "first_images.svg")
    if images:
        strips = figures.image_strips(first_asked(run), images)
        _write(first[0], drawing.png(strips))
        _write(first[1], drawing.svg(strips).encode())
    else:
        for path in first:
            path.unlink(missing_ok=True)
    _write(directory / "steps.csv", _csv(csv_files.steps(run)))
    _write(directory / "summary.csv", _csv(csv_files.summary(run)))
    return _write(directory / "report.html", page(run, images=images).encode())


def first_asked(run: Run, count: int = FIRST_IMAGES) -> dict[str, tuple[tuple[ItemId, str], ...]]:
    """The first images that each arm's first chain asked for, with their labels, in that order."""
    found = {}
    for arm, chains in tables.started(run).items():
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
    metric = primary_metric(run)
    arms = list(tables.started(run))
    return environment.get_template("report.html").render(
        title=str(run.spec.get("name", "run")),
        facts=_facts(run),
        headline=headline(run),
        curves=[_inline(f, f"curves{i}", arms) for i, f in enumerate(_curves(run, metric))],
        crossings=tables.crossing_table(run),
        savings=tables.saving_table(run),
        final=tables.final_table(run),
        strips=_thumbnails(run, images or {}),
        balance=(balance := tables.balance_table(run)),
        balance_figure=balance and _inline(figures.class_balance_bars(run), "balance", arms),
        time=(time := tables.time_table(run)),
        time_figure=time and _inline(figures.step_time_bars(run), "time", arms),
        weight_decay=tables.weight_decay_table(run),
        notes=notes(run),
        spec=tables.settings_table("Specification", "Every setting, resolved.", run.spec),
        environment=tables.settings_table("Environment", "Where it ran.", run.environment),
        version=__version__,
    )


def summary_table(run: Run) -> TerminalTable:
    """The run in a terminal, within 100 columns.

    The metric is the final one; labels are those of the sustained crossing (of the first one).
    """
    metric = primary_metric(run)
    heading, factor, digits = METRICS[metric]
    baseline, grouped = baseline_arm(run), tables.started(run)
    table = TerminalTable(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("arm", overflow="fold", max_width=22)
    heads = [heading]
    if metric == "accuracy":
        heads += [*(f"to {100 * t:g} %" for t in THRESHOLDS), "saving at 5 %"]
    for head in (*heads, "s/step"):
        table.add_column(head, justify="right", overflow="fold")
    for arm, chains in grouped.items():
        row = [arm, written(final(chains, metric), factor, max(1, digits - 1))]
        if metric == "accuracy":
            saving = label_saving(chains, grouped.get(baseline or "", ()), 0.05)
            row += [_both(chains, threshold) for threshold in THRESHOLDS]
            row.append("" if arm == baseline else saving_written(saving, digits=1))
        row.append(f"{sum(step_seconds(chains).values()):.1f}")
        table.add_row(*map(Text, row))
    return table


def _both(chains: Sequence[Chain], threshold: float) -> str:
    """Labels by the sustained and, in brackets, the first crossing, without spaces after signs."""
    sustained, first = (
        labels_written(crossings(chains, threshold, consecutive=n), chains, spread=False)
        for n in (CONSECUTIVE, 1)
    )
    return f"{sustained.replace(' ', '')} ({first.replace(' ', '')})"


def _facts(run: Run) -> str:
    """One line under the title: data, model, seeds, queries."""
    seeds = {chain.seed for chain in run.chains}
    parts = [str(run.spec[key]) for key in ("dataset", "model") if run.spec.get(key)]
    parts += [counted(len(arms_of(run)), "arm"), counted(len(seeds), "seed")]
    if (size := integer(run, "query_size")) is not None:
        parts.append(f"{counted(size, 'image')} a query")
    return " · ".join(parts)


def _curves(run: Run, metric: str) -> list[Figure]:
    if not run.chains:
        return []
    drawn = [figures.learning_curves(run, metric)]
    present = {name for chain in run.chains for step in chain.steps for name in step.metrics}
    if metric == "accuracy" and "accuracy" in present:
        drawn.append(figures.error_curves(run))
        if "auc" in present:
            drawn.append(figures.learning_curves(run, "auc"))
    return drawn


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


def _write(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    return temporary.replace(path)
