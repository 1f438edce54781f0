"""Figures of curves against the number of labels: one line an arm, one panel a test split.

An arm keeps its colour, marker and dashes in every figure.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from askwell.experiment import paper
from askwell.experiment.crossings import THRESHOLDS
from askwell.experiment.drawing import (
    MANY,
    Style,
    hairlines,
    legend,
    new_figure,
    plain,
    styles,
    title,
)
from askwell.experiment.facts import is_paper_melanoma, started, started_chains
from askwell.experiment.metrics import METRICS, Metric
from askwell.experiment.positives import positives_curve
from askwell.experiment.splits import by_split, of_shared_seeds
from askwell.experiment.statistics import Curve, Spread, arms, curve
from askwell.experiment.writing import counted
from askwell.records import Chain, Run

_FLOOR = 1e-4  # smallest error that the logarithmic axis draws

_Curves = Mapping[str, Curve]


def learning_curves(run: Run, metric: str = "accuracy") -> Figure:
    """The metric against labels: mean lines, and bands of ± 1 standard deviation over seeds.

    With several test splits one panel each, and bands of ± 1 standard error. Accuracy is in per
    cent, over the range of the data, with hairlines at 10, 5 and 2 % test error. AUC on ISIC 2016
    has the paper's values as hairlines. A line goes on thin and dotted where some of the arm's
    seeds have not got there yet.
    """
    measured = METRICS[metric]
    figure, panels = _draw(run, lambda chains: curve(chains, metric), scale=measured.factor)
    _finish(run, figure, panels, measured)
    return figure


def pooled_curves(run: Run, metric: str) -> Figure:
    """The mean over the seeds of all test splits; no band, which would be that of the test sets.

    Only seeds that every arm has begun.
    """
    measured, (figure, (axes,)) = METRICS[metric], new_figure(*_size(run))
    curves = _curves_of(of_shared_seeds(run), lambda chains: curve(chains, metric))
    _draw_curves(axes, curves, styles(list(arms(run))), "none", scale=measured.factor)
    _finish(run, figure, {axes: curves}, measured)
    return figure


def error_curves(run: Run) -> Figure:
    """Test error against labels on a logarithmic axis, which tells the late differences apart.

    Means and bands are of the error; an error below 0.01 % is drawn at 0.01 %.
    """
    figure, panels = _draw(
        run,
        lambda chains: curve(chains, "accuracy"),
        scale=-100,
        offset=100,
        floor=100 * _FLOOR,
    )
    for axes in panels:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        low, high = axes.get_ylim()
        finer = (1, 1.5, 2, 3, 4, 5, 6, 8) if high / low < 10 else (1, 2, 5)
        ticks = np.outer([0.01, 0.1, 1, 10, 100], finer).ravel()
        axes.set_yticks(ticks[(ticks >= low) & (ticks <= high)])
    _label(figure, panels, "test error (%), logarithmic")
    hairlines(list(panels), {f"{100 * e:g} %": 100 * e for e in THRESHOLDS})
    return figure


def positives_curves(run: Run, positive: int) -> Figure:
    """Acquired images of the positive class against labels, mean ± 1 standard error over seeds.

    The initial images are not counted.
    """
    figure, panels = _draw(run, lambda chains: positives_curve(chains, positive), spread="error")
    _label(figure, panels, f"{plain(run.classes[positive], 18)} images acquired")
    return figure


def per_cent_limits(low: float, high: float) -> tuple[float, float]:
    """Round limits of an axis in per cent that show all from `low` to `high`, and little more.

    They are multiples of 1, 2 or 5 times a power of ten, a tenth of the range or a little more; a
    range is 1 at least. Where data come to 100 there is room above it for a line.
    """
    lacking = max(0.0, 1.0 - (high - low))
    low, high = low - lacking / 2, high + lacking / 2
    rough = (high - low) / 10
    power = 10.0 ** np.floor(np.log10(rough))
    unit = float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9)))
    bottom = max(0.0, unit * float(np.floor(low / unit)))
    top = unit * float(np.ceil(high / unit))
    return bottom, top if top < 100 else 100 + 0.02 * (100 - bottom)


def _size(run: Run) -> tuple[float, float]:
    """Wider where the legend stands beside the axes."""
    return (9.4, 4.6) if len(started(run)) > MANY else (7.2, 4.4)


def _draw(
    run: Run,
    of: Callable[[Sequence[Chain]], Curve],
    *,
    spread: Spread = "std",
    scale: float = 1,
    offset: float = 0,
    floor: float = -np.inf,
) -> tuple[Figure, dict[Axes, _Curves]]:
    """Draw every arm's curve, in a panel for each test split; the panels with what they show."""
    splits = by_split(run) or {0: run}
    columns = min(2, len(splits))
    rows = -(-len(splits) // columns)
    width, height = _size(run)
    figure, axes = new_figure(
        width if columns == 1 else width + 0.6,
        height * rows * (1 if columns == 1 else 0.85),
        rows=rows,
        columns=columns,
    )
    look = styles(list(arms(run)))
    panels = {}
    for panel, (number, part) in zip(axes, splits.items(), strict=False):
        panels[panel] = _curves_of(part, of)
        kind: Spread = "error" if number else spread
        _draw_curves(panel, panels[panel], look, kind, scale=scale, offset=offset, floor=floor)
        if number:
            seeds = len({chain.seed for chain in started_chains(part)})
            title(panel, f"test split {number}, {counted(seeds, 'seed')}")
    for empty in axes[len(splits) :]:
        empty.set_visible(False)
    return figure, panels


def _curves_of(run: Run, of: Callable[[Sequence[Chain]], Curve]) -> _Curves:
    found = {arm: of(chains) for arm, chains in started(run).items()}
    return {arm: curve for arm, curve in found.items() if curve.labels.size}


def _draw_curves(
    axes: Axes,
    curves: _Curves,
    look: Mapping[str, Style],
    spread: Spread,
    *,
    scale: float = 1,
    offset: float = 0,
    floor: float = -np.inf,
) -> None:
    """Draw `offset + scale · curve` of every arm, none below the floor."""
    for arm, found in curves.items():
        style, x = look[arm], found.labels
        y = np.maximum(offset + scale * found.mean, floor)
        half = abs(scale) * found.spread(spread)
        whole = found.seeds == found.seeds.max()
        band = np.maximum(np.stack([y - half, y + half]), floor)
        axes.fill_between(
            x, band[0], band[1], where=whole, color=style.colour, alpha=style.alpha, linewidth=0
        )
        if not whole.all():
            axes.plot(x, y, color=style.colour, linewidth=0.9, linestyle=":")
        axes.plot(
            x[whole],
            y[whole],
            color=style.colour,
            linewidth=1.7,
            linestyle=style.dash,
            marker=style.marker,
            markersize=4.5,
            markevery=max(1, len(x) // 12),
            markerfacecolor=style.face,
            markeredgecolor=style.edge,
            label=plain(arm),
        )
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def _finish(run: Run, figure: Figure, panels: Mapping[Axes, _Curves], metric: Metric) -> None:
    """Axis names, limits, legend and hairlines of learning curves."""
    _label(figure, panels, f"test {metric.heading}")
    levels: dict[str, float] = {}
    if metric.name == "accuracy":
        levels = {f"{100 * e:g} % error": 100 * (1 - e) for e in THRESHOLDS}
    if metric.name == "auc" and is_paper_melanoma(run):
        levels = {
            f"paper, all labels,\nits split {number}": 100 * auc
            for number, (auc, _) in paper.FIGURE_5_ALL_LABELS.items()
        }
    curves = [found for panel in panels.values() for found in panel.values()]
    axes = next(iter(panels))  # the others share its scale
    if metric.name == "accuracy" and curves:
        drawn = [panel.dataLim for panel, found in panels.items() if found]
        low, high = min(box.y0 for box in drawn), max(box.y1 for box in drawn)
        axes.yaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
        axes.set_ylim(*per_cent_limits(low, high))
    elif levels and curves:
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, *levels.values()) - 0.5, max(high, *levels.values()) + 0.5)
    hairlines(list(panels), levels)


def _label(figure: Figure, panels: Mapping[Axes, _Curves], what: str) -> None:
    """Names on the outer axes, and one legend: in the order of the last values if it is long."""
    columns = min(2, len(panels))
    for i, axes in enumerate(panels):
        if i >= len(panels) - columns:
            axes.set_xlabel("labelled training images")
            axes.tick_params(labelbottom=True)
        if i % columns == 0:
            axes.set_ylabel(what)
    legend(figure, list(panels))
