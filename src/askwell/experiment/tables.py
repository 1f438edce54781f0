"""The tables of a run's results, as plain text cells: what is in them, not how they look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from askwell.experiment import paper
from askwell.experiment.crossings import CONSECUTIVE, THRESHOLDS, crossings
from askwell.experiment.facts import (
    is_paper_melanoma,
    is_paper_mnist,
    is_paper_table_2,
    positive_class,
    started,
    started_chains,
)
from askwell.experiment.metrics import METRICS, Metric, primary_metric
from askwell.experiment.notes import labels_sentence
from askwell.experiment.positives import initial_positives, positives_curve
from askwell.experiment.splits import by_split, groups, head, spread_sentence
from askwell.experiment.statistics import (
    Estimate,
    Spread,
    areas,
    class_balance,
    estimate,
    final,
    last_common_labels,
)
from askwell.experiment.writing import DASH, labels_written, written
from askwell.records import Chain, Run

_MOST_COLUMNS = 10  # label counts that a table shows side by side


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; each row begins with its name. `title` heads its section."""

    title: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def crossing_table(run: Run) -> Table | None:
    """Labels to each test error, sustained and first, beside the paper's Table 1 on MNIST."""
    if primary_metric(run).name != "accuracy" or not started(run):
        return None
    beside = is_paper_mnist(run)
    header = [*head(run)]
    for threshold in THRESHOLDS:
        header += [f"{100 * threshold:g} %, sustained", "first"]
        header += ["paper"] if beside and threshold in paper.TABLE_1["random"] else []
    rows = []
    for group in groups(run):
        row = [*group.cells]
        for threshold in THRESHOLDS:
            for consecutive in (CONSECUTIVE, 1):
                found = crossings(group.chains, threshold, consecutive=consecutive)
                row.append(labels_written(found, group.chains, group.spread))
            if beside and threshold in paper.TABLE_1["random"]:
                row.append(str(paper.TABLE_1.get(group.arm, {}).get(threshold, DASH)))
        rows.append(tuple(row))
    caption = f"{spread_sentence(run)} {labels_sentence(run)}"
    if beside:
        caption += (
            " The paper's column is its Table 1: “acquired images”, the mean of 3 repetitions, "
            "with 100 validation labels besides."
        )
    caption += " “≥”: some seeds did not get there. “>”: none did within its records."
    return Table("Labels to a test error", caption, tuple(header), tuple(rows))


def final_table(run: Run) -> Table | None:
    """Every test metric at the end, and the area under the primary metric's curve."""
    present = {m for chain in run.chains for step in chain.steps for m in step.metrics}
    shown = [metric for name, metric in METRICS.items() if name in present]
    if not shown:
        return None
    primary = primary_metric(run)
    area = primary.name in present
    table_2 = not is_paper_table_2(run) and _may_stand_beside_table_2(run)
    header = [*head(run), "labels", *(metric.heading for metric in shown)]
    header += ([area_heading(primary)] if area else []) + (["paper (%)"] * table_2)
    rows = []
    until = last_common_labels(started_chains(run))
    for group in groups(run):
        ends = [_end(group.chains, metric, group.spread) for metric in shown]
        row = [*group.cells, str(last_common_labels(group.chains) or DASH), *ends]
        if area:
            found = _area(group.chains, primary.name, until)
            row.append(written(found, primary.factor, primary.digits, group.spread))
        if table_2:
            error = paper.TABLE_2.get(group.arm) if _at_table_2(group.chains) else None
            row.append(DASH if error is None else f"{100 * (1 - error):.2f}")
        rows.append(tuple(row))
    beside = is_paper_melanoma(run) and METRICS["auc"] in shown
    if beside:
        rows += _paper_aucs(header)
    caption = _final_caption(run, until if area else None, table_2=table_2, beside=beside)
    return Table("At the end", caption, tuple(header), tuple(rows))


def positives_table(run: Run) -> Table | None:
    """Acquired images of the positive class at up to ten label counts; `None` without one."""
    positive, chains = positive_class(run), started_chains(run)
    if positive is None or not chains:
        return None
    every = sorted({step.labels for chain in chains for step in chain.steps})
    picked = np.linspace(0, len(every) - 1, min(_MOST_COLUMNS, len(every))).round().astype(int)
    shown = [every[i] for i in picked]
    rows = []
    for group in groups(run):
        found = positives_curve(group.chains, positive)
        spread: Spread = "error" if group.spread == "std" else group.spread
        at = {
            int(labels): written(Estimate(mean, std, int(n)), 1, 1, spread)
            for labels, mean, std, n in zip(
                found.labels,
                found.mean.tolist(),
                (None if np.isnan(s) else float(s) for s in found.std),
                found.seeds,
                strict=True,
            )
        }
        rows.append((*group.cells, *(at.get(labels, DASH) for labels in shown)))
    initial = initial_positives(chains, positive)
    not_counted = "–".join(dict.fromkeys(map(str, (initial[0], initial[-1]))))
    name = run.classes[positive]
    caption = (
        f"Acquired images of the class {name} up to each number of labelled images, mean ± "
        f"standard error over seeds; the {not_counted} initial ones of that class are not counted."
    )
    header = (*head(run), *(f"{labels} labels" for labels in shown))
    return Table(f"Images of the class {name} acquired", caption, header, tuple(rows))


def balance_table(run: Run) -> Table | None:
    """How even the acquired classes are; `None` for regression or where nothing was acquired.

    Of two classes one says all: with a positive class, `positives_table` stands here instead.
    """
    if not run.classes or positive_class(run) is not None:
        return None
    found = {arm: class_balance(chains, len(run.classes)) for arm, chains in started(run).items()}
    if not any(balance.counts.any() for balance in found.values()):
        return None
    shown = run.classes if len(run.classes) <= 12 else ()
    digits = 0 if all(len(chains) == 1 for chains in started(run).values()) else 1
    rows = tuple(
        (
            arm,
            written(balance.entropy, 1, 3),
            *(f"{n:.{digits}f}" for n in balance.counts[: len(shown)]),
        )
        for arm, balance in found.items()
    )
    caption = (
        "Acquired images of each class, mean over seeds, without the initial ones. Evenness is the "
        "entropy of the shares divided by its maximum: 1 = all classes alike."
    )
    return Table("Which classes were asked for", caption, ("arm", "evenness", *shown), rows)


def area_heading(metric: Metric) -> str:
    """The head over areas under the curve, which are means of the metric."""
    heading = "acc. (%)" if metric.name == "accuracy" else metric.heading
    return f"mean {heading}"


def _final_caption(run: Run, until: int | None, *, table_2: bool, beside: bool) -> str:
    """What the table at the end shows; `until` is given where it shows areas."""
    rows = "every seed of the arm has"
    if by_split(run):
        rows = "all seeds of the row have"
    parts = [f"On the test set, at the last label count that {rows} reached."]
    crossed = primary_metric(run).name == "accuracy"  # their table says what is counted
    if by_split(run) or not crossed:
        parts.append(spread_sentence(run))
    if not crossed:
        parts.append(labels_sentence(run))
    if until is not None:
        title = primary_metric(run).title
        parts.append(
            f"The mean {title} is the area under the learning curve, up to {until} labels for all "
            "arms."
        )
    if table_2:
        parts.append(
            "The paper's column is from its Table 2: 1 000 images, 5 000 validation labels."
        )
    if beside:
        parts.append(
            "The last rows are the paper's: its network trained with all labels, on its own two "
            "test splits. Ours are other splits, so they do not compare one to one."
        )
    return " ".join(parts)


def _paper_aucs(header: Sequence[str]) -> list[tuple[str, ...]]:
    rows = []
    for number, (auc, error) in paper.FIGURE_5_ALL_LABELS.items():
        value = Estimate(100 * auc, 100 * error, 1)
        cells = {"AUC (%)": written(value, 1, 1)}
        name = f"paper, all labels, its split {number}"
        rows.append((name, *(cells.get(heading, DASH) for heading in header[1:])))
    return rows


def _end(chains: Sequence[Chain], metric: Metric, spread: Spread) -> str:
    return written(final(chains, metric.name), metric.factor, metric.digits, spread)


def _area(chains: Sequence[Chain], metric: str, until: int | None) -> Estimate | None:
    return estimate(areas(chains, metric, until).values())


def _may_stand_beside_table_2(run: Run) -> bool:
    return is_paper_mnist(run) and any(_at_table_2(chains) for chains in started(run).values())


def _at_table_2(chains: Sequence[Chain]) -> bool:
    """Whether the arm ends at the paper's 1 000 acquired images (with or without the initial)."""
    return 1000 <= (last_common_labels(chains) or 0) <= 1020
