"""Figures of bars and of images: each function draws one from the records and returns it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from askwell.experiment.drawing import INK, MUTED, legend, new_figure, plain, styles, title
from askwell.experiment.facts import started
from askwell.experiment.statistics import PHASES, class_balance, step_seconds
from askwell.records import ItemId, Run

PHASE_COLOURS = {"train": "#33526e", "score": "#e69f00", "evaluate": "#9fb6c9"}


def class_balance_bars(run: Run) -> Figure:
    """For each arm, the share of each class among the images that it asked for.

    The dashed line is an even share, 1 / C.
    """
    grouped = started(run)
    look = styles(list(grouped))
    figure, rows = new_figure(7.2, 0.7 + 0.95 * max(1, len(grouped)), rows=len(grouped))
    where = np.arange(len(run.classes))
    for axes, (arm, chains) in zip(rows, grouped.items(), strict=False):
        counts = class_balance(chains, len(run.classes)).counts
        axes.bar(where, 100 * counts / max(counts.sum(), 1), 0.72, color=look[arm].colour)
        axes.axhline(100 / len(where), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        title(axes, plain(arm))
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
    grouped = started(run)
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
    legend(figure, [axes])
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
