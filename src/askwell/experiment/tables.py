"""The tables of a report, as plain text cells: what is in them, not how they look."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from askwell.experiment import paper
from askwell.experiment.prose import (
    DASH,
    METRICS,
    integer,
    labels_sentence,
    labels_written,
    primary_metric,
    saving_written,
    written,
)
from askwell.experiment.savings import baseline_arm, label_saving, matching_saving
from askwell.experiment.statistics import (
    CONSECUTIVE,
    PHASES,
    THRESHOLDS,
    Estimate,
    area_under_curve,
    arms,
    class_balance,
    crossings,
    estimate,
    final,
    last_common_labels,
    step_seconds,
    values,
)
from askwell.records import Chain, Run


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; each row begins with its name. `title` heads its section."""

    title: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def started(run: Run) -> dict[str, tuple[Chain, ...]]:
    """The arms that have a step, with the chains that have."""
    return {arm: chains for arm, chains in arms(run).items() if chains}


def is_paper_mnist(run: Run) -> bool:
    """Whether the paper's MNIST numbers may stand beside the run's: all ten digits."""
    return run.spec.get("dataset") == "mnist" and len(run.classes) == 10


def crossing_table(run: Run) -> Table | None:
    """Labels to each test error, sustained and first, beside the paper's Table 1 on MNIST."""
    if primary_metric(run) != "accuracy" or not started(run):
        return None
    beside = is_paper_mnist(run)
    header = ["arm"]
    for threshold in THRESHOLDS:
        header += [f"{100 * threshold:g} %, sustained", "first"]
        header += ["paper"] if beside and threshold in paper.TABLE_1["random"] else []
    rows = []
    for arm, chains in started(run).items():
        row = [arm]
        for threshold in THRESHOLDS:
            for consecutive in (CONSECUTIVE, 1):
                found = crossings(chains, threshold, consecutive=consecutive)
                row.append(labels_written(found, chains))
            if beside and threshold in paper.TABLE_1["random"]:
                row.append(str(paper.TABLE_1.get(arm, {}).get(threshold, DASH)))
        rows.append(tuple(row))
    seeds = max(len(chains) for chains in started(run).values())
    spread = "One seed." if seeds == 1 else f"Mean ± standard deviation of {seeds} seeds."
    caption = f"{spread} {labels_sentence(run)}"
    if beside:
        caption += (
            " The paper's column is its Table 1: “acquired images”, the mean of 3 repetitions, "
            "with 100 validation labels besides."
        )
    caption += " “≥”: some seeds did not get there. “>”: none did within its records."
    return Table("Labels to a test error", caption, tuple(header), tuple(rows))


def saving_table(run: Run) -> Table | None:
    """Label saving of each arm against random acquisition; `None` without such an arm."""
    baseline, grouped = baseline_arm(run), started(run)
    if baseline not in grouped or len(grouped) < 2 or primary_metric(run) != "accuracy":
        return None
    rows = []
    for arm, chains in grouped.items():
        if arm != baseline:
            savings = [label_saving(chains, grouped[baseline], t) for t in THRESHOLDS]
            savings.append(matching_saving(chains, grouped[baseline]))
            rows.append((arm, *map(saving_written, savings)))
    heads = tuple(f"at {100 * t:g} % error" for t in THRESHOLDS)
    caption = (
        f"Labels that {baseline} needs, divided by labels that the arm needs, paired by seed "
        "(sustained crossings): 2× means half the labels. In brackets a 95 % bootstrap interval "
        "over seeds. “≥” and “≤” are bounds where one side did not get there; a dash means that "
        "the records do not say."
    )
    header = ("arm", *heads, f"at {baseline}'s final accuracy")
    return Table(f"Label saving against {baseline}", caption, header, tuple(rows))


def final_table(run: Run) -> Table | None:
    """Every test metric at the end, and the area under the accuracy curve."""
    grouped = started(run)
    present = {m for cs in grouped.values() for c in cs for s in c.steps for m in s.metrics}
    shown = [metric for metric in METRICS if metric in present]
    if not grouped or not shown:
        return None
    area = "accuracy" in present
    table_2 = is_paper_mnist(run) and any(_at_table_2(chains) for chains in grouped.values())
    header = ["arm", "labels", *(METRICS[m][0] for m in shown)]
    header += (["mean acc. (%)"] if area else []) + (["paper (%)"] * table_2)
    rows = []
    until = last_common_labels([chain for chains in grouped.values() for chain in chains])
    for arm, chains in grouped.items():
        ends = [written(final(chains, m), *METRICS[m][1:]) for m in shown]
        row = [arm, str(last_common_labels(chains) or DASH), *ends]
        row += [written(_area(chains, until), 100, 2)] if area else []
        if table_2:
            error = paper.TABLE_2.get(arm) if _at_table_2(chains) else None
            row.append(DASH if error is None else f"{100 * (1 - error):.2f}")
        rows.append(tuple(row))
    caption = "On the test set, at the last label count that every seed of the arm has reached."
    if area:
        caption += (
            " The mean accuracy is the area under the learning curve, "
            f"up to {until or 'the last common'} labels for all arms."
        )
    if table_2:
        caption += " The paper's column is from its Table 2: 1 000 images, 5 000 validation labels."
    return Table("At the end", caption, tuple(header), tuple(rows))


def balance_table(run: Run) -> Table | None:
    """How even the acquired classes are; `None` for regression or where nothing was acquired."""
    if not run.classes:
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


def time_table(run: Run) -> Table | None:
    """Seconds a step in each phase, and their sum."""
    rows = []
    for arm, chains in started(run).items():
        seconds = step_seconds(chains)
        parts = [f"{seconds[p]:.2f}" if p in seconds else DASH for p in PHASES]
        rows.append((arm, *parts, f"{sum(seconds.values()):.2f}"))
    caption = "Seconds, mean over all steps of all seeds; scoring over the steps that asked."
    header = ("arm", *PHASES, "together")
    return Table("Time a step", caption, header, tuple(rows)) if rows else None


def weight_decay_table(run: Run) -> Table | None:
    """The weight decay of each step of each chain, as runs of equal choices."""
    rows = []
    for arm, chains in started(run).items():
        for chain in chains:
            by_choice = itertools.groupby(chain.steps, key=lambda s: s.training.weight_decay)
            spans = [(decay, [step.labels for step in steps]) for decay, steps in by_choice]
            text = ", ".join(f"{d:g} ({_span(labels)})" for d, labels in spans)
            rows.append((arm, str(chain.seed), text))
    validation = integer(run, "validation")
    chosen = f"on the {validation} validation images" if validation else "as specified"
    caption = (
        f"The constant c of the penalty c / N · ‖W‖², chosen {chosen}, with the label counts "
        "at which it was in use."
    )
    return Table("Weight decay", caption, ("arm", "seed", "c (labels)"), tuple(rows))


def settings_table(title: str, caption: str, settings: Mapping[str, object]) -> Table | None:
    """A mapping as two columns; nested mappings become dotted names."""
    rows = tuple(_flattened(settings))
    return Table(title, caption, ("key", "value"), rows) if rows else None


def _flattened(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flattened(value, f"{prefix}{key}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            rows.append((f"{prefix}{key}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{key}", DASH if value is None else str(value)))
    return rows


def _area(chains: Sequence[Chain], until: int | None) -> Estimate | None:
    curves = [values(chain, "accuracy") for chain in chains]
    areas = [area_under_curve(n, a, until=until) for n, a in curves if n.size]
    return estimate([area for area in areas if area is not None])


def _at_table_2(chains: Sequence[Chain]) -> bool:
    """Whether the arm ends at the paper's 1 000 acquired images (with or without the initial)."""
    return 1000 <= (last_common_labels(chains) or 0) <= 1020


def _span(labels: Sequence[int]) -> str:
    return str(labels[0]) if len(labels) == 1 else f"{np.min(labels)}–{np.max(labels)}"
