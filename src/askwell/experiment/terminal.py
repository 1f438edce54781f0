"""A run as a table in a terminal, within 100 columns."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from askwell.experiment.crossings import CONSECUTIVE, THRESHOLDS, crossings
from askwell.experiment.facts import started, started_chains
from askwell.experiment.metrics import primary_metric
from askwell.experiment.savings import baseline_arm, label_saving, matching_saving
from askwell.experiment.splits import by_split, of_shared_seeds
from askwell.experiment.statistics import (
    Spread,
    areas,
    estimate,
    final,
    last_common_labels,
    step_seconds,
)
from askwell.experiment.tables import area_heading
from askwell.experiment.writing import labels_written, saving_written, written
from askwell.records import Chain, Run

_MOST_SPLITS = 3  # shown each in a column


def summary_table(run: Run) -> Table:
    """What the arms reached, and how long a step took.

    The metric is the final one, over all seeds; with several test splits its mean, and each
    split's mean ± standard error. Labels are those of the sustained crossing (of the first one).
    """
    rows = {arm: [arm, *cells] for arm, cells in _ends(run).items()}
    heads = _end_heads(run)
    if primary_metric(run).name == "accuracy":
        heads += [*(f"to {100 * t:g} %" for t in THRESHOLDS), "saving at 5 %"]
        later = _crossing_cells(run)
    else:
        heads += [area_heading(primary_metric(run)), "saving"]
        later = _area_cells(run)
    heads.append("s/step")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    widest = 22 if primary_metric(run).name == "accuracy" else 28
    table.add_column("arm", overflow="fold", max_width=widest)
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    for arm, row in rows.items():
        seconds = f"{sum(step_seconds(started(run)[arm]).values()):.1f}"
        table.add_row(*map(Text, (*row, *later[arm], seconds)))
    return table


def _averaged(run: Run) -> dict[str, tuple[Chain, ...]]:
    """The chains of each arm; of several test splits those of the seeds that every arm has."""
    if not by_split(run):
        return started(run)
    shared = started(of_shared_seeds(run))
    return {arm: shared.get(arm, ()) for arm in started(run)}


def _end_heads(run: Run) -> list[str]:
    heading = primary_metric(run).heading
    splits = list(by_split(run))[:_MOST_SPLITS]
    return [heading, *(f"split {number}" for number in splits)]


def _ends(run: Run) -> dict[str, list[str]]:
    metric, splits = primary_metric(run), by_split(run)
    digits = max(1, metric.digits - 1)
    spread: Spread = "none" if splits else "std"
    found = {}
    for arm, chains in _averaged(run).items():
        cells = [written(final(chains, metric.name), metric.factor, digits, spread)]
        for part in list(splits.values())[:_MOST_SPLITS]:
            end = final(started(part).get(arm, ()), metric.name)
            cells.append(written(end, metric.factor, digits, "error"))
        found[arm] = cells
    return found


def _crossing_cells(run: Run) -> dict[str, list[str]]:
    baseline, grouped = baseline_arm(run), started(run)
    found = {}
    for arm, chains in grouped.items():
        saving = label_saving(chains, grouped.get(baseline or "", ()), 0.05)
        cells = [_both(chains, threshold) for threshold in THRESHOLDS]
        found[arm] = [*cells, "" if arm == baseline else saving_written(saving, digits=1)]
    return found


def _area_cells(run: Run) -> dict[str, list[str]]:
    baseline, grouped, metric = baseline_arm(run), started(run), primary_metric(run)
    until = last_common_labels(started_chains(run))
    found, averaged = {}, _averaged(run)
    for arm, chains in grouped.items():
        area = estimate(areas(averaged[arm], metric.name, until).values())
        spread: Spread = "none" if by_split(run) else "std"
        saving = matching_saving(chains, grouped.get(baseline or "", ()), metric=metric)
        found[arm] = [
            written(area, metric.factor, max(1, metric.digits - 1), spread),
            "" if arm == baseline else saving_written(saving, digits=1),
        ]
    return found


def _both(chains: Sequence[Chain], threshold: float) -> str:
    """Labels by the sustained and, in brackets, the first crossing, without spaces after signs."""
    sustained, first = (
        labels_written(crossings(chains, threshold, consecutive=n), chains, "none")
        for n in (CONSECUTIVE, 1)
    )
    return f"{sustained.replace(' ', '')} ({first.replace(' ', '')})"
