"""The rows of a report's CSV files: raw numbers, unrounded, fractions rather than per cent."""

import json

from askwell.experiment.comparisons import comparisons, posterior_comparisons
from askwell.experiment.crossings import CONSECUTIVE, THRESHOLDS, crossings
from askwell.experiment.facts import is_finished, positive_class, started, started_chains
from askwell.experiment.metrics import METRICS, primary_metric
from askwell.experiment.positives import positives_acquired
from askwell.experiment.savings import Saving, baseline_arm, label_saving, matching_saving
from askwell.experiment.splits import groups, split_count, split_of
from askwell.experiment.statistics import (
    Estimate,
    Spread,
    areas,
    class_balance,
    estimate,
    final,
    last_common_labels,
    step_seconds,
)
from askwell.records import Chain, Run

Row = dict[str, object]


def steps(run: Run) -> list[Row]:
    """One row for each arm, seed and step; the acquired items are JSON lists."""
    rows: list[Row] = []
    positive = positive_class(run)
    for chain in run.chains:
        counts = () if positive is None else positives_acquired(chain, positive)[1]
        for number, step in enumerate(chain.steps):
            row = _chain_cells(run, chain) | {"step": step.step}
            row |= {"labels": step.labels, "labels_with_validation": _total(chain, step.labels)}
            row |= step.metrics
            if positive is not None:
                row["positives_acquired"] = int(counts[number])
            row |= {
                "weight_decay": step.training.weight_decay,
                "training_steps": step.training.steps,
                "training_loss": step.training.loss,
            }
            row |= {f"{phase}_seconds": value for phase, value in step.seconds.items()}
            row["acquired"] = json.dumps(step.acquired)
            row["acquired_labels"] = json.dumps(step.acquired_labels)
            rows.append(row)
    return rows


def summary(run: Run) -> list[Row]:
    """One row for each arm that has a step; with several test splits, one for each and for all.

    The row of all splits has no standard deviations: they would be those of the test sets.
    """
    rows: list[Row] = []
    primary, until = primary_metric(run), last_common_labels(started_chains(run))
    for group in groups(run):
        chains = group.chains
        row: Row = {"arm": group.arm}
        if group.split:
            row["test_split"] = group.split
        row["seeds"] = len(chains)
        row["finished_seeds"] = sum(is_finished(run, chain) for chain in chains)
        row["labels"] = last_common_labels(chains)
        for metric in METRICS:
            if (end := final(chains, metric)) is not None:
                row |= _estimate(metric, end, group.spread)
        area = estimate(areas(chains, primary.name, until).values())
        row |= _estimate("area_under_curve", area, group.spread)
        if primary.name == "accuracy":
            row |= _crossings(chains, group.spread)
        row |= _savings(run, group.arm, chains)
        if run.classes:
            balance = class_balance(chains, len(run.classes))
            row |= _estimate("class_evenness", balance.entropy, group.spread)
        row |= {f"{phase}_seconds": value for phase, value in step_seconds(chains).items()}
        rows.append(row)
    return rows


def seeds(run: Run) -> list[Row]:
    """One row for each arm and seed: the primary metric at the end, and the area under its curve.

    The end is the last label count of all seeds of the arm, that of the area of the whole run.
    """
    rows: list[Row] = []
    metric, until = primary_metric(run), last_common_labels(started_chains(run))
    for chains in started(run).values():
        at, found = last_common_labels(chains), areas(chains, metric.name, until)
        for chain in chains:
            end = final([chain], metric.name, at=at)
            row = _chain_cells(run, chain) | {"labels": at}
            row |= {metric.name: end and end.mean, "area_until_labels": until}
            row["area_under_curve"] = found.get(chain.seed)
            rows.append(row)
    return rows


def comparison(run: Run) -> list[Row]:
    """One row for each arm against random acquisition, and for dropout against deterministic."""
    rows: list[Row] = []
    for found in [*comparisons(run), *posterior_comparisons(run)]:
        low, high = found.interval or (None, None)
        paired = list(found.differences)
        rows.append(
            {
                "arm": found.arm,
                "baseline": found.baseline,
                "metric": found.metric.name,
                "lower_is_better": found.metric.lower,
                "paired_seeds": len(paired),
                "area_until_labels": last_common_labels(started_chains(run)),
                "area_mean": _mean([found.areas[seed] for seed in paired]),
                "baseline_area_mean": _mean([found.baseline_areas[seed] for seed in paired]),
                "difference": found.mean,
                "difference_low": low,
                "difference_high": high,
                "better_seeds": found.better,
                "p": found.p,
                "p_holm": found.adjusted,
                "p_holm_smallest_possible": found.smallest,
                **_saving(f"saving_at_final_{found.metric.name}", found.saving),
            }
        )
    return rows


def _chain_cells(run: Run, chain: Chain) -> Row:
    row: Row = {"arm": chain.arm, "seed": chain.seed}
    return row | ({"test_split": split_of(run, chain.seed)} if split_count(run) > 1 else {})


def _crossings(chains: tuple[Chain, ...], spread: Spread) -> Row:
    row: Row = {}
    for threshold in THRESHOLDS:
        for kind, consecutive in (("sustained", CONSECUTIVE), ("first", 1)):
            found = crossings(chains, threshold, consecutive=consecutive)
            name = f"labels_to_{100 * threshold:g}_percent_{kind}"
            row |= _estimate(name, found.estimate, spread)
            row[f"{name}_at_least"] = found.at_least
            row[f"{name}_censored_seeds"] = found.censored
    return row


def _savings(run: Run, arm: str, chains: tuple[Chain, ...]) -> Row:
    baseline, metric = baseline_arm(run), primary_metric(run)
    if baseline is None or arm == baseline:
        return {}
    other = started(run).get(baseline, ())
    row: Row = {}
    if metric.name == "accuracy":
        for threshold in THRESHOLDS:
            name = f"saving_at_{100 * threshold:g}_percent"
            row |= _saving(name, label_saving(chains, other, threshold))
    matching = matching_saving(chains, other, metric=metric)
    return row | _saving(f"saving_at_final_{metric.name}", matching)


def _saving(name: str, saving: Saving) -> Row:
    low, high = saving.interval or (None, None)
    return {
        name: saving.mean,
        f"{name}_bound": None if saving.mean is None else saving.bound,
        f"{name}_low": low,
        f"{name}_high": high,
    }


def _estimate(name: str, value: Estimate | None, spread: Spread) -> Row:
    """Mean and standard deviation; the mean alone where no spread may stand beside it."""
    if value is None:
        return {f"{name}_mean": None, f"{name}_std": None}
    return {f"{name}_mean": value.mean, f"{name}_std": None if spread == "none" else value.std}


def _mean(values: list[float]) -> float | None:
    found = estimate(values)
    return None if found is None else found.mean


def _total(chain: Chain, labels: int) -> int:
    return labels + len(chain.validation)
