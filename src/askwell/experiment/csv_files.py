"""The rows of a report's CSV files: raw numbers, unrounded, fractions rather than per cent."""

import json

from askwell.experiment.prose import METRICS, is_finished, primary_metric
from askwell.experiment.savings import baseline_arm, label_saving, matching_saving
from askwell.experiment.statistics import (
    CONSECUTIVE,
    THRESHOLDS,
    Estimate,
    arms,
    class_balance,
    crossings,
    final,
    last_common_labels,
    step_seconds,
)
from askwell.records import Chain, Run

Row = dict[str, object]


def steps(run: Run) -> list[Row]:
    """One row for each arm, seed and step; the acquired items are JSON lists."""
    rows: list[Row] = []
    for chain in run.chains:
        for step in chain.steps:
            row: Row = {"arm": chain.arm, "seed": chain.seed, "step": step.step}
            row |= {"labels": step.labels, "labels_with_validation": _total(chain, step.labels)}
            row |= step.metrics
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
    """One row for each arm that has a step."""
    rows: list[Row] = []
    for arm, chains in arms(run).items():
        if not chains:
            continue
        row: Row = {"arm": arm, "seeds": len(chains)}
        row["finished_seeds"] = sum(is_finished(run, chain) for chain in chains)
        row["labels"] = last_common_labels(chains)
        for metric in METRICS:
            if (end := final(chains, metric)) is not None:
                row |= _estimate(metric, end)
        if primary_metric(run) == "accuracy":
            row |= _crossings(chains) | _savings(run, arm, chains)
        if run.classes:
            row |= _estimate("class_evenness", class_balance(chains, len(run.classes)).entropy)
        row |= {f"{phase}_seconds": value for phase, value in step_seconds(chains).items()}
        rows.append(row)
    return rows


def _crossings(chains: tuple[Chain, ...]) -> Row:
    row: Row = {}
    for threshold in THRESHOLDS:
        for kind, consecutive in (("sustained", CONSECUTIVE), ("first", 1)):
            found = crossings(chains, threshold, consecutive=consecutive)
            name = f"labels_to_{100 * threshold:g}_percent_{kind}"
            row |= _estimate(name, found.estimate)
            row[f"{name}_at_least"] = found.at_least
            row[f"{name}_censored_seeds"] = found.censored
    return row


def _savings(run: Run, arm: str, chains: tuple[Chain, ...]) -> Row:
    baseline = baseline_arm(run)
    if baseline is None or arm == baseline:
        return {}
    other = arms(run)[baseline]
    savings = {
        f"saving_at_{100 * threshold:g}_percent": label_saving(chains, other, threshold)
        for threshold in THRESHOLDS
    }
    savings["saving_at_final_accuracy"] = matching_saving(chains, other)
    row: Row = {}
    for name, saving in savings.items():
        low, high = saving.interval or (None, None)
        row |= {
            name: saving.mean,
            f"{name}_bound": None if saving.mean is None else saving.bound,
            f"{name}_low": low,
            f"{name}_high": high,
        }
    return row


def _estimate(name: str, value: Estimate | None) -> Row:
    if value is None:
        return {f"{name}_mean": None, f"{name}_std": None}
    return {f"{name}_mean": value.mean, f"{name}_std": value.std}


def _total(chain: Chain, labels: int) -> int:
    return labels + len(chain.validation)
