"""The figures of a run: each function draws one from the records and returns it.

An arm keeps its colour and marker in every figure; posteriors differ by line style as well.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from askwell.experiment.drawing import INK, MUTED, hairlines, legend, new_figure, plain, styles
from askwell.experiment.statistics import (
    PHASES,
    THRESHOLDS,
    Curve,
    arms,
    class_balance,
    curve,
    step_seconds,
)
from askwell.records import Chain, ItemId, Run

PHASE_COLOURS = {"train": "#33526e", "score": "#e69f00", "evaluate": "#9fb6c9"}

_FLOOR = 1e-4  # smallest error that the logarithmic axis draws


def learning_curves(run: Run, metric: str = "accuracy") -> Figure:
    """The metric against labels: mean line and a band of ± 1 standard deviation over seeds.

    Accuracy and AUC are in per cent from 80, as in the paper, or from lower where an arm ends
    lower. Accuracy has hairlines at 10, 5 and 2 % test error. A line goes on thin and dotted
    where some of the arm's seeds have not got there yet.
    """
    figure, (axes,) = new_figure(7.2, 4.4)
    per_cent = metric != "rmse"
    curves = _draw_curves(axes, run, metric, scale=100 if per_cent else 1)
    axes.set_xlabel("labelled training images")
    axes.set_ylabel({"rmse": "test RMSE", "auc": "test AUC (%)"}.get(metric, f"test {metric} (%)"))
    if per_cent and curves:
        ends = [100 * (c.mean[-1] - np.nan_to_num(c.std[-1])) for c in curves]
        bottom = 80 if min(ends) >= 82 else max(0, 5 * np.floor((min(ends) - 8) / 5))
        axes.yaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
        axes.set_ylim(bottom, 100 + 0.02 * (100 - bottom))
    if metric == "accuracy":
        hairlines(axes, {f"{100 * e:g} % error": 100 * (1 - e) for e in THRESHOLDS})
    legend(axes)
    return figure


def error_curves(run: Run) -> Figure:
    """Test error against labels on a logarithmic axis, which tells the late differences apart.

    Means and bands are of the error; an error below 0.01 % is drawn at 0.01 %.
    """
    figure, (axes,) = new_figure(7.2, 4.4)
    _draw_curves(axes, run, "accuracy", scale=-100, offset=100, floor=100 * _FLOOR)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_ylim()
    finer = (1, 1.5, 2, 3, 4, 5, 6, 8) if high / low < 10 else (1, 2, 5)
    ticks = np.outer([0.01, 0.1, 1, 10, 100], finer).ravel()
    axes.set_yticks(ticks[(ticks >= low) & (ticks <= high)])
    axes.set_xlabel("labelled training images")
    axes.set_ylabel("test error (%), logarithmic")
    hairlines(axes, {f"{100 * e:g} %": 100 * e for e in THRESHOLDS})
    legend(axes)
    return figure


def class_balance_bars(run: Run) -> Figure:
    """For each arm, the share of each class among the images that it asked for.

    The dashed line is an even share, 1 / C.
    """
    grouped = _started(run)
    look = styles(list(grouped))
    figure, rows = new_figure(7.2, 0.7 + 0.95 * max(1, len(grouped)), rows=len(grouped))
    where = np.arange(len(run.classes))
    for axes, (arm, chains) in zip(rows, grouped.items(), strict=False):
        counts = class_balance(chains, len(run.classes)).counts
        axes.bar(where, 100 * counts / max(counts.sum(), 1), 0.72, color=look[arm].colour)
        axes.axhline(100 / len(where), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_title(plain(arm), loc="left", fontsize=9, color=INK, pad=3)
        axes.tick_params(labelbottom=axes is rows[-1])
    names = [plain(name, 18) for name in run.classes]
    every = max(1, -(-len(names) // 20))
    tilt = 0 if max(map(len, names), default=0) * len(names) <= 90 else 40
    rows[-1].set_xticks(
        where[::every], names[::every], rotation=tilt, ha="right" if tilt else "center"
    )
    rows[-1].set_xlabel("class")
    figure.supylabel("share of acquired images (%)", fontsize=10, color=INK)
    return figure


def step_time_bars(run: Run) -> Figure:
    """Mean wall time of one step of each arm, divided into train, score and evaluate."""
    grouped = _started(run)
    figure, (axes,) = new_figure(7.2, 1.1 + 0.36 * max(1, len(grouped)))
    seconds = [step_seconds(chains) for chains in grouped.values()]
    left = np.zeros(len(grouped))
    for phase in PHASES:
        width = np.array([s.get(phase, 0.0) for s in seconds])
        axes.barh(
            np.arange(len(grouped)), width, 0.62, left, color=PHASE_COLOURS[phase], label=phase
        )
        left += width
    axes.set_yticks(np.arange(len(grouped)), [plain(arm) for arm in grouped])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("seconds a step (mean)")
    legend(axes)
    return figure


def image_strips(
    strips: Mapping[str, Sequence[tuple[ItemId, str]]],
    images: Mapping[ItemId, NDArray[np.uint8]],
) -> Figure:
    """The first images that each arm asked for, one row an arm, with their labels above.

    Args:
        strips: for each arm, (item, label) in the order of asking.
        images: pixels of the items, (H, W), (H, W, 1) or (H, W, 3); a missing one leaves a gap.
    """
    columns = max([7, *map(len, strips.values())])
    pitch, shown = 1.75, 0.92  # in widths of a column
    height = pitch * max(1, len(strips))
    figure = Figure(figsize=(0.55 * (columns + 0.2), 0.55 * height))
    axes = figure.add_axes((0, 0, 1, 1))
    for row, (arm, strip) in enumerate(strips.items()):
        top = height - pitch * row
        axes.text(0, top - 0.12, plain(arm), va="top", fontsize=9, color=INK)
        for column, (item, label) in enumerate(strip):
            middle, base = column + shown / 2, top - 0.73
            axes.text(middle, base + 0.05, plain(label, 8), ha="center", fontsize=7, color=MUTED)
            if item in images:
                pixels = np.squeeze(images[item])
                tall, wide = np.array(pixels.shape[:2]) / max(pixels.shape[:2]) * shown / 2
                box = (
                    middle - wide,
                    middle + wide,
                    base - shown / 2 - tall,
                    base - shown / 2 + tall,
                )
                axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=box, aspect="auto")
    axes.set(xlim=(-0.1, columns + 0.1), ylim=(0, height))
    axes.set_axis_off()
    return figure


def _started(run: Run) -> dict[str, tuple[Chain, ...]]:
    return {arm: chains for arm, chains in arms(run).items() if chains}


def _draw_curves(
    axes: Axes,
    run: Run,
    metric: str,
    *,
    scale: float = 1,
    offset: float = 0,
    floor: float = -np.inf,
) -> list[Curve]:
    """Draw `offset + scale · metric` of every arm; return the curves, unscaled."""
    drawn = []
    look = styles(list(arms(run)))
    for arm, chains in _started(run).items():
        found = curve(chains, metric)
        if not found.labels.size:
            continue
        drawn.append(found)
        style, x, y = look[arm], found.labels, np.maximum(offset + scale * found.mean, floor)
        spread = abs(scale) * np.nan_to_num(found.std)
        whole = found.seeds == found.seeds.max()
        sparse = max(1, len(x) // 12)
        band = np.maximum(np.stack([y - spread, y + spread]), floor)
        axes.fill_between(
            x, band[0], band[1], where=whole, color=style.colour, alpha=0.15, linewidth=0
        )
        axes.plot(x, y, color=style.colour, linewidth=0.9, linestyle=":")
        axes.plot(
            x[whole],
            y[whole],
            color=style.colour,
            linewidth=1.7,
            linestyle=style.dash,
            marker=style.marker,
            markersize=4.5,
            markevery=sparse,
            markeredgecolor="none",
            label=plain(arm),
        )
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    return drawn
