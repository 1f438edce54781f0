"""A run in words: how numbers are written, the headline, and the honest notes below it."""

from collections.abc import Sequence

import numpy as np

from askwell.experiment.savings import Saving, baseline_arm, label_saving
from askwell.experiment.statistics import (
    Crossings,
    Estimate,
    arms,
    crossings,
    final,
    last_common_labels,
)
from askwell.records import Chain, Run

DASH = "–"

METRICS = {
    "accuracy": ("accuracy (%)", 100, 2),
    "auc": ("AUC (%)", 100, 2),
    "rmse": ("RMSE", 1, 4),
    "nll": ("NLL (nats)", 1, 3),
    "brier": ("Brier", 1, 3),
    "ece": ("ECE (%)", 100, 2),
}
"""Heading, factor and decimals of each test metric, in the order of the tables."""


def written(value: Estimate | None, factor: float = 1, digits: int = 0) -> str:
    """A mean, with ± its standard deviation where there are seeds for one."""
    if value is None or not np.isfinite(value.mean):
        return DASH
    mean = f"{factor * value.mean:.{digits}f}"
    return mean if value.std is None else f"{mean} ± {factor * value.std:.{digits}f}"


def labels_written(found: Crossings, chains: Sequence[Chain], *, spread: bool = True) -> str:
    """Label counts as `295 ± 20`; `≥ 412` with some seeds censored, `> 500` with all."""
    if not found.by_seed:
        return DASH
    if found.estimate is not None:
        return written(found.estimate) if spread else f"{found.estimate.mean:.0f}"
    if found.censored == len(found.by_seed):
        return f"> {min(c.steps[-1].labels for c in chains if c.seed in found.by_seed)}"
    return f"≥ {found.at_least:.0f}"


def saving_written(saving: Saving, *, digits: int = 2) -> str:
    """A ratio as `2.8× (2.4–3.1)`, `≥ 2.8×` or `≤ 0.9×`; a dash where it is unknown."""
    if saving.mean is None:
        return DASH
    sign = {"exact": "", "at least": "≥ ", "at most": "≤ "}[saving.bound]
    text = f"{sign}{saving.mean:.{digits}f}×"
    if saving.interval is None:
        return text
    low, high = saving.interval
    return f"{text} ({low:.{digits}f}–{high:.{digits}f})"


def counted(n: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def primary_metric(run: Run) -> str:
    """What the curves show: AUC on ISIC 2016 (four in five are negative), else accuracy or RMSE."""
    present = {name for chain in run.chains for step in chain.steps for name in step.metrics}
    if run.spec.get("dataset") == "isic2016" and "auc" in present:
        return "auc"
    return "rmse" if "rmse" in present and "accuracy" not in present else "accuracy"


def integer(run: Run, key: str) -> int | None:
    """A whole number of the spec, `None` where it has none."""
    value = run.spec.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_finished(run: Run, chain: Chain) -> bool:
    """Whether a chain has come to the run's budget or asked for nothing more."""
    if not chain.steps:
        return False
    budget, last = integer(run, "budget"), chain.steps[-1]
    return not last.acquired or (budget is not None and last.labels >= budget)


def headline(run: Run) -> str:
    """One or two sentences: what was found, from the numbers alone."""
    unfinished = not all(is_finished(run, chain) for chain in run.chains)
    grouped = {arm: chains for arm, chains in arms(run).items() if chains}
    if not grouped:
        return "Nothing has been measured yet."
    found = _saving_sentence(run, grouped) or _final_sentence(run, grouped)
    return f"So far, with the run unfinished: {found}" if unfinished else found


def notes(run: Run) -> list[str]:
    """What a reader should know before believing the numbers."""
    found = []
    seeds = max((len(chains) for chains in arms(run).values()), default=0)
    if seeds == 1:
        found.append(
            "One seed: there are no standard deviations and no intervals, and a difference "
            "between arms may be chance. Three seeds are the paper's number; five or more are "
            "better."
        )
    elif 1 < seeds < 10 and baseline_arm(run) and primary_metric(run) == "accuracy":
        found.append(
            f"With {seeds} seeds a bootstrap interval is narrower than it should be: it shows the "
            "spread of these seeds and is not proof."
        )
    behind = [chain for chain in run.chains if not is_finished(run, chain)]
    if behind:
        found.append(f"The run is unfinished. {_progress(run, behind)}")
    if len(arms(run)) > 1:
        if baseline_arm(run) is None and primary_metric(run) == "accuracy":
            found.append("There is no random arm, so no saving can be given.")
        found.append(
            "An arm that the headline names was picked after seeing the results, which favours it."
        )
    if primary_metric(run) == "accuracy":
        found.append(
            "Crossings are measured on the test set after every acquisition. A first crossing "
            "comes early on a noisy curve; the sustained one stays for three acquisitions in a row."
        )
    return found + _settings_notes(run)


def _settings_notes(run: Run) -> list[str]:
    """Settings that make a run easier, harder or noisier than the whole data set would be."""
    found = [
        text.format(size)
        for key, text in (
            ("pool_subset", "Each step scored {} random images of the pool, not all."),
            ("pool_size", "Only {} images of the training set were used."),
            ("test_size", "Metrics are on {} images of the test set, not all: they are noisier."),
        )
        if (size := integer(run, key))
    ]
    temperature = run.spec.get("temperature")
    if isinstance(temperature, int | float) and temperature:
        found.append(
            "Batches were not the highest scores: each image was drawn with probability "
            f"∝ score^{1 / temperature:g}, which spreads a batch (temperature {temperature:g})."
        )
    noise = run.spec.get("label_noise")
    if isinstance(noise, float) and noise:
        found.append(f"The labels were made wrong with a probability of {100 * noise:g} %.")
    return found


def labels_sentence(run: Run) -> str:
    """Which labels are counted, and how many each seed used in all."""
    initial, validation = integer(run, "initial"), integer(run, "validation") or 0
    ends = [chain.steps[-1].labels for chain in run.chains if chain.steps]
    if not ends:
        return ""
    start = DASH if initial is None else str(initial)
    text = f"Label counts are training images: {start} initial + acquired."
    if validation:
        text += (
            f" Every label used is counted: add the {validation} validation labels of each seed "
            f"for all (up to {max(ends)} + {validation} = {max(ends) + validation} here)."
        )
    return text


def _saving_sentence(run: Run, grouped: dict[str, tuple[Chain, ...]]) -> str | None:
    """The best saving at 5 %, else 10 %, else 2 % error; `None` where none is known."""
    baseline = baseline_arm(run)
    if baseline not in grouped or primary_metric(run) != "accuracy":
        return None
    for threshold in (0.05, 0.10, 0.02):
        known = {
            arm: saving
            for arm, chains in grouped.items()
            if arm != baseline
            and (saving := label_saving(chains, grouped[baseline], threshold)).mean is not None
            and saving.bound != "at most"
        }
        if known:
            best = max(known, key=lambda arm: known[arm].mean or 0)
            return _compared(best, known[best], baseline, grouped, threshold)
    return None


def _compared(
    best: str,
    saving: Saving,
    baseline: str,
    grouped: dict[str, tuple[Chain, ...]],
    threshold: float,
) -> str:
    ours, theirs = (
        labels_written(crossings(grouped[arm], threshold), grouped[arm]) for arm in (best, baseline)
    )
    mean = saving.mean or 0
    least = "at least " if saving.bound == "at least" else ""
    span = "" if saving.bound != "exact" else "no interval, "
    if saving.interval is not None:
        low, high = saving.interval
        span = f"95 % interval {low:.2f} to {high:.2f}, "
    text = (
        f"{best} needed {ours} labels to reach {100 * threshold:g} % test error and stay there; "
        f"{baseline} needed {theirs}, {least}{mean:.2f} times as many "
        f"({span}{counted(len(saving.by_seed), 'seed')})."
    )
    if mean <= 1 and saving.bound == "exact":
        text += " No labels were saved."
    elif saving.interval is not None and saving.interval[0] <= 1:
        text += " The interval includes 1, so the saving is not established."
    return text


def _final_sentence(run: Run, grouped: dict[str, tuple[Chain, ...]]) -> str:
    """Which arm ends best, where labels cannot be compared."""
    metric = primary_metric(run)
    heading, factor, digits = METRICS[metric]
    name, unit = heading.removesuffix(" (%)"), " %" if heading.endswith(" (%)") else ""
    at = last_common_labels([chain for chains in grouped.values() for chain in chains])
    ends = {arm: final(chains, metric, at=at) for arm, chains in grouped.items()}
    known = {arm: end for arm, end in ends.items() if end is not None and np.isfinite(end.mean)}
    if at is None or not known:
        return "the arms have no label count in common yet."
    best = (min if metric == "rmse" else max)(end.mean for end in known.values())
    names = [arm for arm, end in known.items() if end.mean == best]
    end = known[names[0]]
    value, seeds = written(end, factor, digits) + unit, counted(end.seeds, "seed")
    if len(names) > 1:
        return f"With {at} labels, {' and '.join(names)} have the best test {name}, {value}."
    rest = "" if len(known) == 1 else f", the best of {len(known)} arms"
    return f"With {at} labels, {names[0]} has a test {name} of {value} ({seeds}){rest}."


def _progress(run: Run, behind: Sequence[Chain]) -> str:
    budget = integer(run, "budget")
    goal = "" if budget is None else f" of {budget}"
    parts = [
        f"{chain.arm}, seed {chain.seed}: "
        + (f"{chain.steps[-1].labels}{goal} labels" if chain.steps else "not begun")
        for chain in behind
    ]
    shown = "; ".join(parts[:12])
    more = f"; and {len(parts) - 12} more" if len(parts) > 12 else ""
    return f"{len(behind)} of {counted(len(run.chains), 'chain')} to go: {shown}{more}."
