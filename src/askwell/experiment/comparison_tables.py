"""Tables of arms beside each other, against random acquisition, and beside the paper's table 2."""

from collections.abc import Sequence

from askwell.experiment import paper
from askwell.experiment.comparisons import (
    LEVEL,
    Comparison,
    comparisons,
    posterior_comparisons,
    seeds_needed,
    smallest_p,
)
from askwell.experiment.crossings import THRESHOLDS
from askwell.experiment.facts import is_paper_table_2, started, started_chains
from askwell.experiment.metrics import primary_metric
from askwell.experiment.notes import labels_sentence
from askwell.experiment.savings import baseline_arm, label_saving, matching_saving
from askwell.experiment.splits import by_split
from askwell.experiment.statistics import Estimate, common_labels, final, last_common_labels
from askwell.experiment.tables import Table, area_heading
from askwell.experiment.writing import (
    DASH,
    counted,
    difference_written,
    p_written,
    saving_written,
    written,
)
from askwell.records import Run

TABLE_2_LABELS = 1000
"""Label count of the paper's table 2."""


def saving_table(run: Run) -> Table | None:
    """Label saving of each arm against random acquisition; `None` without such an arm."""
    baseline, grouped = baseline_arm(run), started(run)
    if baseline not in grouped or len(grouped) < 2 or primary_metric(run).name != "accuracy":
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


def comparison_table(run: Run) -> Table | None:
    """The whole curves against random acquisition, with a test; `None` without such an arm."""
    baseline = baseline_arm(run)
    return _compared(run, comparisons(run), f"The whole curve against {baseline}", f"{baseline}")


def posterior_table(run: Run) -> Table | None:
    """Dropout against the deterministic network; `None` unless some function has both."""
    title = "Dropout against the deterministic network"
    return _compared(
        run, posterior_comparisons(run), title, "the same function with the deterministic network"
    )


def _compared(run: Run, every: Sequence[Comparison], title: str, other: str) -> Table | None:
    found = [c for c in every if c.mean is not None]
    if not found:
        return None
    metric = primary_metric(run)
    rows = tuple(
        (
            c.arm,
            difference_written(c.mean, c.interval, metric),
            f"{c.better} of {len(c.differences)}",
            saving_written(c.saving),
            p_written(c.p),
            p_written(c.adjusted),
            verdict(c),
        )
        for c in found
    )
    header = (
        "arm",
        f"difference in {area_heading(metric)}",
        "better seeds",
        "label saving",
        "p",
        "p, corrected",
        "in words",
    )
    return Table(title, _compared_caption(run, found, other), header, rows)


def _compared_caption(run: Run, found: Sequence[Comparison], other: str) -> str:
    metric, until = primary_metric(run), last_common_labels(started_chains(run))
    side = "Below 0 the arm is better" if metric.lower else "Above 0 the arm is better"
    pooled = " Seeds of all test splits are taken together." if by_split(run) else ""
    seeds = max(len(c.differences) for c in found)
    few = ""
    if seeds < seeds_needed(1):
        few = (
            f" With {counted(seeds, 'seed')} p cannot be below {smallest_p(seeds, 1):.2g}, however "
            f"large the differences; {seeds_needed(1)} seeds are the fewest that can give "
            f"{LEVEL:g} or less."
        )
    return (
        f"The area under each seed's learning curve up to {until} labels (the mean test "
        f"{metric.title} over that range), minus that of {other} in the same seed; in brackets a "
        f"95 % bootstrap interval of the mean. {side}.{pooled} Label saving: labels that {other} "
        f"needs to come to its own final {metric.title} and stay there, divided by those that the "
        "arm needs. p: Wilcoxon's signed-rank test of the differences, two-sided, exact up to 50 "
        f"seeds; corrected (Holm) for {counted(len(found), 'arm')}. “Better” and “worse” need a "
        f"corrected p of {LEVEL:g} or less.{few}"
    )


def verdict(found: Comparison) -> str:
    """What the test says, in words."""
    if found.adjusted is None or found.smallest is None or found.mean is None:
        return DASH
    if found.smallest > LEVEL:
        return "too few seeds to tell"
    if found.adjusted > LEVEL:
        return "difference not established"
    way = "better" if found.metric.gain(found.mean) > 0 else "worse"
    return f"{way} than {found.baseline}"


def table_2(run: Run) -> Table | None:
    """Test error at 1 000 labels beside the paper's table 2; `None` for other runs.

    Where the records have no step at exactly 1 000 labels, the last one before stands in.
    """
    grouped = started(run)
    if not is_paper_table_2(run) or not grouped:
        return None
    rows = []
    for arm, chains in grouped.items():
        at = common_labels(chains, TABLE_2_LABELS)
        end = final(chains, "accuracy", at=at)
        error = end and Estimate(1 - end.mean, end.std, end.seeds)
        seeds = DASH if error is None else str(error.seeds)
        labels = DASH if at is None else str(at)
        rows.append((arm, labels, written(error, 100, 2), seeds, _per_cent(paper.TABLE_2.get(arm))))
    for arm, value in paper.TABLE_2.items():
        if arm not in grouped:
            rows.append((arm, DASH, DASH, DASH, _per_cent(value)))
    for name, value in paper.TABLE_2_SEMI_SUPERVISED.items():
        rows.append((f"semi-supervised: {name}", DASH, DASH, DASH, _per_cent(value)))
    caption = (
        "Test error. Ours: mean ± standard deviation over seeds, at 1 000 labelled images or, "
        "where there is no step there, at the last before. The paper's numbers are its Table 2: "
        "active learning after 1 000 acquired images, and semi-supervised methods as it cites "
        "them, which also train on all other images without labels; both with 5 000 validation "
        f"labels besides. {labels_sentence(run)}"
    )
    header = ("method", "labels", "test error (%)", "seeds", "paper (%)")
    return Table("Test error at 1 000 labels", caption, header, tuple(rows))


def _per_cent(error: float | None) -> str:
    return DASH if error is None else f"{100 * error:.2f}"
